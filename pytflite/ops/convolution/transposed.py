"""Transposed convolutions: each input element adds a filter, times itself, to the output.

    output[i*stride + k*dilation - before] += input[i] * filter[k]

along each axis. The outputs first, first + stride, first + 2*stride ... see the same taps, so they
are one convolution of the input with those taps, backwards, and a stride of 1; `stride` of these
interleave to the whole. Nothing is scattered, and everything ends as convolutions do.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import DataError, LimitError, ShapeError, TFLiteError
from pytflite.model.graph import Array
from pytflite.ops.activation import bounds
from pytflite.ops.arguments import check_vector, constant_integers, integers
from pytflite.ops.convolution.checks import (
    Sizes,
    check_bias,
    check_channels,
    known,
    sizes_of,
    slide_all,
)
from pytflite.ops.convolution.endings import finish
from pytflite.ops.convolution.kernels import Dense, Depthwise, convolve
from pytflite.ops.convolution.layer import (
    Arrange,
    Form,
    in_axes,
    make_form,
    make_kernel,
    quantise,
)
from pytflite.ops.convolution.numbers import Numbers, read_numbers
from pytflite.ops.operator import Cost, Inputs, Outputs, Run
from pytflite.ops.requantize import work_bytes
from pytflite.ops.spec import Node, Shape, Spec
from pytflite.ops.windows import Window

# Each is an operation of its own; nobody enlarges an image more than a hundredfold at once.
_MOST_PHASES = 1 << 14


class Style(NamedTuple):
    """What distinguishes the operators.

    Attributes:
        axes: names of the spatial ones.
        filter_axes: where the filter has its spatial axes, its filters and its channels.
        dilated: whether there are options for that.
        arrange: weights of some taps, as [1, taps * channels, filters].
    """

    axes: tuple[str, ...]
    filter_axes: tuple[tuple[int, ...], int, int]
    dilated: bool
    arrange: Arrange


class Phase(NamedTuple):
    """Outputs that see the same taps, along the three axes; kernel: None if not known before."""

    outputs: tuple[slice, slice, slice]
    form: Form
    kernel: Dense | Depthwise | None


class Transposed(NamedTuple):
    """For one shape of the output.

    Attributes:
        shape: [batch, depth, height, width, filters].
        blank: whether some outputs see nothing.
    """

    shape: tuple[int, int, int, int, int]
    phases: tuple[Phase, ...]
    blank: bool

    @property
    def scratch(self) -> int:
        """Bytes of working memory."""
        own = max((form.scratch - form.places.total for _, form, _ in self.phases), default=0)
        return self.end + own + work_bytes(self.shape[-1])

    @property
    def end(self) -> int:
        """Where the working memory of the phases ends."""
        return max((phase.form.places.total for phase in self.phases), default=0)


class P(NamedTuple):
    """plan: None where the output's shape is computed at run time; it has kernels if weights and
    bias are constant. Those are kept where they are."""

    style: Style
    numbers: Numbers
    plan: Transposed | None
    weights: Array | None
    bias: Array | None
    has_bias: bool

    @property
    def scratch(self) -> int:
        """Bytes of working memory, as far as known."""
        return self.plan.scratch if self.plan is not None else 0


def infer_transposed(
    node: Node, inputs: Sequence[Spec | None], style: Style
) -> tuple[int | None, ...]:
    """The output's shape; refuses one that does not fit input and filter.

    Inputs are (output_shape, filter, input, bias).
    """
    rank = len(style.axes) + 2
    batch, *sizes, channels = sizes_of(node, inputs, 2, rank)
    weights = sizes_of(node, inputs, 1, rank)
    spatial, of_filters, of_channels = style.filter_axes
    filters = weights[of_filters]
    bounds(node)
    check_channels(node, 2, channels, None)
    check_channels(node, 1, filters, None)
    check_channels(node, 1, weights[of_channels], channels)
    check_bias(node, inputs, 3, filters)
    check_vector(node, inputs, 0)
    shape = constant_integers(node, inputs, 0, count=rank)
    if shape is None:
        unknown = tuple(None for _ in sizes)
        taps = tuple(weights[axis] for axis in spatial)
        slide_all(node, style.axes, unknown, taps, dilated=style.dilated)  # for the options' sake
        return (batch, *unknown, filters)
    check_shape(node, style, shape, (batch, *sizes, channels), weights, ShapeError)
    return shape


def check_shape(
    node: Node,
    style: Style,
    shape: Shape,
    x: Sizes,
    weights: Sizes,
    kind: type[TFLiteError],
) -> tuple[Window | None, ...]:
    """The windows from the output back to the input.

    Raises:
        ShapeError, or what `kind` is: the shape does not fit.
        OptionError: strides, dilations or padding make no sense.
    """
    spatial, of_filters, _ = style.filter_axes
    batch, *sizes, _ = x
    taps = tuple(weights[axis] for axis in spatial)
    wanted: tuple[int | None, ...] = (batch, *shape[1:-1], weights[of_filters])
    fits = all(d >= 0 and w in (None, d) for d, w in zip(shape, wanted, strict=True))
    windows: tuple[Window | None, ...] = ()
    if fits:
        windows = slide_all(node, style.axes, shape[1:-1], taps, dilated=style.dilated)
        fits = all(
            w is None or size in (None, w.output) for w, size in zip(windows, sizes, strict=True)
        )
    if not fits:
        raise node.error(
            kind,
            "the output's shape does not fit input and filter",
            tensor=0,
            expected=f"one of which a convolution makes {list(x)} again",
            found=list(shape),
        )
    return windows


def axis_phases(window: Window) -> Iterator[tuple[slice, range, Window]]:
    """Outputs, the taps that they see, backwards, and the window in which they see the input.

    Args:
        window: of the convolution that is transposed: from the output back to the input.
    """
    stride, dilation, size = window.stride, window.dilation, window.input
    common = math.gcd(stride, dilation)
    step = stride // common
    for tap in range(min(step, window.filter)):
        first = (tap * dilation - window.before) % stride
        if first >= size:
            continue
        taps = range(tap, window.filter, step)
        # Through tap k, output `first` sees input (first + before - k*dilation) / stride.
        begin = (first + window.before - taps[-1] * dilation) // stride
        count = len(range(first, size, stride))
        seen = Window(window.output, count, len(taps), 1, dilation // common, -begin)
        after = max(0, seen.padded - seen.input - seen.before)
        yield slice(first, size, stride), taps[::-1], seen._replace(after=after)


def prepare_transposed(
    node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec], style: Style
) -> P:
    """Divides the output into phases, and arranges constant weights for each."""
    weights, x = inputs[1], inputs[2]
    bias = inputs[3] if len(inputs) > 3 else None
    assert weights is not None and x is not None
    filters = weights.static[style.filter_axes[1]]
    numbers = read_numbers(node, x, weights, bias, outputs[0], filters, data=2)
    of_bias = None if bias is None else bias.value
    p = P(style, numbers, None, weights.value, of_bias, bias is not None)
    if not outputs[0].is_static:
        return p
    plan = _plan(node, p, outputs[0].static, x.static, weights.static, ShapeError)
    if p.weights is None or (p.has_bias and p.bias is None):
        return p._replace(plan=plan)
    return p._replace(plan=_with_kernels(plan, p.weights, p.bias), weights=None)


def _plan(
    node: Node, p: P, shape: Shape, x: Shape, weights: Shape, kind: type[TFLiteError]
) -> Transposed:
    """The phases, without kernels.

    Raises:
        LimitError: strides that are far too large. And as `check_shape`.
    """
    windows = known(check_shape(node, p.style, shape, x, weights, kind))
    if math.prod(min(w.stride, w.filter) for w in windows) > _MOST_PHASES:
        raise node.error(
            LimitError,
            "the strides are larger than anybody needs",
            code="limit.stride",
            expected=f"a product of at most {_MOST_PHASES}",
            found=[w.stride for w in windows],
        )
    batch, channels, filters = shape[0], x[-1], shape[-1]
    phases = []
    for along in itertools.product(*(list(axis_phases(w)) for w in windows)):
        (z, z_taps, d), (y, y_taps, h), (w_, x_taps, w) = along
        form = make_form(
            p.numbers, batch, (d, h, w), channels, filters, p.style.arrange,
            part=(z_taps, y_taps, x_taps),
        )  # fmt: skip
        phases.append(Phase((z, y, w_), form, None))
    whole = (batch, windows[0].input, windows[1].input, windows[2].input, filters)
    seen = sum(phase.form.elements for phase in phases)
    return Transposed(whole, tuple(phases), seen < math.prod(whole))


def _with_kernels(plan: Transposed, weights: Array, bias: Array | None) -> Transposed:
    phases = (
        phase._replace(kernel=make_kernel(phase.form, weights, bias)) for phase in plan.phases
    )
    return plan._replace(phases=tuple(phases))


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Convolves for each phase."""
    weights = p.weights if p.weights is not None else inputs[1]
    bias = p.bias if p.bias is not None or not p.has_bias else inputs[3]
    x, out, plan = inputs[2], outputs[0], p.plan
    if plan is None:
        shape = integers(inputs[0])
        plan = _plan(run.node, p, shape, x.shape, weights.shape, DataError)
        out = run.empty(shape, p.numbers.storage) if out is None else out
    if out.size:
        if plan.phases and plan.phases[0].kernel is None:
            plan = _with_kernels(plan, weights, bias)
        _evaluate(p.numbers, plan, x, bias, out.reshape(plan.shape), run)
    return [out] if outputs[0] is None else None


def _evaluate(
    numbers: Numbers, plan: Transposed, x: Array, bias: Array | None, out: Array, run: Run
) -> None:
    memory = run.scratch((plan.scratch,), np.uint8)
    if plan.blank:
        _fill(numbers, bias, out, memory)
    if plan.phases:
        x, scales = quantise(plan.phases[0].form, x, memory, plan.end)
    for outputs, form, kernel in plan.phases:
        assert kernel is not None
        part = out[:, outputs[0], outputs[1], outputs[2]]
        if form.turned:
            part = part.swapaxes(2, 3)
        convolve(kernel, in_axes(form, x), part, memory, scales)


def _fill(numbers: Numbers, bias: Array | None, out: Array, memory: Array) -> None:
    """What outputs are that see nothing: the bias, with all that comes after it."""
    filters = out.shape[-1]
    pixel = np.zeros(filters, out.dtype)
    nothing = pixel if numbers.reals is None else np.zeros(filters, np.float32)
    finish(numbers.ending(bias, None, 0, filters, filters, 1), nothing, pixel, memory, None, 0)
    out[...] = pixel


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """A product for each input element and each element of the filters that it multiplies."""
    weights, x = inputs[1], inputs[2]
    assert weights is not None and x is not None
    specs = [s for s in (*inputs, *outputs) if s is not None]
    each = weights.size // max(1, x.static[-1])
    return Cost(x.size * each, sum(s.nbytes for s in specs if s.is_static))
