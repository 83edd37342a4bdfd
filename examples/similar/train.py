"""Trains the feature extractor of the picture search and writes it as a float16 .tflite file.

    python -m examples.similar.train [--steps N] [--drawings N] [--output FILE]

Needs TensorFlow (written with 2.21) and pytflite for the drawings (pytflite.tools.doodle.strokes).

The network learns no classes. It turns a picture into 32 numbers (a point on a sphere) such that
two views of one drawing come to lie close together, drawings of one kind fairly close, and others
far apart. For a picture a among all views of a batch, with unit vectors z and temperature T:

    p(b | a) = exp(z_a . z_b / T) / sum of exp(z_a . z_c / T) over all c but a
    loss(a)  = -1/2 log p(other view of a | a) - 1/2 mean of log p(b | a) over b of a's kind

Two of the ten kinds are kept from it, so that it can be seen what it makes of the unknown.
Source: T. Chen et al. 2020 (SimCLR), P. Khosla et al. 2020 (supervised contrastive learning).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from examples.similar.gallery import UNKNOWN, near_in_kind
from pytflite.tools.doodle.strokes import CLASSES, dataset

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf  # it reads the log level while it is imported

SEED = 2017
HELD_OUT, HELD_OUT_SEED = 500, SEED + 1  # as the doodle recogniser's
FEATURES = 32
BATCH = 128
TEMPERATURE = 0.15
OUTPUT = Path(__file__).parent / "features_float16.tflite"


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the feature extractor.")
    parser.add_argument(
        "--steps", type=int, default=4000, help="batches of 128 drawings (default: %(default)s)"
    )
    parser.add_argument(
        "--drawings", type=int, default=20_000, help="to learn from (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file to write")
    options = parser.parse_args()
    tf.keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()

    began = time.perf_counter()
    pictures, kinds = dataset(options.drawings, SEED)
    known = ~np.isin(kinds, [CLASSES.index(name) for name in UNKNOWN])
    pictures, kinds = pictures[known], kinds[known]
    print(f"drew {len(pictures)} doodles in {time.perf_counter() - began:.0f} s", flush=True)

    began = time.perf_counter()
    model = extractor()
    train(model, pictures, kinds, options.steps)
    print(f"trained in {time.perf_counter() - began:.0f} s; {model.count_params()} parameters")

    options.output.write_bytes(convert(model))
    pictures, kinds = dataset(HELD_OUT, HELD_OUT_SEED)
    found = near_in_kind(features(options.output, pictures), kinds)
    print(f"{options.output.stat().st_size} bytes; of the five nearest, of the same kind:")
    for number, name in enumerate(CLASSES):
        unknown = "   (never seen)" if name in UNKNOWN else ""
        print(f"  {name:<10}{found[kinds == number].mean():6.1%}{unknown}")


def extractor() -> Any:
    """The Keras model: float32 [N, 28, 28, 1] in 0 .. 1 to unit vectors [N, 32]."""
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(48, 3, padding="same", activation="relu"),
            layers.Conv2D(16, 1, activation="relu"),
            layers.Flatten(),
            layers.Dense(FEATURES),
            layers.UnitNormalization(),
        ]
    )


def train(model: Any, pictures: NDArray[np.uint8], kinds: NDArray[np.uint8], steps: int) -> None:
    """Fits the model in place."""
    layers = tf.keras.layers
    another_view = tf.keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.05, fill_mode="constant"),
            layers.RandomTranslation(0.08, 0.08, fill_mode="constant"),
            layers.RandomZoom((-0.15, 0.15), (-0.15, 0.15), fill_mode="constant"),
        ]
    )
    optimizer = tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(2e-3, steps))
    own, same = 0.5 * _partners(), tf.constant(1 - np.eye(2 * BATCH, dtype=np.float32))

    @tf.function
    def step(batch: Any, labels: Any) -> Any:
        both = tf.concat(
            [another_view(batch, training=True), another_view(batch, training=True)], 0
        )
        twice = tf.concat([labels, labels], 0)
        kin = tf.cast(twice[:, None] == twice[None, :], tf.float32) * same
        wanted = own + 0.5 * kin / tf.reduce_sum(kin, axis=1, keepdims=True)
        with tf.GradientTape() as tape:
            z = model(both, training=True)
            alike = tf.matmul(z, z, transpose_b=True) / TEMPERATURE - 1e9 * (1 - same)
            loss = -tf.reduce_mean(tf.reduce_sum(wanted * tf.nn.log_softmax(alike), axis=1))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    rng = np.random.default_rng(SEED)
    mean = 0.0
    for number in range(1, steps + 1):
        chosen = rng.choice(len(pictures), BATCH, replace=False)
        mean += float(step(as_input(pictures[chosen]), tf.constant(kinds[chosen])))
        if number % 500 == 0:
            print(f"  step {number}: loss {mean / 500:.3f}", flush=True)
            mean = 0.0


def _partners() -> Any:
    """1 where column b is the other view of row a's drawing [2 BATCH, 2 BATCH]."""
    return tf.constant(np.roll(np.eye(2 * BATCH, dtype=np.float32), BATCH, axis=1))


def convert(model: Any) -> bytes:
    """The model as TensorFlow Lite, its weights in float16: picture [1, 28, 28, 1] to
    features [1, 32]."""
    picture = tf.TensorSpec([1, 28, 28, 1], tf.float32, name="picture")
    archive = tf.keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serving_default", lambda picture: {"features": model(picture, training=False)}, [picture]
    )
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
        content: bytes = converter.convert()
    return content


def features(path: Path, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What TensorFlow Lite's own interpreter makes of each picture: [N, 32]."""
    interpreter = tf.lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    given, wanted = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    found = []
    for picture in as_input(pictures):
        interpreter.set_tensor(given["index"], picture[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(wanted["index"])[0])
    return np.array(found)


def as_input(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pictures uint8 [N, 28, 28] as the model takes them: float32 [N, 28, 28, 1] in 0 .. 1."""
    return (pictures[..., None] / np.float32(255)).astype(np.float32)


if __name__ == "__main__":
    main()
