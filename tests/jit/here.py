"""Models on kernels that are compiled in this process, where tests can change emitters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from pytflite.jit.backend import Compiled
from pytflite.jit.compiling import compile_kernel
from pytflite.jit.image import Loaded, load
from pytflite.jit.kernel import Kernel
from pytflite.jit.target import Target
from pytflite.model.model import Model
from pytflite.ops.limits import Limits
from pytflite.ops.registry import find
from pytflite.plan.planner import Planner
from pytflite.runtime.context import Context


class Library:
    """Kernels compiled here and now."""

    def __init__(self) -> None:
        self.failures: dict[Any, str] = {}
        self.loaded: dict[Kernel, Loaded] = {}

    def find(self, kernels: Iterable[Kernel], target: Target) -> dict[Kernel, int]:
        for kernel in kernels:
            if kernel not in self.loaded:
                self.loaded[kernel] = load(compile_kernel(kernel, target))
        return {kernel: self.loaded[kernel].address for kernel in kernels}


def compiled_here(model: Model, library: Library, target: Target, *inputs: np.ndarray) -> Context:
    """The context of a model after a run; all of its steps must be native."""
    backend = Compiled(model, target=target, threads=1)
    backend.library = library  # type: ignore[assignment]  # what `find` asks
    planner = Planner(model, lambda n, c: find(n, custom=c), Limits(), backend=backend)
    context = Context(planner.plan(0, [x.shape for x in inputs]))
    for index, x in zip(context.plan.inputs, inputs, strict=True):
        context.arrays[index][...] = x
    for bound in context.bound:
        assert bound.step.work is not None, bound.step.reason
        bound.eval(bound.p, bound.inputs, bound.outputs, None)  # type: ignore[arg-type]
    return context
