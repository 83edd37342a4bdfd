"""The command line, as a person uses it: every command, its JSON, and its refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("click", reason="the command line is an extra")
pytest.importorskip("rich", reason="the command line is an extra")

from pytflite.tools.doodle import model_path
from pytflite.tools.doodle.strokes import CLASSES, drawing
from tests.graphs import Graph, build


def pytflite(
    *arguments: Any, code: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs the command and checks its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "pytflite", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done


COMMANDS = {
    "inspect", "run", "benchmark", "compare", "report", "doctor", "demo", "explain-op", "cache",
}  # fmt: skip


def test_help_lists_the_commands() -> None:
    out = pytflite("--help", COLUMNS="100").stdout
    listed = out.partition("Commands:")[2].splitlines()[1:]
    assert {line.split()[0] for line in listed} >= COMMANDS
    assert not [line for line in listed if line.endswith("...")]  # each has a line of its own


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_of_a_command(command: str) -> None:
    out = pytflite(command, "--help", COLUMNS="100").stdout
    assert out.startswith(f"Usage: pytflite {command}") and "RANGE" not in out
    assert all(len(line) <= 100 for line in out.splitlines())


@pytest.mark.parametrize(
    ("begun", "want"),
    [
        ("comp", {"plain,compare"}),
        ("compare --with ", {"plain,litert", "plain,numpy", "plain,jit"}),
        ("report m", {"file,m"}),
        ("explain-op depthw", {"plain,DEPTHWISE_CONV_2D"}),
    ],
)
def test_completion_in_a_shell(begun: str, want: set[str]) -> None:
    words = f"pytflite {begun}"
    asked = {"_PYTFLITE_COMPLETE": "bash_complete", "COMP_WORDS": words}
    done = pytflite(**asked, COMP_CWORD=str(words.count(" ")))
    assert set(done.stdout.splitlines()) >= want
    assert "_pytflite_completion" in pytflite(_PYTFLITE_COMPLETE="zsh_source").stdout


def test_inspect() -> None:
    out = pytflite("inspect", model_path("int8")).stdout
    for text in ("CONV_2D", "MAX_POOL_2D", "probabilities", "INT8", "1x28x28x1", "multiply"):
        assert text in out
    facts = json.loads(pytflite("inspect", model_path("int8"), "--json").stdout)
    assert [t["name"] for t in facts["inputs"]] == ["image"]
    assert facts["macs"] > 100_000 and facts["arena"] >= facts["arena_lower_bound"] > 0
    operators = facts["subgraphs"][0]["operators"]
    assert operators[0]["name"] == "CONV_2D" and operators[0]["options"]["stride_w"] == 1
    assert facts["metadata"]["labels"] == list(CLASSES)
    assert "tensors" not in facts["subgraphs"][0]
    more = json.loads(pytflite("inspect", model_path("int8"), "--json", "--tensors").stdout)
    assert more["subgraphs"][0]["tensors"]


def test_run_on_a_picture(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="pictures need Pillow")
    picture = drawing("house", np.random.default_rng(5))
    path = tmp_path / "house.png"
    image.fromarray(picture).resize((140, 140)).save(path)
    out = pytflite(
        "run", model_path("float32"), "--input", path, "--mean", "0", "--std", "255", "--top", "3",
        "--output", tmp_path / "out.npz",
    ).stdout  # fmt: skip
    lines = [line for line in out.splitlines() if "│" in line]
    assert len(lines) == 3 and "house" in lines[0]
    with np.load(tmp_path / "out.npz") as saved:
        assert saved["probabilities"].shape == (1, 10)
        assert CLASSES[int(saved["probabilities"].argmax())] == "house"


def test_run_on_arrays(tmp_path: Path) -> None:
    x = np.zeros((1, 28, 28, 1), np.float32)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", image=x)
    for argument in (tmp_path / "x.npy", tmp_path / "x.npz", f"image={tmp_path / 'x.npy'}"):
        assert "probabilities" in pytflite("run", model_path("int8"), "-i", argument).stdout
    assert "probabilities" in pytflite("run", model_path("int16x8"), "--random", 3).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("inspect", "nowhere.tflite"), 1, "Could not open"),
        (("inspect", __file__), 1, "identifier"),
        (("inspect",), 2, "Missing argument"),
        (("run", model_path("int8")), 1, "image INT8"),
        (("run", model_path("int8"), "-i", "nowhere.npy"), 1, "could not read"),
        (("run", model_path("int8"), "-i", "x.exe"), 1, "unknown kind"),
        (("run", model_path("int8"), "-i", __file__), 1, "unknown kind"),
        (("benchmark", model_path("int8"), "--runs", "0"), 2, "runs"),
        (("explain-op", "CONV_3"), 1, "CONV_2D"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_refusals(arguments: tuple[Any, ...], code: int, text: str) -> None:
    done = pytflite(*arguments, code=code)
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_shape_says_what_was_expected(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 3), np.float32))
    error = pytflite("run", model_path("float32"), "-i", tmp_path / "x.npy", code=1).stderr
    assert "expected" in error and "28" in error and "found" in error


def test_benchmark() -> None:
    arguments = ("benchmark", model_path("int8"), "--runs", 3, "--warmup", 1)
    out = pytflite(*arguments).stdout
    assert "CONV_2D" in out and "median" in out and "By kind" in out
    facts = json.loads(pytflite(*arguments, "--json").stdout)
    assert facts["runs"] == 3 and facts["median_seconds"] > 0
    assert {row["operator"] for row in facts["operators"]} >= {"CONV_2D", "FULLY_CONNECTED"}
    bare = json.loads(pytflite(*arguments, "--json", "--no-profile").stdout)
    assert bare["operators"] == []


def test_doctor() -> None:
    assert "backend" in pytflite("doctor").stdout
    facts = json.loads(pytflite("doctor", "--json").stdout)
    assert facts["packages"]["numpy"]["version"] == np.__version__


def test_demo_draws_and_recognises_with_every_variant() -> None:
    out = pytflite("demo", "--seed", 4).stdout
    for name in ("float32", "float16", "dynamic_range", "int8", "int16x8"):
        assert name in out
    assert "█" in out and "--seed 4" in out
    assert pytflite("demo", "--seed", 4).stdout.splitlines()[1] == out.splitlines()[1]


def test_explain_op() -> None:
    out = pytflite("explain-op", "reshape").stdout
    assert "RESHAPE" in out and "pytflite/ops/shape/reshape.py" in out and "new_shape" in out
    everything = json.loads(pytflite("explain-op", "--json").stdout)
    assert len(everything) > 150
    assert all(facts["doc"] for facts in everything)


ODD = "\x1b[31m[red]\udcff\u202e:car:"  # as markup, a colour, no text, backwards, an emoji


@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect", "--tensors"), ("run", "--random", "1"), ("benchmark", "--runs", "1"),
        ("compare", "--with", "numpy"), ("run", "-i", "nowhere.npy"),
    ],
)  # fmt: skip
def test_names_are_nothing_but_text(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    graph = Graph()
    x = graph.input(f"in {ODD}", (1, 4))
    graph.output(graph.op("NEG", [x], (1, 4), output={"name": f"out {ODD}"}))
    path = tmp_path / "odd.tflite"
    build(graph).replace(description=ODD).save(path)
    command, *more = arguments
    models = [path, path] if command == "compare" else [path]
    code = 1 if "nowhere.npy" in more else 0
    done = pytflite(command, *models, *more, code=code, PYTHONIOENCODING="utf-8:strict")
    shown = done.stdout + done.stderr
    assert "\x1b" not in shown and "\u202e" not in shown and "Traceback" not in shown
    if not code:
        assert "\\x1b[31m[red]\\udcff\\u202e:car:" in shown


def test_no_colours_where_they_are_not_wanted() -> None:
    assert "\x1b[" not in pytflite("doctor").stdout
    assert "\x1b[1m" not in pytflite("doctor", NO_COLOR="1", FORCE_COLOR="").stdout


def test_what_is_missing_is_named() -> None:
    program = (
        "import sys; sys.modules['rich'] = None; "
        "from pytflite.tools.cli import main; sys.argv = ['pytflite', 'doctor']; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'pytflite[cli]'" in done.stderr
