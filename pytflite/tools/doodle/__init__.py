"""The doodle recogniser of `pytflite demo`: drawings (strokes.py), models in five variants."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pytflite.model.graph import Array

VARIANTS = ("float32", "float16", "dynamic_range", "int8", "int16x8")
_HERE = Path(__file__).parent


def model_path(variant: str = "float32") -> Path:
    """The file of a shipped model.

    Raises:
        ValueError: there is no such variant.
    """
    if variant not in VARIANTS:
        raise ValueError(f"no doodle model is called {variant!r}; there are {', '.join(VARIANTS)}")
    return _HERE / f"doodle_{variant}.tflite"


def held_out() -> tuple[Array, Array]:
    """500 drawings that no model was trained on: uint8 [500, 28, 28], and their classes [500]."""
    with np.load(_HERE / "held_out.npz") as found:
        return found["images"], found["labels"]
