"""The calls that spare people the arithmetic around a model: pictures, labels, quantisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pytflite.errors import InputError
from pytflite.model.graph import Array
from pytflite.runtime.feeding import dequantize as to_real
from pytflite.runtime.feeding import to_tensor
from pytflite.runtime.naming import place_of
from pytflite.runtime.tflite_calls import TFLiteCalls

if TYPE_CHECKING:
    from pytflite.runtime.pictures import Guess


class PictureCalls(TFLiteCalls):
    """preprocess, classify, labels; quantize and dequantize."""

    run: Callable[..., Any]  # Interpreter's

    @property
    def labels(self) -> list[str] | None:
        """Names of the model's classes, from the label file that it carries, or None."""
        return self._open.labels

    def preprocess(
        self,
        image: Any,
        *,
        input: int | str = 0,
        mean: float | None = None,
        std: float | None = None,
    ) -> Array:
        """A picture as the model's input: resized, and scaled as the metadata say.

        Args:
            image: a path, a Pillow image, or uint8 pixels [height, width, channels].
            input: which input, by place or name.
            mean, std: scale as (pixel - mean) / std instead. Where neither they nor the metadata
                say how, float inputs get (pixel - 127.5) / 127.5.

        Returns:
            [1, height, width, channels], of the input's type (floats, where it is quantised and
            the metadata give a normalisation: run() quantises them).

        Raises:
            InputError: the input takes no pictures, or this is none.
        """
        from pytflite.runtime.pictures import normalization_for, read_picture

        model = self._open
        place = place_of(model, input, "inputs")
        how = normalization_for(model, place, mean, std)
        return read_picture(image, model.inputs[place], how)

    def classify(
        self, image: Any, top: int = 5, *, mean: float | None = None, std: float | None = None
    ) -> list[Guess]:
        """The best classes for a picture: label, score (a real number) and number.

        Args:
            image: as for preprocess(); an array of the input's own type, or of floats, is run as
                it is.
            top: how many.
            mean, std: as for preprocess().

        Example:
            >>> from pytflite.runtime.interpreter import Interpreter
            >>> from pytflite.tools.doodle import model_path
            >>> interpreter = Interpreter(model_path("int8"))
            >>> guesses = interpreter.classify(np.zeros((28, 28), np.uint8), top=2)
            >>> [g.label in interpreter.labels for g in guesses]
            [True, True]
        """
        from pytflite.runtime.pictures import best

        model = self._open
        if len(model.inputs) != 1:
            raise InputError(
                "classify() needs a model with one input", code="input.count",
                expected=1, found=len(model.inputs), hint="use preprocess() and run()",
            )  # fmt: skip
        if not isinstance(image, np.ndarray) or image.dtype == np.uint8:
            image = self.preprocess(image, mean=mean, std=std)
        outputs = self.run(image, dequantize=True)
        scores = outputs[0] if isinstance(outputs, list) else outputs
        return best(scores, self.labels, top)

    def quantize(self, values: Any, input: int | str = 0) -> Array:
        """Real numbers as the integers of an input: round(x / scale) + zero_point, saturating.

        Args:
            values: real numbers.
            input: which input, by place or name. One without a scale gives its own type.
        """
        model = self._open
        tensor = model.inputs[place_of(model, input, "inputs")]
        return to_tensor(np.asarray(values, np.float32), tensor)[0]

    def dequantize(self, values: Any, output: int | str = 0) -> Array:
        """Integers of an output as real numbers: scale * (q - zero_point).

        Args:
            values: integers.
            output: which output, by place or name. One without a scale gives them as they are.
        """
        model = self._open
        tensor = model.outputs[place_of(model, output, "outputs")]
        return to_real(np.asarray(values), tensor)
