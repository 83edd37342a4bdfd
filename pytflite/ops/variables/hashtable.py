"""HASHTABLE, HASHTABLE_IMPORT, HASHTABLE_FIND, HASHTABLE_SIZE: tables that are filled once.

    handle = HASHTABLE()                       names a table: (table_id, its types)
    HASHTABLE_IMPORT(handle, keys, values)     table = dict(zip(keys, values)), the first time
    HASHTABLE_FIND(handle, keys, default)      [table.get(k, default) for k in keys]
    HASHTABLE_SIZE(handle)                     INT64 [1]

Keys and values are INT64 and STRING, or STRING and INT64; of equal keys the first counts. A
table belongs to the interpreter; before it is filled nothing can be looked up, and its size is 0.
Source: kernels/hashtable*.cc.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytflite.errors import DataError, DTypeError, OptionError, ShapeError
from pytflite.model.dtypes import INT64, STRING, DType, dtype_of
from pytflite.model.graph import Array
from pytflite.ops.operator import Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec
from pytflite.ops.variables.variable import check_handle, handle_array, handle_of

Table = dict[Any, Any]
_TYPES = ((INT64, STRING), (STRING, INT64))


def infer_table(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """A constant: the table's name."""
    types = dtype_of(node.options.key_dtype), dtype_of(node.options.value_dtype)
    if types not in _TYPES:
        raise node.error(
            OptionError, "a hash table cannot have such types", expected="INT64 and STRING",
            found=" and ".join(map(str, types)),
        )  # fmt: skip
    handle = handle_array(("hashtable", node.options.table_id, *map(str, types))).reshape(1)
    return (node.output(0, (1,)).replace(value=handle),)


def _check_types(node: Node, handle: Spec, keys: DType, values: DType) -> None:
    """Refuses keys or values of other types than the table's, where it is known."""
    if handle.value is None:
        return
    found, (_, _, *declared) = [str(keys), str(values)], handle_of(handle.value)
    if found != declared:
        raise node.error(
            DTypeError, "the hash table has other types", tensor=1,
            expected=" and ".join(declared), found=" and ".join(found),
        )  # fmt: skip


def eval_table(p: Any, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Never asked: infer gives the value."""
    raise AssertionError("HASHTABLE is folded when it is inferred")


def infer_import(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """There are no outputs; keys and values pair up."""
    handle, keys, values = inputs
    assert handle is not None and keys is not None and values is not None
    check_handle(node, handle)
    _check_types(node, handle, keys.dtype, values.dtype)
    if keys.is_static and values.is_static and keys.shape != values.shape:
        raise node.error(
            ShapeError, "keys and values have different shapes", tensor=2,
            expected=keys.shape, found=values.shape,
        )  # fmt: skip
    return ()


def eval_import(p: Any, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Fills the table, unless it is filled already."""
    name = handle_of(inputs[0])
    if name in run.state.resources:
        return None
    keys, values = inputs[1].reshape(-1).tolist(), inputs[2].reshape(-1).tolist()
    if len(keys) != len(values):
        raise run.node.error(
            DataError, "keys and values have different lengths", code="data.shape",
            expected=len(keys), found=len(values),
        )  # fmt: skip
    table: Table = {}
    for key, value in zip(keys, values, strict=True):
        table.setdefault(key, value)
    run.state.resources[name] = table
    return None


def _table(inputs: Inputs, run: Run) -> Table:
    table = run.state.resources.get(handle_of(inputs[0]))
    if not isinstance(table, dict):
        raise run.node.error(
            DataError, "the hash table is used before it is filled", code="data.unassigned",
            found=handle_of(inputs[0]),
        )  # fmt: skip
    return table


def infer_find(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The shape of the keys."""
    handle, keys, default = inputs
    assert handle is not None and keys is not None and default is not None
    check_handle(node, handle)
    _check_types(node, handle, keys.dtype, default.dtype)
    if default.is_static and default.size < 1:
        raise node.error(ShapeError, "the default value is missing", tensor=2, found=default.shape)
    return (node.output(0, keys.shape),)


def eval_find(p: Any, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Looks every key up."""
    table = _table(inputs, run)
    default = inputs[2].reshape(-1)[0]
    found = [table.get(key, default) for key in inputs[1].reshape(-1).tolist()]
    out = outputs[0]
    if out is None:
        tensor = run.node.outputs[0]
        assert tensor is not None
        strings = tensor.dtype is STRING
        out = run.empty(inputs[1].shape, object if strings else tensor.dtype.storage)
    if found and any(isinstance(v, bytes) != (out.dtype == object) for v in found):
        raise run.node.error(
            DataError, "the hash table holds values of another type", code="data.dtype",
            expected=out.dtype,
        )  # fmt: skip
    flat = out.reshape(-1)
    for place, value in enumerate(found):
        flat[place] = value
    return [out]


def infer_size(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """One number."""
    assert inputs[0] is not None
    check_handle(node, inputs[0])
    return (node.output(0, (1,)),)


def eval_size(p: Any, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """How many keys the table holds."""
    table = run.state.resources.get(handle_of(inputs[0]))
    outputs[0][0] = len(table) if isinstance(table, dict) else 0
    return None


define(
    "HASHTABLE", module=__name__, options="HashtableOptions",
    signature=Signature("-> RESOURCE"), infer=infer_table, eval=eval_table,
)  # fmt: skip
define(
    "HASHTABLE_IMPORT", module=__name__, options="HashtableImportOptions",
    signature=Signature("RESOURCE, INT64, STRING ->", "RESOURCE, STRING, INT64 ->"),
    infer=infer_import, eval=eval_import, pure=False,
)  # fmt: skip
define(
    "HASHTABLE_FIND", module=__name__, options="HashtableFindOptions",
    signature=Signature("RESOURCE, INT64, STRING -> STRING", "RESOURCE, STRING, INT64 -> INT64"),
    infer=infer_find, eval=eval_find, pure=False,
)  # fmt: skip
define(
    "HASHTABLE_SIZE", module=__name__, options="HashtableSizeOptions",
    signature=Signature("RESOURCE -> INT64"), infer=infer_size, eval=eval_size, pure=False,
)  # fmt: skip
