"""The errors that `compare` finds, for the page: how far each operator is from a reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytflite.model.graph import Array
from pytflite.model.model import Model
from pytflite.tools.comparison import Comparison, LayerError, compare
from pytflite.tools.comparison.alignment import align_inputs
from pytflite.tools.comparison.alone import carried
from pytflite.tools.comparison.plot import decibels, summary
from pytflite.tools.report.facts import text


def hold_to(
    reference: Model, model: Model, arrays: Sequence[Array], facts: dict[str, Any]
) -> Comparison:
    """Compares both on these inputs of `model`, and puts what is found into its facts.

    An operator's "e" is the error beside the signal (the root of noise over signal), 1 at most:
    there everything is wrong. "x" tells more of it; facts["compare"] is what matters of all.

    Raises:
        ModelError: these models cannot be compared.
        TFLiteError: the reference cannot be run.
    """
    given = dict(zip(model.main.inputs, arrays, strict=True))
    left, right = reference.main.tensors, model.main.tensors
    values = {
        i: carried(given[j], right[j], left[i]) for i, j in align_inputs(reference, model)
    }  # fmt: skip
    found = compare(reference, model, inputs=[values[i] for i in reference.main.inputs])
    operators = facts["graphs"][0]["ops"]
    for row in found:
        if 0 <= row.position < len(operators):
            operator = operators[row.position]
            share = relative(row.sqnr)
            if share >= operator.get("e", 0.0):  # of several outputs the worst
                operator["e"], operator["x"] = share, _told(row)
    wrong, greatest = found.first_wrong, found.greatest_error
    facts["compare"] = {
        "with": text(Path(reference.name).name),
        "lines": [text(line) for line in summary(found)],
        "wrong": -1 if wrong is None else wrong.position,
        "greatest": -1 if greatest is None else greatest.position,
    }
    return found


def relative(sqnr: float) -> float:
    """The error beside the signal for a ratio in decibels, from 0 to 1."""
    return min(1.0, 10 ** (-sqnr / 20)) if sqnr > 0 else 1.0


def _told(row: LayerError) -> list[list[str]]:
    """What there is to read of a layer's error."""
    pairs = [("SQNR", decibels(row.sqnr))]
    if math.isfinite(row.input_sqnr):
        pairs.append(("of its worst input", decibels(row.input_sqnr)))
    if row.drop > 0:
        pairs.append(("lost here", f"{row.drop:.1f} dB"))
    pairs += [("cosine", f"{row.cosine:.5f}"), ("greatest error", f"{row.max_error:.4g}")]
    if row.saturated:
        pairs.append(("saturated", f"{100 * row.saturated:.2g} %"))
    pairs.append(("held to", row.reference))
    return [[name, text(value)] for name, value in pairs]
