"""The page of an operator, from the registry: equation, picture, types, example, costs, file."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from docs.making.operator_example import Shown, examples_of, program_of
from docs.making.operator_picture import outputs_of, picture_of
from pytflite.errors import QuantizationError, TFLiteError
from pytflite.format import schema
from pytflite.model.dtypes import from_numpy
from pytflite.ops.operator import Definition
from pytflite.ops.registry import BUILTINS, CUSTOM, load_all
from pytflite.plan.plan import Step
from pytflite.runtime.interpreter import Interpreter
from pytflite.tools.building import array_of, model_of_one
from pytflite.tools.explanation import facts_of

_SCALES = re.compile(r"\b(scales?|zero points?|quantis\w+|gemmlowp|Q\d+\.\d+)\b")
_SPECIAL = re.compile(r"([\\*_\[\]<>|#])")
_START = "import numpy as np\n\nfrom pytflite.tools.building import call\n\n"


def definitions() -> dict[str, list[Definition]]:
    """Operators by the name of their page. FlexX, TensorFlow's own X, is on the page of X."""
    load_all()
    pages = {name: [definition] for name, definition in BUILTINS.items()}
    taken = {name.lower() for name in pages}  # files may live where case does not count
    for name, definition in sorted(CUSTOM.items(), key=lambda item: item[0].startswith("Flex")):
        twin = name.removeprefix("Flex")
        if twin != name and twin in CUSTOM:
            pages[page_name(twin, taken)].append(definition)
        else:
            pages[page_name(name, taken)] = [definition]
    return pages


def page_name(name: str, builtins: set[str] | None = None) -> str:
    """The file of a custom operator's page, without its ending."""
    taken = {n.lower() for n in BUILTINS} if builtins is None else builtins
    plain = re.sub(r"[^\w.]", "-", name)
    twins = [n for n in CUSTOM if n.lower() == name.lower()]
    suffix = f"-{sorted(twins).index(name) + 1}" if len(twins) > 1 else ""
    return f"custom-{plain}{suffix}" if plain.lower() in taken else plain + suffix


def page_of(file: str, group: Sequence[Definition]) -> tuple[str, str]:
    """The page as Markdown, and its picture as SVG."""
    d = group[0]
    facts = facts_of(d)
    examples = examples_of(d)
    first = examples[0] if examples else None
    picture = picture_of(d, first and first.inputs, first.run if first else _never)
    meaning, quantised = _split(facts["doc"])
    lines = [
        f"# {d.name}",
        "",
        _kind(group, facts),
        "",
        *meaning,
        "",
        f"![{d.name}]({file}.svg)",
        "",
        "## Types",
        "",
        *_types(facts),
        "",
        "## Options",
        "",
        *_options(d, facts),
        "",
        "## Quantised form",
        "",
        *(quantised or [_unscaled(d, first)]),
        "",
        "## Example",
        "",
        *_examples(d, examples),
        "",
        "## What it costs",
        "",
        *_costs(d, examples),
        "",
    ]
    return "\n".join(lines), picture


def _never(*_: Any) -> Any:
    raise AssertionError("there is no example to run")


def _kind(group: Sequence[Definition], facts: dict[str, Any]) -> str:
    first, last = facts["versions"]
    kind = "custom operator" if facts["custom"] else f"versions {first} to {last}"
    also = "".join(f", also as `{d.name}`" for d in group[1:])
    return f"[Operators](../operators.md) · {kind}{also} · [{facts['file']}](../../{facts['file']})"


def _split(doc: str) -> tuple[list[str], list[str]]:
    """The docstring as Markdown: what it says of scales apart from the rest."""
    blocks = re.split(r"\n\s*\n", doc)
    groups: list[list[str]] = []
    for block in blocks:
        indented = all(line.startswith("    ") for line in block.splitlines())
        if indented and groups:
            groups[-1].append(block)
        else:
            groups.append([block])
    sides: tuple[list[str], list[str]] = ([], [])
    for n, group in enumerate(groups):
        of_scales = n > 0 and bool(_SCALES.search("\n".join(group)))
        for block in group:
            sides[of_scales].extend([*_paragraph(block), ""])
    return sides


def _paragraph(block: str) -> Iterator[str]:
    """Plain text with indented lines in between, as Markdown."""
    before = False
    for line in block.splitlines():
        inside = line.startswith("    ")
        if inside != before:
            yield ""
        before = inside
        yield line if inside else escaped(line)


def escaped(text: str) -> str:
    """Text without meaning in Markdown, but for what stands between backticks."""
    parts = text.split("`")
    return "`".join(p if n % 2 else _SPECIAL.sub(r"\\\1", p) for n, p in enumerate(parts))


def _types(facts: dict[str, Any]) -> list[str]:
    lines = ["| inputs | outputs |", "|---|---|"]
    for row in facts["types"]:
        sides = [f"`{side.strip()}`" for side in row.split("->")]
        lines.append("| " + " | ".join("none" if s == "``" else s for s in sides) + " |")
    for variable, types in facts["where"].items():
        named = "any type" if types == "*" else types.replace("|", ", ")
        lines += ["", f"`{variable}`: {named}"]
    return [*lines, "", "`?` may be left out, `...` may be repeated, `*` is any type."]


def _options(d: Definition, facts: dict[str, Any]) -> list[str]:
    if d.options is None:
        return ["Those of its FlexBuffer." if facts["custom"] else "None."]
    fields = schema.TABLES[d.options]
    if not fields:
        return ["None."]
    lines = [f"`{d.options}`:", "", "| field | type | default | values |", "|---|---|---|---|"]
    for name, kind, default, enumeration in fields:
        names = {} if enumeration is None else getattr(schema, enumeration).names()
        values = ", ".join(f"{number} `{n}`" for n, number in names.items()) if (
            len(names) < 10) else f"`{enumeration}`"  # fmt: skip
        shown = "" if default is None or kind.startswith("[") else f"`{default}`"
        lines.append(f"| `{name}` | {kind} | {shown} | {values} |")
    return lines


def _unscaled(d: Definition, shown: Shown | None) -> str:
    """What is to be said where the docstring says nothing of scales."""
    if d.name.startswith("Flex"):
        return "None: TensorFlow's operators know no scales."
    types = " ".join([*(r.text for r in d.signature.rows), *d.signature.where.values()])
    if not re.search(r"INT8|INT16|\*", types):
        return "None: it takes no types that have scales."
    matter = None if shown is None else _scales_matter(d, shown)
    if matter is None:
        return (
            f"Nothing is said of scales; [its file](../../{facts_of(d)['file']}) is the definition."
        )
    if matter:
        return (
            "INT8 with a scale stands for real numbers, computed as above and quantised with the "
            "output's scale and zero point."
        )
    return "Integers are taken as they are: scales and zero points play no part."


def _scales_matter(d: Definition, shown: Shown) -> bool | None:
    """Whether INT8 with scales gives other integers than without, or is refused without."""
    arrays = [None if x is None else array_of(x) for x in shown.inputs]
    floats = [n for n, x in enumerate(arrays) if x is not None and x.dtype == np.float32]
    changed = floats or [0]
    kind = arrays[changed[0]].dtype if arrays and arrays[changed[0]] is not None else None
    inputs = [x.astype(np.int8) if n in changed else x for n, x in enumerate(arrays)]
    types = ["INT8" if y.dtype == kind else _type(y) for y in shown.outputs]
    scales = [(0.5, 3) if n in changed else None for n in range(len(inputs))]
    scales += [(0.25, 3) if t == "INT8" else None for t in types]
    options = d.examples[0].options if d.examples else {}
    shapes = [y.shape for y in shown.outputs]
    results = []
    for quantization in ([], scales):
        try:
            model = model_of_one(d.name, inputs, types, shapes, quantization, (), options)
            given = [x for x in inputs if x is not None]
            result = Interpreter(model, backend="numpy").run(*given, dequantize=False)
            results.append(outputs_of(result))
        except QuantizationError:
            return True
        except (TFLiteError, ValueError, TypeError):
            return None
    return not all(np.array_equal(a, b) for a, b in zip(*results, strict=True))


def _examples(d: Definition, examples: Sequence[Shown]) -> list[str]:
    program = program_of(d.name)
    if program is not None:
        return _program(program)
    if d.name.startswith("Flex") and not examples:
        return [
            "Its options are TensorFlow's own (a NodeDef), which converters write and which are "
            "tedious by hand. Its tests (see [Operators](../operators.md)) show it at work."
        ]
    if not examples:
        return [
            "It takes more than arrays: a text, a table or a state that other operators make. "
            "Its tests (see [Operators](../operators.md)) show it at work."
        ]
    lines: list[str] = []
    for n, shown in enumerate(examples):
        start = _START if n == 0 else ""
        if n == 0 and "np." not in "".join(s.text for s in examples):
            start = _START.split("\n\n", 1)[1]
        lines += [*_program(f"{start}{shown.text}", repr(_one(shown.outputs))), ""]
    return lines


def _one(outputs: list[np.ndarray]) -> Any:
    return outputs[0] if len(outputs) == 1 else outputs


def _program(text: str, printed: str | None = None) -> list[str]:
    if printed is None:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(text, "example", "exec"), {})
        printed = out.getvalue().strip()
    return ["```python", text, "```", "", "```output", printed, "```"]


def _costs(d: Definition, examples: Sequence[Shown]) -> list[str]:
    lines = []
    for shown in examples[:1]:
        step = _step(d, shown)
        if step is not None:
            macs, moved = step.cost
            lines.append(f"* The example: {macs} multiply-accumulates, {moved} bytes of tensors.")
    described = d.cost is not None and not isinstance(d.cost, partial)
    told = (d.cost.__doc__ or "").split("\n")[0] if described else ""
    lines.append(
        f"* Work is counted so: {escaped(told)}" if told
        else "* Work is counted as that of the builtin operator." if d.cost is not None
        else "* Work is counted as the bytes of its inputs and outputs."
    )  # fmt: skip
    facts = (
        (d.alias, "No memory is moved where input and output can be one place in the arena."),
        (bool(d.in_place), "The output may take an input's place in the arena."),
        (bool(d.packs), "Constant weights are arranged once, when the model is planned."),
        (d.scratch is not None, "It takes working memory while it runs, which the plan includes."),
        (not d.pure, "It has state or chance: runs of its model do not overlap."),
        (d.calls is not None, "It runs other subgraphs, and costs what they cost."),
        (bool(d.rows_apart), "Samples of a batch stay apart: a batch runs as one."),
    )
    return lines + [f"* {text}" for holds, text in facts if holds]


def _step(d: Definition, shown: Shown) -> Step | None:
    """The example's step in a plan, if planning leaves one."""
    example = d.examples[0] if d.examples else None
    outputs = [array_of(y) for y in shown.outputs]
    try:
        model = model_of_one(
            d.name, shown.inputs, [_type(y) for y in outputs], [y.shape for y in outputs],
            example.quantization if example else (), example.variables if example else (),
            example.options if example else {},
        )  # fmt: skip
        steps = Interpreter(model, backend="numpy").plan().steps
    except TFLiteError:
        return None
    return steps[0] if steps else None


def _type(array: np.ndarray) -> str:
    return from_numpy(array.dtype).name
