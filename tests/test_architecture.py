"""The direction of imports: format <- model <- ops <- plan <- runtime <- tools, and what
`import pytflite` may load."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytflite
from pytflite.jit import cache

ROOT = Path(pytflite.__file__).parent
# Each room may import itself and the rooms before it. jit comes between plan and runtime, which
# imports it softly.
ROOMS = (
    "errors", "format", "model", "ops", "plan", "jit", "runtime", "interpreter", "compat", "tools",
)  # fmt: skip
HEAVY = (
    "dataclasses", "enum", "flatbuffers", "ctypes", "numba", "llvmlite", "zipfile", "click", "rich",
    "PIL", "json", "asyncio", "multiprocessing", "pathlib", "inspect", "doctest",
)  # fmt: skip


def imports(path: Path) -> Iterator[str]:
    """Modules that a file imports when it runs (not those for type checkers alone)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def files() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_direction_of_imports(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if room in ("__init__", "__main__"):
        return
    assert room in ROOMS, f"{room} is a room that the design does not have"
    for module in imports(path):
        if module == "pytflite" or not module.startswith("pytflite."):
            # The package itself is the public face, for tools alone.
            assert module != "pytflite" or room == "tools", f"{path} imports the public face"
            continue
        other = module.split(".")[1]
        assert ROOMS.index(other) <= ROOMS.index(room), f"{room} imports {other} ({path.name})"
        assert not (room == "jit" and other == "runtime")


def test_a_wrong_import_is_noticed(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("from pytflite.runtime.engine import Engine\n")
    assert list(imports(bad)) == ["pytflite.runtime.engine"]
    assert ROOMS.index("runtime") > ROOMS.index("format")


def test_kernels_are_named_for_all_that_writes_them() -> None:
    """What emitters and kernels import belongs to the key of the cache."""
    known = set(cache.sources())
    others = "pytflite.model.graph", "pytflite.jit.emit", "pytflite.jit.kernels"  # types, folders
    for folder in ("emit", "kernels"):
        for path in (ROOT / "jit" / folder).glob("*.py"):
            for module in imports(path):
                if module.startswith("pytflite.") and module not in others:
                    parts = module.split(".")[1:]
                    assert str(ROOT.joinpath(*parts)) + ".py" in known, f"{path.name}: {module}"


@pytest.mark.parametrize(
    "folder",
    ["format", "model", "ops", "plan", "runtime", "jit/emit", "jit/kernels", "jit/lowering"],
)
def test_the_map_has_every_file(folder: str) -> None:
    """docs/architecture.md has a table of each of these folders, a line a file, in order."""
    page = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition(f"(`{folder}/`) |")[2].partition("\n\n")[0]
    listed = re.findall(r"(?m)^\| `(\w+\.py)` \|", table)
    assert listed == sorted(p.name for p in (ROOT / folder).glob("[!_]*.py"))


def test_names_of_test_modules_are_unique() -> None:
    """pytest imports those of folders without an __init__.py by their basenames."""
    paths = sorted(Path(__file__).parent.rglob("test_*.py"))
    twice = [name for name, count in Counter(p.name for p in paths).items() if count > 1]
    assert not twice, [str(p) for p in paths if p.name in twice]


def test_import_is_light() -> None:
    program = (
        "import sys, numpy; before = set(sys.modules); import pytflite; "
        "print('\\n'.join(sorted(set(sys.modules) - before)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    loaded = {name.split(".")[0] for name in out}
    assert not loaded.intersection(HEAVY), loaded.intersection(HEAVY)
    operators = [n for n in out if n.startswith("pytflite.ops.") and n.count(".") > 2]
    assert not operators, operators


@pytest.mark.parametrize("begin", ["gc.enable()", "gc.disable()", "gc.freeze()"])
def test_import_leaves_the_collector_as_it_was(begin: str) -> None:
    program = (
        "import gc; now = lambda: (gc.isenabled(), bool(gc.get_freeze_count()));"
        f"{begin}; before = now(); import pytflite; assert now() == before"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
