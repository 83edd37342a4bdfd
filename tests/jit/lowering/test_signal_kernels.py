"""Operators on signals in integers: bits as on NumPy."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite import DataError
from pytflite.format.flexbuffer import encode
from pytflite.model.model import Model
from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.jit.native import RUNNABLE
from tests.jit.targets import compiled, reasons

pytest.importorskip("numba")
RNG = np.random.default_rng(0)


def signal(name: str, inputs: Any, outputs: Any, **options: Any) -> Model:
    return single_op(name, inputs, outputs, custom_options=encode(options))


def extremes(dtype: str, size: int) -> np.ndarray:
    """Numbers of all magnitudes, the least and the greatest among them."""
    info = np.iinfo(dtype)
    bits = RNG.integers(0, info.bits, size, dtype=np.uint64)
    x = RNG.integers(info.min, info.max, size, dtype=dtype, endpoint=True) >> bits.astype(dtype)
    some = np.array([info.min, info.max, 0, 1, 2, 3, info.max - 1], dtype)
    x[: some.size] = some[:size]
    return RNG.permutation(x.astype(dtype))


@pytest.mark.parametrize("shift", [0, 12, 15, 31])
def test_window(shift: int) -> None:
    x, w = extremes("int16", 3 * 480).reshape(3, 480), extremes("int16", 240)
    sides = [tensor(x.shape, "INT16"), tensor(value=w)], [tensor(x.shape, "INT16")]
    agree(signal("SignalWindow", *sides, shift=shift), x)


@pytest.mark.parametrize("size", [1, 2, 480])
def test_auto_scale(size: int) -> None:
    outputs = [tensor((size,), "INT16"), tensor((), "INT32")]
    model = signal("SignalFftAutoScale", [tensor((size,), "INT16")], outputs)
    for least in (-32768, -32767, -3, 0):
        for most in (0, 1, 5, 16383, 16384, 32767):
            x = RNG.integers(least, most, size, np.int16, endpoint=True)
            x[0], x[-1] = most, least
            agree(model, x, cpus=RUNNABLE[:1])
    agree(model, np.zeros(size, np.int16))


def test_energy() -> None:
    x = extremes("int16", 514)
    x[:4] = -32768
    for first, last in ((0, 257), (5, 241), (7, 7), (9, 3)):
        model = signal(
            "SignalEnergy", [tensor(x.shape, "INT16")], [tensor((257,), "UINT32")],
            start_index=first, end_index=last,
        )  # fmt: skip
        agree(model, x)


def test_filter_bank() -> None:
    x, weights, unweights = extremes("uint32", 60), extremes("int16", 80), extremes("int16", 80)
    widths = np.int16([3, 0, 10, -1, 20, 8])
    tables = np.int16([5, 60, 50, 99, 40, 1]), np.int16([70, 0, 70, -5, 3, 30]), widths
    model = signal(
        "SignalFilterBank",
        [tensor(x.shape, "UINT32"), *(tensor(value=t) for t in (weights, unweights, *tables))],
        [tensor((5,), "UINT64")], num_channels=5,
    )  # fmt: skip
    agree(model, x)


def test_square_root() -> None:
    roots = np.concatenate([np.arange(200), 2 ** np.arange(1, 32), [65535, 65536, 2**32 - 1]])
    squares = roots.astype(np.uint64) ** 2
    near = [squares + np.uint64(n) for n in (0, 1)] + [squares - np.uint64(1)]
    middle = squares + roots.astype(np.uint64)
    x = np.concatenate([*near, middle, middle + np.uint64(1), extremes("uint64", 500)])
    bits = tensor((), "INT32")
    model = signal(
        "SignalFilterBankSquareRoot", [tensor(x.shape, "UINT64"), bits], [tensor(x.shape, "UINT32")]
    )
    for shift in (0, 1, 31):
        agree(model, x, np.int32(shift))
    for shift in (-1, 32):
        with pytest.raises(DataError, match="shift"):
            compiled(model, RUNNABLE[0]).run(x, np.int32(shift))


@pytest.mark.parametrize("shift", [0, 6, 63])
def test_pcan(shift: int) -> None:
    x, noise, table = extremes("uint32", 400), extremes("uint32", 400), extremes("int16", 125)

    def model(entries: int) -> Model:
        kinds = tensor(x.shape, "UINT32"), tensor(x.shape, "UINT32"), tensor(value=table[:entries])
        return signal("SignalPCAN", kinds, [tensor(x.shape, "UINT32")], snr_shift=shift)

    agree(model(125), x, noise)
    for entries, most in ((1, 0), (3, 2), (5, 3), (9, 7), (124, 2**31 - 1)):
        agree(model(entries), x, np.minimum(noise, most))
        interpreter = compiled(model(entries), RUNNABLE[0])
        with pytest.raises(DataError, match="too short"):
            interpreter.run(x, np.full_like(noise, most + 1))


@pytest.mark.parametrize("shift", [0, 3, 31])
@pytest.mark.parametrize("scale", [1, 64, 2**31 - 1])
def test_log(shift: int, scale: int) -> None:
    x = extremes("uint32", 2000)
    sides = [tensor(x.shape, "UINT32")], [tensor(x.shape, "INT16")]
    options = {"input_correction_bits": shift, "output_scale": scale}
    agree(signal("SignalFilterBankLog", *sides, **options), x)


@pytest.mark.parametrize("dtype", ["int16", "int32"])
@pytest.mark.parametrize("n", [4, 8, 16, 32, 64, 512, 1024])
def test_rfft(dtype: str, n: int) -> None:
    for given in {n, n - 1, max(n - 37, 0)}:
        x = extremes(dtype, 4 * given).reshape(4, given)
        model = signal(
            "SignalRfft", [tensor(x.shape, dtype.upper())], [tensor((4, n + 2), dtype.upper())],
            T={"int16": 7, "int32": 2}[dtype], fft_length=n,
        )  # fmt: skip
        agree(model, x)
        agree(model, np.full_like(x, np.iinfo(dtype).min), cpus=RUNNABLE[:1])


def test_what_rfft_is_not_compiled_for() -> None:
    for dtype, n, says in (("INT16", 12, "powers of two"), ("FLOAT32", 8, "integers")):
        sides = [tensor((2, 4), dtype)], [tensor((2, n + 2), dtype)]
        interpreter = compiled(signal("SignalRfft", *sides, fft_length=n), RUNNABLE[0])
        assert says in str(reasons(interpreter, (2, 4)))


@pytest.mark.parametrize("pair", ["INT32 UINT32", "UINT32 INT32", "UINT64 INT64", "INT16 UINT16"])
def test_casts_of_the_same_bits(pair: str) -> None:
    source, target = pair.split()
    x = extremes(source.lower(), 100)
    agree(single_op("CAST", [tensor(x.shape, source)], [tensor(x.shape, target)]), x)


@pytest.mark.parametrize("clamping", [False, True])
@pytest.mark.parametrize("bits", [(0, 8), (10, 14), (31, 63)])
def test_spectral_subtraction(clamping: bool, bits: tuple[int, int]) -> None:
    """What is kept goes on from run to run, between backends, and into copies."""
    sides = [tensor((41,), "UINT32")], [tensor((41,), "UINT32")] * 2
    model = signal(
        "SignalFilterBankSpectralSubtraction", *sides, num_channels=41, smoothing=409,
        one_minus_smoothing=15975, alternate_smoothing=983, alternate_one_minus_smoothing=15401,
        smoothing_bits=bits[0], min_signal_remaining=819, clamping=clamping,
        spectral_subtraction_bits=bits[1],
    )  # fmt: skip
    agree(model, extremes("uint32", 41))
    numpy = pytflite.Interpreter(model, backend="numpy")
    native = compiled(model, RUNNABLE[0])
    assert not reasons(native, (41,))
    for number in range(8):
        x = extremes("uint32", 41)
        if number == 3:  # each step alone
            with native.add_hook(after=lambda moment: None):
                got = native.run(x)
        elif number == 5:
            native = pickle.loads(pickle.dumps(native))
            got = native.run(x)
        else:
            got = native.run(x)
        for g, w in zip(got, numpy.run(x), strict=True):
            np.testing.assert_array_equal(g, w)
        if number == 6:
            native.reset_all_variables()
            numpy.reset_all_variables()
