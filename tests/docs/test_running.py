"""Pages that lie are found out."""

from __future__ import annotations

import pytest

from docs.making.snippets import blocks_of, run_page


def page(program: str, output: str = "") -> str:
    shown = f"\n```output\n{output}\n```\n" if output else ""
    return f"Text.\n\n```python\n{program}\n```\n{shown}"


def test_output_is_compared() -> None:
    assert run_page(page("print(1)\n2", "1\n2"), "page") == (1, [])
    with pytest.raises(AssertionError, match="page:4"):
        run_page(page("print(1)", "2"), "page")


def test_an_error_is_one() -> None:
    with pytest.raises(ZeroDivisionError):
        run_page(page("1 / 0"), "page")


def test_one_namespace() -> None:
    assert run_page(page("x = 3") + page("x + 1", "4"), "page") == (2, [])


def test_what_is_missing_is_counted() -> None:
    text = "<!-- needs: no_such_module -->\n" + "```python\n1 / 0\n```\n" + page("1 + 1", "2")
    assert run_page(text, "page") == (1, ["no_such_module"])


def test_commands_run() -> None:
    text = "```console\n$ pytflite explain-op RELU6\n...\ndefined in  pytflite/ops/...\n```"
    assert run_page(text, "page") == (1, [])
    with pytest.raises(AssertionError):
        run_page("```console\n$ pytflite explain-op NO_SUCH\n```", "page")


def test_lines_are_those_of_the_page() -> None:
    first, second = blocks_of("a\n```python\nx\n```\n\n```text\ny\n```\n")
    assert (first.line, second.line) == (3, 7)
    assert (first.kind, second.text) == ("python", "y")
