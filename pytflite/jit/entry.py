"""The way from a kernel's slots into a function that Numba has made.

Numba's functions have the signature

    i32 f(ptr result, ptr exception, i64 begin, i64 end, ...)

where each array is flattened to (owner, parent, items, item size, data, sizes, strides). They give
0 and store what they return in `result`, or give the number of an exception.
"""

from __future__ import annotations

from pytflite.jit.declaration import SIZES, Argument
from pytflite.jit.ir import KERNEL, Function, Module, Value

_LLVM_TYPES = {"int64": "i64", "float32": "float", "float64": "double"}


class _Caller:
    """Writes the IR of a function that reads the slots, calls Numba's, and keeps its status.

    Args:
        name, kinds: of Numba's function, and of its arguments in LLVM.
        arguments: of the kernel.
        in_place: whether arrays that may lie over others do.
    """

    def __init__(
        self, f: Function, name: str, kinds: list[str], arguments: list[Argument], in_place: bool
    ) -> None:
        self._f = f
        self._slot = 0
        self._scratch: Value = 0
        self._data: dict[str, str] = {}
        self._in_place = in_place
        f.call("void", "llvm.assume", f"i1 {f.compare('sge', '%begin', 0)}")
        result, exception = f.op("alloca i64"), f.op("alloca ptr")
        passed = [f"ptr {result}", f"ptr {exception}", "i64 %begin", "i64 %end"]
        for argument in arguments:
            if argument.kind == "number":
                passed.append(self._read(_LLVM_TYPES[argument.element]))
            elif argument.kind == "constant":
                value = "null" if callable(argument.value) else int(argument.value)
                passed.append(f"{kinds[len(passed)]} {value}")
            else:
                passed += self._array(argument)
        f.module.declare(name, f'declare i32 @"{name}"({", ".join(kinds)})')
        code = f.op(f'call i32 @"{name}"({", ".join(passed)})')
        fine, returned = f.compare("eq", code, 0, "i32"), f.load("i64", result, align=8)
        status = f.select(fine, "i64", returned, f.op(f"sext i32 {code} to i64"))
        with f.when(f.compare("ne", status, 0)):
            f.store("i64", status, "%parameters", align=8)

    def _read(self, kind: str) -> str:
        """The next slot, with its type."""
        self._slot += 1
        return f"{kind} {self._f.load(kind, '%parameters', 8 * self._slot, align=8)}"

    def _array(self, argument: Argument) -> list[str]:
        """(owner, parent, items, item size, data, sizes, strides), with their types."""
        f, width = self._f, SIZES[argument.element]
        data = self._read("ptr") if argument.kind == "array" else ""
        sizes = [self._read("i64") for _ in range(argument.rank)]
        strides = [f"i64 {width}"]
        for size in reversed(sizes):
            f.call("void", "llvm.assume", f"i1 {f.compare('sge', size.split()[1], 0)}")
            strides.insert(0, f"i64 {f.mul(strides[0].split()[1], size.split()[1])}")
        count = strides.pop(0).split()[1]
        items = f"i64 {f.op(f'sdiv exact i64 {count}, {width}')}"
        if argument.kind == "scratch":
            data = f"ptr {f.at('%scratch', self._scratch)}"
            end = f.add(self._scratch, f.add(count, 63))
            self._scratch = f.op(f"and i64 {end}, -64")
        elif argument.over and self._in_place:
            data = self._data[argument.over]
        self._data[argument.name] = data
        return ["ptr null", "ptr null", items, f"i64 {width}", data, *sizes, *strides]


def _places(arguments: list[Argument]) -> dict[str, int]:
    """Slots of the addresses of arrays."""
    places, slot = {}, 1
    for argument in arguments:
        places[argument.name] = slot
        slot += {"array": 1 + argument.rank, "scratch": argument.rank, "number": 1, "constant": 0}[
            argument.kind
        ]
    return places


def kernel_text(name: str, kinds: list[str], arguments: list[Argument]) -> str:
    """The IR of `kernel`.

    An array that lies over another has the same address there, in the eyes of LLVM, too, which
    would else have to think that one loop round writes what the next one reads.
    """
    module = Module()
    pairs = [(argument.name, argument.over) for argument in arguments if argument.over]
    if not pairs:
        _Caller(module.function("kernel", *KERNEL), name, kinds, arguments, False)
        return module.text()
    f, places = module.function("kernel", *KERNEL), _places(arguments)
    equal = [
        f.compare("eq", *(f.load("i64", "%parameters", 8 * places[n], align=8) for n in pair))
        for pair in pairs
    ]
    same = equal[0]
    for other in equal[1:]:
        same = f.op(f"and i1 {same}, {other}")
    for label, in_place, condition in (
        ("in_place", True, same), ("apart", False, f.op(f"xor i1 {same}, true")),
    ):  # fmt: skip
        _Caller(module.function(label, *KERNEL), name, kinds, arguments, in_place)
        with f.when(condition):
            f.call("void", label, *(f"{k.split()[0]} %{k.split()[1]}" for k in KERNEL))
    return module.text()
