"""Every program in docs/ runs, and prints what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.making.snippets import blocks_of, furnish, run_page

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if any(b.kind in ("python", "console") for b in blocks_of(page.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS)))
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(DOCS.parent))
    # Pages that do not speak of compiled kernels start no compiler.
    monkeypatch.setenv("PYTFLITE_BACKEND", "numpy")
    monkeypatch.setenv("PYTFLITE_CACHE_DIR", str(tmp_path / "kernels"))
    ran, missing = run_page(page.read_text(encoding="utf-8"), str(page))
    if missing:
        pytest.skip(f"{len(missing)} programs need {', '.join(sorted(set(missing)))}; {ran} ran")
