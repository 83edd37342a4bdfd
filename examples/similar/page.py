"""Searches as a page that needs nothing else: each query, and what was found for it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from examples.similar.gallery import UNKNOWN, Gallery, Pictures
from pytflite.runtime.feature_maps import png

_STYLE = """
:root{color-scheme:light dark}
body{font:14px/1.4 system-ui,sans-serif;margin:24px;background:Canvas;color:CanvasText}
table{border-spacing:10px 4px}td,th{text-align:center;font-weight:400}
th{text-align:right;padding-right:10px}th i{display:block;font-size:12px;opacity:.65}
img{width:72px;height:72px;image-rendering:pixelated;border-radius:6px;display:block;margin:auto}
td:nth-child(2){padding-right:26px}td:nth-child(2) img{outline:3px solid #4f86c6}
small{opacity:.7}
""".replace("\n", "")


def page(
    gallery: Gallery, names: Sequence[str], queries: Sequence[tuple[str, Pictures]], count: int
) -> str:
    """A row for each query (title and picture): itself, then the nearest with their likeness."""
    rows = "".join(_row(gallery, names, title, picture, count) for title, picture in queries)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Similar pictures</title>'
        f"<style>{_STYLE}</style><h1>Similar pictures</h1>"
        f"<p>New drawings, and those of {len(gallery.pictures)} that are most like them. The "
        "number is the cosine of the angle between their features.</p>"
        f"<table>{rows}</table>"
    )


def _row(
    gallery: Gallery, names: Sequence[str], title: str, picture: Pictures, count: int
) -> str:  # fmt: skip
    unknown = "<i>never seen in training</i>" if title in UNKNOWN else ""
    found = "".join(
        f"<td>{_image(gallery.pictures[n], names[n])}<small>{likeness:.2f}</small></td>"
        for n, likeness in gallery.nearest(picture, count)
    )
    return f"<tr><th>{escape(title)}{unknown}</th><td>{_image(picture, title)}</td>{found}</tr>"


def _image(picture: Pictures, name: str) -> str:
    pixels = 255 - picture[:, :, None].repeat(3, axis=2)
    uri = "data:image/png;base64," + b64encode(png(pixels)).decode()
    return f'<img src="{uri}" alt="{escape(name)}" title="{escape(name)}">'
