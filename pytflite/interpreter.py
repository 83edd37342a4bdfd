"""The names of tflite_runtime.interpreter and ai_edge_litert.interpreter.

`import pytflite.interpreter as tflite` is all that has to change in a program for either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, unique
from typing import Any, NoReturn

from pytflite.errors import InputError
from pytflite.runtime.interpreter import Interpreter
from pytflite.runtime.signatures import SignatureRunner

__all__ = [
    "Delegate",
    "DelegateError",
    "Interpreter",
    "InterpreterWithCustomOps",
    "OpResolverType",
    "SignatureRunner",
    "load_delegate",
]

# Those that register operators which are among ours: odml.update_kv_cache and its kin.
_KNOWN_REGISTERERS = ("pywrap_genai_ops.GenAIOpsRegisterer",)


@unique
class OpResolverType(Enum):
    """Which of LiteRT's implementations a program asks for; here there is one of each operator,
    with the results of BUILTIN_REF."""

    AUTO = 0
    BUILTIN = 1
    BUILTIN_REF = 2
    BUILTIN_WITHOUT_DEFAULT_DELEGATES = 3


class DelegateError(InputError, OSError):
    """A delegate is wanted, which is machine code for LiteRT.

    Programs that fall back to the CPU catch ValueError or OSError: it is both.
    """

    code = "input.delegate"


class Delegate:
    """A delegate of LiteRT. None can be loaded here."""

    def __init__(self, library: Any, options: dict[Any, Any] | None = None) -> None:
        _refuse(library)


def load_delegate(library: Any, options: dict[Any, Any] | None = None) -> Delegate:
    """Refuses: a delegate is a library for LiteRT's C interface, which is not here.

    Raises:
        DelegateError: always; it is a ValueError and an OSError, as LiteRT's.
    """
    _refuse(library)


def _refuse(library: Any) -> NoReturn:
    raise DelegateError(
        f"Failed to load delegate from {library}",
        hint="delegates work with LiteRT's C interface, which pytflite does not have; "
        "leave experimental_delegates out, and the model runs on the CPU",
    )


class InterpreterWithCustomOps(Interpreter):
    """An Interpreter that takes `custom_op_registerers`.

    Args:
        custom_op_registerers: functions that register C kernels are accepted, and not called:
            they have nothing to tell Python. Of names, that of LiteRT's generative operators is
            known, which are here without it; others cannot be looked up.
            `custom_ops={name: function}` is the way to give operators in Python.
        arguments: as for Interpreter.

    Raises:
        InputError: a registerer that is not known is given by name.
    """

    def __init__(
        self,
        custom_op_registerers: Sequence[str | Callable[..., Any]] | None = None,
        **arguments: Any,
    ) -> None:
        for registerer in custom_op_registerers or ():
            if isinstance(registerer, str) and registerer not in _KNOWN_REGISTERERS:
                library, dot, _ = registerer.rpartition(".")
                raise InputError(
                    (
                        f"Loading library '{library}.so'"
                        if dot
                        else f"Looking up symbol '{registerer}'"
                    )
                    + " failed: C functions cannot be called here",
                    code="input.registerer",
                    hint="give the operators as Python functions: custom_ops={name: function}",
                )
        super().__init__(**arguments)
