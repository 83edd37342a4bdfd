"""A small writer of LLVM IR as text.

A Module collects functions and the intrinsics that they call; a Function writes instructions
one by one and gives the names of their results. Loops and branches are `with` blocks:

    f = module.function("kernel", "ptr x", "i64 n")
    with f.loop(0, "%n", 16, ("<16 x float>", zeros)) as loop:
        (total,) = loop.carried
        v = f.load("<16 x float>", f.at("%x", f.mul(loop.index, 4)))
        loop.carry(f.op(f"fadd <16 x float> {total}, {v}"))
    (total,) = loop.results

Values are strings: "%t12", "%n", "7". Integers given as Python ints are 64 bits wide.
LLVM's language: https://llvm.org/docs/LangRef.html
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

Value = str | int

KERNEL = ("ptr parameters", "i64 begin", "i64 end", "ptr scratch")


def float_constant(x: float, kind: str = "float") -> str:
    """A float as LLVM writes it: the bits of the double that equals it."""
    if kind != "double":
        (x,) = struct.unpack("<f", struct.pack("<f", x))
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"


class Module:
    """The text of one LLVM module."""

    def __init__(self) -> None:
        self._declared: dict[str, str] = {}
        self._globals: list[str] = []
        self._functions: list[Function] = []

    def function(self, name: str, *parameters: str, returns: str = "void") -> Function:
        """A new function; parameters as "type name"."""
        function = Function(self, name, parameters, returns)
        self._functions.append(function)
        return function

    def kernel(self, *slots: str) -> Function:
        """The function "kernel" of the one signature, its parameters read from their slots.

        Each slot is "type name", in order; its value is %name from the beginning.
        """
        f = self.function("kernel", *KERNEL)
        for number, slot in enumerate(slots, 1):
            kind, name = slot.rsplit(" ", 1)
            f.do(f"%{name} = load {kind}, ptr {f.at('%parameters', 8 * number)}, align 8")
        return f

    def declare(self, name: str, declaration: str) -> None:
        """Makes an intrinsic or an outside function known."""
        self._declared[name] = declaration

    def constant(self, kind: str, value: str) -> str:
        """A private constant in memory; its address."""
        name = f"@c{len(self._globals)}"
        self._globals.append(f"{name} = private unnamed_addr constant {kind} {value}, align 64")
        return name

    def text(self) -> str:
        """The whole module."""
        parts = [*self._declared.values(), *self._globals]
        parts += [function.text() for function in self._functions]
        wide = '"min-legal-vector-width"="512" "prefer-vector-width"="512"'
        parts.append(f'attributes #0 = {{ nounwind {wide} "no-trapping-math"="true" }}')
        return "\n".join(parts) + "\n"


class Loop:
    """A counted loop: `index` and the `carried` values inside, `results` after it."""

    def __init__(self, index: str, carried: list[str]) -> None:
        self.index = index
        self.carried = carried
        self.results = carried
        self.next: list[str] = []

    def carry(self, *values: str) -> None:
        """What the carried values are in the next round."""
        self.next = list(values)


class Repeat:
    """An endless loop; see Function.repeat."""

    def __init__(self, f: Function, done: str) -> None:
        self._f = f
        self._done = done

    def leave_if(self, condition: str) -> None:
        """Goes on behind the loop if the condition holds."""
        self._f.leave(condition, self._done)


class Function:
    """Writes one function, instruction by instruction."""

    def __init__(self, module: Module, name: str, parameters: Sequence[str], returns: str) -> None:
        self.module = module
        arguments = []
        for parameter in parameters:
            kind, _, plain = parameter.rpartition(" ")
            arguments.append(f"{kind} %{plain}")
        scope = "" if name == "kernel" else "internal "
        self._lines = [f"define {scope}{returns} @{name}({', '.join(arguments)}) #0 {{", "entry:"]
        self._count = 0
        self._block = "entry"
        self._returns = returns
        self._returned = False

    # --- instructions ---------------------------------------------------------------------------

    def do(self, instruction: str) -> None:
        """An instruction without a result."""
        self._lines.append(f"  {instruction}")

    def op(self, instruction: str) -> str:
        """An instruction; the name of its result."""
        self._count += 1
        name = f"%t{self._count}"
        self._lines.append(f"  {name} = {instruction}")
        return name

    def add(self, a: Value, b: Value) -> str:
        """a + b of 64-bit integers."""
        return self.op(f"add i64 {a}, {b}")

    def sub(self, a: Value, b: Value) -> str:
        """a - b of 64-bit integers."""
        return self.op(f"sub i64 {a}, {b}")

    def mul(self, a: Value, b: Value) -> str:
        """a * b of 64-bit integers."""
        return self.op(f"mul i64 {a}, {b}")

    def min(self, a: Value, b: Value) -> str:
        """The lesser of two signed 64-bit integers."""
        return self.call("i64", "llvm.smin.i64", f"i64 {a}", f"i64 {b}")

    def max(self, a: Value, b: Value) -> str:
        """The greater of two signed 64-bit integers."""
        return self.call("i64", "llvm.smax.i64", f"i64 {a}", f"i64 {b}")

    def compare(self, how: str, a: Value, b: Value, kind: str = "i64") -> str:
        """`icmp how`: slt, sge, eq ..."""
        return self.op(f"icmp {how} {kind} {a}, {b}")

    def select(self, condition: str, kind: str, a: Value, b: Value) -> str:
        """a if the condition holds, else b."""
        return self.op(f"select i1 {condition}, {kind} {a}, {kind} {b}")

    def at(self, pointer: str, offset: Value = 0) -> str:
        """A pointer so many bytes further."""
        if offset == 0:
            return pointer
        return self.op(f"getelementptr i8, ptr {pointer}, i64 {offset}")

    def load(self, kind: str, pointer: str, offset: Value = 0, align: int = 1) -> str:
        """The value in memory. Alignment is 1 unless it is known to be more."""
        return self.op(f"load {kind}, ptr {self.at(pointer, offset)}, align {align}")

    def store(
        self, kind: str, value: Value, pointer: str, offset: Value = 0, align: int = 1
    ) -> None:
        """Writes a value to memory."""
        self.do(f"store {kind} {value}, ptr {self.at(pointer, offset)}, align {align}")

    def call(self, returns: str, name: str, *arguments: str) -> str:
        """Calls an intrinsic (declared by the way) or a function; the name of the result.

        Arguments are "type value".
        """
        if name.startswith("llvm."):
            kinds = ", ".join(a.rpartition(" ")[0] if not _splat(a) else _splat(a)
                              for a in arguments)  # fmt: skip
            self.module.declare(name, f"declare {returns} @{name}({kinds})")
        instruction = f"call {returns} @{name}({', '.join(arguments)})"
        if returns == "void":
            self.do(instruction)
            return ""
        return self.op(instruction)

    def splat(self, element: str, lanes: int, value: str) -> str:
        """A vector with the value in each lane."""
        kind = f"<{lanes} x {element}>"
        first = self.op(f"insertelement {kind} poison, {element} {value}, i32 0")
        return self.op(
            f"shufflevector {kind} {first}, {kind} poison, <{lanes} x i32> zeroinitializer"
        )

    # --- control flow ---------------------------------------------------------------------------

    def _label(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}"

    def _begin(self, label: str) -> None:
        self._lines.append(f"{label}:")
        self._block = label

    @contextmanager
    def loop(
        self, start: Value, end: Value, step: Value = 1, *carried: tuple[str, str]
    ) -> Iterator[Loop]:
        """for index in range(start, end, step), with values carried from round to round.

        Args:
            start, end, step: 64-bit integers; step > 0.
            carried: pairs (type, first value).
        """
        head, body, done = self._label("head"), self._label("body"), self._label("done")
        before = self._block
        index = f"%i{self._count}"
        names = [f"%c{self._count}_{n}" for n in range(len(carried))]
        loop = Loop(index, names)
        self.do(f"br label %{head}")
        self._begin(head)
        place = len(self._lines)
        more = self.compare("slt", index, end)
        self.do(f"br i1 {more}, label %{body}, label %{done}")
        self._begin(body)
        yield loop
        if len(loop.next) != len(carried):
            raise ValueError(f"{len(carried)} values are carried, {len(loop.next)} go on")
        following = self.add(index, step)
        phis = [f"  {index} = phi i64 [ {start}, %{before} ], [ {following}, %{self._block} ]"]
        for name, (kind, first), value in zip(names, carried, loop.next, strict=True):
            phis.append(
                f"  {name} = phi {kind} [ {first}, %{before} ], [ {value}, %{self._block} ]"
            )
        self._lines[place:place] = phis
        self.do(f"br label %{head}")
        self._begin(done)

    @contextmanager
    def repeat(self) -> Iterator[Repeat]:
        """Instructions that run again and again until `leave_if` is told to."""
        head, done = self._label("again"), self._label("left")
        self.do(f"br label %{head}")
        self._begin(head)
        yield Repeat(self, done)
        self.do(f"br label %{head}")
        self._begin(done)

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """Instructions that run only if the condition holds."""
        inside, after = self._label("then"), self._label("after")
        self.do(f"br i1 {condition}, label %{inside}, label %{after}")
        self._begin(inside)
        yield
        self.do(f"br label %{after}")
        self._begin(after)

    def unless(self, condition: str, kind: str, value: Value, other: Callable[[], Value]) -> str:
        """value; if the condition holds, what `other` writes instead: a branch, not a select."""
        instead, after, before = self._label("then"), self._label("after"), self._block
        self.do(f"br i1 {condition}, label %{instead}, label %{after}")
        self._begin(instead)
        result, end = other(), self._block
        self.do(f"br label %{after}")
        self._begin(after)
        return self.op(f"phi {kind} [ {value}, %{before} ], [ {result}, %{end} ]")

    def leave(self, condition: str, label: str) -> None:
        """Goes to a label if the condition holds, else on."""
        stay = self._label("stay")
        self.do(f"br i1 {condition}, label %{label}, label %{stay}")
        self._begin(stay)

    def ret(self, value: str = "") -> None:
        """Returns; without this the function ends by returning nothing."""
        self.do(f"ret {self._returns} {value}".rstrip())
        self._returned = True

    def dead(self) -> None:
        """Begins a block that nothing comes to, after a return inside a `with`."""
        self._begin(self._label("dead"))

    def text(self) -> str:
        """The whole function."""
        end = [] if self._returned else ["  ret void"]
        return "\n".join([*self._lines, *end, "}"])


def _splat(argument: str) -> str:
    """The type of an argument that ends in a constant of several words, or "" if it does not.

    "<16 x i32> splat (i32 5)" -> "<16 x i32>"
    """
    for word in (" splat (", " zeroinitializer", " <"):
        if word in argument[1:]:
            return argument[: argument.index(word, 1)]
    return ""
