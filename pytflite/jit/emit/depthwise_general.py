"""The frame of depthwise integer kernels for any windows: output pixels one after another.

One output and one vector of channels are computed after another. With several filters for each
channel, the vector is of these, and the channel stands in all lanes; or, if they are few, in as
many lanes as there are of them, and its neighbours in others.

Packed are, for each vector of outputs, its constants, and then the taps: [vectors][constants, taps
...][lanes] of 32 bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from pytflite.jit.emit import gather, requantize
from pytflite.jit.ir import Function
from pytflite.jit.target import Target

SLOTS = (
    "ptr x",
    "ptr weights",
    "ptr output",
    "ptr zeros",  # as many bytes as a vector or a pixel has, the zero point of x
    "i64 height",
    "i64 width",
    "i64 channels",
    *gather.WINDOW,
    "i64 each",  # outputs of a channel
    "i64 total",  # output rows of all images
    "i64 block",
    *requantize.SLOTS,
)


class General(ABC):
    """Writes the vectors of one output pixel after another.

    Args:
        f: of the slots above.
        constants: of a vector of outputs, in vectors. item: bytes of an element of x.
    """

    def __init__(self, f: Function, target: Target, constants: int, item: int = 1) -> None:
        self.f = f
        self.target = target
        self.item = item
        self._constants = constants * target.vector
        self._panel = f.add(f.mul(f.mul("%taps_h", "%taps_w"), target.vector), self._constants)

    @abstractmethod
    def mask(self, left: str) -> str:
        """Of the first lanes, so many are left."""

    @abstractmethod
    def vector(self, panel: str, first: str, output: str, mask: str, repeated: int) -> None:
        """One vector of outputs, by `taps`.

        Args:
            panel: of its packed constants. first: bytes to the channel of the input.
            repeated: lanes in which each channel stands.
        """

    def pixel(self, line: str, ox: str) -> None:
        """Finds the window of an output pixel, by the number of its line in all images."""
        f = self.f
        image = f.op(f"sdiv i64 {line}, %outputs_h")
        oy = f.sub(line, f.mul(image, "%outputs_h"))
        self._pixel = f.mul("%channels", self.item)
        size = f.mul(f.mul("%height", "%width"), self._pixel)
        self.picture = f.at("%x", f.mul(image, size))
        self._y = f.sub(f.mul(oy, "%stride_h"), "%top")
        self._x = f.sub(f.mul(ox, "%stride_w"), "%left")

    def taps(
        self, panel: str, first: str, begin: tuple[str, str], term: Callable[[str, str, str], str]
    ) -> str:
        """What comes of all taps of a window.

        Args:
            panel, first: as in `vector`.
            begin: type of the sums, and their first value.
            term: given the addresses of inputs and of weights, and the sums so far, the next sums.
        """
        f, (kind, start) = self.f, begin
        weights = f.at(panel, self._constants)
        with f.loop(0, "%taps_h", 1, (kind, start)) as rows:
            y = f.add(self._y, f.mul(rows.index, "%dilation_h"))
            there = f.compare("ult", y, "%height")
            line = f.mul(y, "%width")
            with f.loop(0, "%taps_w", 1, (kind, rows.carried[0])) as columns:
                x = f.add(self._x, f.mul(columns.index, "%dilation_w"))
                inside = f.op(f"and i1 {there}, {f.compare('ult', x, '%width')}")
                seen = f.at(self.picture, f.mul(f.add(line, x), self._pixel))
                seen = f.at(f.select(inside, "ptr", seen, "%zeros"), first)
                tap = f.add(f.mul(rows.index, "%taps_w"), columns.index)
                weight = f.at(weights, f.mul(tap, self.target.vector))
                columns.carry(term(seen, weight, columns.carried[0]))
            rows.carry(columns.results[0])
        return rows.results[0]

    def write(self, *, masked: bool, multiplied: bool, item: int = 1, repeated: int = 1) -> None:
        """The loops over pixels and vectors.

        Args:
            masked: there are fewer channels than lanes.
            multiplied: there are several filters for each channel.
            item: bytes of an output.
            repeated: filters of a channel, if a vector is to hold several channels'; else 1.
        """
        f = self.f
        filters = f.mul(f.mul("%channels", "%each"), item)
        stop = f.min(f.mul("%end", "%block"), "%total")
        with (
            f.loop(f.mul("%begin", "%block"), stop) as line,
            f.loop(0, "%outputs_w") as column,
        ):
            place = f.add(f.mul(line.index, "%outputs_w"), column.index)
            here = f.at("%output", f.mul(place, filters))
            self.pixel(line.index, column.index)
            if multiplied and repeated == 1:
                self._filters(here, item)
            else:
                self._channels(here, item, repeated, masked=masked)

    def _filters(self, here: str, item: int) -> None:
        """Vectors of the filters of one channel."""
        f, lanes = self.f, self.target.lanes
        parts = f.op(f"sdiv i64 {f.add('%each', lanes - 1)}, {lanes}")
        with f.loop(0, "%channels") as channel, f.loop(0, parts) as part:
            panel = self._place(f.add(f.mul(channel.index, parts), part.index))
            first = f.mul(part.index, lanes)
            mask = self.mask(f.sub("%each", first))
            output = f.at(here, f.mul(f.add(f.mul(channel.index, "%each"), first), item))
            self.vector(panel, f.mul(channel.index, self.item), output, mask, lanes)

    def _channels(self, here: str, item: int, repeated: int, *, masked: bool) -> None:
        """Vectors of channels, each as often as it has filters."""
        f, lanes = self.f, self.target.lanes
        every = f.mul("%channels", repeated)
        count = f.op(f"sdiv i64 {f.add(every, lanes - 1)}, {lanes}")
        final = f.max(f.sub(every, lanes), 0)
        mask = self.mask("%channels") if masked else ""
        with f.loop(0, count) as loop:
            first = f.min(f.mul(loop.index, lanes), final)
            source = f.mul(f.op(f"sdiv exact i64 {first}, {repeated}"), self.item)
            output = f.at(here, f.mul(first, item))
            self.vector(self._place(loop.index), source, output, mask, repeated)

    def _place(self, number: str) -> str:
        """The packed constants of a vector of outputs."""
        return self.f.at("%weights", self.f.mul(number, self._panel))
