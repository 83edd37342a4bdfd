"""`python -m pytflite.compat run program.py arguments ...`"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from pytflite.compat import install

_USAGE = """\
usage: python -m pytflite.compat run [OPTION] PROGRAM [ARGUMENT ...]
       python -m pytflite.compat run [OPTION] -m MODULE [ARGUMENT ...]

Runs a program written for tflite_runtime, ai_edge_litert or tensorflow.lite with pytflite.
--tensorflow: tensorflow.lite is pytflite also where TensorFlow is installed.
--no-tensorflow: `import tensorflow` is left alone. For programs that take another way where
  they find TensorFlow: basic-pitch loads a SavedModel then.
"""
_OPTIONS = {"--tensorflow": True, "--no-tensorflow": False}


def main(arguments: Sequence[str]) -> int:
    """Runs the program; the exit code is 2 if there is none, and otherwise the program's."""
    rest = list(arguments)
    if rest[:1] != ["run"]:
        return _usage()
    rest.pop(0)
    tensorflow = _OPTIONS[rest.pop(0)] if rest[:1] and rest[0] in _OPTIONS else None
    module = rest[:1] == ["-m"]
    if module:
        rest.pop(0)
    if not rest:
        return _usage()
    install(tensorflow=tensorflow)
    sys.argv = rest
    if module:
        sys.path[0] = ""
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        return 0
    program = Path(rest[0])
    if not program.exists():
        sys.stderr.write(f"there is no program '{program}'\n")
        return 2
    sys.path[0] = str(program.resolve().parent)
    runpy.run_path(str(program), run_name="__main__")
    return 0


def _usage() -> int:
    sys.stderr.write(_USAGE)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
