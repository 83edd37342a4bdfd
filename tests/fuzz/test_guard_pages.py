"""Guard pages catch what they are for; and every compiled kernel stays within its tensors."""

from __future__ import annotations

import ctypes
import threading
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from pytflite.format.flexbuffer import encode
from pytflite.model.model import Model
from pytflite.model.writing import write
from pytflite.ops.catalogue import CUSTOM_MODULES
from tests.fuzz.guard_pages import AVAILABLE, EDGES, END, START, DiedError, in_child, place
from tests.fuzz.seeds import seeds
from tests.harness import single_op, tensor
from tests.jit.lowering.test_convolution_3d import model as convolution_3d
from tests.jit.lowering.test_convolution_3d import transposed as convolution_3d_transposed
from tests.jit.lowering.test_detection import suppression
from tests.ops.custom.node_defs import flex_options
from tests.ops.dense.models import blockwise
from tests.ops.recurrent.lstm_models import Cell, sequence
from tests.ops.recurrent.test_bidirectional_sequence_lstm import bidirectional
from tests.ops.recurrent.test_lstm import basic as basic_lstm
from tests.ops.recurrent.test_rnn import both_ways
from tests.ops.recurrent.test_rnn import sequence as rnn
from tests.ops.recurrent.test_svdf import svdf

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="no fork or no mprotect here")
COMPILER = find_spec("pytflite.jit") is not None and find_spec("llvmlite") is not None


def lowered() -> list[str]:
    """Operators that have a lowering."""
    if not COMPILER:
        return []
    modules = import_module("pytflite.jit.lowering.registry").MODULES
    return sorted({name for names in modules.values() for name in names.split()})


def of_tensorflow() -> frozenset[str]:
    """Operators that are TensorFlow's functions of floats."""
    modules = {"tensorflow_unary", "tensorflow_binary"}
    return frozenset(n for n, m in CUSTOM_MODULES.items() if m.rpartition(".")[2] in modules)


TENSORFLOW = of_tensorflow()
BINARY = ("Add", "AddV2", "Sub", "Mul", "Div", "RealDiv", "SquaredDifference", "Pow", "Atan2",
          "atan2")  # fmt: skip


def more(operator: str) -> list[bytes]:
    """Models of operators that are compiled for few of the types in their seeds."""
    if operator in ("REDUCE_ANY", "REDUCE_ALL"):
        axis = tensor(value=np.array([1], np.int32))
        model = single_op(operator, [tensor((5, 37), "BOOL"), axis], [tensor((5,), "BOOL")])
        return [bytes(write(model))]
    if operator in ("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"):
        kinds = ("FLOAT32", "UINT8") if operator == "LSTM" else ()
        basic = (basic_lstm(k, 2, 5, 19, variable=True)[0] for k in kinds)
        return [bytes(write(model)) for model in (*cells(operator), *basic)]
    if operator == "BIDIRECTIONAL_SEQUENCE_LSTM":
        both = (Cell(w, 2, 5, 20, 9, projection=True) for w in ("FLOAT32", "INT8"))
        return [bytes(write(bidirectional(c, c, auxiliary=3, merge=True)[0])) for c in both]
    rng = np.random.default_rng(0)
    if operator == "SVDF":
        kinds = ("FLOAT32", "INT8", "INTEGER")
        return [bytes(write(svdf(rng, kind, (2, 21, 7, 3, 19)))) for kind in kinds]
    if operator == "UNIDIRECTIONAL_SEQUENCE_RNN":
        return [bytes(write(rnn(rng, kind, (2, 3, 5, 19))[0])) for kind in ("FLOAT32", "INT8")]
    if operator == "BIDIRECTIONAL_SEQUENCE_RNN":
        sizes = (2, 3, 5, 19, 4)
        model, _ = both_ways(rng, "INT8", sizes, "cross", merge_outputs=True, time_major=True)
        return [bytes(write(model))]
    if operator == "RESIZE_BILINEAR":
        size = tensor(value=np.array([7, 9], np.int32))
        shapes = tensor((1, 5, 6, 3)), tensor((1, 7, 9, 3))
        return [bytes(write(single_op(operator, [shapes[0], size], [shapes[1]])))]
    if operator == "SCATTER_ND":
        shape = tensor(value=np.array([1, 1, 9], np.int32))
        tensors = [tensor((5, 2), "INT32"), tensor((5, 9)), shape]
        return [bytes(write(single_op(operator, tensors, [tensor((1, 1, 9))])))]
    if operator == "SLICE":
        tensors = [tensor((5, 7, 3)), tensor((3,), "INT32"), tensor(value=np.int32([2, 1, 3]))]
        return [bytes(write(single_op(operator, tensors, [tensor((2, 1, 3))])))]
    if operator == "MULTINOMIAL":
        tensors = [tensor((3, 7)), tensor(value=np.int32(5))]
        return [bytes(write(single_op(operator, tensors, [tensor((3, 5), "INT64")], seed=1)))]
    if operator.startswith("NON_MAX_SUPPRESSION"):
        return [bytes(write(suppression(operator, 9, 4)))]
    if operator in TENSORFLOW:
        numbers = [tensor((5, 37))] * (1 + (operator.removeprefix("Flex") in BINARY))
        options = flex_options(operator.removeprefix("Flex"))
        model = single_op(operator, numbers, [tensor((5, 37))], custom_options=options)
        return [bytes(write(model))]
    if operator == "CONV_2D":
        return [bytes(write(model)) for model in first_layers(rng)]
    if operator == "DEPTHWISE_CONV_2D":
        return [bytes(write(model)) for model in by_channel(rng)]
    if operator == "CONV_3D":
        sizes = (3, 5, 4), (2, 3, 3), (1, 1, 2), (1, 1, 1), (3, 37)
        return [bytes(write(convolution_3d(*sizes, padding=0)[0]))]
    if operator == "CONV_3D_TRANSPOSE":
        sizes = (3, 5, 4), (2, 3, 3), (1, 2, 2), (1, 1, 1), (3, 37)
        return [bytes(write(convolution_3d_transposed(*sizes, padding=0)[0]))]
    if operator == "BATCH_MATMUL":
        return [bytes(write(model)) for model in matrices()]
    if operator == "FULLY_CONNECTED":
        models = (blockwise(3, 37, 64, 16, dtype=dtype) for dtype in ("INT4", "INT8"))
        return [bytes(write(model)) for model in models]
    if operator == "SignalRfft":
        sides = [tensor((2, 13), "INT16")], [tensor((2, 18), "INT16")]
        options = encode({"T": 7, "fft_length": 16})
        return [bytes(write(single_op(operator, *sides, custom_options=options)))]
    if operator == "SignalFilterBank":
        tables = [tensor(value=np.array(t, np.int16))
                  for t in ([3, 1, 2], [1, 3, 2], [0, 1, 3], [0, 1, 1], [1, 2, 2])]  # fmt: skip
        options = encode({"num_channels": 2})
        sides = [tensor((5,), "UINT32"), *tables], [tensor((2,), "UINT64")]
        return [bytes(write(single_op(operator, *sides, custom_options=options)))]
    if operator == "RFFT2D":
        sizes = ((3, 1, 400), (1, 512)), ((2, 3, 70), (4, 64))
        return [
            bytes(write(single_op(
                operator, [tensor(shape), tensor(value=np.array(lengths, np.int32))],
                [tensor((shape[0], lengths[0], lengths[1] // 2 + 1), "COMPLEX64")],
            )))
            for shape, lengths in sizes
        ]  # fmt: skip
    if operator != "CAST":
        return []
    types = ("INT8", "UINT8", "INT32", "BOOL", "FLOAT32")
    return [
        bytes(write(single_op("CAST", [tensor((37,), a)], [tensor((37,), b)])))
        for a in types
        for b in types
    ]


def first_layers(rng: np.random.Generator) -> list[Model]:
    """Convolutions whose windows lie in lines: of floats, of integers, and of both."""
    shape, filters, channels = (2, 9, 37, 3), (19, 3, 3, 3), np.zeros(19, int)
    options = {"stride_h": 2, "stride_w": 1}
    floats = tensor(value=rng.normal(size=filters).astype(np.float32))
    integers = tensor(value=rng.integers(-127, 128, filters).astype(np.int8), zero_point=channels,
                      scale=np.full(19, 2.0**-9, np.float32))  # fmt: skip
    x, y = tensor(shape), tensor((2, 5, 37, 19))
    q = {"scale": 1.0, "zero_point": 3}
    sides = [tensor(shape, "INT8", **q), integers, None], [tensor(y.shape, "INT8", **q)]
    return [
        single_op("CONV_2D", [x, floats, None], [y], **options),
        single_op("CONV_2D", [x, integers, None], [y], **options),
        single_op("CONV_2D", *sides, **options),
    ]


def by_channel(rng: np.random.Generator) -> list[Model]:
    """Depthwise convolutions of floats by integers: in tiles, and of any windows."""
    return [
        single_op(
            "DEPTHWISE_CONV_2D",
            [tensor((2, 9, 17, channels)),
             tensor(value=rng.integers(-127, 128, (1, *taps, filters)).astype(np.int8),
                    scale=np.full(filters, 2.0**-9, np.float32), dimension=3,
                    zero_point=np.zeros(filters, int)),
             None],
            [tensor((2, 9, 17, filters))], stride_h=1, stride_w=1,
            depth_multiplier=filters // channels,
        )
        for channels, filters, taps in ((3, 3, (3, 3)), (19, 19, (3, 3)), (19, 38, (2, 7)))
    ]  # fmt: skip


def matrices() -> list[Model]:
    """Products of integers, turned or not, both of which are computed."""
    shapes = (((2, 5, 19), (2, 19, 37), False), ((2, 19, 5), (2, 37, 19), True))
    kinds = (("INT8", "INT8", 3), ("INT16", "INT8", 0), ("INT16", "INT16", 0))
    return [
        single_op(
            "BATCH_MATMUL",
            [tensor(x, a, scale=0.5, zero_point=zero), tensor(y, b, scale=0.5, zero_point=zero)],
            [tensor((2, 5, 37), a, scale=99.0, zero_point=zero)], adj_x=turned, adj_y=turned,
        )
        for x, y, turned in shapes
        for a, b, zero in kinds
    ]  # fmt: skip


def cells(operator: str) -> list[Model]:
    """LSTM cells, plain and with all that they may have."""
    plain = [Cell(w, 2, 5, 18, 18) for w in ("FLOAT32", "INT8", "INTEGER")]
    more = [
        c._replace(outputs=7, projection=True, peephole=not c.integer, norm=True) for c in plain
    ]
    looking = Cell("INTEGER", 1, 20, 3, 3, peephole=True, coupled=True)
    return [sequence(c, 0, name=operator, proj_clip=0.3)[0] for c in (*plain, *more, looking)]


def on_targets() -> list[tuple[str, str]]:
    """Operators that have a lowering, each with the best set of instructions that tests of kernels
    run on, and with one of the others by turns; with all of them where there is time."""
    if not COMPILER:
        return []
    native = import_module("tests.jit.native")
    best, *others = (target.name for target in native.RUNNABLE)
    found = []
    for number, operator in enumerate(lowered()):
        some = others if native.LONG else others[number % len(others) :][:1] if others else []
        found += [(operator, target) for target in (best, *some)]
    return found


@pytest.mark.parametrize("size", [1, 100, 4096, 5000])
@pytest.mark.parametrize("edge", EDGES)
def test_what_is_placed_is_a_copy(edge: str, size: int) -> None:
    array = np.arange(size, dtype=np.int32)
    placed = place(array, edge, alignment=4)
    assert np.array_equal(placed.array, array) and placed.array.ctypes.data % 4 == 0
    placed.array[:] = 7
    assert placed.intact() and array[-1] == size - 1


@pytest.mark.parametrize(
    ("edge", "offset"), [(START, -1), (END, 100)], ids=["before", "behind"]
)  # fmt: skip
def test_who_reads_or_writes_beside_an_array_dies(edge: str, offset: int) -> None:
    placed = place(np.zeros(100, np.uint8), edge)
    address = placed.array.ctypes.data
    in_child(lambda note: ctypes.memset(address, 1, 100))
    assert placed.array.sum() == 100  # seen by the parent

    def read(note: Any) -> None:
        note("reads")
        ctypes.string_at(address + offset, 1)

    def write(note: Any) -> None:
        note("writes")
        ctypes.memset(address + offset, 0, 1)

    for act, told in ((read, "reads"), (write, "writes")):
        with pytest.raises(DiedError, match=rf"SIG(SEGV|BUS) at '{told}'"):
            in_child(act)


def test_who_writes_into_an_input_dies() -> None:
    placed = place(np.zeros(100, np.uint8), END, writable=False)
    address = placed.array.ctypes.data
    in_child(lambda note: ctypes.string_at(address, 100))
    with pytest.raises(DiedError, match="SIG"):
        in_child(lambda note: ctypes.memset(address, 0, 1))


def test_what_does_not_reach_the_guard_page_is_seen_too() -> None:
    placed = place(np.zeros(100, np.uint8), START)
    assert placed.intact()
    ctypes.memset(placed.array.ctypes.data + 100, 0, 1)
    assert not placed.intact()
    placed = place(np.zeros(100, np.uint8), END, alignment=64)
    assert placed.array.ctypes.data % 64 == 0
    ctypes.memset(placed.array.ctypes.data + 100, 0, 1)  # within what the alignment leaves
    assert not placed.intact()


def test_errors_and_hangs_of_children_are_told() -> None:
    def wrong(note: Any) -> None:
        raise ValueError("so and so")

    with pytest.raises(DiedError, match="ValueError: so and so"):
        in_child(wrong)

    def endless(note: Any) -> None:
        note("waiting")
        threading.Event().wait()

    with pytest.raises(DiedError, match="SIGKILL at 'waiting'"):
        in_child(endless, seconds=0.5)


@pytest.mark.skipif(not COMPILER, reason="no compiled backend here")
@pytest.mark.filterwarnings("error:.*could not be lowered")
@pytest.mark.parametrize(("operator", "target"), on_targets())
def test_kernels_stay_within_their_tensors(
    operator: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each lowering, on the models of its operator that the fuzzer begins with."""
    from tests.fuzz.guarded_steps import check_bytes

    monkeypatch.setenv("PYTFLITE_CPU", target)
    for data in (*seeds().get(operator, ()), *more(operator)):
        check_bytes(data)  # some constants are refused where they are folded


@pytest.mark.skipif(not COMPILER, reason="no compiled backend here")
@pytest.mark.filterwarnings("error:.*could not be lowered")
@pytest.mark.parametrize("operator", lowered())
def test_kernels_of_mutants_stay_within_their_tensors(operator: str) -> None:
    """Odd shapes, types and options; most are refused before there is a kernel."""
    from tests.fuzz.case import make
    from tests.fuzz.guarded_steps import check_bytes

    if operator not in seeds():
        pytest.skip("it has no seeds to be mutated")
    seen = sum(check_bytes(make(4, number, operator)) for number in range(40))
    known = (*seeds().get(operator, ()), *more(operator))
    assert seen or sum(map(check_bytes, known)), "none of its models is compiled"
