"""A comparison as a picture: an SVG that stands alone, or a page around it. Light and dark.

A row a layer, in order: its SQNR as a bar, a mark where the worst of its inputs was, and the
share of saturated values. What the bar falls short of the mark is what the layer itself has lost.
"""

from __future__ import annotations

import math
from html import escape as escaped
from pathlib import Path

from pytflite.errors import InputError
from pytflite.tools.comparison.measures import Comparison, LayerError

_ROW, _TOP, _WIDTH = 22, 64, 1080
_NAME, _BAR, _BAR_WIDTH = 40, 420, 360
_CHARACTERS = 26  # of a name
_NOTEBOOK_ROWS = 100

STYLE = """
.compare{--paper:#fff;--ink:#1d2530;--dim:#667085;--grid:#e4e7ec;--bar:#3b82c4;--mark:#1d2530;
--wrong:#c8372d;--row:#f6f7f9;background:var(--paper);
font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
@media(prefers-color-scheme:dark){.compare{--paper:#14181f;--ink:#e6eaf0;--dim:#98a2b3;
--grid:#2b323d;--bar:#5aa0dd;--mark:#e6eaf0;--wrong:#ff7a6e;--row:#1a2029}}
.compare text{fill:var(--ink)}.compare .dim{fill:var(--dim)}.compare .n{text-anchor:end;
font-variant-numeric:tabular-nums}.compare line{stroke:var(--grid)}
.compare .bar{fill:var(--bar)}.compare .wrong .bar{fill:var(--wrong)}
.compare .wrong text{fill:var(--wrong);font-weight:600}.compare .mark{fill:var(--mark)}
.compare .back{fill:transparent}.compare .odd .back,.compare .row:hover .back{fill:var(--row)}
.compare .title{font-size:15px;font-weight:600}
""".replace("\n", "")
_PAGE_STYLE = """
:root{color-scheme:light dark}body{margin:0;background:#fff;color:#1d2530;
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1120px;margin:2rem auto;padding:0 1rem}h1{font-size:1.4rem}
.scroll{overflow-x:auto}svg{display:block;min-width:900px;width:100%;height:auto}
@media(prefers-color-scheme:dark){body{background:#14181f;color:#e6eaf0}}
""".replace("\n", "")


def save(found: Comparison, path: Path, title: str) -> None:
    """Writes the picture: .svg alone, .html as a page.

    Raises:
        InputError: another suffix, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in (".svg", ".html"):
        raise InputError(
            f"'{path}' is of an unknown kind", code="input.file", expected=".svg or .html"
        )
    text = svg(found, title) if suffix == ".svg" else page(found, title)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"could not write '{path}'", code="input.file", found=error.strerror
        ) from error


def page(found: Comparison, title: str) -> str:
    """An HTML page that needs nothing else."""
    facts = "".join(f"<p>{escape(line)}</p>" for line in summary(found))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_PAGE_STYLE}</style>"
        f'<main><h1>{escape(title)}</h1>{facts}<div class="scroll">{svg(found, "")}</div></main>'
    )


def notebook(found: Comparison) -> str:
    """What matters, and the picture: of a large model the layers with the lowest SQNR."""
    facts = "".join(f"<p>{escape(line)}</p>" for line in summary(found))
    least = set(sorted(range(len(found)), key=lambda k: found[k].sqnr)[:_NOTEBOOK_ROWS])
    shown = Comparison([row for k, row in enumerate(found) if k in least])
    left_out = len(found) - len(shown)
    more = f"<p>&hellip; and {left_out} layers with smaller errors</p>" if left_out else ""
    return f"{facts}{svg(shown, '')}{more}"


def summary(found: Comparison) -> list[str]:
    """What matters, in sentences."""
    greatest, wrong, worst = found.greatest_error, found.first_wrong, found.worst_drop
    if greatest is None:
        lines = ["All values are equal."]
    else:
        lines = [f"Greatest error: {_called(greatest)}, SQNR {decibels(greatest.sqnr)}."]
    if wrong is not None:
        lines.append(
            f"Goes wrong at: {_called(wrong)}, from {decibels(wrong.input_sqnr)} at its inputs to "
            f"{decibels(wrong.sqnr)}."
        )
    elif worst is not None:
        lines.append(f"No layer goes wrong; {_called(worst)} loses most, {worst.drop:.1f} dB.")
    for rows, who in ((found.unmatched, "tested model"), (found.missing, "reference")):
        if rows:
            named = ", ".join(f"#{p} {kind}" for p, kind, _ in rows[:8])
            more = f" and {len(rows) - 8} more" if len(rows) > 8 else ""
            lines.append(f"Layers of the {who} without a counterpart: {named}{more}.")
    return lines


def _called(row: LayerError) -> str:
    place = "input" if row.position < 0 else f"#{row.position} {row.operator}"
    return f"{place} {row.output.split(';')[0]}"


def escape(text: str) -> str:
    """Escaped, and without what neither UTF-8 nor XML can hold: names come from a file."""
    plain = text.encode("utf-8", "backslashreplace").decode()
    return escaped("".join(c if c.isprintable() or c == "\n" else " " for c in plain))


def decibels(value: float) -> str:
    """'31.2 dB', or 'exact'."""
    if math.isinf(value):
        return "exact" if value > 0 else "nothing right"
    return f"{value:.1f} dB"


def svg(found: Comparison, title: str) -> str:
    """The picture, with its style inside."""
    finite = [row.sqnr for row in found if math.isfinite(row.sqnr)]
    top = max(10.0 * math.ceil(max(finite, default=50.0) / 10), 50.0)
    height = _TOP + _ROW * len(found) + 12
    wrong = found.first_wrong
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="compare" role="img" '
        f'viewBox="0 0 {_WIDTH} {height}" aria-label="{escape(title or "SQNR of each layer")}">'
        f"<style>{STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" fill="var(--paper)"/>',
        f'<text class="title" x="12" y="24">{escape(title)}</text>' if title else "",
        f'<text class="dim" x="{_NAME}" y="{_TOP - 12}">layer</text>',
        f'<text class="dim" x="{_BAR}" y="{_TOP - 34}">SQNR in dB; mark: that of its worst input'
        "</text>",
        *_heads(),
        *_grid(top, height),
        *(_row(k, row, top, row == wrong) for k, row in enumerate(found)),
        "</svg>",
    ]
    return "".join(parts)


def _heads() -> list[str]:
    heads = (("SQNR", 840), ("cosine", 905), ("greatest error", 995), ("saturated", 1065))
    return [f'<text class="dim n" x="{x}" y="{_TOP - 12}">{text}</text>' for text, x in heads]


def _grid(top: float, height: int) -> list[str]:
    step = 10 if top <= 80 else 20
    parts = []
    for value in range(0, int(top) + 1, step):
        x = _BAR + _BAR_WIDTH * value / top
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height - 8}"/>')
        parts.append(
            f'<text class="dim" text-anchor="middle" x="{x:.1f}" y="{_TOP - 12}">{value}</text>'
        )
    return parts


def _row(number: int, row: LayerError, top: float, wrong: bool) -> str:
    y = _TOP + _ROW * number
    kinds = " ".join(["row", *["odd"] * (number % 2), *["wrong"] * wrong])
    length = _BAR_WIDTH * min(max(row.sqnr, 0.0), top) / top
    place = "" if row.position < 0 else str(row.position)
    mark = ""
    if math.isfinite(row.input_sqnr):
        x = _BAR + _BAR_WIDTH * min(max(row.input_sqnr, 0.0), top) / top
        mark = f'<rect class="mark" x="{x - 1:.1f}" y="{y + 3}" width="2" height="{_ROW - 6}"/>'
    told = (
        f"{_called(row)}\nreference: {row.reference}\n{row.dtype} {list(row.shape)}\n"
        f"SQNR {decibels(row.sqnr)}, worst input {decibels(row.input_sqnr)}, drop {row.drop:.1f} dB"
    )
    values = (
        (840, decibels(row.sqnr).removesuffix(" dB")), (905, f"{row.cosine:.5f}"),
        (995, f"{row.max_error:.3g}"), (1065, percent(row.saturated)),
    )  # fmt: skip
    base = y + 15
    return (
        f'<g class="{kinds}"><title>{escape(told)}</title>'
        f'<rect class="back" x="8" y="{y}" width="{_WIDTH - 16}" height="{_ROW}"/>'
        f'<text class="dim n" x="{_NAME - 8}" y="{base}">{place}</text>'
        f'<text x="{_NAME}" y="{base}">{escape(row.operator)}</text>'
        f'<text class="dim" x="{_NAME + 170}" y="{base}">{escape(tail(row.output))}</text>'
        f'<rect class="bar" x="{_BAR}" y="{y + 6}" width="{length:.1f}" height="{_ROW - 12}"/>'
        f"{mark}"
        + "".join(f'<text class="n" x="{x}" y="{base}">{escape(v)}</text>' for x, v in values)
        + "</g>"
    )


def percent(share: float) -> str:
    """'2.5 %', and nothing for nothing."""
    return f"{100 * share:.2g} %" if share else ""


def tail(name: str, length: int = _CHARACTERS) -> str:
    """The end of the first of the joined names: what tells layers of one network apart."""
    first = name.split(";")[0]
    return first if len(first) <= length else "…" + first[1 - length :]
