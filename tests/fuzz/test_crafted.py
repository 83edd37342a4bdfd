"""Models that break one rule each, and what they are told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytflite import Interpreter, TFLiteError
from tests.harness import TensorOf, single_op, tensor


def ints(*values: int) -> TensorOf:
    return tensor(value=np.array(values, np.int32))


X = tensor((2, 3))
IMAGE = tensor((1, 4, 4, 2))
FILTER = tensor(value=np.ones((2, 3, 3, 2), np.float32))
BIAS = tensor(value=np.zeros(2, np.float32))
STEP = {"stride_w": 1, "stride_h": 1}

# name, inputs, options, data for the inputs that are not constant (None: zeros)
CASES: list[tuple[str, list[Any], dict[str, Any], list[Any] | None]] = [
    ("SPLIT", [tensor(value=np.int32(0)), X], {"num_splits": 0}, None),
    ("SPLIT", [tensor(value=np.int32(7)), X], {"num_splits": 1}, None),
    ("SPLIT", [tensor(value=np.int32(1)), X], {"num_splits": 2}, None),
    ("SPLIT_V", [X, ints(1, 1), tensor(value=np.int32(1))], {"num_splits": 2}, None),
    ("SPLIT_V", [X, ints(-1, -1), tensor(value=np.int32(1))], {"num_splits": 2}, None),
    ("CONV_2D", [IMAGE, None, BIAS], STEP, None),
    ("CONV_2D", [IMAGE, FILTER, BIAS], {}, None),
    ("CONV_2D", [IMAGE, FILTER, BIAS], STEP | {"stride_w": -1}, None),
    ("CONV_2D", [IMAGE, FILTER, BIAS], STEP | {"dilation_w_factor": 0}, None),
    ("CONV_2D", [tensor((1, 4, 4, 3)), FILTER, BIAS], STEP, None),
    ("CONV_2D", [IMAGE, FILTER, BIAS], STEP | {"padding": 2}, None),
    ("CONV_2D", [IMAGE, FILTER, BIAS], STEP | {"fused_activation_function": 6}, None),
    ("CONV_2D", [IMAGE, FILTER, BIAS], STEP | {"quantized_bias_type": 100}, None),
    ("CONV_2D", [IMAGE, FILTER, tensor(value=np.zeros(3, np.float32))], STEP, None),
    ("CONV_2D", [IMAGE, tensor(value=np.ones((2, 9, 9, 2), np.float32)), BIAS],
     STEP | {"padding": 1}, None),
    ("DEPTHWISE_CONV_2D", [IMAGE, tensor(value=np.ones((1, 2, 2, 3), np.float32)), BIAS],
     STEP | {"depth_multiplier": 1}, None),
    ("AVERAGE_POOL_2D", [IMAGE], STEP | {"filter_width": 0, "filter_height": 2}, None),
    ("MAX_POOL_2D", [IMAGE], {"filter_width": 2, "filter_height": 2}, None),
    ("STRIDED_SLICE", [X, ints(0, 0), ints(2, 2), ints(1, 0)], {}, None),
    ("STRIDED_SLICE", [X, ints(0, 0, 0), ints(2, 2, 2), ints(1, 1, 1)], {}, None),
    ("STRIDED_SLICE", [X, ints(5, 0), ints(6, 2), ints(1, 1)], {"shrink_axis_mask": 1}, None),
    ("SLICE", [X, ints(0, 2), ints(1, 5)], {}, None),
    ("SLICE", [X, tensor(value=np.zeros(2, np.int64)), ints(1, 1)], {}, None),
    ("SLICE", [X, ints(-1, 0), ints(1, 1)], {}, None),
    ("SLICE", [X, ints(0, 0), ints(-2, 1)], {}, None),
    ("RESHAPE", [X, ints(-1, -1)], {}, None),
    ("RESHAPE", [X, ints(4, -1)], {}, None),
    ("RESHAPE", [X, ints(2**31 - 1, 2**31 - 1)], {}, None),
    ("GATHER", [X, ints(2)], {"axis": 0}, None),
    ("GATHER", [X, ints(-1)], {"axis": 0}, None),
    ("GATHER", [X, ints(0)], {"axis": 2}, None),
    ("GATHER", [X, ints(0)], {"axis": 0, "batch_dims": 1}, None),
    ("GATHER", [X, tensor((1,), "INT32")], {"axis": 0}, [None, np.array([-(2**31)], np.int32)]),
    ("GATHER_ND", [X, tensor(value=np.array([[2, 0]], np.int32))], {}, None),
    ("GATHER_ND", [X, tensor(value=np.zeros((1, 3), np.int32))], {}, None),
    ("SCATTER_ND", [tensor(value=np.array([[9]], np.int32)), tensor((1,)), ints(4)], {}, None),
    ("SCATTER_ND", [tensor(value=np.array([[0]], np.int32)), tensor((1,)), ints(-4)], {}, None),
    ("SPARSE_TO_DENSE", [ints(9), ints(4), tensor(value=np.ones(1, np.float32)),
                         tensor(value=np.float32(0))], {}, None),
    ("SEGMENT_SUM", [X, ints(-1, 0)], {}, None),
    ("SEGMENT_SUM", [X, ints(1, 0)], {}, None),
    ("SEGMENT_SUM", [X, ints(0, 2**31 - 1)], {}, None),
    ("UNSORTED_SEGMENT_SUM", [X, ints(0, 5), tensor(value=np.int32(2))], {}, None),
    ("UNSORTED_SEGMENT_SUM", [X, ints(0, 0), tensor(value=np.int32(-2))], {}, None),
    ("DYNAMIC_UPDATE_SLICE", [X, tensor((3, 3)), ints(0, 0)], {}, None),
    ("UNIQUE", [X], {}, None),
    ("RANGE", [tensor(value=np.int32(0)), tensor(value=np.int32(5)), tensor(value=np.int32(0))],
     {}, None),
    ("RANGE", [tensor(value=np.int32(5)), tensor(value=np.int32(0)), tensor(value=np.int32(1))],
     {}, None),
    ("PAD", [X, tensor(value=np.array([[-1, 0], [0, 0]], np.int32))], {}, None),
    ("PAD", [X, tensor(value=np.zeros((3, 2), np.int32))], {}, None),
    ("MIRROR_PAD", [X, tensor(value=np.full((2, 2), 5, np.int32))], {}, None),
    ("RESIZE_BILINEAR", [IMAGE, ints(0, 4)], {}, None),
    ("RESIZE_BILINEAR", [IMAGE, ints(4, 4)],
     {"align_corners": True, "half_pixel_centers": True}, None),
    ("RESIZE_NEAREST_NEIGHBOR", [IMAGE, ints(-1, 4)], {}, None),
    ("CONCATENATION", [X, tensor((3, 4))], {"axis": 0}, None),
    ("CONCATENATION", [X, X], {"axis": -3}, None),
    ("DEPTH_TO_SPACE", [IMAGE], {"block_size": 0}, None),
    ("DEPTH_TO_SPACE", [IMAGE], {"block_size": 2}, None),
    ("SPACE_TO_DEPTH", [IMAGE], {"block_size": 3}, None),
    ("BATCH_TO_SPACE_ND", [IMAGE, ints(0, 0), tensor(value=np.zeros((2, 2), np.int32))], {}, None),
    ("SPACE_TO_BATCH_ND", [IMAGE, ints(3, 3), tensor(value=np.zeros((2, 2), np.int32))], {}, None),
    ("NON_MAX_SUPPRESSION_V4", [X, tensor((3,)), tensor(value=np.int32(1)),
                                tensor(value=np.float32(0)), tensor(value=np.float32(0))],
     {}, None),
    ("NON_MAX_SUPPRESSION_V4", [tensor((3, 4)), tensor((3,)), ints(1),
                                tensor(value=np.float32(0)), tensor(value=np.float32(0))],
     {}, None),
    ("SELECT", [tensor((4,), "BOOL"), X, X], {}, None),
    ("SELECT_V2", [tensor((4,), "BOOL"), X, X], {}, None),
    ("RFFT2D", [X, ints(-3, 3)], {}, None),
    ("TRANSPOSE", [X, ints(0, 0)], {}, None),
    ("TRANSPOSE", [X, ints(0, 2)], {}, None),
    ("TRANSPOSE", [X, tensor(value=np.array([[1, 0]], np.int32))], {}, None),
    ("TRANSPOSE_CONV", [tensor(value=np.array([[1, 6, 6, 2]], np.int32)), FILTER, IMAGE],
     STEP | {"padding": 1}, None),
    ("TOPK_V2", [X, tensor(value=np.int32(4))], {}, None),
    ("ONE_HOT", [ints(0), tensor(value=np.int32(-1)), tensor(value=np.float32(1)),
                 tensor(value=np.float32(0))], {"axis": -1}, None),
    ("ONE_HOT", [ints(0), tensor(value=np.int32(2)), tensor(value=np.float32(1)),
                 tensor(value=np.float32(0))], {"axis": -2}, None),
    ("EMBEDDING_LOOKUP", [ints(2), X], {}, None),
    ("REVERSE_SEQUENCE", [X, ints(9, 9)], {"seq_dim": 1, "batch_dim": 0}, None),
    ("MATRIX_DIAG", [tensor(())], {}, None),
    ("CUMSUM", [X, tensor(value=np.int32(2))], {}, None),
    ("BROADCAST_TO", [X, ints(2, 4)], {}, None),
    ("EXPAND_DIMS", [X, tensor(value=np.int32(4))], {}, None),
    ("SQUEEZE", [X], {"squeeze_dims": [0]}, None),
    ("PACK", [X, X], {"values_count": 3, "axis": 0}, None),
    ("UNPACK", [X], {"num": 5, "axis": 0}, None),
    ("ARG_MAX", [X, tensor(value=np.int32(2))], {"output_type": 2}, None),
    ("FULLY_CONNECTED", [X, tensor(value=np.ones((2, 4), np.float32)), BIAS], {}, None),
    ("BATCH_MATMUL", [X, X], {}, None),
    ("FLOOR_DIV", [tensor((1,), "INT32"), ints(0)], {}, None),
    ("FLOOR_MOD", [tensor((1,), "INT32"), tensor((1,), "INT32")], {}, None),
    ("POW", [tensor((1,), "INT32"), ints(-1)], {}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "inputs", "options", "data"), CASES, ids=[f"{n}-{c[0]}" for n, c in enumerate(CASES)]
)
def test_refused_with_a_code(
    name: str, inputs: list[Any], options: dict[str, Any], data: list[Any] | None
) -> None:
    count = {"SPLIT": 1, "SPLIT_V": 2, "UNIQUE": 2, "TOPK_V2": 2, "UNPACK": 5,
             "NON_MAX_SUPPRESSION_V4": 2}.get(name, 1)  # fmt: skip
    kinds = {"UNIQUE": ["FLOAT32", "INT32"], "TOPK_V2": ["FLOAT32", "INT32"],
             "NON_MAX_SUPPRESSION_V4": ["INT32", "INT32"], "ARG_MAX": ["INT32"],
             "RANGE": ["INT32"], "FLOOR_DIV": ["INT32"], "FLOOR_MOD": ["INT32"],
             "RFFT2D": ["COMPLEX64"], "POW": ["INT32"]}.get(name, ["FLOAT32"] * count)  # fmt: skip
    model = single_op(name, inputs, [tensor((1,), kind) for kind in kinds], **options)
    with pytest.raises(TFLiteError) as caught:
        interpreter = Interpreter(model)
        given = data or [None] * len(model.inputs)
        interpreter.run(*(
            np.zeros(t.shape, t.dtype.storage) if x is None else x
            for x, t in zip(given, model.inputs, strict=True)
        ))  # fmt: skip
    assert caught.value.code not in ("internal", "error")
    assert caught.value.operator is not None and name in caught.value.operator
