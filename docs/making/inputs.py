"""Inputs for custom operators that have no example of their own, and what `call` is told."""

from __future__ import annotations

from typing import Any

import numpy as np

INPUTS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "FlexReshape": (
        (
            [[1.0, 2.0], [3.0, 4.0]],
            np.array([4], np.int32),
        ),
        {"outputs": ("FLOAT32",)},
    ),
    "FlexTopKV2": (
        (
            [1.0, 5.0, 9.0],
            np.array(2, np.int32),
        ),
        {"outputs": ("FLOAT32", "INT32")},
    ),
    "FlexLRN": (([[[[1.0, 2.0, 3.0]]]],), {"outputs": ("FLOAT32",)}),
    "RFFT": (
        (
            [1.0, 2.0, 3.0, 4.0],
            np.array([4], np.int32),
        ),
        {"outputs": ("COMPLEX64",)},
    ),
    "IRFFT": (
        (
            np.array([(10 + 0j), (-2 + 2j), (-2 + 0j)], np.complex64),
            np.array([4], np.int32),
        ),
        {"outputs": ("FLOAT32",)},
    ),
    "FFT2D": ((np.array([[(1 + 0j), (2 + 0j)], [(3 + 0j), (4 + 0j)]], np.complex64),), {}),
    "IFFT2D": ((np.array([[(10 + 0j), (-2 + 0j)], [(-4 + 0j), 0j]], np.complex64),), {}),
    "RFFT2D": (
        (
            [[1.0, 2.0], [3.0, 4.0]],
            np.array([2, 2], np.int32),
        ),
        {"outputs": ("COMPLEX64",)},
    ),
    "IRFFT2D": (
        (
            np.array([[(10 + 0j), (-2 + 0j)], [(-4 + 0j), 0j]], np.complex64),
            np.array([2, 2], np.int32),
        ),
        {"outputs": ("FLOAT32",)},
    ),
    "FFT3D": ((np.array([[[(1 + 0j), (2 + 0j)], [(3 + 0j), (4 + 0j)]]], np.complex64),), {}),
    "IFFT3D": ((np.array([[[(10 + 0j), (-2 + 0j)], [(-4 + 0j), 0j]]], np.complex64),), {}),
    "RFFT3D": (
        (
            [[[1.0, 2.0], [3.0, 4.0]]],
            np.array([1, 2, 2], np.int32),
        ),
        {"outputs": ("COMPLEX64",)},
    ),
    "IRFFT3D": (
        (
            np.array([[[(10 + 0j), (-2 + 0j)], [(-4 + 0j), 0j]]], np.complex64),
            np.array([1, 2, 2], np.int32),
        ),
        {"outputs": ("FLOAT32",)},
    ),
    "RandomUniform": ((np.array([3], np.int32),), {"outputs": ("FLOAT32",), "seed": 1, "seed2": 2}),
    "RandomStandardNormal": (
        (np.array([3], np.int32),),
        {"outputs": ("FLOAT32",), "seed": 1, "seed2": 2},
    ),
    "TruncatedNormal": (
        (np.array([3], np.int32),),
        {"outputs": ("FLOAT32",), "seed": 1, "seed2": 2},
    ),
    "RandomUniformInt": (
        (
            np.array([3], np.int32),
            np.array(0, np.int32),
            np.array(10, np.int32),
        ),
        {"outputs": ("INT32",), "seed": 1, "seed2": 2},
    ),
    "Multinomial": (
        (
            [[0.0, 1.0]],
            np.array(5, np.int32),
        ),
        {"outputs": ("INT64",), "seed": 1, "seed2": 2},
    ),
    "EuclideanNorm": (
        (
            [[3.0, 4.0], [6.0, 8.0]],
            np.array([1], np.int32),
        ),
        {"outputs": ("FLOAT32",)},
    ),
    "BiasAdd": (
        (
            [[1.0, 2.0], [3.0, 4.0]],
            [10.0, 20.0],
        ),
        {"outputs": ("FLOAT32",)},
    ),
    "InvertPermutation": ((np.array([2, 0, 1], np.int32),), {"outputs": ("INT32",)}),
    "LinSpace": (
        (
            0.0,
            1.0,
            np.array(5, np.int32),
        ),
        {"outputs": ("FLOAT32",)},
    ),
    "MatrixBandPart": (
        (
            [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]],
            np.array(0, np.int64),
            np.array(1, np.int64),
        ),
        {"outputs": ("FLOAT32",)},
    ),
    "Size": (([[1.0, 2.0], [3.0, 4.0]],), {"outputs": ("INT32",)}),
    "Conj": ((np.array([(1 + 2j)], np.complex64),), {"outputs": ("COMPLEX64",)}),
    "Invert": ((np.array([0, 5], np.int32),), {"outputs": ("INT32",)}),
    "FusedBatchNorm": (
        (
            [[[[1.0, 2.0]]]],
            [1.0, 2.0],
            [0.0, 1.0],
            [0.5, 0.5],
            [1.0, 4.0],
        ),
        {"outputs": ("FLOAT32", "FLOAT32", "FLOAT32", "FLOAT32", "FLOAT32"), "is_training": False},
    ),
    "FusedBatchNormV2": (
        (
            [[[[1.0, 2.0]]]],
            [1.0, 2.0],
            [0.0, 1.0],
            [0.5, 0.5],
            [1.0, 4.0],
        ),
        {"outputs": ("FLOAT32", "FLOAT32", "FLOAT32", "FLOAT32", "FLOAT32"), "is_training": False},
    ),
    "CTCGreedyDecoder": (
        (
            [[[0.1, 0.8, 0.1]], [[0.1, 0.1, 0.8]], [[0.7, 0.2, 0.1]]],
            np.array([3], np.int32),
        ),
        {"outputs": ("INT64", "INT64", "INT64", "FLOAT32")},
    ),
    "CTCBeamSearchDecoder": (
        (
            [[[0.1, 0.8, 0.1]], [[0.1, 0.1, 0.8]], [[0.7, 0.2, 0.1]]],
            np.array([3], np.int32),
        ),
        {"outputs": ("INT64", "INT64", "INT64", "FLOAT32"), "beam_width": 2, "top_paths": 1},
    ),
}
