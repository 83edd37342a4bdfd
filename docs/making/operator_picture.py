"""A picture of an operator, from what its kernel does.

Functions of one number are plotted. Others are shown at work on their example: the output element
that is framed changes if any of the shaded input elements does, which was tried, one by one.
What has no example is shown as a box with its types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from docs.making.svg import Axes, Picture, number, planes, ticks
from pytflite.errors import TFLiteError
from pytflite.ops.operator import Definition
from pytflite.tools.building import array_of

Call = Callable[..., Any]
_CELL, _GAP, _LEFT, _MOST, _TALL = 30, 14, 16, 64, 300


def outputs_of(result: Any) -> list[np.ndarray]:
    """What `call` gives, as a list."""
    return result if isinstance(result, list) else [result]


def picture_of(definition: Definition, inputs: Sequence[Any] | None, run: Call) -> str:
    """The SVG; `run(*inputs)` calls the operator with its example's options."""
    if inputs is not None and _is_function(inputs, run):
        drawn = _curve(definition.name, run)
        if drawn is not None:
            return drawn
    if inputs is not None:
        drawn = _at_work(definition, [None if x is None else array_of(x) for x in inputs], run)
        if drawn is not None:
            return drawn
    return _box(definition)


def _is_function(inputs: Sequence[Any], run: Call) -> bool:
    """Whether each output element depends on one input element, of floats, at the same place."""
    if len(inputs) != 1 or array_of(inputs[0]).dtype != np.float32:
        return False
    x = np.linspace(-1.5, 1.5, 4, dtype=np.float32)
    try:
        y = run(x)
        again = run(x + np.float32([0, 0, 0, 1]))
    except TFLiteError:
        return False
    if isinstance(y, list) or y.shape != x.shape or y.dtype.kind not in "fb":
        return False
    backwards = run(x[::-1].copy())
    return np.array_equal(y[:3], again[:3], equal_nan=True) and np.array_equal(
        y[::-1], backwards, equal_nan=True
    )


def _curve(name: str, run: Call) -> str | None:
    x = np.linspace(-4, 4, 801, dtype=np.float32)
    with np.errstate(all="ignore"):
        y = run(x).astype(np.float64)
    seen = y[np.isfinite(y) & (np.abs(y) <= 6)]
    if not seen.size:
        return None
    low, high = min(float(seen.min()), 0.0), max(float(seen.max()), 0.0)
    if low == high:
        low, high = -1.0, 1.0
    margin = 0.06 * (high - low)
    picture = Picture(460, 300, f"{name} of numbers from -4 to 4")
    axes = Axes(picture, (48, 28, 390, 224), (-4, 4), (low - margin, high + margin))
    axes.frame(ticks(-4, 4, 8), ticks(low, high), "input", "output")
    # A jump is no part of the graph.
    steep = np.abs(np.diff(y, append=y[-1])) > 0.06 * (high - low)
    axes.curve(x, np.where(steep, np.nan, y))
    return picture.svg()


def _at_work(definition: Definition, inputs: list[Any], run: Call) -> str | None:
    try:
        outputs = outputs_of(run(*inputs))
    except TFLiteError:
        return None
    everything = [x for x in (*inputs, *outputs) if x is not None]
    if not everything or any(not 0 < x.size <= _MOST for x in everything):
        return None
    chosen = _telling(outputs[0])
    causes = [_causes(run, inputs, n, chosen, outputs) for n in range(len(inputs))]
    return _Sheet(definition.name).draw(inputs, causes, outputs, chosen)


def _telling(output: np.ndarray) -> int:
    """The middle element, or the last that is not zero: what is cut off tells nothing."""
    flat, middle = output.reshape(-1), output.size // 2
    if flat.dtype == object or flat[middle] or not flat.any():
        return middle
    return int(np.flatnonzero(flat)[-1])


def _causes(
    run: Call, inputs: list[Any], which: int, chosen: int, before: list[np.ndarray]
) -> np.ndarray:
    """Elements of an input that decide over the chosen element of the first output."""
    array = inputs[which]
    if array is None or array.dtype.kind not in "fiu":
        return np.zeros(0 if array is None else array.size, bool)
    found = np.zeros(array.size, bool)
    for k in range(array.size):
        for step in (1, -1, 7):
            changed = array.copy()
            flat = changed.reshape(-1)
            with np.errstate(all="ignore"):
                flat[k] = flat[k] + array.dtype.type(step) if step > 0 else flat[k] - 1
            try:
                after = outputs_of(run(*inputs[:which], changed, *inputs[which + 1 :]))[0]
            except TFLiteError:
                continue  # an illegal index or shape: it tells nothing
            same = after.shape == before[0].shape and np.array_equal(
                after.reshape(-1)[chosen], before[0].reshape(-1)[chosen]
            )
            found[k] |= not same
    return found


class _Sheet:
    """Inputs on the left, outputs on the right, as tables of numbers."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.drawing: list[Callable[[Picture], None]] = []

    def draw(
        self, inputs: list[Any], causes: list[np.ndarray], outputs: list[np.ndarray], chosen: int
    ) -> str:
        """The whole."""
        y, width, height, left = 30.0, 0.0, 0.0, float(_LEFT)
        for n, (x, marked) in enumerate(zip(inputs, causes, strict=True)):
            if x is not None:
                if y > _TALL:
                    left, y, width = left + width + 20, 30.0, 0.0
                size = self._tensor(left, y, f"input {n}", x, marked, None)
                y, width = y + size[1], max(width, size[0])
                height = max(height, y)
        middle, right, y = left + width, left + width + 150, 30.0
        for n, x in enumerate(outputs):
            frame = chosen if n == 0 else None
            size = self._tensor(right, y, f"output {n}", x, np.zeros(x.size, bool), frame)
            y, width = y + size[1], max(width, right - _LEFT + size[0])
        height = max(height, y)
        picture = Picture(
            _LEFT * 2 + width, height, f"{self.name} at work on an example: what one output is of"
        )
        for part in self.drawing:
            part(picture)
        picture.text((middle + right) / 2, height / 2 - 8, self.name[:18], "h s", "middle")
        picture.arrow(middle + 14, height / 2, right - 14, height / 2)
        return picture.svg()

    def _tensor(
        self, x: float, y: float, label: str, array: np.ndarray, marked: np.ndarray,
        framed: int | None,
    ) -> tuple[float, float]:  # fmt: skip
        matrices = planes(array)
        words = [number(v) for v in array.reshape(-1)]
        cell = max(_CELL, 12 + 7.2 * max(map(len, words)))
        columns, rows = matrices[0].shape[1], matrices[0].shape[0]
        across = max(1, int(620 // (columns * cell + _GAP)))
        title = f"{label}: {array.dtype.name if array.dtype != object else 'string'}"
        title += f" {list(array.shape)}"
        self.drawing.append(lambda p: p.text(x, y - 6, title, "dim s"))
        for k in range(array.size):
            plane, rest = divmod(k, rows * columns)
            down, along = divmod(plane, across)
            i, j = divmod(rest, columns)
            at = (
                x + along * (columns * cell + _GAP) + j * cell,
                y + down * (rows * _CELL + _GAP) + i * _CELL,
            )
            self.drawing.append(_cell(at, cell, words[k], bool(marked[k]), k == framed))
        lines = -(-len(matrices) // across)
        return (
            max(min(len(matrices), across) * (columns * cell + _GAP), 6.4 * len(title)),
            lines * (rows * _CELL + _GAP) + 26,
        )


def _cell(
    at: tuple[float, float], width: float, word: str, marked: bool, framed: bool
) -> Callable[[Picture], None]:
    def draw(picture: Picture) -> None:
        kind = "fb cell" if marked else "fa cell"
        picture.rect(*at, width, _CELL, kind, 0.45 if marked else 0.08)
        if framed:
            picture.rect(at[0] + 1, at[1] + 1, width - 2, _CELL - 2, "none sb w2")
        picture.text(at[0] + width / 2, at[1] + _CELL / 2 + 4, word, "m", "middle")

    return draw


def _box(definition: Definition) -> str:
    rows = definition.signature.rows[:4]
    height = 40 + 34 * max((max(len(r.inputs), len(r.outputs), 1) for r in rows), default=1)
    row = rows[0] if rows else None
    names = ("", "") if row is None else row.text.split("->")
    picture = Picture(620, height, f"{definition.name}: {names[0]} gives {names[1]}")
    picture.box(210, 14, 200, height - 28, definition.name[:26])
    for side, x, anchor in ((names[0], 190, "end"), (names[1], 430, "start")):
        types = [t.strip() for t in side.split(",") if t.strip()]
        for n, kind in enumerate(types):
            y = height * (n + 1) / (len(types) + 1)
            picture.text(x if anchor == "end" else x + 6, y + 4, kind[:26], "m", anchor)
            ends = (194, y, 210, y) if anchor == "end" else (410, y, 430, y)
            picture.arrow(*ends)
    return picture.svg()
