"""Programs written for another TensorFlow Lite runtime, run unchanged.

`install()` makes `import tflite_runtime.interpreter`, `import ai_edge_litert.interpreter` and,
where there is no TensorFlow, `tensorflow.lite.Interpreter` give pytflite.
`python -m pytflite.compat run program.py arguments ...` does so for a program.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytflite.interpreter as ours

__all__ = ["install", "uninstall"]

_RUNTIMES = ("tflite_runtime", "ai_edge_litert")
_VERSION = "2.20.0"  # of the interface that is offered
_WAY_OUT = "; install(tensorflow=False), or run --no-tensorflow, leaves TensorFlow out"
_MISSING: Any = object()

# How to undo an installation: (module, attribute or None, what was there), in order.
_undo: list[tuple[str, str | None, Any]] = []


def install(*, tensorflow: bool | None = None) -> None:
    """Puts pytflite in the place of the other runtimes, in this process.

    A package that is installed stays what it is but for its `interpreter` module; one that is
    not gets a stand-in. Programs that have imported names from them already keep those.

    Args:
        tensorflow: what `tensorflow.lite.Interpreter` shall be. None: pytflite's where TensorFlow
            is not installed; True: pytflite's, and TensorFlow is imported for that if it is
            there; False: left alone, for programs that do without TensorFlow where it is not
            found and take another way where it is.

    Example:
        >>> from pytflite import compat
        >>> compat.install()
        >>> from tflite_runtime.interpreter import Interpreter
        >>> Interpreter.__module__
        'pytflite.runtime.interpreter'
        >>> compat.uninstall()
    """
    if _undo:
        return
    for name in _RUNTIMES:
        package = _package(name)
        _put_attribute(package, "interpreter", ours)
        _put_module(f"{name}.interpreter", ours)
    if tensorflow is False:
        return
    if not _is_installed("tensorflow"):
        _stand_in_for_tensorflow()
    elif tensorflow:
        lite = import_module("tensorflow").lite
        _put_attribute(lite, "Interpreter", ours.Interpreter)
        _put_attribute(lite.experimental, "load_delegate", ours.load_delegate)
        _put_attribute(lite.experimental, "OpResolverType", ours.OpResolverType)


def uninstall() -> None:
    """Undoes install()."""
    while _undo:
        name, attribute, before = _undo.pop()
        if attribute is None:
            if before is _MISSING:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = before
        elif name in sys.modules:
            if before is _MISSING:
                vars(sys.modules[name]).pop(attribute, None)
            else:
                setattr(sys.modules[name], attribute, before)


def _package(name: str) -> ModuleType:
    """The package itself, or a stand-in for it."""
    if _is_installed(name):
        try:
            return import_module(name)
        except ImportError:
            pass  # it is broken, which is no reason not to run
    package = _stand_in(name)
    _put_module(name, package)
    return package


def _is_installed(name: str) -> bool:
    if name in sys.modules:
        return True
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _stand_in(name: str, **contents: Any) -> ModuleType:
    """A package with these contents alone."""
    module = ModuleType(name, f"pytflite in the place of {name}.")
    module.__spec__ = ModuleSpec(name, None, origin="pytflite", is_package=True)
    module.__path__ = []
    module.__version__ = _VERSION  # type: ignore[attr-defined]  # what modules usually have

    def missing(attribute: str) -> Any:
        raise AttributeError(
            f"module {name!r} has no attribute {attribute!r}: it is pytflite's stand-in, which "
            "has what runs models and nothing else" + _WAY_OUT * name.startswith("tensorflow")
        )

    vars(module).update(contents, __getattr__=missing)
    return module


def _stand_in_for_tensorflow() -> None:
    experimental = _stand_in(
        "tensorflow.lite.experimental",
        load_delegate=ours.load_delegate,
        OpResolverType=ours.OpResolverType,
    )
    python = _stand_in("tensorflow.lite.python", interpreter=ours)
    lite = _stand_in(
        "tensorflow.lite", Interpreter=ours.Interpreter, experimental=experimental, python=python
    )
    for module in (_stand_in("tensorflow", lite=lite), lite, experimental, python):
        _put_module(module.__name__, module)
    _put_module("tensorflow.lite.python.interpreter", ours)


def _put_module(name: str, module: ModuleType) -> None:
    _undo.append((name, None, sys.modules.get(name, _MISSING)))
    sys.modules[name] = module


def _put_attribute(module: ModuleType, attribute: str, value: Any) -> None:
    _undo.append((module.__name__, attribute, vars(module).get(attribute, _MISSING)))
    setattr(module, attribute, value)
