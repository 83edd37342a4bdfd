"""`pytflite cache`, and what `pytflite doctor` says of compiled kernels."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("click", reason="the command line is an extra")
pytest.importorskip("rich", reason="the command line is an extra")

from pytflite.tools.doodle import model_path
from tests.tools.test_cli import pytflite

compiles = pytest.mark.skipif(find_spec("numba") is None, reason="kernels need Numba")


def test_info_and_clear(tmp_path: Path) -> None:
    where = {"PYTFLITE_CACHE_DIR": str(tmp_path / "cache")}
    out = pytflite("cache", "info", **where).stdout
    assert str(tmp_path) in out and "0 plans of models: 0 B of at most 268 MB" in out
    (tmp_path / "cache" / "0badc0de-1.image").write_bytes(bytes(3000))
    told = json.loads(pytflite("cache", "info", "--json", **where).stdout)
    assert (told["files"], told["size"], told["current"]) == (1, 3000, 0)
    assert pytflite("cache", "clear", **where).stdout == "1 kernels removed\n"
    assert os.listdir(tmp_path / "cache") == []
    nowhere = pytflite("cache", "info", PYTFLITE_CACHE_DIR="/proc/nowhere").stdout
    assert "no directory can be used" in nowhere


@compiles
def test_warm(tmp_path: Path) -> None:
    where = {"PYTFLITE_CACHE_DIR": str(tmp_path)}
    first = pytflite("cache", "warm", model_path("float32"), **where).stdout
    assert int(first.split()[0]) > 0 and "operators are compiled" in first
    assert pytflite("cache", "warm", model_path("float32"), **where).stdout.startswith("0 kernels")
    bad = pytflite("cache", "warm", tmp_path / "none.tflite", code=1, **where)
    assert "error:" in bad.stderr


@compiles
def test_doctor_tries_a_kernel_out(tmp_path: Path) -> None:
    facts = json.loads(pytflite("doctor", "--json", PYTFLITE_CACHE_DIR=str(tmp_path)).stdout)
    assert facts["backend"] == "jit" and str(tmp_path) in facts["why"]
    assert len(os.listdir(tmp_path)) >= 2  # additions, products
