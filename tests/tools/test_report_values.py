"""What the report says of tensors: statistics and pictures."""

from __future__ import annotations

import json
import struct
import zlib
from base64 import b64decode

import numpy as np

from pytflite.model.dtypes import FLOAT32, INT8
from pytflite.model.graph import Quantization, Tensor
from pytflite.runtime.feature_maps import picture, png
from pytflite.tools.report.values import statistics


def test_statistics() -> None:
    found = statistics(np.array([-1, 0, 0, 3], np.float32), Tensor("t", (4,), FLOAT32))
    assert (found["min"], found["max"], found["mean"], found["zero"]) == (-1, 3, 0.5, 0.5)
    assert sum(found["hist"]) == 4 and "odd" not in found
    odd = statistics(np.array([np.nan, np.inf, 1, 2], np.float32), Tensor("t", (4,), FLOAT32))
    assert (odd["odd"], odd["min"], odd["max"]) == (0.5, 1, 2)
    nothing = statistics(np.array([np.nan], np.float32), Tensor("t", (1,), FLOAT32))
    assert "min" not in nothing and json.dumps(nothing, allow_nan=False)
    huge = statistics(np.array([-3e38, 3e38], np.float32), Tensor("t", (2,), FLOAT32))
    assert json.dumps(huge, allow_nan=False)


def test_statistics_of_a_large_tensor_know_its_extremes() -> None:
    array = np.zeros((1, 1 << 20), np.float32)
    array[0, 1], array[0, 3], array[0, 5] = -7, 9, np.nan
    found = statistics(array, Tensor("t", array.shape, FLOAT32))
    assert (found["min"], found["max"], found["size"]) == (-7, 9, 1 << 20)
    tensor = Tensor("t", array.shape, INT8, quantization=Quantization(0.5, 2))
    found = statistics(np.nan_to_num(array).astype(np.int8), tensor)
    assert (found["min"], found["max"]) == (-4.5, 3.5)


def test_statistics_of_weights_with_a_scale_for_each_channel() -> None:
    tensor = Tensor("w", (2, 2), INT8, quantization=Quantization([0.5, 2.0], [0, 0]))
    found = statistics(np.array([[1, 2], [1, 127]], np.int8), tensor)
    assert (found["min"], found["max"], found["first"][0]) == (0.5, 254, "0.5")


def test_statistics_of_quantised_values() -> None:
    tensor = Tensor("t", (4,), INT8, quantization=Quantization(0.5, 2))
    found = statistics(np.array([-128, 2, 4, 127], np.int8), tensor)
    assert (found["min"], found["max"], found["sat"]) == (-65, 62.5, 0.5)
    assert (found["qmin"], found["qmax"]) == (-128, 127)


def pixels_of(file: bytes) -> tuple[int, int, bytes]:
    """Width, height and rows of a PNG file; each chunk's sum is checked."""
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    at, width, height, data = 8, 0, 0, b""
    while at < len(file):
        (length,) = struct.unpack_from(">I", file, at)
        kind, body = file[at + 4 : at + 8], file[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", file, at + 8 + length)[0] == zlib.crc32(kind + body)
        if kind == b"IHDR":
            width, height = struct.unpack_from(">II", body)
        data += body if kind == b"IDAT" else b""
        at += 12 + length
    return width, height, zlib.decompress(data)


def test_pictures() -> None:
    assert pixels_of(png(np.arange(6, dtype=np.uint8).reshape(2, 3))) == (
        3, 2, bytes([0, 0, 1, 2, 0, 3, 4, 5]),
    )  # fmt: skip
    rgb = png(np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    assert pixels_of(rgb)[2] == bytes([0, *range(6), 0, *range(6, 12)])
    maps = picture(np.random.default_rng(0).normal(size=(1, 112, 112, 16)), 32)
    assert maps is not None and maps.caption == "16 of 32 channels"
    width, height, _ = pixels_of(b64decode(maps.uri.partition(",")[2]))
    assert (width, height) == (maps.width, maps.height) == (4 * 57 - 1, 4 * 57 - 1)
    assert picture(np.full((1, 9, 9, 2), np.nan, np.float32), 2) is None
    assert picture(np.zeros((1, 1, 1, 16), np.float32), 1000) is None
    flat = picture(np.ones((1, 8, 8, 3), np.float32), 3)
    assert flat is not None and flat.caption == "as red, green, blue"
