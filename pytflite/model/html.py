"""Models and subgraphs as tables for notebooks. Every name from a file is escaped.

runtime/html.py shows interpreters, traces and profiles in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from pytflite.errors import TFLiteError
from pytflite.model.graph import Operator, Subgraph, Tensor
from pytflite.model.summary import bytes_text, counted, quantization_text, shape_text

if TYPE_CHECKING:
    from pytflite.model.model import Model

MAX_ROWS = 60
_MAX_TEXT = 80  # characters of a name
_MAX_PROSE = 2000
_MAX_SIGNATURES = 10
_LEFT = 'style="text-align:left"'


def model_html(model: Model) -> str:
    """Name, inputs, outputs, signatures and operators of a model."""
    if model.closed:
        return f"<p>Model <b>{text(title(model.name))}</b>, closed</p>"
    graphs = len(model.subgraphs)
    facts = [
        bytes_text(model.size),
        *([f"{graphs} subgraphs"] if graphs > 1 else []),
        counted(model.operators),
    ]
    parts = [
        f"<p>Model <b>{text(title(model.name))}</b>: {text('; '.join(facts))}</p>",
        _about(model),
        *(
            f"<p>Signature <code>{text(cut(s.key))}</code>: "
            f"{text(_few(s.inputs))} &rarr; {text(_few(s.outputs))}</p>"
            for s in model.signatures[:_MAX_SIGNATURES]
        ),
        graph_body(model.main),
    ]
    return "".join(parts)


def subgraph_html(graph: Subgraph) -> str:
    """Inputs, outputs and operators of a subgraph."""
    facts = f"{len(graph.tensors)} tensors; {counted(graph.operators)}"
    return (
        f"<p>Subgraph <b>{text(cut(graph.name or 'main'))}</b>: {text(facts)}</p>"
        f"{graph_body(graph)}"
    )


def graph_body(graph: Subgraph) -> str:
    """The two tables of a subgraph."""
    tensors = [
        (role, cut(tensor.name), str(tensor.dtype), shape_text(tensor), quantization_text(tensor))
        for role, indices in (("input", graph.inputs), ("output", graph.outputs))
        for tensor in (graph.tensors[i] for i in indices[:MAX_ROWS])
    ]
    operators = [
        (
            str(number),
            f"{cut(operator.name)} v{operator.code.version}",
            _tensors(graph, operator.inputs),
            _tensors(graph, operator.outputs),
            _options(operator),
        )
        for number, operator in enumerate(graph.operators[:MAX_ROWS])
    ]
    more = len(graph.operators) - len(operators)
    return (
        table(("", "tensor", "type", "shape", "quantisation"), tensors)
        + table(("#", "operator", "inputs", "outputs", "options"), operators)
        + (f"<p>&hellip; and {more} operators more</p>" if more else "")
    )


def _about(model: Model) -> str:
    """What the metadata say of the model; a file with bad ones is shown without."""
    try:
        metadata = model.metadata
    except TFLiteError:
        return ""
    if metadata is None or not (metadata.name or metadata.description):
        return ""
    name, description = cut(metadata.name or ""), (metadata.description or "")[:_MAX_PROSE]
    return f"<p><i>{text(name)}</i> {text(description)}</p>"


def _few(names: Iterable[str]) -> str:
    known = [cut(name) for name in names]
    return ", ".join(known[:MAX_ROWS]) + (", …" if len(known) > MAX_ROWS else "")


def _tensors(graph: Subgraph, indices: Sequence[int]) -> str:
    """One tensor to a line: name, type, shape."""
    return "\n".join("none" if i < 0 else _tensor(graph.tensors[i]) for i in indices[:MAX_ROWS]) + (
        "\n…" if len(indices) > MAX_ROWS else ""
    )


def _tensor(tensor: Tensor) -> str:
    return f"{cut(tensor.name)} {tensor.dtype} {shape_text(tensor)}"


def _options(operator: Operator) -> str:
    if operator.options is not None:
        fields = operator.options.describe()
        return "\n".join(f"{name} {cut(str(value))}" for name, value in fields.items())
    if operator.custom_options is not None and operator.custom_options.size:
        return bytes_text(operator.custom_options.size)
    return ""


class Markup(str):
    """HTML of our own making, which a table takes as it is."""

    __slots__ = ()


def table(head: Iterable[str], rows: Sequence[Iterable[str]]) -> str:
    """Rows of cells under titles; nothing where there are no rows."""
    if not rows:
        return ""
    titles = "".join(f"<th {_LEFT}>{text(title)}</th>" for title in head)
    body = "".join(
        f"<tr>{''.join(f'<td {_LEFT}>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def _cell(content: str) -> str:
    return content if isinstance(content, Markup) else text(content)


def cut(name: str) -> str:
    """A name of bounded length: converters join dozens of them."""
    return name if len(name) <= _MAX_TEXT else name[:_MAX_TEXT] + "…"


def title(name: str) -> str:
    """A model's name of bounded length. It is often a path, whose end tells most."""
    return name if len(name) <= _MAX_TEXT else "…" + name[-_MAX_TEXT:]


def text(content: str) -> str:
    """Escaped; bytes that were no UTF-8 are shown as such, for a page must be encodable."""
    plain = content.encode("utf-8", "backslashreplace").decode()
    return escape(plain).replace("\n", "<br>")
