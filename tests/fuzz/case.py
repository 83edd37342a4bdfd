"""One case: from seed and number to bytes, and from bytes to a verdict."""

from __future__ import annotations

import math
import traceback
import warnings
import zlib
from functools import cache
from random import Random
from typing import Any, NamedTuple

import numpy as np

from pytflite.errors import FormatError, TFLiteError
from pytflite.model.dtypes import dtype_of
from pytflite.model.model import Model
from pytflite.ops.limits import Limits
from pytflite.ops.operator import Definition
from pytflite.ops.registry import BUILTINS, CUSTOM, load_all
from pytflite.runtime.interpreter import Interpreter
from tests.fuzz.data import LARGEST, array
from tests.fuzz.generate import generate
from tests.fuzz.mutate import flip, mutate
from tests.fuzz.seeds import GRAPHS, seeds
from tests.fuzz.tree import Values, build, parse

LIMITS = Limits(
    tensor_bytes=16 << 20, arena_bytes=64 << 20, macs=10**8, loop_iterations=1000,
    steps=10**5, string_bytes=1 << 20, call_depth=16,
)  # fmt: skip
ANSWER, REFUSED, FAILED = "answer", "refused", "FAILED"
RUNS = 3  # with different data, of every fourth case; the others run once


class WrongTypeError(Exception):
    """An output that is not what its operator promised."""


class Verdict(NamedTuple):
    """What came of a case. `code` is the error's; `where` tells failures apart."""

    kind: str
    code: str = ""
    where: str = ""


@cache
def definitions() -> dict[str, Definition]:
    """Every registered operator, and the graphs' key."""
    load_all()
    return dict(sorted((BUILTINS | CUSTOM).items()))


@cache
def _parsed(name: str) -> list[Values]:
    return [parse(data) for data in seeds().get(name, ())]


class Case(NamedTuple):
    """A file, and how it came about: bytes changed, a network, an operator, a signature."""

    origin: str
    data: bytes


def make(seed: int, number: int, operator: str | None = None) -> bytes:
    """The bytes of a case."""
    return draw(seed, number, operator).data


def draw(seed: int, number: int, operator: str | None = None) -> Case:
    """A case: each operator in turn, and every 16th a network.

    Args:
        seed, number: name the case; any machine makes the same of them.
        operator: only this one.
    """
    rng = Random(f"{seed}/{operator}/{number}")
    names = [operator] if operator is not None else list(definitions())
    name = names[number % len(names)]
    if operator is None and number % 16 == 15:
        name = GRAPHS
    known = seeds().get(name, [])
    origin = "network" if name == GRAPHS else "operator"
    choice = rng.random()
    if name in definitions() and (not known or choice < 0.15):
        origin = "signature"
        values = generate(definitions()[name], rng)
        if rng.random() < 0.3:
            values = mutate(values, rng)
    elif choice < 0.25 or (name == GRAPHS and choice < 0.6):
        return Case("bytes", flip(rng.choice(known), rng))
    else:
        values = mutate(rng.choice(_parsed(name)), rng)
    try:
        data = build(values)
    except (FormatError, OverflowError, IndexError, AssertionError, TypeError, ValueError):
        return Case(origin, b"")  # no file can say this
    return Case(origin, flip(data, rng) if rng.random() < 0.02 else data)


def judge(data: bytes, limits: Limits = LIMITS, backend: str = "numpy") -> Verdict:
    """Opens, inspects and runs; what is wrong with the answer, if anything."""
    verdict = Verdict(ANSWER)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if backend == "jit":  # what could not be lowered is a fault, though NumPy answers
                warnings.filterwarnings("error", ".*could not be lowered")
            verdict = _run(data, limits, backend)
    except TFLiteError as error:
        return _refused(error)
    except Exception as error:
        return Verdict(FAILED, type(error).__name__, where(error))
    return verdict


def _run(data: bytes, limits: Limits, backend: str) -> Verdict:
    interpreter = Interpreter(
        model_content=data, limits=limits, backend=backend, wait=backend == "jit"
    )
    check = zlib.crc32(data)
    rng = Random(check)
    if check % 8 == 0:
        _inspect(interpreter.model)
    last: TFLiteError | None = None
    answered = False
    interpreter.allocate_tensors()
    for _ in range(RUNS if check % 4 == 0 else 1):
        try:
            for details in interpreter.get_input_details():
                value = _input(rng, interpreter, details)
                if value is not None:
                    interpreter.set_tensor(details["index"], value)
            interpreter.invoke()
            _check_types(interpreter)
            answered = True
        except TFLiteError as error:
            if _refused(error).kind == FAILED:
                raise
            last = error  # the interpreter is to be usable all the same
    return Verdict(ANSWER) if answered or last is None else _refused(last)


def _check_types(interpreter: Interpreter) -> None:
    """Outputs have the type that the details tell (not always the file's)."""
    for details in interpreter.get_output_details():
        found, told = interpreter.get_tensor(details["index"]).dtype, np.dtype(details["dtype"])
        # FLOAT8 are bytes, signed or not.
        if found not in (told, object) and found.kind + told.kind not in ("ui", "iu"):
            names = ",".join(o.name for o in interpreter.model.operators[:2])
            raise WrongTypeError(f"{names}: {told} output is {found}")


def _input(rng: Random, interpreter: Interpreter, details: dict[str, Any]) -> Any:
    shape = tuple(int(d) for d in details["shape"])
    tensor = interpreter.model.main.tensors[details["index"]]
    if math.prod(d or 1 for d in shape) > (LARGEST if not tensor.dtype.is_handle else 1000):
        return None
    return array(rng, dtype_of(tensor.dtype.number), shape)


def _inspect(model: Model) -> None:
    repr(model)
    model._repr_html_()
    for _ in model.files:
        break
    model.labels
    model.metadata


def _refused(error: TFLiteError) -> Verdict:
    if error.code in ("internal", "limit.memory"):
        return Verdict(FAILED, error.code, where(error))
    return Verdict(REFUSED, error.code)


def where(error: BaseException) -> str:
    """The line of ours that failed, and how."""
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    frames = traceback.extract_tb(cause.__traceback__)
    ours = [f for f in frames if "pytflite/" in f.filename.replace("\\", "/")]
    line = ours[-1] if ours else frames[-1]
    file = line.filename.replace("\\", "/").split("pytflite/")[-1]
    return f"{file}:{line.lineno} {type(cause).__name__}: {str(cause)[:120]}"
