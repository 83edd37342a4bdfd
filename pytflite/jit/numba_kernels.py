"""From a Python function of jit/kernels to an LLVM module, by Numba.

Numba gives types to the function and writes its LLVM IR; it neither optimises that nor makes it
machine code. We add a `kernel` of the one signature that calls it (entry.py), link the two, and let
LLVM optimise them as one for the target.

What a kernel may call: other plain functions of jit/kernels, those of kernels/intrinsics.py (an
instruction each), and what Numba has for numbers. Not math.exp and its kin, which would call the C
library: kernels/maths.py has them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dis import get_instructions
from functools import cache
from types import FunctionType
from typing import Any

os.environ.setdefault("NUMBA_DISABLE_INTEL_SVML", "1")

import numba
from llvmlite import binding as llvm
from llvmlite import ir
from numba.core import codegen, compiler, registry, types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.types.misc import unliteral
from numba.extending import intrinsic
from numba.np import arrayobj

from pytflite.jit.declaration import Argument, declared
from pytflite.jit.entry import kernel_text
from pytflite.jit.kernel import Kernel
from pytflite.jit.kernels import intrinsics

# --- Numba without its optimiser and its machine code -------------------------------------------


class _Library(codegen.AOTCodeLibrary):  # type: ignore[misc]  # Numba has no types
    """A module that is left as it was written."""

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        pass

    def get_pointer_to_function(self, name: str) -> int:
        return 0


class _Codegen(codegen.CPUCodegen):  # type: ignore[misc]  # Numba has no types
    """Numba's code generator of this process, but with such libraries."""

    _library_class = _Library

    def __init__(self, original: Any) -> None:
        self.__dict__.update(original.__dict__)

    def _add_module(self, module: Any) -> None:
        pass

    def set_env(self, name: str, env: Any) -> None:
        pass


class _Pipeline(compiler.CompilerBase):  # type: ignore[misc]  # Numba has no types
    """The passes that kernels need: no closures, no array expressions, no Python objects."""

    def define_pipelines(self) -> list[Any]:
        manager = compiler.PassManager("pytflite")
        for name in (
            "TranslateByteCode", "FixupArgs", "IRProcessing", "ReconstructSSA",
            "NopythonTypeInference", "PreLowerStripPhis", "IRLegalization", "AnnotateTypes",
            "NativeLowering", "NoPythonBackend",
        ):  # fmt: skip
            manager.add_pass(getattr(compiler, name), name)
        manager.finalize()
        return [manager]


def _index(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
    return context.cast(builder, index, kind, types.intp if kind.signed else types.uintp)


@contextmanager
def _plain_code() -> Iterator[tuple[Any, Any]]:
    """Numba's typing and target contexts, making plain modules for the moment.

    Indices are never negative meanwhile: telling would keep LLVM from vectors.
    """
    with global_compiler_lock:
        typing, target = registry.cpu_target.typing_context, registry.cpu_target.target_context
        typing.refresh()
        target.refresh()
        original = target._internal_codegen
        target._internal_codegen = _Codegen(original)
        from_the_end = arrayobj.fix_integer_index
        arrayobj.fix_integer_index = _index
        try:
            yield typing, target
        finally:
            arrayobj.fix_integer_index = from_the_end
            target._internal_codegen = original


# --- functions ----------------------------------------------------------------------------------


def _instruction(write: Callable[..., Any], parameters: str, returns: str = "T") -> Any:
    """A Numba intrinsic of numbers: write(builder, *values) gives its instruction.

    Args:
        parameters: types, "T, T, T"; T is that of the last argument.
        returns: type of the result.
    """
    kinds = parameters.split(", ")

    def typed(given: tuple[Any, ...]) -> Any:
        def kind(name: str) -> Any:
            return unliteral(given[-1]) if name == "T" else getattr(types, name)

        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return write(builder, *arguments)

        return kind(returns)(*map(kind, kinds)), emit

    # Numba counts the parameters of these.
    functions: dict[int, Callable[..., Any]] = {
        1: lambda context, a: typed((a,)),
        2: lambda context, a, b: typed((a, b)),
        3: lambda context, a, b, c: typed((a, b, c)),
    }
    return intrinsic(functions[len(kinds)])


def _named(name: str) -> Callable[..., Any]:
    """Writes a call of an LLVM intrinsic whose arguments and result have one type."""

    def write(builder: Any, *values: Any) -> Any:
        kind = values[0].type
        signature = ir.FunctionType(kind, [kind] * len(values))
        return builder.call(builder.module.declare_intrinsic(name, [kind], signature), values)

    return write


@cache
def _intrinsics() -> dict[Callable[..., Any], Any]:
    """What stands for the functions of kernels/intrinsics.py."""
    single, double = ir.FloatType(), ir.DoubleType()
    integer, long = ir.IntType(32), ir.IntType(64)

    def accumulate(builder: Any, total: Any, x: Any) -> Any:
        return builder.fadd(total, x, flags=("reassoc", "nsz"))

    return {
        intrinsics.fma: _instruction(_named("llvm.fmuladd"), "T, T, T"),
        intrinsics.rint: _instruction(_named("llvm.rint"), "T"),
        intrinsics.floor: _instruction(_named("llvm.floor"), "T"),
        intrinsics.sqrt: _instruction(_named("llvm.sqrt"), "T"),
        intrinsics.absolute: _instruction(_named("llvm.fabs"), "T"),
        intrinsics.maximum: _instruction(_named("llvm.maximum"), "T, T"),
        intrinsics.minimum: _instruction(_named("llvm.minimum"), "T, T"),
        intrinsics.copysign: _instruction(_named("llvm.copysign"), "T, T"),
        intrinsics.accumulate: _instruction(accumulate, "T, T"),
        intrinsics.where: _instruction(lambda b, c, x, y: b.select(c, x, y), "boolean, T, T"),
        intrinsics.wide: _instruction(lambda b, x: b.fpext(x, double), "float32", "float64"),
        intrinsics.single: _instruction(lambda b, x: b.fptrunc(x, single), "float64", "float32"),
        intrinsics.bits: _instruction(lambda b, x: b.bitcast(x, integer), "float32", "int32"),
        intrinsics.from_bits: _instruction(lambda b, x: b.bitcast(x, single), "int32", "float32"),
        intrinsics.bits64: _instruction(lambda b, x: b.bitcast(x, long), "float64", "int64"),
        intrinsics.from_bits64: _instruction(lambda b, x: b.bitcast(x, double), "int64", "float64"),
    }


def _compilable(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its calls of our own functions replaced by what Numba compiles."""
    assert isinstance(function, FunctionType)
    names = {
        name: _callee(value)
        for name in {i.argval for i in get_instructions(function) if i.opname == "LOAD_GLOBAL"}
        if isinstance(value := function.__globals__.get(name), FunctionType)
    }
    copy = FunctionType(
        function.__code__, {**function.__globals__, **names}, function.__name__,
        function.__defaults__, function.__closure__,
    )  # fmt: skip
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    return copy


@cache
def _callee(function: Callable[..., Any]) -> Any:
    """What a kernel calls instead of a plain function. The liberties of the kernel end there."""
    if function in _intrinsics():
        return _intrinsics()[function]
    return numba.njit(
        _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy",
        pipeline_class=_Pipeline,
    )(_compilable(function))  # fmt: skip


def _element(name: str) -> Any:
    return types.boolean if name == "bool" else getattr(types, name)


def _numba_type(argument: Argument) -> Any:
    """Numba's type of an argument."""
    if argument.kind == "number":
        return getattr(types, argument.element)
    if argument.kind == "constant":
        value = argument.value
        return numba.typeof(_callee(value) if callable(value) else value)
    return types.Array(_element(argument.element), argument.rank, "C")


def _function_module(
    function: Callable[..., Any], arguments: list[Argument], fastmath: frozenset[str]
) -> tuple[Any, str, list[str]]:
    """The unoptimised LLVM module of a function, its name in there, and its LLVM types."""
    flags = compiler.Flags()
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    flags.nrt = flags.enable_pyobject = flags.boundscheck = False
    flags.error_model = "numpy"
    flags.fastmath = set(fastmath)
    given = (types.int64, types.int64, *map(_numba_type, arguments))
    with _plain_code() as (typing, target):
        result = compiler.compile_extra(
            typing, target, _compilable(function), given, types.int64, flags, {},
            pipeline_class=_Pipeline,
        )  # fmt: skip
        library = result.library
        module = library._final_module.clone()
        seen = {id(library)}  # a function compiled for several types has one name
        pending = list(library._linking_libraries)
        while pending:
            other = pending.pop()
            if id(other) not in seen and other.name != "nrt":
                seen.add(id(other))
                module.link_in(other._get_module_for_linking(), preserve=True)
                pending += other._linking_libraries
    name = result.fndesc.llvm_func_name
    _, *kinds = [str(kind) for kind in module.get_function(name).global_value_type.elements]
    return module, name, kinds


def module_of(kernel: Kernel, machine: Any, triple: str) -> Any:
    """The LLVM module of a kernel of jit/kernels, optimised for the target machine."""
    function, arguments, fastmath = declared(kernel)
    module, name, kinds = _function_module(function, arguments, fastmath)
    for inner in module.functions:
        if not inner.is_declaration:
            inner.linkage = "internal"
            inner.add_function_attribute("alwaysinline")
    for variable in module.global_variables:
        if not variable.is_declaration:
            variable.linkage = "internal"
    module.get_function(name).linkage = "external"
    module.link_in(llvm.parse_assembly(kernel_text(name, kinds, arguments)))
    module.get_function(name).linkage = "internal"
    module.triple = triple
    module.data_layout = str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return module
