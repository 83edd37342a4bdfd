"""`pytflite doctor`: what is installed, which backend runs, and why."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from importlib import metadata
from typing import Any

import numpy as np

import pytflite
from pytflite.tools.terminal import console, print_json, table

_PACKAGES = (
    ("numpy", "the NumPy backend"),
    ("flatbuffers", "writing models"),
    ("numba", "the compiled backend"),
    ("llvmlite", "the compiled backend"),
    ("pillow", "pictures as inputs"),
    ("click", "the command line"),
    ("rich", "the command line"),
    ("ai-edge-litert", "comparison with LiteRT (tests)"),
)


def examine() -> dict[str, Any]:
    """The facts as plain values."""
    packages = {}
    for name, purpose in _PACKAGES:
        try:
            version: str | None = metadata.version(name)
        except metadata.PackageNotFoundError:
            version = None
        packages[name] = {"version": version, "purpose": purpose}
    return {
        "pytflite": pytflite.__version__,
        "python": sys.version.split()[0],
        "implementation": platform.python_implementation(),
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "blas": _blas(),
        "packages": packages,
        **_backend(),
    }


def _backend() -> dict[str, str]:
    """Which backend runs, and why: a kernel is compiled and tried out."""
    try:
        from pytflite.jit.backend import unavailable, working_target
        from pytflite.jit.library import LIBRARY, missing
    except ImportError as error:
        return {"backend": "numpy", "why": f"pytflite.jit cannot be imported: {error}"}
    if reason := unavailable() or missing():
        return {"backend": "numpy", "why": reason}
    target, why = working_target()
    if target is None:
        return {"backend": "numpy", "why": why}
    kept = "nowhere" if LIBRARY.cache.temporary else LIBRARY.cache.directory
    told = f"kernels for {target.name}, kept in {kept}"
    return {"backend": "jit", "why": f"{why}; {told}" if why else told}


def _blas() -> str:
    """The library behind NumPy's matrix product."""
    config: Any = np.show_config(mode="dicts")
    blas = (config or {}).get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()


def show(*, as_json: bool) -> None:
    """Prints the facts."""
    facts = examine()
    if as_json:
        print_json(facts)
        return
    threaded = ", free-threaded" if facts["free_threaded"] else ""
    console.print(f"pytflite {facts['pytflite']}, {facts['implementation']} {facts['python']}"
                  f"{threaded}", style="bold")  # fmt: skip
    console.print(
        f"{facts['platform']}, {facts['cpus']} CPUs; NumPy multiplies with {facts['blas']}"
    )
    rows = table("", "package", "version", "what for")
    for name, package in facts["packages"].items():
        rows.add_row(name, package["version"] or "not installed", package["purpose"])
    console.print(rows)
    console.print(f"backend: {facts['backend']} ({facts['why']})")
