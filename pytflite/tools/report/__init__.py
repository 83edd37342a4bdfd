"""`pytflite report`: one page, complete in itself, on which a model can be looked at.

>>> from pytflite.tools.report import report
>>> from pytflite.tools.doodle import model_path
>>> report(model_path("int8"), run=False)
<Report of 'doodle_int8.tflite'>

In a notebook such an object shows the page.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from html import escape
from math import prod
from pathlib import Path
from typing import Any

import pytflite
from pytflite.errors import InputError, LimitError, TFLiteError
from pytflite.model.graph import Array
from pytflite.model.model import Model
from pytflite.ops.limits import Limits
from pytflite.ops.registry import find
from pytflite.ops.spec import Shape
from pytflite.plan.plan import Plan
from pytflite.plan.planner import Planner
from pytflite.runtime.feeding import fit_shape, to_tensor
from pytflite.tools.report import values
from pytflite.tools.report.dot import dot
from pytflite.tools.report.errors import hold_to
from pytflite.tools.report.facts import MAX_OPERATORS, documentation, graph_facts, model_facts, text
from pytflite.tools.report.model_explorer import node_data
from pytflite.tools.report.page import page
from pytflite.tools.sampling import random_inputs

_FRAME_HEIGHT = 760  # pixels, in a notebook
_MADE_UP = 1 << 26  # elements of random inputs


class Report:
    """What is known of a model, and the ways to show it. `facts` are plain values."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    @property
    def html(self) -> str:
        """The page."""
        return page(self.facts)

    @property
    def dot(self) -> str:
        """The graphs in Graphviz's language."""
        return dot(self.facts)

    @property
    def model_explorer(self) -> str:
        """Node data for Model Explorer, as JSON."""
        return node_data(self.facts)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the page."""
        Path(path).write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts" '
            f'style="width:100%;height:{_FRAME_HEIGHT}px;border:0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<Report of {self.facts['title']!r}>"


def report(
    model: Any, inputs: Mapping[str, Any] | None = None, *, name: str | None = None,
    run: bool = True, seed: int = 0, compare: Any = None,
) -> Report:  # fmt: skip
    """Looks at a model.

    Args:
        model: a path, bytes, or a Model.
        inputs: values by input name; seeded random ones where there are none.
        name: the page's title; by default the file's name.
        run: whether to run the model, for times and values.
        seed: of the random inputs.
        compare: another model, to which its layers are held on the same inputs (see
            pytflite.tools.comparison): the float model of a quantised one.

    Raises:
        FormatError, ModelError: not a model; or models that cannot be compared.
        InputError: `inputs` do not fit. (A model that cannot be planned or run is shown without
            times and values; the page says why.)
    """
    opened = Model.open(model)
    reference = None if compare is None else Model.open(compare)
    facts = model_facts(opened, name or Path(opened.name).name)
    facts["pytflite"] = pytflite.__version__
    problems: list[str] = []
    facts["problems"] = problems
    given = _given(opened, inputs or {})
    shapes = [
        given[n].shape if n in given else tuple(1 if d < 0 else d for d in t.shape)
        for n, t in enumerate(opened.inputs)
    ]
    facts["graphs"], room = [], MAX_OPERATORS
    for number in range(len(opened.subgraphs)):
        plan = _plan(opened, number, shapes, problems)
        facts["graphs"].append(graph_facts(opened, number, plan, room))
        room -= len(facts["graphs"][-1]["ops"])
    facts["docs"] = documentation(opened)
    if run and facts["graphs"] and "arena" in facts["graphs"][0]:
        try:
            arrays = _arrays(opened, given, shapes, seed)
            _measure(opened, arrays, facts)
        except TFLiteError as error:
            problems.append(text(f"It could not be run: {error}"))
        else:
            facts["given"] = "the given inputs" if given else f"random inputs, seed {seed}"
            if reference is not None:
                hold_to(reference, opened, arrays, facts)
    return Report(facts)


def _given(model: Model, inputs: Mapping[str, Any]) -> dict[int, Array]:
    """Arrays for inputs of the main subgraph, by their position."""
    names = {t.name: n for n, t in enumerate(model.inputs)}
    for signature in model.signatures:
        for name, index in signature.inputs.items() if signature.subgraph == 0 else ():
            if index in model.main.inputs:
                names.setdefault(name, model.main.inputs.index(index))
    found: dict[int, Array] = {}
    for name, value in inputs.items():
        if name not in names:
            raise InputError(
                f"the model has no input {name!r}", code="input.name", expected=", ".join(names)
            )
        tensor = model.inputs[names[name]]
        array, _ = to_tensor(value, tensor)
        found[names[name]] = fit_shape(array, tensor.shape_signature or tensor.shape)
    return found


def _plan(
    model: Model, number: int, main_shapes: Sequence[Shape], problems: list[str]
) -> Plan | None:
    """How a subgraph will run; None, and a word about it, where it cannot."""
    graph = model.subgraphs[number]
    shapes = main_shapes if number == 0 else [
        tuple(1 if d < 0 else d for d in graph.tensors[i].shape) for i in graph.inputs
    ]  # fmt: skip
    try:
        planner = Planner(model, lambda name, custom: find(name, custom=custom), Limits())
        return planner.plan(number, shapes)
    except TFLiteError as error:
        problems.append(text(f"Subgraph {number} cannot be planned: {error}"))
        return None


def _arrays(
    model: Model, given: Mapping[int, Array], shapes: Sequence[Shape], seed: int
) -> list[Array]:
    """An array for each input."""
    if len(given) == len(shapes):
        return [given[n] for n in range(len(shapes))]
    if sum(map(prod, shapes)) > _MADE_UP:
        raise LimitError(
            "random inputs would be too large", code="limit.inputs",
            expected=f"at most {_MADE_UP} elements",
        )  # fmt: skip
    return [given.get(n, made) for n, made in enumerate(random_inputs(model, seed))]


def _measure(model: Model, arrays: Sequence[Array], facts: dict[str, Any]) -> None:
    """Times and values, put into the facts of the subgraphs."""
    graphs = facts["graphs"]
    found, once = values.run(model, arrays)
    for (number, index), about in found.items():
        if index < len(graphs[number]["tensors"]):
            graphs[number]["tensors"][index]["v"] = about
    for row in values.times(model, arrays, once):
        graph = graphs[row.subgraph]
        graph["seconds"] = graph.get("seconds", 0.0) + row.seconds
        if row.position < len(graph["ops"]):
            operator = graph["ops"][row.position]
            operator["t"] = row.seconds
            operator["w"] = row.backend
            if row.calls > 1:
                operator["n"] = row.calls
    graphs[0].setdefault("seconds", 0.0)
    facts["machine"] = values.machine()
