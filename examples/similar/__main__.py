"""python -m examples.similar [PICTURE] [--gallery FOLDER] [--count N] [--seed N] [--page FILE]"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np

from examples.similar.gallery import Gallery, Pictures
from examples.similar.page import page
from pytflite.tools.doodle import held_out
from pytflite.tools.doodle.strokes import CLASSES, drawing

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"}


def main() -> None:
    """Looks for the pictures most like PICTURE in a folder, or for doodles among doodles."""
    parser = argparse.ArgumentParser(prog="python -m examples.similar", description=main.__doc__)
    parser.add_argument("picture", nargs="?", type=Path, help="by default a fresh doodle")
    parser.add_argument("--gallery", type=Path, metavar="FOLDER",
                        help="by default 500 doodles that come with pytflite")  # fmt: skip
    parser.add_argument("--count", type=int, default=5, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="of the doodle")
    parser.add_argument("--page", type=Path, metavar="FILE",
                        help="write a page with one search for each kind of doodle")  # fmt: skip
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    pictures, names = gallery_of(options.gallery)
    gallery = Gallery(pictures)
    if options.page is not None:
        queries = [(kind, drawing(kind, rng)) for kind in CLASSES]
        options.page.write_text(page(gallery, names, queries, options.count), encoding="utf-8")
        print(f"{options.page}: {len(queries)} searches among {len(pictures)} pictures")
        return
    query = drawing(CLASSES[rng.integers(len(CLASSES))], rng)
    if options.picture is not None:
        query = read(options.picture)
    found = gallery.nearest(query, options.count)
    room = max(2, shutil.get_terminal_size().columns // 30)
    print(beside(query, *(pictures[n] for n, _ in found[: room - 1])))
    for number, likeness in found:
        print(f"  {likeness:6.3f}  {names[number]}")


def gallery_of(folder: Path | None) -> tuple[Pictures, list[str]]:
    """The pictures of a folder and their names, or the doodles that come with pytflite."""
    if folder is None:
        images, kinds = held_out()
        return images, [f"{CLASSES[kind]} {n}" for n, kind in enumerate(kinds)]
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        sys.exit(f"no pictures in {folder}: expected files that end in {', '.join(SUFFIXES)}")
    return np.stack([read(path) for path in paths]), [path.name for path in paths]


def read(path: Path) -> Pictures:
    """A picture file as the extractor takes it [28, 28]: bright ink on dark paper."""
    try:
        from PIL import Image
    except ImportError as error:
        sys.exit(f"picture files need {error.name}: pip install 'pytflite[images]'")
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L").resize((28, 28), Image.Resampling.BOX))
    return 255 - grey if np.median(grey) > 127 else grey


def beside(*pictures: Pictures) -> str:
    """Pictures [28, 28] side by side in block characters, two rows to a line."""
    blocks = np.array([[" ", "▄"], ["▀", "█"]])
    lines = []
    for row in range(0, 28, 2):
        ink = [(p[row : row + 2] > 96).astype(int) for p in pictures]
        lines.append("  ".join("".join(blocks[above, below]) for above, below in ink))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
