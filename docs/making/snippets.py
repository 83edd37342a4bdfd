"""Programs in Markdown pages: finding them, running them, comparing what they print.

```python            runs, in the page's one namespace, in order
```output            right behind it: what it printed, then its last expression, as a notebook
                     shows it; `...` stands for anything
```console           `$ pytflite ...` runs, and what follows is what it prints, if anything does
<!-- needs: x -->    before a block: it is left out where x cannot be imported
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from pytflite.tools.doodle import model_path

_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_NEEDS = re.compile(r"<!-- needs: (\w+) -->")


class Block(NamedTuple):
    """A fenced block of a page."""

    kind: str
    text: str
    line: int  # of its first line in the page
    needs: str | None


def blocks_of(page: str) -> Iterator[Block]:
    """The page's fenced blocks, in order."""
    lines = iter(enumerate(page.splitlines(), 1))
    needs = None
    for _, line in lines:
        found = _NEEDS.match(line)
        if found:
            needs = found[1]
        elif line.startswith("```"):
            kind, inside = line.strip("`").split(" ")[0], []
            first = 0
            for number, inner in lines:
                if inner.startswith("```"):
                    break
                first = first or number
                inside.append(inner)
            yield Block(kind, "\n".join(inside), first, needs)
            needs = None


def run_page(page: str, name: str) -> tuple[int, list[str]]:
    """Runs a page's programs.

    Returns:
        How many ran, and what those that did not run would have needed.

    Raises:
        AssertionError: one printed something else than the page shows.
    """
    module = ModuleType("__page__")
    sys.modules["__page__"] = module  # where pickles look for the page's functions
    space = vars(module)
    ran, missing = 0, []
    blocks = list(blocks_of(page))
    for n, block in enumerate(blocks):
        if block.kind not in ("python", "console"):
            continue
        if block.needs is not None and find_spec(block.needs) is None:
            missing.append(block.needs)
            continue
        if block.kind == "console":
            ran += run_console(block, name)
            continue
        printed = run_python(block, name, space)
        after = blocks[n + 1] if n + 1 < len(blocks) else None
        if after is not None and after.kind == "output":
            compare(after.text, printed, f"{name}:{block.line}")
        ran += 1
    return ran, missing


def run_python(block: Block, name: str, space: dict[str, Any]) -> str:
    """Runs a program; what it prints, and its last expression."""
    tree = ast.parse("\n" * (block.line - 1) + block.text, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(tree, name, "exec"), space)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), space)
            if value is not None:
                print(repr(value))
    return out.getvalue()


def run_console(block: Block, name: str) -> int:
    """Runs the `$ pytflite` commands of a session; how many there were."""
    count = 0
    for session in re.split(r"(?m)^\$ ", block.text)[1:]:
        command, _, want = session.partition("\n")
        words = shlex.split(command, comments=True)
        if words[0] != "pytflite":
            continue
        done = subprocess.run(
            [sys.executable, "-m", *words],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100"},
        )
        assert done.returncode == 0, f"{name}:{block.line}: {command}\n{done.stdout}{done.stderr}"
        if want.strip():
            compare(want, done.stdout, f"{name}:{block.line}")
        count += 1
    return count


def compare(want: str, got: str, where: str) -> None:
    """Refuses an output that is not what the page shows."""
    same = doctest.OutputChecker().check_output(want.strip() + "\n", got.strip() + "\n", _FLAGS)
    assert same, f"{where}: the page shows\n{want}\nbut it printed\n{got}"


def furnish(folder: Path) -> None:
    """The files that pages speak of."""
    for name, variant in (("model", "int8"), ("int8", "int8"), ("float", "float32")):
        shutil.copy(model_path(variant), folder / f"{name}.tflite")


def names_of(page: str, name: str) -> dict[str, Any]:
    """Runs a page's Python programs, unchecked; the names that they leave. Pictures use these."""
    space: dict[str, Any] = {"__name__": "__page__"}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        furnish(Path(folder))
        for block in blocks_of(page):
            if block.kind == "python" and (block.needs is None or find_spec(block.needs)):
                run_python(block, name, space)
    return space
