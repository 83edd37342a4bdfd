"""Which function lowers which operator.

    @lowering("LOGISTIC", "TANH")
    def activation(step: Step, to: Lowering) -> Lowered: ...

A lowering looks at one step, whose shapes are all known, and says which kernels compute it: a list
of Work, or, where there is none for these types or options, a sentence for backend_report().
It decides everything that can be decided before the run: checks were made by the operator's infer,
so that the slots hold checked sizes only. Kernels fill all outputs, write nothing else, and read
nothing outside their tensors. Where the operator's definition allows an output to take an input's
place (in_place), kernels must stand it.

Modules of lowerings load when a step needs them: MODULES says where.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from pytflite.jit.called import Subprogram
from pytflite.jit.target import Target
from pytflite.jit.work import At, Packed, Work
from pytflite.model.graph import Array
from pytflite.ops.spec import Shape, Spec
from pytflite.plan.plan import Step

if TYPE_CHECKING:
    from pytflite.ops.random.distributions import Stream

# Names of the operators whose lowerings a module has. (Custom operators that are a builtin one
# under another name, ops/custom/translation.py, have that one's.)
MODULES = {
    "control": "CALL STABLEHLO_COMPOSITE IF STABLEHLO_CASE WHILE",
    "signal": (
        "SignalWindow SignalFftAutoScale SignalEnergy SignalFilterBank SignalFilterBankSquareRoot "
        "SignalPCAN SignalFilterBankLog SignalRfft SignalFilterBankSpectralSubtraction"
    ),
    "fourier": "RFFT2D REAL IMAG COMPLEX_ABS",
    "random": "RANDOM_UNIFORM RANDOM_STANDARD_NORMAL MULTINOMIAL",
    "variables": "READ_VARIABLE ASSIGN_VARIABLE",
    "lstm": "UNIDIRECTIONAL_SEQUENCE_LSTM LSTM BIDIRECTIONAL_SEQUENCE_LSTM",
    "rnn": "RNN UNIDIRECTIONAL_SEQUENCE_RNN BIDIRECTIONAL_SEQUENCE_RNN",
    "svdf": "SVDF",
    "softmax": "SOFTMAX LOG_SOFTMAX L2_NORMALIZATION LOCAL_RESPONSE_NORMALIZATION",
    "moving": (
        "TRANSPOSE PAD PADV2 SLICE STRIDED_SLICE BROADCAST_TO TILE RESHAPE SQUEEZE EXPAND_DIMS "
        "MIRROR_PAD REVERSE_V2 FILL MATRIX_DIAG MATRIX_SET_DIAG "
        "ZEROS_LIKE BITCAST"
    ),
    "joining": "CONCATENATION PACK SPLIT SPLIT_V UNPACK",
    "blocks": "SPACE_TO_DEPTH DEPTH_TO_SPACE SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND",
    "poses": "PosenetDecoderOp",
    "pooled_places": (
        "MaxPoolingWithArgmax2D MaxPoolWithArgmax FlexMaxPoolWithArgmax MaxUnpooling2D "
        "LiteRtMaxUnpooling2D"
    ),
    "pooling": "AVERAGE_POOL_2D MAX_POOL_2D L2_POOL_2D",
    "convolution": "CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV",
    "convolution_3d": "CONV_3D CONV_3D_TRANSPOSE",
    "dense": "FULLY_CONNECTED BATCH_MATMUL",
    "elementwise": (
        "ABS NEG SQUARE SQRT RSQRT FLOOR CEIL ROUND SIGN EXP TANH LOGISTIC HARD_SWISH RELU RELU6 "
        "RELU_N1_TO_1 RELU_0_TO_1 ADD SUB MUL DIV MAXIMUM MINIMUM SQUARED_DIFFERENCE PRELU "
        "LEAKY_RELU ELU GELU LOG ATAN2 FLOOR_MOD SIN COS POW FLOOR_DIV ADD_N Bsign "
        "LceBsign LqceBsign "
        "FlexAbs FlexNeg FlexSquare FlexSqrt FlexRsqrt FlexFloor FlexCeil FlexSign Sign FlexExp "
        "FlexTanh FlexLog FlexElu FlexSin FlexCos FlexSoftplus Softplus FlexSoftsign Softsign "
        "FlexSelu Selu FlexReciprocal Reciprocal FlexInv Inv FlexAdd FlexAddV2 FlexSub FlexMul "
        "FlexDiv FlexRealDiv FlexSquaredDifference FlexRound FlexRint Rint "
        "FlexSigmoid FlexPow FlexAtan2 Atan2 atan2 FlexRelu FlexRelu6 FlexLeakyRelu"
    ),
    "reductions": "SUM MEAN REDUCE_PROD REDUCE_MAX REDUCE_MIN REDUCE_ANY REDUCE_ALL",
    "taking": "GATHER GATHER_ND EMBEDDING_LOOKUP RESIZE_NEAREST_NEIGHBOR RESIZE_BILINEAR",
    "searching": "ARG_MAX ARG_MIN TOPK_V2 WHERE",
    "sequences": "CUMSUM REVERSE_SEQUENCE BUCKETIZE",
    "scattering": (
        "SCATTER_ND SPARSE_TO_DENSE UNSORTED_SEGMENT_SUM UNSORTED_SEGMENT_PROD "
        "UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_MIN ONE_HOT DYNAMIC_UPDATE_SLICE"
    ),
    "detection": "TFLite_Detection_PostProcess NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5",
    "conversions": "CAST QUANTIZE DEQUANTIZE",
    "logic": (
        "EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL LOGICAL_AND LOGICAL_OR LOGICAL_NOT "
        "BITWISE_XOR RIGHT_SHIFT SELECT SELECT_V2"
    ),
}


class Lowering(Protocol):
    """What a lowering is told, and may ask."""

    target: Target
    precision: str  # "float32", "high" or "medium"
    threads: int  # that may share a run

    def input(self, step: Step, position: int) -> At | Array:
        """A slot for an input: its place in the arena, or the array of a constant."""
        ...

    def output(self, step: Step, position: int = 0) -> At:
        """A slot for an output."""
        ...

    def packed(
        self, step: Step, positions: Sequence[int], kind: object, make: Callable[[], Array]
    ) -> Packed:
        """What `make` gives for constant inputs, made once for all interpreters of the model.

        It is made when the program is linked, not now: lowering has to be quick.

        Args:
            step: the operator.
            positions: of the constant inputs that it depends on.
            kind: tells it from other arrays made of the same inputs (also where rounding is
                another); hashable.
            make: packs.
        """
        ...

    def cell(self, step: Step, spec: Spec, *, assigns: bool = False) -> At | None:
        """A slot for the resource variable of a step, whose handle is its first input.

        It holds the value before the kernels of the step begin, and is taken from when they end.
        None: the handle is not known, or others of the plan use the variable in another form.
        """
        ...

    def stream(self, step: Step, key: object, spec: Spec) -> At:
        """A slot for what a step keeps from run to run (ops/signal/streams.py), zeros at first."""
        ...

    def random(self, step: Step, stream: Stream) -> At:
        """A slot for where a stream of random numbers stands, which the step moves on: uint64 [3]
        (ops/random/distributions.py: beginning)."""
        ...

    def room(self, step: Step, size: int) -> At:
        """A slot for memory of the step's own while its kernels run."""
        ...

    def shared(self, step: Step, key: Hashable, size: int) -> At:
        """A slot for memory of this name, from the first step that asks for it to the last."""
        ...

    def subprogram(self, subgraph: int, shapes: Sequence[Shape]) -> Subprogram | str:
        """A called subgraph as works, or why it cannot be."""
        ...

    def include(self, called: Subprogram, *, always: bool = False) -> str:
        """Counts a subgraph that becomes part of the program; why that is too much, or "".

        always: it is done in each run, and never takes from what is left.
        """
        ...

    def left(self, step: Step) -> At:
        """A slot for the work and the steps that a run may still spend; the step takes from it."""
        ...


Lowered = Sequence[Work] | str
Lower = Callable[[Step, Lowering], Lowered]

# Why there is no work, where a kernel's slots would have to follow from what a run is given.
RUN_TIME = "compiled for options that are constants"


_REGISTERED: dict[str, Lower] = {}
STATEFUL: set[str] = set()  # operators whose lowerings know what variables and handles are
_HOME = {name: module for module, names in MODULES.items() for name in names.split()}


def lowering(*operators: str, stateful: bool = False) -> Callable[[Lower], Lower]:
    """Registers a function as the lowering of operators, builtin ones or custom ones of ours.

    stateful: their variable tensors have a place in the arena, which holds the value when the
    kernels begin and is taken from when they end; so have resource variables (Lowering.cell).
    """

    def register(function: Lower) -> Lower:
        for name in operators:
            _REGISTERED[name] = function
            if stateful:
                STATEFUL.add(name)
        return function

    return register


def find_lowering(operator: str) -> Lower | None:
    """The lowering of an operator, or None."""
    module = _HOME.get(operator)
    if module is not None and operator not in _REGISTERED:
        import_module(f"pytflite.jit.lowering.{module}")
    return _REGISTERED.get(operator)
