"""The compiled backend is tested where LLVM is: with Numba and its llvmlite."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("numba") and find_spec("llvmlite") else ["*"]
