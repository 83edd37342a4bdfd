"""Library: the compiled kernels of this process.

A kernel is looked for in memory, then in the cache; what is in neither can be requested, and is
found some time later. Each is loaded once, whoever uses it, and stays.
"""

from __future__ import annotations

import os
import warnings
from _thread import RLock  # threading's, without what takes half a millisecond to load
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from pytflite.jit.cache import Cache
from pytflite.jit.image import ImageError, Loaded, NotExecutableError, mappable
from pytflite.jit.kernel import Kernel
from pytflite.jit.target import Target

if TYPE_CHECKING:  # loaded when there is something to compile
    from pytflite.jit.builder import Builder, Key, Tell


class Library:
    """Finds kernels that are loaded or in the cache; has others compiled.

    Args:
        cache: of images; None is the user's.
        command: what starts the compiler; None is this Python.
        patience: seconds after which a compiler of which nothing is heard is ended; None: as ever.

    Attributes:
        failures: why there is no such kernel, for those that cannot be had.
    """

    def __init__(
        self, cache: Cache | None = None, command: list[str] | None = None,
        patience: int | None = None,
    ) -> None:  # fmt: skip
        self.failures: dict[Key, str] = {}
        self._cache = cache
        self._command = command
        self._patience = patience
        self._builder: Builder | None = None
        self._native: Any = None  # what compiles where images cannot be mapped
        self._lock = RLock()
        self._loaded: dict[Key, Loaded] = {}
        self._absent: set[Key] = set()  # from the cache, when it was last looked at
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self._lock = RLock()

    @property
    def cache(self) -> Cache:
        """Of images on disk."""
        with self._lock:
            if self._cache is None:
                self._cache = Cache()
            return self._cache

    def _hire(self) -> Builder:
        """Who compiles."""
        with self._lock:
            if self._builder is None:
                from pytflite.jit.builder import SILENCE, Builder
                from pytflite.jit.child import python

                command = self._command or python()
                if mappable():
                    self._builder = Builder(self.cache, command, patience=self._patience or SILENCE)
                else:
                    from pytflite.jit.native import NativeWorker

                    self._builder = Builder(self.cache, None, self._keep(NativeWorker))
            return self._builder

    def _keep(self, kind: Callable[[Tell], Any]) -> Callable[[Tell], Any]:
        def worker(tell: Tell) -> Any:
            if self._native is None:
                self._native = kind(tell)
            return self._native

        return worker

    # --- what backends ask ----------------------------------------------------------------------

    def find(self, kernels: Iterable[Kernel], target: Target) -> dict[Kernel, int]:
        """Addresses of those kernels that are at hand."""
        found, builder = {}, self._builder
        for kernel in kernels:
            key = kernel, target
            loaded = self._loaded.get(key)
            if builder is not None and builder.busy(key):
                continue
            if loaded is None and key not in self.failures:
                loaded = self._load(key)
            if loaded is not None:
                found[kernel] = loaded.address
        return found

    def useless(self, target: Target) -> str:
        """Why no kernel of a target works here; "" as far as is known."""
        return self._builder.useless.get(target.name, "") if self._builder is not None else ""

    def request(self, kernels: Iterable[Kernel], target: Target, urgent: bool = False) -> None:
        """Has kernels compiled in the background."""
        kernels = list(kernels)
        found = self.find(kernels, target)
        keys = [(k, target) for k in kernels if k not in found and (k, target) not in self.failures]
        if not keys:
            return
        if reason := missing():
            self.failures.update(dict.fromkeys(keys, reason))
            return
        self._hire().ask(keys, urgent)

    def wait(self, kernels: Iterable[Kernel], target: Target) -> None:
        """Returns when each kernel is at hand, or known to fail."""
        kernels = list(kernels)
        self.request(kernels, target, urgent=True)
        if self._builder is not None:
            self._builder.wait((kernel, target) for kernel in kernels)
        self.find(kernels, target)

    # --- loading --------------------------------------------------------------------------------

    def _load(self, key: Key) -> Loaded | None:
        """Into memory, if it is there by now."""
        with self._lock:
            if key in self._loaded:
                return self._loaded[key]
            if not self._worth(key):
                return None
            try:
                loaded = self._native.loaded.get(key) if self._native else self.cache.load(*key)
            except NotExecutableError as error:
                self.failures[key] = str(error)
                return None
            except (ImageError, OSError) as error:
                self.failures[key] = f"its image cannot be loaded: {error}"
                return None
            if loaded is None:
                self._absent.add(key)
            else:
                self._loaded[key] = loaded
            return loaded

    def _worth(self, key: Key) -> bool:
        """Whether the cache is worth a look."""
        if self._builder is not None:
            self._report(self._builder)
            if reason := self._builder.failures.get(key):
                self.failures[key] = reason
                return False
            if key in self._builder.done:
                self._builder.done.discard(key)
                return True
            if self._builder.busy(key):
                return False
        return key not in self._absent

    def _report(self, builder: Builder) -> None:
        """Says once what became of the compiler's process."""
        while builder.crashed:
            warnings.warn(
                f"{builder.crashed.pop()}; NumPy answers instead", RuntimeWarning, stacklevel=4
            )


@cache
def missing() -> str:
    """What has to be there to compile, and is not. Asked once: an interrupt while modules are
    looked for may leave Python's own import lock held."""
    from importlib.util import find_spec

    for package in ("llvmlite", "numba"):
        if find_spec(package) is None:
            return f"{package} is not installed: pip install pytflite[jit]"
    return ""


LIBRARY = Library()
