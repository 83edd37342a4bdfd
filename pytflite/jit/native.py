"""Where images cannot be mapped (Windows, macOS on Arm): llvmlite keeps the code in its own memory.

Kernels are compiled in a thread of this process, and gone with it.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numpy as np

from pytflite.jit.builder import Key
from pytflite.jit.compiler import Order, Tell
from pytflite.jit.compiling import parse
from pytflite.jit.image import Loaded
from pytflite.jit.kernel import Kernel
from pytflite.jit.target import Target


def compile_here(kernel: Kernel, target: Target) -> tuple[Any, int]:
    """The engine that holds a kernel's code, and its address."""
    triple = llvm.get_process_triple()
    machine = llvm.Target.from_triple(triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=3, jit=True
    )
    module = parse(kernel, target, triple, machine)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine, engine.get_function_address("kernel")


class NativeWorker:
    """Compiles orders into memory: what compiler.Worker is elsewhere."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._engines: list[Any] = []  # they own the code
        self.loaded: dict[Key, Loaded] = {}

    def do(self, order: Order) -> None:
        """Compiles one kernel."""
        try:
            engine, address = compile_here(order.kernel, order.target)
        except Exception as error:
            reason = f"its compilation failed: {type(error).__name__}: {error}"
            self._tell(id=order.number, event="failed", reason=reason)
        else:
            self._engines.append(engine)
            self.loaded[order.kernel, order.target] = Loaded(
                address, np.empty(0, np.uint8), order.kernel.label
            )
            self._tell(id=order.number, event="done")

    def end(self) -> None:
        """Nothing is left to do."""
