"""`pytflite inspect`: what a model takes, gives, and is made of."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from pytflite.errors import TFLiteError
from pytflite.model.graph import Operator, Subgraph, Tensor
from pytflite.model.model import Model
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Plan, Step
from pytflite.runtime.interpreter import Interpreter
from pytflite.tools.terminal import (
    console,
    heading,
    print_json,
    quantity,
    shape,
    short,
    size,
    table,
)


def inspect_model(path: Path | str) -> dict[str, Any]:
    """All facts as plain values, ready for JSON.

    What needs a plan (multiply-accumulates, memory) is absent where the model cannot be planned;
    "problem" then says why.
    """
    with Model.open(path) as model:
        facts: dict[str, Any] = {
            "file": str(path),
            "size": model.size,
            "description": model.description,
            "weights": sum(b.data.size for b in model.buffers if b.data is not None),
            "inputs": [_tensor(t) for t in model.inputs],
            "outputs": [_tensor(t) for t in model.outputs],
            "signatures": [
                {
                    "key": s.key,
                    "subgraph": s.subgraph,
                    "inputs": {n: model.subgraphs[s.subgraph].tensors[i].name
                               for n, i in s.inputs.items()},
                    "outputs": {n: model.subgraphs[s.subgraph].tensors[i].name
                                for n, i in s.outputs.items()},
                }
                for s in model.signatures
            ],
            "subgraphs": [_subgraph(g) for g in model.subgraphs],
        }  # fmt: skip
        facts["metadata"] = _metadata(model)
        try:
            plan = Interpreter(model).plan()
        except TFLiteError as error:
            facts["problem"] = str(error)
        else:
            facts |= _planned(plan, facts["subgraphs"][0]["operators"])
        return facts


def _tensor(tensor: Tensor) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "name": tensor.name,
        "type": str(tensor.dtype),
        "shape": list(tensor.shape),
    }
    if tensor.shape_signature is not None and tensor.shape_signature != tensor.shape:
        facts["shape_signature"] = list(tensor.shape_signature)
    q = tensor.quantization
    if q is not None and q.scale.size == 1:
        facts["scale"] = float(q.scale[0])
        facts["zero_point"] = int(q.zero_point[0]) if q.zero_point.size else 0
    elif q is not None and q.scale.size:
        facts["scales"] = int(q.scale.size)
        facts["quantized_dimension"] = q.quantized_dimension
    return facts


def _subgraph(graph: Subgraph) -> dict[str, Any]:
    return {
        "name": graph.name,
        "operators": [_operator(n, o, graph) for n, o in enumerate(graph.operators)],
        "tensors": [_tensor(t) for t in graph.tensors],
    }


def _operator(index: int, operator: Operator, graph: Subgraph) -> dict[str, Any]:
    def types(indices: tuple[int, ...]) -> list[str | None]:
        return [None if i < 0 else str(graph.tensors[i].dtype) for i in indices]

    output = next((graph.tensors[i] for i in operator.outputs if i >= 0), None)
    return {
        "index": index,
        "name": operator.name,
        "custom": operator.code.is_custom,
        "version": operator.code.version,
        "inputs": types(operator.inputs),
        "outputs": types(operator.outputs),
        "output": None if output is None else output.name,
        "shape": None if output is None else list(output.shape),
        "options": {} if operator.options is None
        else {k: _plain(v) for k, v in operator.options.describe().items()},
    }  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return repr(value)


def _metadata(model: Model) -> dict[str, Any]:
    try:
        found = model.metadata
        facts = {
            "name": None if found is None else found.name,
            "description": None if found is None else found.description,
            "version": None if found is None else found.version,
            "author": None if found is None else found.author,
            "files": sorted(model.files),
            "labels": model.labels,
        }
    except TFLiteError as error:
        return {"problem": str(error)}
    return {key: value for key, value in facts.items() if value}


def _planned(plan: Plan, operators: list[dict[str, Any]]) -> dict[str, Any]:
    for step in plan.steps:
        operators[step.node.index] |= _step(step)
    cost = plan.cost
    return {
        "macs": cost.macs,
        "bytes": cost.bytes,
        "arena": plan.arena_bytes,
        "arena_lower_bound": plan.lower_bound,
        "scratch": plan.scratch_bytes,
        "steps": len(plan.steps),
        "folded": plan.folded,
    }


def _step(step: Step) -> dict[str, Any]:
    cost = step.cost
    specs: list[Spec] = [s for s in step.output_specs if s is not None]
    return {
        "macs": cost.macs,
        "bytes": cost.bytes,
        "shape": None if not specs or specs[0].shape is None else list(specs[0].shape),
    }


def show(path: Path, *, as_json: bool, tensors: bool) -> None:
    """Prints the facts, as JSON or as tables."""
    facts = inspect_model(path)
    if as_json:
        if not tensors:
            for graph in facts["subgraphs"]:
                del graph["tensors"]
        print_json(facts)
        return
    heading(facts["file"], f"  {size(facts['size'])}")
    if facts["description"]:
        console.print(facts["description"], style="dim")
    for key, value in facts["metadata"].items():
        shown = f"{len(value)}: {', '.join(value[:6])} ..." if key == "labels" else value
        console.print(f"{key}: {shown}", soft_wrap=True)
    _show_tensors("Inputs", facts["inputs"])
    _show_tensors("Outputs", facts["outputs"])
    for signature in facts["signatures"]:
        console.print(
            f"signature {signature['key']!r}: {', '.join(signature['inputs'])} -> "
            f"{', '.join(signature['outputs'])}",
        )
    for number, graph in enumerate(facts["subgraphs"]):
        name = "Operators" if len(facts["subgraphs"]) == 1 else f"Subgraph {number} {graph['name']}"
        _show_operators(name, graph["operators"])
        if tensors:
            _show_tensors("Tensors", graph["tensors"])
    _show_kinds(facts["subgraphs"])
    if "problem" in facts:
        console.print(f"cannot be planned: {facts['problem']}", style="yellow")
    else:
        console.print(
            f"{quantity(facts['macs'])} multiply-accumulates; weights {size(facts['weights'])}; "
            f"memory for tensors {size(facts['arena'])} "
            f"(at least {size(facts['arena_lower_bound'])}) and {size(facts['scratch'])} to work "
            f"in; {facts['steps']} steps, {facts['folded']} operators folded"
        )


def _show_tensors(title: str, tensors: list[dict[str, Any]]) -> None:
    rows = table(title, "name", "type", "shape", "quantisation")
    for t in tensors:
        if "scale" in t:
            how = f"{t['scale']:.6g} * (q - {t['zero_point']})"
        elif "scales" in t:
            how = f"{t['scales']} scales along {t['quantized_dimension']}"
        else:
            how = ""
        rows.add_row(short(t["name"]), t["type"], shape(t.get("shape_signature", t["shape"])), how)
    console.print(rows)


def _show_operators(title: str, operators: list[dict[str, Any]]) -> None:
    rows = table(title, "#", "operator", "v", "types", "output", "MACs", "bytes",
                 right=("#", "v", "MACs", "bytes"))  # fmt: skip
    for o in operators:
        kinds = ", ".join(dict.fromkeys(t for t in (*o["inputs"], *o["outputs"]) if t))
        rows.add_row(
            str(o["index"]), o["name"], str(o["version"]), kinds,
            "?" if o["shape"] is None else shape(o["shape"]),
            quantity(o["macs"]) if o.get("macs") else "",
            size(o["bytes"]) if o.get("bytes") else "",
        )  # fmt: skip
    console.print(rows)


def _show_kinds(subgraphs: list[dict[str, Any]]) -> None:
    kinds = Counter(o["name"] for graph in subgraphs for o in graph["operators"])
    text = ", ".join(f"{name} {count}" for name, count in kinds.most_common())
    console.print(f"{sum(kinds.values())} operators: {text}")
