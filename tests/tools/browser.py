"""A browser for tests: headless Chromium, spoken to in the WebDriver protocol (W3C).

Needs `chromium` (or Google Chrome) and `chromedriver` on the PATH; nothing from PyPI.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1440,900",
)  # fmt: skip
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the protocol's name for a reference
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Browser:
    """One window. `with Browser() as browser: browser.open(path)`."""

    def __init__(self, *, dark: bool = False) -> None:
        self._folder = tempfile.mkdtemp()
        self._driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        assert self._driver.stdout is not None
        ports = (re.search(r"started .* on port (\d+)", line) for line in self._driver.stdout)
        port = next(filter(None, ports))[1]
        self._address = f"http://127.0.0.1:{port}"
        flags = [*_FLAGS, f"--user-data-dir={self._folder}"]
        if dark:
            flags.append("--blink-settings=preferredColorScheme=0")
        options = {
            "goog:chromeOptions": {"args": flags, "binary": next(filter(None, _found()))},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        found = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": options}})
        self._address += f"/session/{found['sessionId']}"

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(
            self._address + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, path: Path, place: str = "") -> None:
        """Opens a file, at a place within it."""
        self._ask("POST", "/url", {"url": "about:blank"})
        self._ask("POST", "/url", {"url": path.as_uri() + (f"#{place}" if place else "")})

    def visit(self, address: str) -> None:
        """Opens an address."""
        self._ask("POST", "/url", {"url": address})

    def resize(self, width: int, height: int) -> None:
        """Makes the window so large that a page has this size."""
        wide, high = self.run("return [outerWidth - innerWidth, outerHeight - innerHeight]")
        self._ask("POST", "/window/rect", {"width": width + wide, "height": height + high})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector: str) -> str:
        """The visible text of the first element."""
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def click(self, selector: str) -> None:
        """Clicks on an element, as a person would."""
        self._ask("POST", f"/element/{self._find(selector)}/click", {})

    def click_at(self, x: float, y: float) -> None:
        """Clicks at a point of the window."""
        at = {"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)}
        self._pointer(at, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})

    def drag(self, *points: tuple[float, float], duration: int = 50) -> None:
        """Draws with the button held, from point to point, each in that many milliseconds."""
        first, *others = [
            {"type": "pointerMove", "duration": duration, "x": round(x), "y": round(y)}
            for x, y in points
        ]
        down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        self._pointer(first, down, *others, up)

    def _pointer(self, *actions: dict[str, Any]) -> None:
        source = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"},
                  "actions": actions}  # fmt: skip
        self._ask("POST", "/actions", {"actions": [source]})

    def type(self, selector: str, keys: str) -> None:
        """Types into an element."""
        self._ask("POST", f"/element/{self._find(selector)}/value", {"text": keys})

    def _find(self, selector: str) -> str:
        found = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        return str(found[_ELEMENT])

    def screenshot(self) -> bytes:
        """A PNG file of the window."""
        return b64decode(self._ask("GET", "/screenshot"))

    def complaints(self) -> list[str]:
        """What the console holds: errors, refused scripts, failed requests."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def close(self) -> None:
        """Ends it."""
        try:
            self._ask("DELETE", "")
        finally:
            self._driver.terminate()
            self._driver.wait(timeout=20)
            if self._driver.stdout is not None:
                self._driver.stdout.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _found() -> list[str | None]:
    return [shutil.which(name) for name in _BROWSERS]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A window for the tests of a module; they are skipped where there is no browser."""
    if not any(_found()) or shutil.which("chromedriver") is None:
        pytest.skip("no Chromium with chromedriver is on the PATH")
    with Browser() as window:
        yield window
