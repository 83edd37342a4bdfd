"""Links: within the pages, to the repository, and to addresses that are listed."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from docs.making.external_links import addresses, dead
from docs.making.operator_page import definitions
from docs.making.pictures import PICTURES

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
_FENCED = re.compile(r"(?ms)^```.*?^```$")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ADDRESS = re.compile(r"https?://[^\s)>\"'`]+")
_HEADING = re.compile(r"(?m)^#+ (.*)$")


def anchors(page: Path) -> set[str]:
    """Names of a page's headings, as Markdown makes them."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", h).strip().lower()) for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS)))
def test_links_lead_somewhere(page: Path) -> None:
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if str(target.relative_to(DOCS) if target.is_relative_to(DOCS) else "") in PICTURES:
            continue
        assert target.exists(), f"{page.name}: {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{page.name}: {link}"


def test_addresses_are_listed_and_used() -> None:
    used = {
        address.rstrip(".,;:")
        for page in PAGES
        for address in _ADDRESS.findall(page.read_text(encoding="utf-8"))
    }
    assert used == set(addresses())


def test_every_chapter_and_page_is_in_the_site() -> None:
    shown = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    missing = [p for p in PAGES if str(p.relative_to(DOCS)) not in shown]
    assert not missing
    assert len(definitions()) > 400


def test_dead_addresses_are_told() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/there" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing to be printed."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        (line,) = dead([f"{base}/there", f"{base}/gone"])
        server.shutdown()
    assert "/gone" in line and "404" in line
