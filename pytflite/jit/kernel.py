"""Kernel: the name of a piece of machine code. work.py has calls of them.

Every kernel is `void kernel(ptr parameters, i64 begin, i64 end, ptr scratch)`. It does the tiles
begin <= t < end of its work; tiles are independent of each other, so threads may share them.
`parameters` points at 8-byte slots. Slot 0 is the status: a kernel that finds data which it must
refuse stores a number other than 0 there. The others have the names that the emitter declares.
`scratch` is memory of this thread's own, as large as the work asks for, on a cache line.
"""

# Annotations are types here, not text: of text, each field of a NamedTuple would be compiled, which
# each start of a process would wait for.

from typing import NamedTuple

Setting = int | str | bool


class Kernel(NamedTuple):
    """What is compiled: an emitter with its settings. Equal kernels share one image.

    `emitter` is "module.function" in jit/emit, for LLVM IR, or in jit/kernels, for Numba.
    """

    emitter: str
    settings: tuple[tuple[str, Setting], ...] = ()

    @property
    def label(self) -> str:
        """For people: gemm.float32(rows=14, columns=2)."""
        return f"{self.emitter}({', '.join(f'{k}={v}' for k, v in self.settings)})"


def kernel(emitter: str, **settings: Setting) -> Kernel:
    """A kernel by its emitter's name and settings; their order does not matter."""
    return Kernel(emitter, tuple(sorted(settings.items())))
