"""From a Kernel to machine code, by LLVM. This and jit/kernels alone import llvmlite and Numba."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import llvmlite.binding as llvm

from pytflite.jit.declaration import is_python
from pytflite.jit.image import Image
from pytflite.jit.ir import Module
from pytflite.jit.kernel import Kernel
from pytflite.jit.linker import link
from pytflite.jit.target import Target


@cache
def machine(target: Target) -> Any:
    """LLVM's target machine, which writes code that runs wherever it is mapped."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=3, reloc="pic", codemodel="small"
    )


def parse(kernel: Kernel, target: Target, triple: str = "", writer: Any = None) -> Any:
    """The LLVM module of a kernel.

    Args:
        triple, writer: for what system, if not for images.
    """
    triple, writer = triple or target.triple, writer or machine(target)
    if is_python(kernel):
        from pytflite.jit.numba_kernels import module_of

        return module_of(kernel, writer, triple)
    file, _, name = kernel.emitter.partition(".")
    emit = getattr(import_module(f"pytflite.jit.emit.{file}"), name)
    module = Module()
    emit(module, target, **dict(kernel.settings))
    parsed = llvm.parse_assembly(module.text())
    parsed.verify()
    parsed.triple = triple
    parsed.data_layout = str(writer.target_data)
    return parsed


def assembly(kernel: Kernel, target: Target) -> str:
    """What the kernel is in the CPU's own language, to be read."""
    return str(machine(target).emit_assembly(parse(kernel, target)))


def compile_kernel(kernel: Kernel, target: Target) -> Image:
    """The image of a kernel."""
    obj = machine(target).emit_object(parse(kernel, target))
    return link(obj, target.architecture, target.name, kernel.label)
