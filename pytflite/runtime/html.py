"""Interpreters, profiles and traces as tables and pictures for notebooks.

In the way of model/html.py: every name is escaped, and what is shown of a large model is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pytflite.errors import TFLiteError
from pytflite.model.graph import Array
from pytflite.model.html import MAX_ROWS, Markup, cut, model_html, table, text, title
from pytflite.model.summary import bytes_text, counted
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Plan
from pytflite.runtime.feature_maps import MAPS, picture
from pytflite.runtime.profile import StepTime

if TYPE_CHECKING:
    from pytflite.runtime.interpreter import Interpreter
    from pytflite.runtime.trace import Trace

_BINS = 24
_SAMPLE = 1 << 16  # elements that a histogram looks at
_PICTURES = 20  # in a trace
_PICTURE_WIDTH = 112  # pixels, as shown
_KINDS = 12  # of operators, in a profile
_BLUE = "#4f86c6"  # seen on white and on black


def interpreter_html(interpreter: Interpreter) -> str:
    """Inputs and outputs as they are now, memory, and each operator's work and backend."""
    model = interpreter.model
    name = f"<b>{text(title(model.name))}</b>"
    if model.closed:
        return f"<p>Interpreter of {name}, closed</p>"
    try:
        plan, backends = interpreter.plan(), interpreter.backend_report()
    except TFLiteError as error:
        return f"<p>Interpreter; this model cannot run: {text(str(error))}</p>" + model_html(model)
    facts = (
        f"backend {interpreter.backend}", counted(model.operators),
        f"{quantity_text(plan.cost.macs)} multiply-accumulates",
        f"{bytes_text(plan.arena_bytes + plan.scratch_bytes)} of memory",
    )  # fmt: skip
    chosen = {row.position: row.backend for row in backends}
    return f"<p>Interpreter of {name}: {text('; '.join(facts))}</p>" + "".join(
        (_ends(interpreter, plan), _steps(plan, chosen))
    )


def _ends(interpreter: Interpreter, plan: Plan) -> str:
    """Inputs and outputs with their planned shapes."""
    tensors = interpreter.model.main.tensors
    rows = [
        (role, cut(tensors[i].name), *_planned(plan.specs.get(i)))
        for role, indices in (("input", plan.inputs), ("output", plan.outputs))
        for i in indices[:MAX_ROWS]
    ]
    return table(("", "tensor", "type", "shape"), rows)


def _planned(spec: Spec | None) -> tuple[str, str]:
    if spec is None:
        return "", ""
    if spec.shape is None:
        return str(spec.dtype), "known when it runs"
    return str(spec.dtype), "x".join("?" if d is None else str(d) for d in spec.shape) or "scalar"


def _steps(plan: Plan, backends: dict[int, str]) -> str:
    """A row for each operator that runs; a bar for its share of the multiply-accumulates."""
    most = max((step.cost.macs for step in plan.steps), default=0)
    rows = []
    for step in plan.steps[:MAX_ROWS]:
        cost, outputs = step.cost, step.node.outputs
        name = outputs[0].name if outputs and outputs[0] is not None else ""
        spec = step.output_specs[0] if step.output_specs else None
        backend = "a view" if step.alias else backends.get(step.node.index, "")
        rows.append(
            (str(step.node.index), cut(step.node.name), cut(name), *_planned(spec),
             _bar(cost.macs, most, quantity_text(cost.macs)), bytes_text(cost.bytes), backend)
        )  # fmt: skip
    head = ("#", "operator", "output", "type", "shape", "MACs", "moves", "backend")
    folded = f"<p>{plan.folded} computed in advance</p>" if plan.folded else ""
    return table(head, rows) + _more(len(plan.steps) - len(rows), "operators") + folded


def profile_html(rows: Sequence[StepTime]) -> str:
    """Time by kind of operator, then by operator: of many the costliest, in their order."""
    total = sum(row.seconds for row in rows if row.subgraph == 0)
    kinds: dict[str, list[StepTime]] = {}
    for row in rows:
        if row.subgraph == 0:
            kinds.setdefault(row.operator, []).append(row)
    sums = {kind: sum(row.seconds for row in members) for kind, members in kinds.items()}
    costliest = sorted(sums, key=lambda kind: -sums[kind])[:_KINDS]
    by_kind = [
        (cut(kind), str(len(kinds[kind])), _time_bar(sums[kind], total)) for kind in costliest
    ]
    shown = sorted(sorted(range(len(rows)), key=lambda n: -rows[n].seconds)[:MAX_ROWS])
    several = any(row.subgraph for row in rows)
    by_operator = [
        (*([str(row.subgraph)] if several else []), str(row.position), cut(row.operator),
         cut(row.output), _time_bar(row.seconds, total, row.calls), quantity_text(row.macs),
         _rate(row), bytes_text(row.bytes), row.backend)
        for row in (rows[n] for n in shown)
    ]  # fmt: skip
    head = (
        *(["subgraph"] if several else []), "#", "operator", "output", "time", "MACs",
        "MACs/s", "moves", "backend",
    )  # fmt: skip
    return (
        f"<p>Profile: {time_text(total)} in {len(rows)} operators</p>"
        + table(("operator", "count", "time"), by_kind)
        + table(head, by_operator)
        + _more(len(rows) - len(shown), "operators that take less time")
    )


def _rate(row: StepTime) -> str:
    return quantity_text(row.macs * row.calls / row.seconds) if row.macs and row.seconds else ""


def _time_bar(seconds: float, total: float, calls: int = 1) -> Markup:
    share = f", {100 * seconds / total:.1f} %" if total else ""
    often = f", {calls} calls" if calls > 1 else ""
    return _bar(seconds, total, f"{time_text(seconds)}{share}{often}")


def trace_html(trace: Trace) -> str:
    """What each operator put out: least, greatest and mean value, a histogram, and feature maps."""
    computed = [name for name in trace if not trace.is_constant(name)]
    shown = computed[:MAX_ROWS]
    pictured = [name for name in shown if len(trace.shape(name)) == 4]
    pictured = pictured[:: -(-len(pictured) // _PICTURES) or 1]
    rows = [_traced(trace, name, maps=name in pictured) for name in shown]
    constants = len(trace) - len(computed)
    return (
        f"<p>Trace of {len(computed)} tensors"
        + (f"; {constants} constants are not shown" if constants else "")
        + "</p>"
        + table(("tensor", "type", "shape", "min", "max", "mean", "values", "maps"), rows)
        + _more(len(computed) - len(shown), "tensors")
    )


def _traced(trace: Trace, name: str, *, maps: bool) -> tuple[str, ...]:
    array, dtype = trace.real(name), trace.tensor(name).dtype
    about = (cut(name), str(dtype), "x".join(map(str, array.shape)) or "scalar")
    row = trace.row(name, array)
    if row is None:
        return (*about, "", "", "", "", "")
    nans = f"{row.nans} NaN" if row.nans else ""
    drawn = picture(array[:1, ..., :MAPS], array.shape[-1]) if maps else None
    shown = ""
    if drawn is not None:
        width = min(drawn.width, _PICTURE_WIDTH)
        shown = Markup(
            f'<img src="{drawn.uri}" width="{width}" title="{text(drawn.caption)}" '
            f'alt="feature maps" style="image-rendering:pixelated">'
        )
    numbers = (f"{row.min:.4g}", f"{row.max:.4g}", f"{row.mean:.4g}")
    return (*about, *numbers, Markup(histogram(array) + text(nans)), shown)


def histogram(array: Array) -> str:
    """How values are spread between the least and the greatest: bars as roots of counts."""
    flat = array.reshape(-1)
    flat = flat[:: -(-flat.size // _SAMPLE) or 1].astype(np.float64)
    flat = flat[np.isfinite(flat)]
    with np.errstate(over="ignore"):
        width = flat.max() - flat.min() if flat.size else 0.0
    if width == 0 or not np.isfinite(width):
        return ""
    counts, _ = np.histogram(flat, _BINS)
    heights = np.ceil(24 * np.sqrt(counts / counts.max())).astype(int).tolist()
    bars = "".join(
        f'<rect x="{4 * n}" y="{24 - h}" width="3" height="{h}"/>' for n, h in enumerate(heights)
    )
    return f'<svg width="{4 * _BINS}" height="24" fill="{_BLUE}">{bars}</svg>'


def _bar(value: float, whole: float, label: str) -> Markup:
    """A label beside a bar as long as its share."""
    length = 60 * min(value / whole, 1.0) if whole else 0.0
    return Markup(
        f'<svg width="60" height="9"><rect width="{length:.1f}" height="9" fill="{_BLUE}"/></svg> '
        f"{text(label)}"
    )


def _more(count: int, what: str) -> str:
    return f"<p>&hellip; and {count} {what} more</p>" if count > 0 else ""


def time_text(seconds: float) -> str:
    """'1.23 ms'."""
    return _scaled(seconds, ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))) or "0 s"


def quantity_text(count: float) -> str:
    """'300 M'; nothing for none."""
    return _scaled(count, ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")))


def _scaled(value: float, units: Iterable[tuple[float, str]]) -> str:
    step, unit = next(((s, u) for s, u in units if value >= s), (0.0, ""))
    return f"{value / step:.3g} {unit}".strip() if step else ""
