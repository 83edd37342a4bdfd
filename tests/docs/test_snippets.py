"""Every program in docs/ runs, and prints what the page says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytflite.tools.doodle import model_path
from tests.docs.snippets import blocks_of, run_page

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if any(b.kind in ("python", "console") for b in blocks_of(page.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS)))
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, variant in (("model", "int8"), ("int8", "int8"), ("float", "float32")):
        shutil.copy(model_path(variant), tmp_path / f"{name}.tflite")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(DOCS.parent))
    ran, missing = run_page(page.read_text(encoding="utf-8"), str(page))
    if missing:
        pytest.skip(f"{len(missing)} programs need {', '.join(sorted(set(missing)))}; {ran} ran")
