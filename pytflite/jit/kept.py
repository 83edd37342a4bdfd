"""KeptPlans: linked plans on disk, so that the next process need not plan, lower and pack again.

A plan is kept if nothing of it is left to decide: it is that of the main subgraph for the shapes
that the file declares, all its steps are native and one call runs them, and it has no state. Its
file is named for the model's file (device, inode, size, times), the target and whatever else the
plan depends on; it says which of our own sources were loaded when it was made, and is good only
while these are as they were. Nobody else can write it (image.py tells how that is checked).

    0    magic
    8    blake2b of all that follows up to the constants
    40   length of the header; of the constants
    56   sum of each block of the constants, then the header: `marshal` of a _Header
         on a page of its own: the constants, which are mapped, and shared by processes
"""

from __future__ import annotations

import marshal
import mmap
import os
import struct
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from pytflite.jit.cache import LIMIT, PLAN, assume_version, code_version, sources, write
from pytflite.jit.image import ImageError, blake2b, opened
from pytflite.jit.kernel import Kernel, Setting
from pytflite.jit.library import Library
from pytflite.jit.program import Program, Tables
from pytflite.jit.records import RECORD, RUNNERS
from pytflite.jit.target import Target
from pytflite.model.graph import Array
from pytflite.model.model import Model
from pytflite.ops.operator import BUILTINS, CUSTOM
from pytflite.ops.registry import is_ours
from pytflite.ops.spec import Shape, Spec
from pytflite.plan.plan import Plan

_MAGIC = b"pytplan\x01"
_START = struct.Struct("<8s32sQQ")
_LARGEST = LIMIT // 4  # bytes: others want room, too
_BLOCK = 1 << 16  # bytes of constants that one sum covers
_SETTLED = 2.0  # seconds after which a file system's clock tells one change from the next
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class _Header(NamedTuple):
    """What is kept beside the constants: numbers, strings and bytes only."""

    sources: tuple[tuple[str, int, int], ...]  # path, size, time
    version: str  # code_version()
    outputs: tuple[Shape, ...]
    offsets: dict[int, int]
    sizes: tuple[int, ...]  # arena_bytes, lower_bound, folded, work, run_steps; works, scratch
    kernels: tuple[tuple[str, tuple[tuple[str, Setting], ...]], ...]
    tables: tuple[bytes, ...]  # records, slots, relative, inner, absolute
    constants: tuple[tuple[int, int], ...]  # from, to


class KeptPlans:
    """The kept plans of one model.

    Args:
        model: opened from a file, or nothing is ever kept.
        library: where kernels come from.
        target: which CPU the kernels are for.
        settings: what else a plan depends on.
    """

    def __init__(
        self, model: Model, library: Library, target: Target, settings: Sequence[str]
    ) -> None:
        self._model = model
        self._library = library
        self._target = target
        self._settings = (sys.version, _PACKAGE, target.name, *settings)

    # --- what backends ask ----------------------------------------------------------------------

    def recall(self, shapes: Sequence[Shape], threads: int) -> Plan | None:
        """The plan for inputs of these shapes, with its program; None if none can be had."""
        if not self._usual(shapes):
            return None
        path = self._path()
        try:
            header, constants = _read(path)
        except FileNotFoundError:
            return None
        except (ImageError, OSError):
            with suppress(OSError):
                os.unlink(path)
            return None
        records, slots, relative, inner, absolute = (
            np.frombuffer(table, np.int64) for table in header.tables
        )
        assume_version(header.version)
        tables = Tables(
            tuple(Kernel(*kernel) for kernel in header.kernels),
            header.sizes[-2],
            records.reshape(-1, RECORD // 8),
            slots,
            relative,
            inner,
            absolute,
            tuple(constants[begin:end] for begin, end in header.constants),
            header.sizes[-1],
        )
        addresses = self._library.find((*RUNNERS, *tables.kernels), self._target)
        if len(addresses) < len({*RUNNERS, *tables.kernels}):
            return None  # an image was removed
        return self._plan(header, shapes, Program(tables, addresses, threads))

    def keep(self, plan: Plan) -> None:
        """Keeps a plan for the next process, if it is of the kind, and the disk allows it."""
        cache = self._library.cache
        if cache.temporary or not self._worth_keeping(plan):
            return
        path, states = self._path(), _states()
        if not states or os.path.exists(path):
            return
        program = plan.program
        assert isinstance(program, Program)
        tables = program.tables
        places: dict[int, tuple[int, int]] = {}
        arrays: list[Array] = []
        end = 0
        for array in tables.constants:
            if id(array) not in places:
                places[id(array)] = end, end + array.nbytes
                arrays.append(array)
                end += -(-array.nbytes // 64) * 64
        if end > _LARGEST:
            return
        header = _Header(
            states,
            code_version(),
            tuple(plan.specs[i].static for i in plan.outputs),
            {i: plan.offsets[i] for i in (*plan.inputs, *plan.outputs)},
            (
                plan.arena_bytes,
                plan.lower_bound,
                plan.folded,
                plan.work,
                plan.run_steps,
                tables.works,
                tables.scratch,
            ),
            tuple((kernel.emitter, kernel.settings) for kernel in tables.kernels),
            tuple(
                table.tobytes()
                for table in (
                    tables.records,
                    tables.slots,
                    tables.relative,
                    tables.inner,
                    tables.absolute,
                )
            ),
            tuple(places[id(array)] for array in tables.constants),
        )
        constants = np.zeros(-(-end // _BLOCK) * _BLOCK, np.uint8)
        for array in arrays:
            begin, end = places[id(array)]
            constants[begin:end] = array.reshape(-1).view(np.uint8)
        with suppress(OSError):
            write(path, _packed(header, constants))
            cache.trim()

    # --- which plans ----------------------------------------------------------------------------

    def _path(self) -> str:
        key = "\0".join((*map(str, self._model.stamp), *self._settings))
        name = blake2b(key.encode(), digest_size=16).hexdigest()
        return os.path.join(self._library.cache.directory, f"{name}{PLAN}")

    def _usual(self, shapes: Sequence[Shape]) -> bool:
        """Whether these are the shapes of the file, and all operators our own."""
        main = self._model.main
        return (
            bool(self._model.stamp)
            and all(main.tensors[i].shape == s for i, s in zip(main.inputs, shapes, strict=True))
            and all(_is_ours(operator.name) for operator in main.operators)
        )

    def _worth_keeping(self, plan: Plan) -> bool:
        stamp, main = self._model.stamp, self._model.main
        return (
            plan.subgraph == 0
            and self._usual(plan.input_shapes)
            and time.time() - max(stamp[3:]) / 1e9 > _SETTLED
            and isinstance(plan.program, Program)
            and plan.pure
            and not (plan.awaited or plan.takes or plan.cell_bytes)
            and all(step.alias or (step.work is not None and not step.cells) for step in plan.steps)
            and all(i in plan.offsets for i in (*plan.inputs, *plan.outputs))
            # What is said of a tensor is what the file says: nothing else is known when recalled.
            and all(
                spec.shape == main.tensors[i].shape and spec.dtype is main.tensors[i].dtype
                for i, spec in plan.specs.items()
            )
        )

    def _plan(self, header: _Header, shapes: Sequence[Shape], program: Program) -> Plan:
        main = self._model.main
        plan = Plan(0, main.inputs, main.outputs)
        for indices, found in ((main.inputs, shapes), (main.outputs, header.outputs)):
            for index, shape in zip(indices, found, strict=True):
                tensor = main.tensors[index]
                plan.specs[index] = Spec(shape, tensor.dtype, tensor.quantization)
        plan.offsets = header.offsets
        sizes = header.sizes
        plan.arena_bytes, plan.lower_bound, plan.folded, plan.work, plan.run_steps = sizes[:5]
        plan.program = program
        plan.bare = True
        return plan


def _is_ours(operator: str) -> bool:
    """Whether nobody has put an operator of his own under this name."""
    return all(is_ours(known[operator]) for known in (BUILTINS, CUSTOM) if operator in known)


# --- files --------------------------------------------------------------------------------------


def _packed(header: _Header, constants: Array) -> bytes:
    """The bytes of a file; the constants are whole blocks."""
    rest = _sums(constants).tobytes() + marshal.dumps(tuple(header))
    body = bytearray(_START.size) + rest
    body += bytes(-len(body) % mmap.PAGESIZE)
    lengths = struct.pack("<QQ", len(rest), constants.size)
    digest = blake2b(lengths + bytes(body[_START.size :]), digest_size=32).digest()
    body[: _START.size] = _MAGIC + digest + lengths
    return bytes(body) + constants.tobytes()


def _read(path: str) -> tuple[_Header, Array]:
    """What a file holds, if all is as it was written and our sources are the same.

    Raises:
        FileNotFoundError: there is none.
        ImageError: it cannot be trusted, or is outdated.
    """
    with opened(path, 2 * LIMIT) as (descriptor, size):
        mapping = mmap.mmap(
            descriptor, size, flags=mmap.MAP_PRIVATE | _POPULATE, prot=mmap.PROT_READ
        )
    data: Array = np.frombuffer(mapping, np.uint8)
    if size < _START.size:
        raise ImageError("it is too short")
    magic, digest, length, constants = _START.unpack(data[: _START.size].tobytes())
    begin = -(-(_START.size + length) // mmap.PAGESIZE) * mmap.PAGESIZE
    if magic != _MAGIC or constants % _BLOCK or begin + constants != size:
        raise ImageError("it is no plan of this version")
    if blake2b(data[40:begin].data, digest_size=32).digest() != digest:
        raise ImageError("its bytes have changed")
    blocks = constants // _BLOCK
    rest = data[_START.size : _START.size + length]
    header = _Header(*marshal.loads(rest[8 * blocks :].data))
    if any(_state(name) != (size, time) for name, size, time in header.sources):
        raise ImageError("it was made by another pytflite")
    if _sums(data[begin:]).tobytes() != rest[: 8 * blocks].tobytes():
        raise ImageError("its constants have changed")
    return header, data[begin:]


_POPULATE = getattr(mmap, "MAP_POPULATE", 0)  # all pages at once, not each when it is touched


def _sums(constants: Array) -> Array:
    """What notices damage, at the speed of memory: nobody else can write these files."""
    words: Array = constants.view(np.uint64).reshape(-1, _BLOCK // 8)
    sums: Array = np.add.reduce(words, axis=1)
    return sums


def _states() -> tuple[tuple[str, int, int], ...]:
    """Of our modules in this process, and of what writes kernels; none if they are no files."""
    paths = set(sources())
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "pytflite":
            paths.add(getattr(module, "__file__", None) or "?")
    states = [(path, _state(path)) for path in sorted(paths)]
    if any(state is None for _, state in states):
        return ()
    return tuple((path, *state) for path, state in states if state is not None)


def _state(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
