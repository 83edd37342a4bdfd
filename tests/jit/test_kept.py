"""Plans that an earlier process has left on the disk."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.errors import DataError
from pytflite.jit import kept, plan_file
from pytflite.jit.library import LIBRARY
from pytflite.ops.registry import BUILTINS
from pytflite.tools.doodle import VARIANTS, model_path
from pytflite.tools.sampling import random_inputs
from tests.harness import single_op, tensor


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files that have just been written are taken for settled. What was kept goes afterwards."""
    monkeypatch.setattr(kept, "_SETTLED", -10.0)
    _FILES.clear()
    yield
    for file in _FILES:
        file.unlink(missing_ok=True)


_FILES: set[Path] = set()


@pytest.fixture
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A model of one FULLY_CONNECTED with weights of the test's own, in a file."""
    rng = np.random.default_rng(list(request.node.name.encode()))
    weights = tensor(value=rng.normal(size=(30, 20)).astype(np.float32))
    bias = tensor(value=rng.normal(size=30).astype(np.float32))
    inputs = [tensor((1, 20)), weights, bias]
    made = tmp_path / "model.tflite"
    made.write_bytes(single_op("FULLY_CONNECTED", inputs, [tensor((1, 30))]).to_bytes())
    return made


def opened(path: Any, **options: Any) -> pytflite.Interpreter:
    return pytflite.Interpreter(str(path), backend="jit", wait=True, **options)


def kept_file(path: Path, **options: Any) -> Path:
    """Where the plan is kept, if it is."""
    backend: Any = opened(path, **options)._engine.backend
    file = Path(backend._kept()._path())
    _FILES.add(file)
    return file


def is_bare(interpreter: pytflite.Interpreter) -> bool:
    """Whether its plan was recalled."""
    return interpreter.plan(bare=True).bare


X = np.random.default_rng(1).normal(size=(1, 20)).astype(np.float32)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_answers(tmp_path: Path, variant: str) -> None:
    """Models of several layers, to the bit; what is said of tensors is the same, too."""
    path = tmp_path / "doodle.tflite"
    path.write_bytes(Path(model_path(variant)).read_bytes())
    kept_file(path).unlink(missing_ok=True)  # of others who use this model
    first = opened(path)
    inputs = random_inputs(pytflite.load_model(path), seed=3)
    want = first.run(*inputs)
    first.allocate_tensors()
    native = all(row.backend == "jit" for row in first.backend_report())
    assert kept_file(path).exists() == native and not is_bare(first)
    second = opened(path)
    second.allocate_tensors()
    assert is_bare(second) == native
    np.testing.assert_array_equal(second.run(*inputs), want)
    for details in ("get_input_details", "get_output_details", "get_tensor_details"):
        np.testing.assert_equal(getattr(second, details)(), getattr(first, details)())
    second.set_tensor(second.get_input_details()[0]["index"], inputs[0])
    second.invoke()
    np.testing.assert_array_equal(second.get_tensor(second.get_output_details()[0]["index"]), want)
    assert second.backend == "jit"
    assert second.backend_report() == first.backend_report()
    assert not is_bare(second)  # now that somebody has asked for steps


def test_what_a_warm_start_loads(path: Path) -> None:
    opened(path).run(X)
    program = (
        "import sys, numpy as np; before = set(sys.modules); import pytflite;"
        "i = pytflite.Interpreter(sys.argv[1], num_threads=1, backend='jit');"
        "i.allocate_tensors(); index = i.get_input_details()[0]['index'];"
        "i.set_tensor(index, np.ones((1, 20), np.float32));"
        "i.invoke(); assert i.plan(bare=True).bare; print(*sorted(set(sys.modules) - before))"
    )
    out = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    ).stdout.split()
    ours = {name.removeprefix("pytflite.") for name in out if name.startswith("pytflite")}
    unneeded = {
        "format.archive", "jit.asked", "jit.builder", "jit.work", "model.constants",
        "ops.catalogue", "ops.operator", "plan.planner", "runtime.execution",
    }  # fmt: skip
    assert "jit.kept" in ours and len(ours) <= 56
    assert not ours & unneeded
    assert not {"threading", "hashlib", "subprocess", "llvmlite", "numba"}.intersection(out)


def test_who_looks_on_sees_steps(path: Path) -> None:
    want = opened(path).run(X)
    interpreter = opened(path)
    interpreter.allocate_tensors()
    np.testing.assert_array_equal(interpreter.run(X), want)
    assert is_bare(interpreter)
    seen: list[str] = []
    with interpreter.add_hook("*", after=lambda moment: seen.append(moment.operator)):
        np.testing.assert_array_equal(interpreter.run(X), want)
        assert seen == ["FULLY_CONNECTED"]
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], X)
        interpreter.invoke()
        assert seen == ["FULLY_CONNECTED"] * 2
    assert [row.operator for row in interpreter.profile(X)] == ["FULLY_CONNECTED"]
    np.testing.assert_array_equal(interpreter.trace(X)["output3"], want)


def test_copies_threads_and_shapes(path: Path) -> None:
    want = opened(path).run(X)
    interpreter = opened(path, num_threads=2)
    np.testing.assert_array_equal(interpreter.run(X), want)
    assert is_bare(interpreter)
    np.testing.assert_array_equal(copy.deepcopy(interpreter).run(X), want)
    many = np.repeat(X, 5, 0)
    np.testing.assert_allclose(interpreter.run(many), np.repeat(want, 5, 0), rtol=1e-5)
    interpreter.resize_tensor_input(0, [3, 20])
    interpreter.allocate_tensors()
    assert not is_bare(interpreter)  # only plans for the file's own shapes are kept


@pytest.mark.parametrize(
    "options",
    [
        {"limits": pytflite.Limits(macs=10**9)},
        {"custom_ops": {"Mine": lambda x: x}},
        {"experimental_preserve_all_tensors": True},
    ],
    ids=["limits", "custom operators", "preserved tensors"],
)
def test_what_else_decides(path: Path, options: dict[str, Any]) -> None:
    """Where more than the file decides what a plan is, none is kept and none recalled."""
    opened(path, **options).run(X)
    assert not kept_file(path).exists()
    opened(path).run(X)
    assert kept_file(path).exists()
    assert not is_bare(opened(path, **options))


def test_settings_have_plans_of_their_own(path: Path) -> None:
    settings: list[dict[str, Any]] = [{}, {"numerics": "litert"}, {"precision": "medium"}]
    for options in settings:
        assert not is_bare(opened(path, **options))
        assert is_bare(opened(path, **options))
    assert len({kept_file(path, **options) for options in settings}) == 3


def test_an_operator_of_the_user(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(path).run(X)
    monkeypatch.setitem(BUILTINS, "FULLY_CONNECTED", BUILTINS["FULLY_CONNECTED"])

    @pytflite.operator("FULLY_CONNECTED", infer=lambda x, w, b: [1, 30], override=True)
    def mine(x: Any, w: Any, b: Any) -> Any:
        return np.full((1, 30), 7, np.float32)

    assert (pytflite.Interpreter(str(path)).run(X) == 7).all()


def test_another_file_of_the_same_name(path: Path) -> None:
    want, first = opened(path).run(X), kept_file(path)
    data = path.read_bytes()
    weights = pytflite.load_model(data).constant(0, 1)
    assert weights is not None
    place = data.index(weights.tobytes())
    os.utime(path)
    before = os.stat(path)
    with open(path, "r+b") as file:  # the same file, of the same size
        file.seek(place)
        file.write((-weights).tobytes())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert kept_file(path) != first
    kept_file(path).unlink(missing_ok=True)
    interpreter = opened(path)
    assert not is_bare(interpreter)
    assert np.abs(interpreter.run(X) - want).max() > 0.1


def test_the_same_in_another_file(path: Path) -> None:
    """A copy, as of an image of a container, and one of which only the times have changed."""
    want = opened(path).run(X)
    copied = path.with_name("copy.tflite")
    copied.write_bytes(path.read_bytes())
    os.utime(path, (1e9, 1e9))
    for found in (path, copied, copied):
        interpreter = opened(found)
        assert is_bare(interpreter)
        np.testing.assert_array_equal(interpreter.run(X), want)


def test_a_file_that_has_just_been_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be written again before the clock has moved."""
    monkeypatch.setattr(kept, "_SETTLED", 3600.0)
    opened(path).run(X)
    assert not kept_file(path).exists()


def test_models_that_are_no_files(path: Path) -> None:
    model = pytflite.load_model(path.read_bytes())
    interpreter = pytflite.Interpreter(model, backend="jit", wait=True)
    interpreter.run(X)
    backend: Any = interpreter._engine.backend
    assert not Path(backend._kept()._path()).exists()


@pytest.mark.parametrize("place", [0, 20, 44, 60, 400, -70000, -1])
def test_damage_is_noticed(path: Path, place: int) -> None:
    want = opened(path).run(X)
    file = kept_file(path)
    data = bytearray(file.read_bytes())
    data[place] ^= 0x40
    file.write_bytes(data)
    interpreter = opened(path)
    assert not is_bare(interpreter)
    np.testing.assert_array_equal(interpreter.run(X), want)
    assert is_bare(opened(path))  # it was made anew


@pytest.mark.parametrize("size", [0, 10, 56, 4096, 70000])
def test_short_files(path: Path, size: int) -> None:
    opened(path).run(X)
    os.truncate(kept_file(path), size)
    assert not is_bare(opened(path))
    assert is_bare(opened(path))


def test_files_that_others_can_write(path: Path) -> None:
    opened(path).run(X)
    kept_file(path).chmod(0o666)
    assert not is_bare(opened(path))


def test_other_sources(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(path).run(X)
    assert is_bare(opened(path))
    monkeypatch.setattr(plan_file, "_unchanged", lambda states: False)
    assert not is_bare(opened(path))


def test_what_other_sources_are() -> None:
    first, *others = plan_file.source_states()
    name, size, seconds = first
    assert plan_file._unchanged([first, *others])
    for changed in (f"{name}2", size, seconds), (name, size + 1, seconds), (name, size, 0):
        assert not plan_file._unchanged([*others, changed])


def test_without_its_kernels(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The images went first: the plan is made as ever."""
    want = opened(path).run(X)
    monkeypatch.setattr(LIBRARY, "_loaded", {})
    interpreter = opened(path)
    np.testing.assert_array_equal(interpreter.run(X), want)


def test_a_refusal_has_its_error(tmp_path: Path) -> None:
    """What a kernel refuses the NumPy kernels explain, as ever."""
    path = tmp_path / "gather.tflite"
    inputs = [tensor((4, 3)), tensor((2,), "INT32")]
    path.write_bytes(single_op("GATHER", inputs, [tensor((2, 3))], axis=0).to_bytes())
    kept_file(path).unlink(missing_ok=True)
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert not is_bare(opened(path))
    interpreter = opened(path)
    assert is_bare(interpreter)
    for _ in range(2):
        with pytest.raises(DataError):
            interpreter.run(table, np.array([0, 9], np.int32))
        np.testing.assert_array_equal(
            interpreter.run(table, np.array([0, 3], np.int32)), table[[0, 3]]
        )
