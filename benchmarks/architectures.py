"""The networks that are measured, in Keras, with random weights.

Each function gives a Keras model with a batch of 1. Weights come from a seed; the statistics of
batch normalisations are taken from noise, so that activations are neither all zero nor all cut
off, as they would be in a network that nobody has trained.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import applications, layers

Tensor = Any


def mobilenet_v1() -> Any:
    return applications.MobileNet(weights=None, input_shape=(224, 224, 3))


def mobilenet_v2() -> Any:
    return applications.MobileNetV2(weights=None, input_shape=(224, 224, 3))


def mobilenet_v3() -> Any:
    """The large one; without its scaling of pixels, so that all models take inputs in -1..1."""
    return applications.MobileNetV3Large(
        weights=None, input_shape=(224, 224, 3), include_preprocessing=False
    )


def efficientnet_b0() -> Any:
    return applications.EfficientNetB0(weights=None, input_shape=(224, 224, 3))


def resnet_50() -> Any:
    return applications.ResNet50(weights=None, input_shape=(224, 224, 3))


# --- Inception v4 (Szegedy et al. 2016), which Keras does not have ------------------------------


def _unit(
    x: Tensor, filters: int, size: tuple[int, int], stride: int = 1, padding: str = "same"
) -> Tensor:
    """Convolution, batch normalisation, ReLU."""
    x = layers.Conv2D(filters, size, stride, padding, use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(scale=False)(x))


def _units(x: Tensor, *units: tuple[int, int, int]) -> Tensor:
    """Units one after another: (filters, height, width) each."""
    for filters, height, width in units:
        x = _unit(x, filters, (height, width))
    return x


def _pooled(x: Tensor, filters: int) -> Tensor:
    return _unit(layers.AveragePooling2D(3, 1, "same")(x), filters, (1, 1))


def _shrunk(x: Tensor) -> Tensor:
    return layers.MaxPooling2D(3, 2)(x)


def _joined(*branches: Tensor) -> Tensor:
    return layers.Concatenate()(branches)


def _stem(x: Tensor) -> Tensor:
    x = _unit(x, 32, (3, 3), 2, "valid")
    x = _unit(x, 32, (3, 3), 1, "valid")
    x = _unit(x, 64, (3, 3))
    x = _joined(_shrunk(x), _unit(x, 96, (3, 3), 2, "valid"))
    x = _joined(
        _unit(_units(x, (64, 1, 1)), 96, (3, 3), 1, "valid"),
        _unit(_units(x, (64, 1, 1), (64, 1, 7), (64, 7, 1)), 96, (3, 3), 1, "valid"),
    )
    return _joined(_unit(x, 192, (3, 3), 2, "valid"), _shrunk(x))


def _inception_a(x: Tensor) -> Tensor:
    return _joined(
        _units(x, (96, 1, 1)),
        _units(x, (64, 1, 1), (96, 3, 3)),
        _units(x, (64, 1, 1), (96, 3, 3), (96, 3, 3)),
        _pooled(x, 96),
    )


def _inception_b(x: Tensor) -> Tensor:
    return _joined(
        _units(x, (384, 1, 1)),
        _units(x, (192, 1, 1), (224, 1, 7), (256, 7, 1)),
        _units(x, (192, 1, 1), (192, 7, 1), (224, 1, 7), (224, 7, 1), (256, 1, 7)),
        _pooled(x, 128),
    )


def _inception_c(x: Tensor) -> Tensor:
    wide = _units(x, (384, 1, 1))
    deep = _units(x, (384, 1, 1), (448, 3, 1), (512, 1, 3))
    return _joined(
        _units(x, (256, 1, 1)),
        _units(wide, (256, 1, 3)),
        _units(wide, (256, 3, 1)),
        _units(deep, (256, 1, 3)),
        _units(deep, (256, 3, 1)),
        _pooled(x, 256),
    )


def inception_v4() -> Any:
    image = layers.Input((299, 299, 3))
    x = _stem(image)
    for _ in range(4):
        x = _inception_a(x)
    x = _joined(
        _unit(x, 384, (3, 3), 2, "valid"),
        _unit(_units(x, (192, 1, 1), (224, 3, 3)), 256, (3, 3), 2, "valid"),
        _shrunk(x),
    )
    for _ in range(7):
        x = _inception_b(x)
    x = _joined(
        _unit(_units(x, (192, 1, 1)), 192, (3, 3), 2, "valid"),
        _unit(_units(x, (256, 1, 1), (256, 1, 7), (320, 7, 1)), 320, (3, 3), 2, "valid"),
        _shrunk(x),
    )
    for _ in range(3):
        x = _inception_c(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(1000, activation="softmax")(x))


# --- small ones -----------------------------------------------------------------------------


def keyword_spotting() -> Any:
    """DS-CNN as MLPerf Tiny has it: 49 x 10 features of a second of sound, 12 words."""
    sound = layers.Input((49, 10, 1))
    x = layers.Conv2D(64, (10, 4), 2, "same", use_bias=False)(sound)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for _ in range(4):
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = _unit(x, 64, (1, 1))
    x = layers.Flatten()(layers.AveragePooling2D((25, 5))(x))
    return keras.Model(sound, layers.Dense(12, activation="softmax")(x))


class Lstm(layers.Layer):
    """An LSTM in the form that the converter takes for UNIDIRECTIONAL_SEQUENCE_LSTM.

    It knows it by an attribute of a function with these arguments, which layers of Keras 2 made.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units

    def build(self, shape: Any) -> None:
        gates = 4 * self.units
        self.kernel = self.add_weight(shape=(shape[-1], gates), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, gates), name="recurrent")
        self.bias = self.add_weight(shape=(gates,), name="bias", initializer="zeros")

    def call(self, x: Tensor) -> Tensor:
        state = tf.zeros((x.shape[0] or 1, self.units))
        weights = (tf.convert_to_tensor(w) for w in (self.kernel, self.recurrent, self.bias))
        return _recognised_lstm(x, state, state, *weights)[1]


@tf.function(
    experimental_attributes={
        "api_implements": "lstm_of_benchmarks",
        "api_preferred_device": "CPU",
        "go_backwards": False,
        "time_major": False,
    }
)
def _recognised_lstm(
    x: Tensor, output: Tensor, cell: Tensor, kernel: Tensor, recurrent: Tensor, bias: Tensor
) -> tuple[Tensor, ...]:
    outputs = []
    for step in tf.unstack(x, axis=1):
        gates = tf.matmul(step, kernel) + tf.matmul(output, recurrent) + bias
        i, f, c, o = tf.split(gates, 4, axis=1)
        cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(c)
        output = tf.sigmoid(o) * tf.tanh(cell)
        outputs.append(output)
    return output, tf.stack(outputs, axis=1), output, cell, tf.constant(0.0)


def lstm() -> Any:
    """Two layers of 128 units over 50 steps of 40 features."""
    sound = layers.Input((50, 40), batch_size=1)
    x = Lstm(128)(Lstm(128)(sound))
    x = layers.Flatten()(x[:, -1:, :])
    return keras.Model(sound, layers.Dense(12, activation="softmax")(x))


def transformer() -> Any:
    """Four encoder layers over 64 patches: width 128, 4 heads, 512 hidden units."""
    patches = layers.Input((64, 48), batch_size=1)
    x = layers.Dense(128)(patches)
    for _ in range(4):
        y = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(4, 32)(y, y)
        y = layers.LayerNormalization()(x)
        x = x + layers.Dense(128)(layers.Dense(512, activation="gelu")(y))
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(patches, layers.Dense(10, activation="softmax")(x))


ARCHITECTURES: dict[str, Callable[[], Any]] = {
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v3": mobilenet_v3,
    "efficientnet_b0": efficientnet_b0,
    "resnet_50": resnet_50,
    "inception_v4": inception_v4,
    "keyword_spotting": keyword_spotting,
    "lstm": lstm,
    "transformer": transformer,
}
