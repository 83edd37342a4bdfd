"""What `mkdocs build` asks of us: pages and pictures from code, and links that lead somewhere.

* operators/: a page and a picture an operator, from the registry.
* book/pictures/, pictures/: from the functions in docs/making/pictures/.
* source/: the files of the repository that pages link to, so that the site stands alone.
* Links out of docs/ are turned to those; other addresses must be in external_links.txt.
"""

from __future__ import annotations

import logging
import os
import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["PYTFLITE_BACKEND"] = "numpy"  # nothing is compiled for a page

# mkdocs loads this file by itself: until here the repository was not on the path.
from mkdocs.structure.files import File, Files  # noqa: E402

from docs.making.external_links import addresses  # noqa: E402
from docs.making.operator_page import definitions, page_of  # noqa: E402
from docs.making.pictures import PICTURES  # noqa: E402

log = logging.getLogger("mkdocs.plugins.pytflite")
LINK = re.compile(r"(?<=\]\()([^)\s#]+)(?=[)#])")
ADDRESS = re.compile(r"https?://[^\s)>\"'`]+")
_LANGUAGES = {".py": "python", ".md": "markdown", ".toml": "toml", ".fbs": "text"}
_pages: dict[str, str] = {}  # operator -> file of its page


def on_files(files: Files, config: Any) -> Files:
    """Adds what is generated."""
    texts = {
        f.src_uri: Path(f.abs_src_path).read_text(encoding="utf-8")
        for f in files.documentation_pages()
        if f.abs_src_path
    }
    only = os.environ.get("PYTFLITE_DOCS_OPERATORS")  # for a quick look: CONV_2D,ADD
    for name, group in definitions().items():
        for definition in group:
            _pages[definition.name] = f"operators/{name}.md"
        if only is not None and name not in only.split(","):
            texts[f"operators/{name}.md"] = f"# {name}\n"
            continue
        texts[f"operators/{name}.md"], picture = page_of(name, group)
        files.append(File.generated(config, f"operators/{name}.svg", content=picture))
    for path, draw in PICTURES.items():
        files.append(File.generated(config, path, content=draw()))
    for uri, text in texts.items():
        if uri not in files.src_uris:
            files.append(File.generated(config, uri, content=text))
    for path in sorted({p for uri, text in texts.items() for p in _linked_sources(uri, text)}):
        files.append(File.generated(config, f"source/{path}.md", content=_source(path)))
    return files


def _linked_sources(uri: str, text: str) -> Iterator[str]:
    for link in LINK.findall(text):
        path = _outside(uri, link)
        if path is not None:
            yield path


def _outside(uri: str, link: str) -> str | None:
    """The path in the repository of a link that leads out of docs/."""
    if "://" in link or not link.startswith(".."):
        return None
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(uri), link))
    if path.startswith(("docs/", "..")) or not (ROOT / path).exists():
        return None
    return path


def _source(path: str) -> str:
    """A page that shows a file, or what a folder holds."""
    place = ROOT / path
    head = f"---\nsearch:\n  exclude: true\n---\n# {PurePosixPath(path).name}\n\n`{path}`\n\n"
    if place.is_dir():
        names = sorted(p.name for p in place.glob("*.py"))
        return head + "".join(f"* `{name}`\n" for name in names)
    language = _LANGUAGES.get(place.suffix, "text")
    text = place.read_text(encoding="utf-8")
    return f'{head}``````{{.{language} linenums="1"}}\n{text}\n``````\n'


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turns links to the repository into links to its pages here; checks other addresses."""
    uri = page.file.src_uri
    if uri.startswith("source/"):
        return markdown
    known = addresses()
    for address in ADDRESS.findall(markdown):
        if address.rstrip(".,;:") not in known:
            log.warning("%s: %s is not in external_links.txt", uri, address)
    if uri == "operators.md":
        # GitHub wants bars in code escaped, Python-Markdown shows the escape.
        markdown = re.sub(r"(?m)^\| (\S+) \|", _row, markdown).replace(r"\|", "|")
        page.meta["hide"] = ["navigation", "toc"]  # its tables are wide
    markdown = re.sub(r"(?m)^```output$", "``` {.text .output}", markdown)
    here = posixpath.dirname(uri)

    def turned(match: re.Match[str]) -> str:
        path = _outside(uri, match[1])
        return match[1] if path is None else posixpath.relpath(f"source/{path}.md", here or ".")

    return LINK.sub(turned, markdown)


def _row(match: re.Match[str]) -> str:
    page = _pages.get(match[1])
    return match[0] if page is None else f"| [{match[1]}]({page}) |"
