"""compare: which layers of two models correspond."""

from __future__ import annotations

import pytest

from pytflite.errors import ModelError
from pytflite.tools.comparison.alignment import Layer, align, names_in


def layer(position: int, kind: str, name: str, shape: tuple[int, ...] = (1, 4),
          activation: str = "NONE") -> Layer:  # fmt: skip
    return Layer(position, kind, (), (position,), shape, activation, *names_in(name))


def aligned(left: list[Layer], right: list[Layer]) -> list[tuple[int, int]]:
    return [(a.position, b.position) for a, b in align(left, right)]


def test_layers_that_one_side_lacks_do_not_shift_the_others() -> None:
    left = [layer(k, "CONV_2D", f"block{'abcdef'[k]}/conv") for k in range(6)]
    right = [left[k]._replace(position=p) for p, k in enumerate((0, 1, 3, 4, 5))]
    assert aligned(left, right) == [(0, 0), (1, 1), (3, 2), (4, 3), (5, 4)]
    assert aligned(right, left) == [(0, 0), (1, 1), (2, 3), (3, 4), (4, 5)]


def test_structure_alone_is_enough() -> None:
    left = [layer(0, "CONV_2D", "a", (1, 8)), layer(1, "RELU", "b", (1, 8)),
            layer(2, "CONV_2D", "c", (1, 4)), layer(3, "SOFTMAX", "d")]  # fmt: skip
    right = [layer(0, "CONV_2D", "w", (1, 8)), layer(1, "CONV_2D", "y", (1, 4)),
             layer(2, "SOFTMAX", "z")]  # fmt: skip
    assert aligned(left, right) == [(0, 0), (2, 1), (3, 2)]


def test_a_fused_activation_is_the_layer_that_ends_with_it() -> None:
    left = [layer(0, "CONV_2D", "x/BiasAdd"), layer(1, "RELU", "x/Relu", activation="RELU")]
    right = [layer(0, "CONV_2D", "x/Relu;x/BiasAdd", activation="RELU")]
    assert aligned(left, right) == [(1, 0)]


def test_suffixes_and_joined_names_are_taken_apart() -> None:
    left = [layer(0, "ADD", "one"), layer(1, "ADD", "two")]
    right = [layer(0, "ADD", "two_int8;more")]
    assert aligned(left, right) == [(1, 0)]


def test_branches_in_another_order_are_found_by_name() -> None:
    left = [layer(0, "CONV_2D", "left"), layer(1, "CONV_2D", "right"), layer(2, "ADD", "sum")]
    right = [layer(0, "CONV_2D", "right"), layer(1, "CONV_2D", "left"), layer(2, "ADD", "sum")]
    assert aligned(left, right) == [(1, 0), (0, 1), (2, 2)]


def test_shapes_must_agree() -> None:
    assert aligned([layer(0, "ADD", "a", (1, 2))], [layer(0, "ADD", "a", (2, 1))]) == []


def test_too_many_layers_to_align() -> None:
    left = [layer(k, "ADD", f"a{k}") for k in range(7100)]
    right = [layer(k, "ADD", f"b{k}") for k in range(7100)]
    with pytest.raises(ModelError, match="too many layers"):
        align(left, right)
