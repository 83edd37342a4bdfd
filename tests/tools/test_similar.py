"""The search for similar pictures: what the feature extractor is worth, and the command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from examples.similar.gallery import MODEL, UNKNOWN, Gallery, near_in_kind
from examples.similar.page import page
from pytflite import Model
from pytflite.tools.doodle import held_out
from pytflite.tools.doodle.strokes import CLASSES, drawing
from tests.harness import needs_litert

IMAGES, KINDS = held_out()


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    return Gallery(IMAGES)


def test_the_model_is_small_and_its_weights_are_float16() -> None:
    assert MODEL.stat().st_size < 120_000
    model = Model.open(MODEL)
    weights = [t for n, t in enumerate(model.main.tensors) if model.constant(0, n) is not None]
    large = [t for t in weights if np.prod(t.shape) > 64]
    assert len(large) == 5 and {t.dtype.name for t in large} == {"FLOAT16"}


def test_features_are_unit_vectors(gallery: Gallery) -> None:
    assert gallery.features.shape == (500, 32)
    np.testing.assert_allclose(np.linalg.norm(gallery.features, axis=1), 1, atol=1e-5)


def test_neighbours_are_of_a_kind(gallery: Gallery) -> None:
    """By chance it would be a tenth; by pixels it is two fifths."""
    share = near_in_kind(gallery.features, KINDS)
    pixels = IMAGES.reshape(500, -1).astype(np.float32)
    pixels /= np.linalg.norm(pixels, axis=1, keepdims=True)
    by_pixels = near_in_kind(pixels, KINDS)
    assert share.mean() > 0.93 and by_pixels.mean() < 0.45
    for number, name in enumerate(CLASSES):
        of_kind = share[number == KINDS].mean()
        assert of_kind > (0.65 if name in UNKNOWN else 0.9)
        assert of_kind > by_pixels[number == KINDS].mean() + 0.2


def test_nearest_is_the_greatest_cosine(gallery: Gallery) -> None:
    found = gallery.nearest(IMAGES[17], 4)
    assert found[0] == (17, pytest.approx(1, abs=1e-5))
    cosines = np.sort(gallery.features @ gallery.features[17])[::-1]
    np.testing.assert_allclose([likeness for _, likeness in found], cosines[:4], atol=1e-6)
    mirrored = dict(gallery.nearest(IMAGES[17][:, ::-1], 500))
    assert mirrored[17] > 0.8  # it has learnt that this is the same thing


def test_share_of_a_kind() -> None:
    features = np.float32([[1, 0], [1, 0], [0, 1], [0.6, 0.8]])
    np.testing.assert_array_equal(
        near_in_kind(features, np.uint8([0, 0, 1, 1]), count=1), [1, 1, 1, 1]
    )
    np.testing.assert_array_equal(
        near_in_kind(features, np.uint8([0, 1, 0, 1]), count=1), [0, 0, 0, 0]
    )


@needs_litert
def test_features_are_those_of_litert(gallery: Gallery) -> None:
    from ai_edge_litert.interpreter import Interpreter

    theirs = Interpreter(str(MODEL))
    theirs.allocate_tensors()
    for number in range(0, 500, 50):
        x = IMAGES[number][None, :, :, None] / np.float32(255)
        theirs.set_tensor(theirs.get_input_details()[0]["index"], x)
        theirs.invoke()
        want = theirs.get_tensor(theirs.get_output_details()[0]["index"])[0]
        np.testing.assert_allclose(gallery.features[number], want, atol=2e-5)


def command(*arguments: str | Path) -> str:
    """What `python -m examples.similar` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "examples.similar", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2],
        env={**os.environ, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_finds_a_doodle() -> None:
    out = command("--seed", "3").splitlines()
    assert all(line.split()[1] == "tree" for line in out[-5:])
    likeness = [float(line.split()[0]) for line in out[-5:]]
    assert likeness == sorted(likeness, reverse=True)
    assert len(out) == 14 + 5 and max(map(len, out)) <= 100


def test_the_command_searches_a_folder_of_pictures(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="pictures need Pillow")
    rng = np.random.default_rng(11)
    for kind in ("house", "star", "cup"):
        ink = drawing(kind, rng).repeat(4, axis=0).repeat(4, axis=1)
        image.fromarray(255 - ink).save(tmp_path / f"{kind}.png")  # dark on white, as on paper
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    image.fromarray(drawing("star", rng)).save(tmp_path.parent / "query.png")
    out = command(tmp_path.parent / "query.png", "--gallery", tmp_path, "--count", "2")
    assert out.splitlines()[-2].split()[1] == "star.png"
    same = command(tmp_path / "cup.png", "--gallery", tmp_path, "--count", "1")
    assert same.splitlines()[-1].split() == ["1.000", "cup.png"]


def test_the_page_is_complete_in_itself(gallery: Gallery, tmp_path: Path) -> None:
    command("--page", tmp_path / "found.html", "--count", "3", "--seed", "1")
    written = (tmp_path / "found.html").read_text(encoding="utf-8")
    assert written.count("<tr>") == len(CLASSES) and written.count("<img ") == 4 * len(CLASSES)
    assert written.count("never seen in training") == len(UNKNOWN)
    assert "http" not in written and "<script" not in written
    evil = page(gallery, ["<b>"] * 500, [("<script>", IMAGES[0])], 2)
    assert "<script" not in evil and "<b>" not in evil
