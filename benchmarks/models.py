"""The files that are measured: made once, by TensorFlow, and kept in build/benchmarks.

    python -m benchmarks.models FOLDER [NAME ...]

writes NAME.PRECISION.tflite for each network and precision that is not there yet.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = (
    "mobilenet_v1", "mobilenet_v2", "mobilenet_v3", "efficientnet_b0", "resnet_50",
    "inception_v4", "keyword_spotting", "lstm", "transformer",
)  # fmt: skip
PRECISIONS = ("float32", "float16", "dynamic", "int8")
SAMPLES = 8  # of noise, from which statistics and ranges are taken


def file_of(folder: Path, name: str, precision: str) -> Path:
    """Where a model lies; the doodle models are part of pytflite."""
    if name == "doodle":
        from pytflite.tools.doodle import model_path

        return model_path("dynamic_range" if precision == "dynamic" else precision)
    return folder / f"{name}.{precision}.tflite"


def make(folder: Path, name: str) -> None:
    """Writes a network in all precisions."""
    import tensorflow as tf

    from benchmarks.architectures import ARCHITECTURES

    tf.keras.utils.set_random_seed(1)
    network = ARCHITECTURES[name]()
    _settle(network)
    single = tf.keras.Input(batch_shape=(1, *network.input_shape[1:]))
    network = tf.keras.Model(single, network(single))
    for precision in PRECISIONS:
        path = file_of(folder, name, precision)
        if not path.exists():
            print(path.name, flush=True)
            partial = path.with_suffix(".partial")
            partial.write_bytes(_converted(network, precision))
            partial.rename(path)


def _noise(network: Any, samples: int) -> Any:
    """Inputs that vary slowly and quickly, from -1 to 1."""
    import numpy as np

    rng = np.random.default_rng(2)
    shape = network.input_shape[1:]
    fine = rng.uniform(-1, 1, (samples, *shape))
    coarse = rng.uniform(-1, 1, (samples, *([1] * (len(shape) - 1)), shape[-1]))
    return (0.7 * fine + 0.3 * coarse).astype(np.float32)


def _settle(network: Any) -> None:
    """Gives batch normalisations scales, offsets, and the statistics of noise."""
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(3)
    normalisations = [
        layer for layer in network.layers if isinstance(layer, tf.keras.layers.BatchNormalization)
    ]
    for layer in normalisations:
        if layer.scale:
            layer.gamma.assign(rng.uniform(0.8, 1.4, layer.gamma.shape))
        layer.beta.assign(rng.normal(0.1, 0.3, layer.beta.shape))
        layer.momentum = 0.0  # the statistics become those of the one batch that follows
    if normalisations:
        network(_noise(network, SAMPLES), training=True)


def _converted(network: Any, precision: str) -> bytes:
    """The bytes of a .tflite file."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":

        def representative() -> Iterator[list[Any]]:
            for sample in _noise(network, SAMPLES):
                yield [sample[None]]

        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    content: bytes = converter.convert()
    return content


def main() -> None:
    """Makes what is missing."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or NAMES:
        if not all(file_of(folder, name, p).exists() for p in PRECISIONS):
            make(folder, name)


if __name__ == "__main__":
    main()
