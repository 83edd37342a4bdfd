"""Takes the pictures of the README and the documentation, in headless Chromium.

    python -m docs.making.screenshots [NAME ...]        (make pictures)

Writes PNG files of at most 200 kB to docs/pictures. Times on them are those of the machine and the
day; everything else is seeded. Needs Chromium and chromedriver on the PATH, and the extras `app`
and `test`.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import uvicorn

from examples.doodle.app.server import make_app
from examples.similar.__main__ import gallery_of
from examples.similar.gallery import Gallery
from examples.similar.page import page as similar_page
from pytflite import Interpreter
from pytflite.tools.doodle import model_path
from pytflite.tools.doodle.strokes import drawing, fit, strokes
from pytflite.tools.report import report
from tests.tools.browser import Browser

FOLDER = Path(__file__).parents[1] / "pictures"
LARGEST = 200_000
HOUSE = drawing("house", np.random.default_rng(5))[None, :, :, None] / np.float32(255)
_NOTEBOOK = (
    "<!doctype html><meta charset=utf-8><style>body{font:13px system-ui,sans-serif;margin:16px}"
    "table{border-collapse:collapse;font-size:12px}td,th{padding:3px 9px}"
    "tbody tr:nth-child(odd){background:#f4f5f7}</style>"
)


def main() -> None:
    """Takes them all, or those that are named on the command line."""
    wanted = sys.argv[1:] or list(PICTURES)
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted:
            with Browser() as browser:
                PICTURES[name](browser, Path(folder) / f"{name}.html")
                time.sleep(0.3)
                picture = browser.screenshot()
            if len(picture) > LARGEST:
                sys.exit(f"{name}.png would be {len(picture)} bytes, more than {LARGEST}")
            (FOLDER / f"{name}.png").write_bytes(picture)
            print(f"{name}.png  {len(picture)} bytes")


def take_report(browser: Browser, page: Path) -> None:
    """The int8 doodle recogniser on a house, coloured by time, its second convolution chosen."""
    report(model_path("int8"), {"image": HOUSE}).save(page)
    browser.resize(1200, 760)
    browser.open(page, "graph-0-2")
    browser.run("""const c = document.getElementById("colour"); c.value = "t";
                   c.dispatchEvent(new Event("change")); report.state.node""")
    browser.run("document.querySelector('#details figure').scrollIntoView({block: 'end'})")


def take_errors(browser: Browser, page: Path) -> None:
    """The same beside the float model: where int8 loses what."""
    report(model_path("int8"), {"image": HOUSE}, compare=model_path("float32")).save(page)
    browser.resize(1200, 760)
    browser.open(page, "graph-0-2")


def take_memory(browser: Browser, page: Path) -> None:
    """The arena over time."""
    report(model_path("float32"), {"image": HOUSE}).save(page)
    browser.resize(1100, 640)
    browser.open(page, "memory")


def take_trace(browser: Browser, page: Path) -> None:
    """A trace in a notebook."""
    trace = Interpreter(model_path("int8")).trace(HOUSE)
    page.write_text(_NOTEBOOK + trace._repr_html_(), encoding="utf-8")
    browser.resize(1190, 700)
    browser.open(page)


def take_similar(browser: Browser, page: Path) -> None:
    """Four searches, two of them for kinds that the extractor has never seen."""
    pictures, names = gallery_of(None)
    rng = np.random.default_rng(7)
    queries = [(kind, drawing(kind, rng)) for kind in ("car", "tree", "fish", "umbrella")]
    page.write_text(similar_page(Gallery(pictures), names, queries, 6), encoding="utf-8")
    browser.resize(880, 560)
    browser.open(page)


def take_doodle(browser: Browser, page: Path) -> None:
    """The doodle app, in which an umbrella is drawn."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(make_app(), host="127.0.0.1", port=port, log_level="warning")
    )
    threading.Thread(target=server.run, daemon=True).start()
    until(lambda: server.started)
    browser.resize(1100, 800)
    browser.visit(f"http://127.0.0.1:{port}/")
    until(lambda: browser.run("return document.querySelectorAll('.model .class').length") == 20)
    left, top, width = browser.run(
        "const b = document.getElementById('sheet').getBoundingClientRect();"
        "return [b.left, b.top, b.width]"
    )
    for stroke in fit(strokes("umbrella", np.random.default_rng(12))):
        browser.drag(*((left + x * width, top + y * width) for x, y in stroke), duration=4)
    time.sleep(1.5)  # the last answer


def until(done: Callable[[], bool]) -> None:
    """Waits, for ten seconds at most."""
    end = time.monotonic() + 10
    while not done():
        if time.monotonic() > end:
            sys.exit("the page does not come up")
        time.sleep(0.05)


PICTURES: dict[str, Callable[[Browser, Path], None]] = {
    "report": take_report,
    "errors": take_errors,
    "memory": take_memory,
    "trace": take_trace,
    "doodle": take_doodle,
    "similar": take_similar,
}


if __name__ == "__main__":
    main()
