"""A TensorFlow Lite interpreter in Python alone.

import pytflite
y = pytflite.Interpreter("model.tflite").run(x)
"""

import gc
from typing import TYPE_CHECKING, Any

# What is made here is no garbage. Python would look for some about sixty times while it imports
# NumPy and this, for 6 ms; `freeze` and `unfreeze` put all of it in the oldest generation, unseen.
_collects = gc.isenabled()
gc.disable()
try:
    from pytflite.errors import (
        DataError,
        DTypeError,
        FormatError,
        InputError,
        InternalError,
        LimitError,
        ModelError,
        ModelWarning,
        OptionError,
        QuantizationError,
        ShapeError,
        StateError,
        TFLiteError,
        UnsupportedOperatorError,
    )
    from pytflite.model.model import Model, load_model
    from pytflite.ops.limits import Limits
    from pytflite.runtime.interpreter import Interpreter
finally:
    if hasattr(gc, "freeze") and not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()
    if _collects:
        gc.enable()

if TYPE_CHECKING:
    from pytflite.ops.custom_operator import operator

__version__ = "0.1.0"

__all__ = [
    "DTypeError",
    "DataError",
    "FormatError",
    "InputError",
    "InternalError",
    "Interpreter",
    "LimitError",
    "Limits",
    "Model",
    "ModelError",
    "ModelWarning",
    "OptionError",
    "QuantizationError",
    "ShapeError",
    "StateError",
    "TFLiteError",
    "UnsupportedOperatorError",
    "__version__",
    "load_model",
    "operator",
]


def __getattr__(name: str) -> Any:
    if name != "operator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pytflite.ops.custom_operator import operator

    return operator
