"""The report in a browser: what a person would click, type and see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pytflite.tools.doodle import model_path
from pytflite.tools.report import report
from tests.tools.browser import Browser, browser
from tests.tools.report_pages import evil_model, loop
from tests.tools.test_report_errors import X, broken

__all__ = ["browser"]  # a fixture is found by its name in the module


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "doodle.html"
    report(model_path("int8")).save(path)
    return path


@pytest.fixture(autouse=True)
def no_complaints(browser: Browser) -> Iterator[None]:
    """Nothing goes wrong in any of these tests, and nothing is fetched."""
    browser.complaints()
    yield
    assert browser.complaints() == []
    assert browser.run("return performance.getEntriesByType('resource').map((e) => e.name)"
                       ".filter((name) => !name.startsWith('data:'))") == []  # fmt: skip


def click_node(browser: Browser, node: int) -> None:
    """Clicks in the middle of a node of the drawing."""
    browser.click_at(*browser.run("return report.placeOf(arguments[0])", node))


def test_a_click_shows_an_operator(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert "doodle_int8.tflite" in browser.text("h1")
    click_node(browser, 1)  # the input is node 0
    details = browser.text("#details")
    for text in ("CONV_2D", "operator #0", "stride_w", "OUTPUT", "saturated", "RELU", "window"):
        assert text in details
    picture = "return document.querySelector('#details img').naturalWidth"
    assert browser.run(picture) > 50
    natural, seen = browser.run("""
        const i = document.querySelector("#details img");
        return [i.naturalWidth / i.naturalHeight, i.clientWidth / i.clientHeight]""")
    assert seen == pytest.approx(natural, rel=0.02)  # squares stay squares
    assert browser.run("return document.querySelectorAll('#details .histogram rect').length") > 9
    assert browser.run("return location.hash") == "#graph-0-0"
    browser.click("#details .ends .link")  # to its reader
    assert browser.run("return report.state.node") == 2


def test_the_drawing_is_drawn_and_moves(browser: Browser, page: Path) -> None:
    browser.open(page)
    colours = """
        const canvas = document.getElementById("graph");
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        return new Set(new Uint32Array(data.buffer)).size"""
    assert browser.run(colours) > 30
    x, y = browser.run("return [report.view.x, report.view.y]")
    browser.drag((200, 500), (260, 420))
    scale = browser.run("return report.view.k")
    assert browser.run("return report.view.x") == pytest.approx(x - 60 / scale, abs=1)
    assert browser.run("return report.view.y") == pytest.approx(y + 80 / scale, abs=1)
    browser.click("#larger")
    assert browser.run("return report.view.k") == pytest.approx(scale * 1.25)
    browser.click("#fit")
    assert browser.run("return report.placeOf(0)[1]") > 100


def test_search_finds_and_goes_on(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.type("body", "/")
    assert browser.run("return document.activeElement.id") == "search"
    browser.type("#search", "conv_2d")
    assert browser.text("#found").endswith("found")
    browser.type("#search", "\ue007")  # Enter
    assert browser.text("#found").startswith("1 of") and "CONV_2D" in browser.text("#details h2")
    browser.type("#search", "\ue007")
    assert browser.text("#found").startswith("2 of")
    browser.type("#search", "no such thing")
    assert browser.text("#found") == "none found"


def test_keys_walk_along_the_graph(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("document.getElementById('graph').focus()")
    nodes = []
    for key in "\ue015\ue015\ue015\ue013n":  # down, down, down, up, next
        browser.type("#graph", key)
        nodes.append(browser.run("return report.state.node"))
    assert nodes == [0, 1, 2, 1, 2]
    assert "MAX_POOL_2D" in browser.text("#spoken")
    browser.type("#graph", "?")
    assert "order of execution" in browser.text("#keys")
    browser.type("#graph", "\ue00c")  # Escape
    assert browser.run("return [report.state.node, document.getElementById('keys').hidden]") == [
        -1, True,
    ]  # fmt: skip


def test_subgraphs_are_entered_and_left(browser: Browser, tmp_path: Path) -> None:
    report(loop()).save(tmp_path / "loop.html")
    browser.open(tmp_path / "loop.html")
    click_node(browser, 1)
    assert "body: subgraph 2 body" in browser.text("#details")
    browser.type("#graph", "\ue007")
    assert browser.run("return report.state.graph") == 2
    click_node(browser, 1)
    assert browser.text("#details h2") == "ADD"
    browser.click("#back")
    assert browser.run("return [report.state.graph, report.state.node]") == [0, 1]
    browser.open(tmp_path / "loop.html", "graph-1-0")
    assert browser.text("#details h2") == "LESS"


def test_tables_sort_and_filter(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.click("#tab-operators")
    first = "#view-operators tbody tr:first-child"
    assert browser.text(f"{first} td:nth-child(2)") == "CONV_2D"
    browser.click("#view-operators th:nth-child(2) button")
    names = browser.run("return [...document.querySelectorAll('#view-operators tbody tr')]"
                        ".map((row) => row.children[1].innerText)")  # fmt: skip
    assert names == sorted(names) and len(names) > 5
    browser.type("#view-operators input", "softmax")
    assert browser.text("#view-operators .tools output") == "1 row"
    browser.click(first)
    assert browser.text("#details h2") == "SOFTMAX"
    browser.click("#tab-tensors")
    browser.type("#view-tensors input", "image")
    assert "image" in browser.text("#view-tensors tbody")


def test_memory_and_roofline(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.click("#tab-memory")
    assert "Arena" in browser.text("#view-memory h2")
    assert browser.run("return document.querySelector('#view-memory canvas').clientHeight") > 300
    browser.click("#tab-roofline")
    circles = browser.run("return document.querySelectorAll('#view-roofline circle').length")
    assert circles >= 3
    browser.click("#view-roofline circle:last-of-type")
    assert browser.text("#tab-graph") and browser.run("return report.state.node") > 0


def test_light_and_dark(browser: Browser, page: Path) -> None:
    browser.open(page)
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = browser.run(ground)
    browser.click("#theme")
    dark = browser.run(ground)
    assert light != dark
    browser.click("#theme")
    assert browser.run(ground) == light


def test_errors_are_colours_and_words(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "broken.html"
    report(broken(5), {"image": X}, name="broken", compare=model_path("float32")).save(path)
    browser.open(path)
    assert browser.run("return report.state.colour") == "e"
    assert "100 %" in browser.text("#legend")
    colours = """
        const canvas = document.getElementById("graph"), box = canvas.getBoundingClientRect();
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        return [1, 6].map((node) => {
          const [x, y] = report.placeOf(node);
          const row = Math.round((y - box.top - 17 * report.view.k) * devicePixelRatio);
          const at = 4 * (row * canvas.width + Math.round((x - box.left) * devicePixelRatio));
          return [...data.slice(at, at + 3)];
        })"""
    sound, wrong = browser.run(colours)
    assert min(sound) > 200 and wrong[0] > 200 and wrong[2] < 100  # pale, and red
    assert "Goes wrong at: #5" in browser.text("#details")
    browser.click("#details .link")
    details = browser.text("#details")
    assert "operator #5" in details and "something goes wrong" in details and "SQNR" in details
    browser.click("#tab-operators")
    browser.click("#view-operators th:nth-child(6) button")  # by error, the greatest first
    assert browser.text("#view-operators tbody tr:first-child td:nth-child(6)") == "100 %"


def test_operators_of_a_loop_have_times(browser: Browser, tmp_path: Path) -> None:
    report(loop(), {"x": np.int32([0])}).save(tmp_path / "loop.html")
    browser.open(tmp_path / "loop.html", "graph-2-0")
    details = browser.text("#details")
    assert "3 times in a run" in details and "time" in details and "max3" in details


def test_an_attack_stays_text(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "evil.html"
    report(evil_model(), name="</title><script>alert(1)</script>").save(path)
    browser.open(path)
    for node in range(4):
        browser.run("report.select(arguments[0])", node)
    for tab in ("operators", "tensors", "memory", "roofline", "graph"):
        browser.click(f"#tab-{tab}")
    assert browser.run("return document.title") == "</title><script>alert(1)</script>"
    assert browser.run("return document.querySelectorAll('img, script').length") == 2
    assert "onerror" in browser.text("#details")


def test_two_thousand_operators_open_in_two_seconds(
    browser: Browser, shared_models: Path, tmp_path: Path
) -> None:
    path = tmp_path / "large.html"
    report(shared_models / "tflite-micro__dp_net.tflite").save(path)
    browser.open(path)
    assert 0 < int(browser.run("return document.documentElement.dataset.ready")) < 2000
    browser.click("#tab-operators")
    assert browser.text("#view-operators .tools output") == "300 of 2338 rows"
    browser.click("#view-operators .tools button")
    assert browser.text("#view-operators .tools output") == "2338 rows"
