"""compat: other runtimes' names give pytflite."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import pytflite.interpreter as ours
from pytflite import compat
from pytflite.tools.doodle import model_path

PROGRAM = """
import sys
import numpy as np
{imports}
interpreter = {interpreter}(model_path=sys.argv[1], num_threads=2)
interpreter.allocate_tensors()
i, o = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
interpreter.set_tensor(i["index"], np.zeros(i["shape"], i["dtype"]))
interpreter.invoke()
print(type(interpreter).__module__, interpreter.get_tensor(o["index"]).shape)
"""
WAYS = {
    "tflite_runtime": ("import tflite_runtime.interpreter as tflite", "tflite.Interpreter"),
    "from": ("from tflite_runtime.interpreter import Interpreter, load_delegate", "Interpreter"),
    "litert": ("from ai_edge_litert.interpreter import Interpreter", "Interpreter"),
    "litert package": (
        "import ai_edge_litert.interpreter",
        "ai_edge_litert.interpreter.Interpreter",
    ),
    "package": ("from ai_edge_litert import interpreter as it", "it.Interpreter"),
}
TENSORFLOW = {
    "tensorflow": ("import tensorflow as tf", "tf.lite.Interpreter"),
    "lite": ("from tensorflow.lite.python.interpreter import Interpreter", "Interpreter"),
    "tf.lite": ("import tensorflow.lite as tflite", "tflite.Interpreter"),
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytflite.compat", *arguments],
        capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip


@pytest.mark.parametrize("way", [*WAYS, *TENSORFLOW])
def test_programs_run_unchanged(way: str, tmp_path: Path) -> None:
    imports, interpreter = {**WAYS, **TENSORFLOW}[way]
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(imports=imports, interpreter=interpreter))
    more = ["--tensorflow"] if way in TENSORFLOW else []
    done = run("run", *more, str(program), str(model_path("int8")))
    assert done.stdout.split("(")[0].strip() == "pytflite.runtime.interpreter", done.stderr
    assert "(1, 10)" in done.stdout


def test_a_program_has_its_folder_its_arguments_and_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("WORD = 'found'\n")
    program = tmp_path / "program.py"
    program.write_text("import sys, beside\nprint(beside.WORD, sys.argv[1:])\nsys.exit(7)\n")
    done = run("run", str(program), "--flag", "x")
    assert done.stdout == "found ['--flag', 'x']\n" and done.returncode == 7
    (tmp_path / "failing.py").write_text("raise KeyError('mine')\n")
    failed = run("run", str(tmp_path / "failing.py"))
    assert failed.returncode == 1 and "KeyError: 'mine'" in failed.stderr


@pytest.mark.parametrize("arguments", [(), ("run",), ("walk", "x.py"), ("run", "nowhere.py")])
def test_wrong_use(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2 and done.stderr


def test_tensorflow_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text('"""the real one"""\n')
    program = tmp_path / "program.py"
    program.write_text(
        "import tensorflow, tflite_runtime.interpreter as tflite\n"
        "print(tensorflow.__doc__, tflite.Interpreter.__module__)\n"
    )
    done = run("run", "--no-tensorflow", str(program))
    assert done.stdout == "the real one pytflite.runtime.interpreter\n", done.stderr


def test_the_stand_in_for_tensorflow_names_the_way_out() -> None:
    compat.install(tensorflow=None)
    try:
        tensorflow = import_module("tensorflow")
        if tensorflow.__spec__ is None or tensorflow.__spec__.origin != "pytflite":
            pytest.skip("TensorFlow is installed")
        with pytest.raises(AttributeError, match="--no-tensorflow"):
            _ = tensorflow.saved_model
    finally:
        compat.uninstall()


def test_registerers_that_programs_name() -> None:
    """ai-edge-torch's examples ask for the generative operators by this name."""
    path = str(model_path("int8"))
    ours.InterpreterWithCustomOps(
        model_path=path, custom_op_registerers=["pywrap_genai_ops.GenAIOpsRegisterer"]
    ).allocate_tensors()
    with pytest.raises(ValueError, match=r"^Loading library 'mine\.so' failed"):
        ours.InterpreterWithCustomOps(model_path=path, custom_op_registerers=["mine.Register"])


def test_modules_run_too() -> None:
    done = run("run", "-m", "json.tool", "--help")
    assert done.returncode == 0 and "json" in done.stdout


CHECK = """
import sys
import pytflite.interpreter as ours
from pytflite import compat
before = dict(sys.modules)
compat.install(); compat.install()
import tflite_runtime.interpreter as t, pytflite.interpreter as ours
assert t is ours and sys.modules["ai_edge_litert.interpreter"] is ours
from importlib.util import find_spec
assert find_spec("tflite_runtime") is not None
try:
    sys.modules["tflite_runtime"].nothing
except AttributeError as error:
    assert "stand-in" in str(error)
else:
    raise SystemExit("no error")
compat.uninstall(); compat.uninstall()
for name in ("tflite_runtime", "tflite_runtime.interpreter", "ai_edge_litert.interpreter"):
    assert sys.modules.get(name) is before.get(name), name
print("done")
"""


def test_installing_twice_and_undoing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHECK],
        capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout == "done\n", done.stderr
