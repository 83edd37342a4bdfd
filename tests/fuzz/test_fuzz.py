"""A bounded run of the fuzzer, and every input that ever failed."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.case import FAILED, definitions, judge, make
from tests.fuzz.seeds import GRAPHS, seeds
from tests.fuzz.tree import build, parse

CORPUS = sorted(Path(__file__).with_name("corpus").glob("*.tflite"))
OPERATORS = sorted(definitions())


@pytest.mark.parametrize("backend", ["numpy", *["jit"] * (find_spec("llvmlite") is not None)])
@pytest.mark.parametrize("path", CORPUS, ids=lambda p: p.stem)
def test_what_once_failed(path: Path, backend: str) -> None:
    verdict = judge(path.read_bytes(), backend=backend)
    assert verdict.kind != FAILED, verdict


@settings(max_examples=400)
@given(st.sampled_from(OPERATORS), st.integers(0, 1 << 32))
def test_mutants(operator: str, number: int) -> None:
    verdict = judge(make(0, number, operator))
    assert verdict.kind != FAILED, verdict


@settings(max_examples=50)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes(data: bytes, header: bool) -> None:
    verdict = judge(b"\x10\0\0\0TFL3" + data if header else data)
    assert verdict.kind != FAILED, verdict


def test_cases_are_the_same_everywhere() -> None:
    assert [make(3, n) for n in range(8)] == [make(3, n) for n in range(8)]
    assert make(3, 5) != make(4, 5)


def test_every_operator_has_cases() -> None:
    """Each is found in a seed, or can be made out of its signature."""
    for name in OPERATORS:
        assert any(make(1, n, name) for n in range(20)), name
    assert seeds()[GRAPHS]


def test_a_tree_is_the_file() -> None:
    for data in seeds()["CONV_2D"]:
        tree = parse(data)
        assert build(parse(build(tree))) == build(tree)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on memory and time there")
def test_workers(tmp_path: Path) -> None:
    """Some seconds under little memory and an alarm; the whole is `make fuzz`."""
    command = [sys.executable, "-m", "tests.fuzz", "--seconds", "12", "--seed", "5",
               "--keep", str(tmp_path), "--resume", str(tmp_path / "state.json")]  # fmt: skip
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, env=environment,
                         check=False)  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "state.json").is_file()
