"""KeptPlans: linked plans on disk, so that the next process need not plan, lower and pack again.

A plan is kept if nothing of it is left to decide: it is that of the main subgraph for the shapes
that the file declares, all its steps are native and one call runs them, and it has no state. Its
file is named for what is in the model's, the target and whatever else the plan depends on; it says
which of our own sources were loaded when it was made, and is good only while these are as they
were (by size and seconds, as for Python's own compiled files). Nobody else can write it (image.py
tells how that is checked).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from pytflite.format.source import stamp_of
from pytflite.jit.cache import LIMIT, PLAN, assume_version, code_version, write
from pytflite.jit.image import ImageError, blake2b
from pytflite.jit.kernel import Kernel
from pytflite.jit.library import Library
from pytflite.jit.plan_file import Header, joined, pack, read, source_states
from pytflite.jit.program import Program, Tables
from pytflite.jit.records import RECORD, runners
from pytflite.jit.target import Target
from pytflite.model.model import Model
from pytflite.ops.registry import BUILTINS, CUSTOM, is_ours
from pytflite.ops.spec import Shape, Spec
from pytflite.plan.plan import Plan

_LARGEST = LIMIT // 4  # bytes: others want room, too
_SETTLED = 2.0  # seconds after which a file system's clock tells one change from the next
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


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
        path = self._path(keeps=False)
        if path is None:
            return None
        try:
            header, constants = read(path)
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
            kernels=tuple(Kernel(*kernel) for kernel in header.kernels),
            works=header.totals[0],
            records=records.reshape(-1, RECORD // 8),
            slots=slots,
            relative=relative,
            inner=inner,
            absolute=absolute,
            constants=tuple(constants[begin:end] for begin, end in header.constants),
            scratch=header.totals[1],
        )
        kernels = {*runners(threads), *tables.kernels}
        addresses = self._library.find(kernels, self._target)
        if len(addresses) < len(kernels):
            return None  # an image was removed
        return self._plan(header, shapes, Program(tables, addresses, threads))

    def keep(self, plan: Plan) -> None:
        """Keeps a plan for the next process, if it is of the kind, and the disk allows it."""
        cache = self._library.cache
        if cache.temporary or not self._worth_keeping(plan):
            return
        path, states = self._path(), source_states()
        if path is None or not states or os.path.exists(path):
            return
        program = plan.program
        assert isinstance(program, Program)
        tables = program.tables
        if sum(array.nbytes for array in tables.constants) > _LARGEST:
            return
        places, constants = joined(tables.constants)
        header = Header(
            sources=states,
            version=code_version(),
            outputs=tuple(plan.specs[i].static for i in plan.outputs),
            offsets={i: plan.offsets[i] for i in (*plan.inputs, *plan.outputs)},
            sizes=(plan.arena_bytes, plan.lower_bound, plan.folded, plan.work, plan.run_steps),
            kernels=tuple((kernel.emitter, kernel.settings) for kernel in tables.kernels),
            totals=(tables.works, tables.scratch),
            tables=tuple(
                table.tobytes()
                for table in (
                    tables.records, tables.slots, tables.relative, tables.inner, tables.absolute
                )
            ),
            constants=places,
        )  # fmt: skip
        from pytflite.jit.housekeeping import trim

        with suppress(OSError):
            write(path, pack(header, constants))
            trim(cache.directory)

    # --- which plans ----------------------------------------------------------------------------

    def _path(self, *, keeps: bool = True) -> str | None:
        """Of the file, named for what is in the model's; None if that is too much to look at, or
        there cannot be one and none will be kept."""
        content = self._content(keeps)
        if content is None:
            return None
        key = b"\0".join((content, *map(str.encode, self._settings)))
        name = blake2b(key, digest_size=16).hexdigest()
        return os.path.join(self._library.cache.directory, f"{name}{PLAN}")

    def _content(self, keeps: bool) -> bytes | None:
        """A hash of the model's file. It is read once, and known by its stamp from then on."""
        model, cache = self._model, self._library.cache
        stamp = repr(model.stamp).encode()
        known = cache.recall(stamp)
        if known is None and model.size <= _LARGEST and (keeps or cache.has_plans()):
            assert model.file_view is not None
            known = blake2b(model.file_view, digest_size=32).digest()
            if self._is_settled():
                cache.keep(stamp, known)
        return known

    def _is_settled(self) -> bool:
        """Whether the file is as it was when it was opened, and its next change will be seen."""
        stamp = self._model.stamp
        try:
            unchanged = stamp_of(os.stat(self._model.name)) == stamp
        except OSError:
            return False
        return unchanged and time.time() - max(stamp[3:]) / 1e9 > _SETTLED

    def _usual(self, shapes: Sequence[Shape]) -> bool:
        """Whether these are the shapes of the file, and all operators our own."""
        main = self._model.main
        return (
            bool(self._model.stamp)
            and all(main.tensors[i].shape == s for i, s in zip(main.inputs, shapes, strict=True))
            and all(_is_ours(code.name) for code in self._model.operator_codes)
        )

    def _worth_keeping(self, plan: Plan) -> bool:
        main = self._model.main
        return (
            plan.subgraph == 0
            and self._usual(plan.input_shapes)
            and self._is_settled()
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

    def _plan(self, header: Header, shapes: Sequence[Shape], program: Program) -> Plan:
        main = self._model.main
        plan = Plan(0, main.inputs, main.outputs)
        for indices, found in ((main.inputs, shapes), (main.outputs, header.outputs)):
            for index, shape in zip(indices, found, strict=True):
                tensor = main.tensors[index]
                plan.specs[index] = Spec(shape, tensor.dtype, tensor.quantization)
        plan.offsets = header.offsets
        sizes = header.sizes
        plan.arena_bytes, plan.lower_bound, plan.folded, plan.work, plan.run_steps = sizes
        plan.program = program
        plan.bare = True
        return plan


def _is_ours(operator: str) -> bool:
    """Whether nobody has put an operator of his own under this name."""
    return all(is_ours(known[operator]) for known in (BUILTINS, CUSTOM) if operator in known)
