"""Pictures of feature maps: PNG files made by hand, as data URIs."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from typing import NamedTuple

import numpy as np

from pytflite.model.graph import Array

_CELL = 56  # pixels of one map's longer side, at most
MAPS = 16  # of one tensor, in a picture
_COLUMNS = 4
_GROUND = 1  # pixels between maps
# Dark blue over green to yellow: lightness grows evenly, so the picture also works in grey.
_COLOURS = ((16, 12, 60), (48, 62, 138), (28, 122, 136), (76, 180, 102), (246, 226, 76))


class Picture(NamedTuple):
    """A picture of some of a tensor's maps."""

    uri: str
    width: int
    height: int
    caption: str


def picture(array: Array, channels: int) -> Picture | None:
    """Maps of a [batch, height, width, channels] tensor, of its first sample; None where there
    is nothing to be seen. `array` may hold only the first MAPS of the channels. Values from the
    1st to the 99th percentile go from dark to bright.
    """
    if array.ndim != 4 or min(array.shape) < 1 or min(array.shape[1:3]) < 3:
        return None
    if max(array.shape[1:3]) > 40 * min(array.shape[1:3]):
        return None
    sample = _smaller(array[0].astype(np.float32))
    finite = sample[np.isfinite(sample)]
    if not finite.size:
        return None
    low, high = (float(v) for v in np.percentile(finite, (1, 99)))
    if high <= low:
        low, high = float(finite.min()), float(finite.max())
    levels = np.nan_to_num((sample - low) / ((high - low) or 1.0), nan=0.0, posinf=1.0, neginf=0.0)
    grey = (np.clip(levels, 0, 1) * 255).astype(np.uint8)
    if channels == 3:
        shown, caption = grey, "as red, green, blue"
    else:
        shown = _sheet(grey[:, :, :MAPS])
        caption = f"{min(channels, MAPS)} of {channels} channels" if channels > 1 else ""
    if min(shown.shape[:2]) < _CELL:  # small maps: larger pixels
        times = max(1, _CELL * 2 // max(shown.shape[:2]))
        shown = shown.repeat(times, axis=0).repeat(times, axis=1)
    uri = "data:image/png;base64," + b64encode(png(shown)).decode()
    return Picture(uri, shown.shape[1], shown.shape[0], caption)


def _smaller(sample: Array) -> Array:
    """[height, width, channels] with means of squares of pixels, at most _CELL wide and high."""
    factor = -(-max(sample.shape[:2]) // _CELL)
    height, width = (size // factor for size in sample.shape[:2])
    if factor == 1 or not height or not width:
        return sample
    cut = sample[: height * factor, : width * factor, :]
    means: Array = cut.reshape(height, factor, width, factor, -1).mean(axis=(1, 3))
    return means


def _sheet(maps: Array) -> Array:
    """The maps side by side."""
    height, width, count = maps.shape
    columns = min(count, _COLUMNS)
    rows = -(-count // columns)
    sheet = np.zeros(
        (rows * (height + _GROUND) - _GROUND, columns * (width + _GROUND) - _GROUND), np.uint8
    )
    for n in range(count):
        y, x = n // columns * (height + _GROUND), n % columns * (width + _GROUND)
        sheet[y : y + height, x : x + width] = maps[:, :, n]
    return sheet


def png(pixels: Array) -> bytes:
    """A PNG file of uint8 pixels: [height, width, 3], or [height, width] in our colours."""
    height, width = pixels.shape[:2]
    kind = 2 if pixels.ndim == 3 else 3
    rows = np.zeros((height, 1 + pixels[0].size), np.uint8)  # each line begins with filter 0
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    chunks = [(b"IHDR", header)]
    if kind == 3:
        chunks.append((b"PLTE", palette().tobytes()))
    chunks += [(b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def palette() -> Array:
    """256 colours, uint8 [256, 3]."""
    at = np.linspace(0, len(_COLOURS) - 1, 256)
    anchors = np.array(_COLOURS, np.float64)
    columns = [np.interp(at, range(len(_COLOURS)), anchors[:, n]) for n in range(3)]
    return np.round(np.stack(columns, axis=1)).astype(np.uint8)
