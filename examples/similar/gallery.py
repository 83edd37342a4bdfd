"""A gallery of pictures that can be searched for those most like another. NumPy and pytflite alone.

    gallery = Gallery(pictures)                 # uint8 [N, 28, 28], ink 255 on paper 0
    gallery.nearest(picture, 5)                 # [(number, likeness from -1 to 1), ...]

A feature extractor (features_float16.tflite, made by train.py) turns each picture into a unit
vector of 32 numbers. How alike two pictures are is the cosine of the angle between their vectors:
with the gallery's vectors as the rows of a matrix, a search is one product of matrix and vector.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import pytflite

MODEL = Path(__file__).parent / "features_float16.tflite"
UNKNOWN = ("fish", "umbrella")  # kinds of doodles that the extractor has never seen

Pictures = NDArray[np.uint8]
Features = NDArray[np.float32]


class Gallery:
    """Pictures and their features.

    Args:
        pictures: uint8 [N, 28, 28].
        model: the feature extractor, as for Interpreter.
    """

    def __init__(self, pictures: Pictures, model: str | Path = MODEL) -> None:
        self._extractor = pytflite.Interpreter(model)
        self.pictures = pictures
        self.features = self.features_of(pictures)

    def features_of(self, pictures: Pictures) -> Features:
        """Unit vectors [N, 32] of pictures [N, 28, 28]."""
        batch = pictures[..., None].astype(np.float32) / np.float32(255)
        found: Features = self._extractor.run(batch)
        return found

    def nearest(self, picture: Pictures, count: int = 5) -> list[tuple[int, float]]:
        """The pictures most like this one [28, 28]: their numbers and likeness, best first."""
        likeness = self.features @ self.features_of(picture[None])[0]
        best = np.argsort(-likeness, kind="stable")[:count]
        return [(int(n), float(likeness[n])) for n in best]


def near_in_kind(
    features: Features, kinds: NDArray[np.uint8], count: int = 5
) -> NDArray[np.float64]:
    """For each picture: which share of the `count` others nearest to it are of its kind."""
    likeness = features @ features.T
    np.fill_diagonal(likeness, -np.inf)
    nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :count]
    share: NDArray[np.float64] = (kinds[nearest] == kinds[:, None]).mean(axis=1)
    return share
