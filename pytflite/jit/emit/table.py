"""y = table[x], and y = table[a, b]: any function of one or two numbers of few bits.

The operator itself has filled the table, so that the result is its own by construction. One of
bytes lies in registers where CPUs can look it up there (permute.py).

For sums, products and squares of two bytes float32 is faster than memory. So `pairs` may be told a
formula. If `edge` is above 1, that is right for all pairs (lowering/pair_formulas.py); otherwise it
is right but for what lies next to a tie: numbers of a vector where |t - rint(t)| is greater than
`edge` are looked up after all. With or without multiplications and additions that round once:

    "add"   t = a * scale_a + (b * scale_b + offset)
    "mul"   p = (a - offset_a) * (b - offset_b);  t = p * scale_a + (p < 0 ? scale_b : offset)
    "square"   t = (a * scale_a + (b * scale_b + offset_a))^2 + offset
    y = min(max(rint(t), low), high)
"""

from __future__ import annotations

from pytflite.jit.emit import permute
from pytflite.jit.emit.narrowing import narrowed
from pytflite.jit.emit.requantize import is_fused
from pytflite.jit.emit.rows import Block, blocks, slots
from pytflite.jit.emit.vector import INTRINSICS, Vector
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

LOOKUP_BLOCK = 8192
_UNROLLED = 4
_TOGETHER = 4  # vectors that are asked at once whether they are near a tie


def lookup(module: Module, target: Target, x_size: int, y_size: int) -> None:
    """Slots: x, y, table, size. Elements of so many bytes; a tile is LOOKUP_BLOCK of them."""
    f = module.kernel("ptr x", "ptr y", "ptr table", "i64 size")
    start = f.mul("%begin", LOOKUP_BLOCK)
    end = f.min(f.mul("%end", LOOKUP_BLOCK), "%size")
    find = permute.finder(f, target, "%table") if x_size == y_size == 1 else None
    if find is not None:
        kind = f"<{target.vector} x i8>"
        vectors = f.add(start, f.op(f"and i64 {f.sub(end, start)}, -{target.vector}"))
        with f.loop(start, vectors, target.vector) as loop:
            f.store(kind, find(f.load(kind, "%x", loop.index)), "%y", loop.index)
        start = vectors
    whole = f.add(start, f.op(f"and i64 {f.sub(end, start)}, -{_UNROLLED}"))
    for first, last, step in ((start, whole, _UNROLLED), (whole, end, 1)):
        with f.loop(first, last, step) as loop:
            for n in range(step):
                at = f.add(loop.index, n)
                value = f.load(f"i{8 * x_size}", "%x", f.mul(at, x_size))
                entry = f.op(f"zext i{8 * x_size} {value} to i64")
                found = f.load(f"i{8 * y_size}", "%table", f.mul(entry, y_size))
                f.store(f"i{8 * y_size}", found, "%y", f.mul(at, y_size))


CONSTANTS = ("scale_a", "scale_b", "offset", "offset_a", "offset_b", "low", "high", "edge")


def pairs(
    module: Module, target: Target, operands: str, formula: str, signed: bool, loops: int
) -> None:
    """Slots: rows.slots, then the table: 65536 bytes, the bits of a first; and the address of
    CONSTANTS, float32. Without a formula the table alone is used."""
    f = module.kernel(*slots(operands, loops), "ptr table", "ptr constants")
    with blocks(f, operands, [1, 1], 1, loops) as block:
        start = "0"
        if formula:
            start = _proven(f, target, formula, signed, operands, block)
        for lanes in (_TOGETHER * target.lanes, target.lanes) if formula else ():
            numbers = _numbers(f, lanes)
            whole = f.op(f"and i64 {block.size}, -{lanes}")
            with f.loop(start, whole, lanes) as loop:
                a, b = _both(f, operands, block.operands, loop.index, lanes, signed)
                t = _formula(formula, a, b, numbers, fused=is_fused(target))
                near = INTRINSICS["rint"](t)
                off = INTRINSICS["absolute"](t - near)
                doubtful = off > numbers["edge"]
                y = INTRINSICS["where"](near < numbers["low"], numbers["low"], near)
                y = INTRINSICS["where"](y > numbers["high"], numbers["high"], y)
                y = y.to("i32").to("i8")
                y = _corrected(f, operands, block.operands, loop.index, y, doubtful)
                f.store(f"<{lanes} x i8>", y.value, block.y, loop.index)
            start = whole
        with f.loop(start, block.size) as loop:
            found = _entry(f, operands, block.operands, loop.index)
            f.store("i8", found, block.y, loop.index)


def _proven(
    f: Function, target: Target, formula: str, signed: bool, operands: str, block: Block
) -> str:  # fmt: skip
    """Four vectors at a time of a formula that is right for all pairs; where those end."""
    lanes, fused = target.lanes, is_fused(target)
    wide = 4 * lanes
    numbers = _numbers(f, lanes)
    edge = f.load("float", "%constants", 4 * CONSTANTS.index("edge"))
    right = f.op(f"fcmp ogt float {edge}, 1.0")
    end = f.select(right, "i64", f.op(f"and i64 {block.size}, -{wide}"), 0)
    kind, sign = f"<{wide} x i8>", "s" if signed else "u"
    bounds = []
    for how, name in (("max", "low"), ("min", "high")):
        bound = f.load("float", "%constants", 4 * CONSTANTS.index(name))
        bound = f.op(f"trunc i32 {f.op(f'fptosi float {bound} to i32')} to i8")
        bounds.append((f"llvm.{sign}{how}.v{wide}i8", f"{kind} {f.splat('i8', wide, bound)}"))
    with f.loop(0, end, wide) as loop:
        found = []
        for n in range(4):
            at = f.add(loop.index, n * lanes)
            a, b = _both(f, operands, block.operands, at, lanes, signed)
            t = _formula(formula, a, b, numbers, fused=fused)
            found.append(f.call(f"<{lanes} x i32>", f"llvm.lrint.v{lanes}i32.v{lanes}f32", str(t)))
        y = narrowed(f, target, found, unsigned=not signed)
        for name, bound in bounds:
            y = f.call(kind, name, f"{kind} {y}", bound)
        f.store(kind, y, block.y, loop.index)
    return end


def _numbers(f: Function, lanes: int) -> dict[str, Vector]:
    """CONSTANTS in all lanes."""
    return {
        name: Vector(f, f.splat("float", lanes, f.load("float", "%constants", 4 * n)), lanes)
        for n, name in enumerate(CONSTANTS)
    }


def _both(
    f: Function, operands: str, places: list[str], index: str, lanes: int, signed: bool
) -> tuple[Vector, Vector]:  # fmt: skip
    """Bytes of both operands as floats."""
    found = []
    for kind, place in zip(operands, places, strict=True):
        if kind == "v":
            value = f.load(f"<{lanes} x i8>", place, index)
        else:
            value = f.splat("i8", lanes, f.load("i8", place))
        extend = "sext" if signed else "zext"
        wide = f.op(f"{extend} <{lanes} x i8> {value} to <{lanes} x i32>")
        found.append(Vector(f, wide, lanes, "i32").to("float"))
    return found[0], found[1]


def _formula(
    formula: str, a: Vector, b: Vector, numbers: dict[str, Vector], *, fused: bool
) -> Vector:  # fmt: skip
    def add(x: Vector, y: Vector, z: Vector) -> Vector:
        return INTRINSICS["fma"](x, y, z) if fused else x * y + z

    if formula == "add":
        return add(a, numbers["scale_a"], add(b, numbers["scale_b"], numbers["offset"]))
    if formula == "square":
        root = add(a, numbers["scale_a"], add(b, numbers["scale_b"], numbers["offset_a"]))
        return add(root, root, numbers["offset"])
    product = (a - numbers["offset_a"]) * (b - numbers["offset_b"])
    offset = INTRINSICS["where"](product < 0.0, numbers["scale_b"], numbers["offset"])
    return add(product, numbers["scale_a"], offset)


def _corrected(
    f: Function, operands: str, places: list[str], start: str, y: Vector, doubtful: Vector
) -> Vector:  # fmt: skip
    """y with those that are doubtful looked up. It is stored after that: y may lie where x does."""
    lanes = y.lanes
    bits = f.op(f"bitcast <{lanes} x i1> {doubtful.value} to i{lanes}")
    if lanes < 64:
        bits = f.op(f"zext i{lanes} {bits} to i64")
    count = f.call("i64", "llvm.ctpop.i64", f"i64 {bits}")
    numbers = ", ".join(f"i8 {n}" for n in range(lanes))
    f.module.declare("llvm.cttz.i64", "declare i64 @llvm.cttz.i64(i64, i1)")
    with f.loop(0, count, 1, ("i64", bits), (y.type, y.value)) as loop:
        left, corrected = loop.carried
        lane = f.op(f"call i64 @llvm.cttz.i64(i64 {left}, i1 true)")
        found = f.splat("i8", lanes, _entry(f, operands, places, f.add(start, lane)))
        own = f.splat("i8", lanes, f.op(f"trunc i64 {lane} to i8"))
        here = f.op(f"icmp eq <{lanes} x i8> <{numbers}>, {own}")
        kind = f"<{lanes} x i1> {here}, {y.type} {found}, {y.type} {corrected}"
        loop.carry(f.op(f"and i64 {left}, {f.sub(left, 1)}"), f.op(f"select {kind}"))
    return y.like(loop.results[1])


def _entry(f: Function, operands: str, places: list[str], index: str) -> str:
    """What the table has for one element."""
    entry = "0"
    for kind, place in zip(operands, places, strict=True):
        wide = f.op(f"zext i8 {f.load('i8', place, index if kind == 'v' else 0)} to i64")
        entry = f.add(f.mul(entry, 256), wide)
    return f.load("i8", "%table", entry)
