"""Library: the compiled kernels of this process."""

from __future__ import annotations

from collections.abc import Iterable

from pytflite.jit.image import Loaded, load
from pytflite.jit.kernel import Kernel
from pytflite.jit.target import Target


class Library:
    """Finds kernels that are loaded or in the cache; has others compiled.

    Attributes:
        failures: why there is no such kernel, for those that cannot be had.
    """

    def __init__(self) -> None:
        self._loaded: dict[tuple[Kernel, Target], Loaded] = {}
        self.failures: dict[tuple[Kernel, Target], str] = {}

    def find(self, kernels: Iterable[Kernel], target: Target) -> dict[Kernel, int]:
        """Addresses of those kernels that are at hand."""
        return {k: self._loaded[k, target].address for k in kernels if (k, target) in self._loaded}

    def request(self, kernels: Iterable[Kernel], target: Target) -> None:
        """Has kernels compiled in the background."""
        from pytflite.jit.compiling import compile_kernel

        for kernel in kernels:
            if (kernel, target) not in self._loaded and (kernel, target) not in self.failures:
                self._loaded[kernel, target] = load(compile_kernel(kernel, target))

    def wait(self, kernels: Iterable[Kernel], target: Target) -> None:
        """Returns when each kernel is at hand, or known to fail."""
        self.request(kernels, target)


LIBRARY = Library()
