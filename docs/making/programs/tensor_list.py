import numpy as np

import pytflite
from pytflite.format.flexbuffer import encode
from pytflite.format.schema import TensorType
from pytflite.tools.building import Graph, build

g = Graph()
any_shape = g.constant(np.int32(-1))
number = {n: g.constant(np.int32(n)) for n in (0, 1, 3)}
kind = encode({"element_dtype": TensorType.FLOAT32})


def op(name, *inputs, shape=(), dtype="VARIANT", **more):
    return g.op(name, inputs, shape, dtype, **more)


x = g.input("x", (2, 2))
rows = op("TensorListFromTensor", x, any_shape)  # two rows
rows = op("TensorListPushBack", rows, g.constant(np.float32([5, 6])))
rows = op("TensorListSetItem", rows, number[0], g.constant(np.float32([0, 0])))
rows = op("VariantAddN", rows, rows)  # item by item
g.output(op("TensorListGetItem", rows, number[1], any_shape, shape=(2,), dtype="FLOAT32"))
g.output(op("TensorListLength", rows, dtype="INT32"))
g.output(op("TensorListElementShape", rows, shape=(1,), dtype="INT32"))
g.output(op("TensorListStack", rows, any_shape, shape=(3, 2), dtype="FLOAT32"))

shorter, last = g.tensor((), "VARIANT"), g.tensor((2,))
g.add("TensorListPopBack", [rows, any_shape], [shorter, last])
g.output(last)
zeros = op("VariantZerosLike", op("TensorListResize", shorter, number[1]))
g.output(op("TensorListStack", zeros, any_shape, shape=(1, 2), dtype="FLOAT32"))

pair = g.constant(np.int32([2]))
reserved = op("TensorListReserve", pair, number[3], custom_options=kind)  # three, all zero
g.output(op("TensorListStack", reserved, any_shape, shape=(3, 2), dtype="FLOAT32"))
empty = op("EmptyTensorList", pair, number[3], custom_options=kind)
g.output(op("TensorListLength", empty, dtype="INT32"))

interpreter = pytflite.Interpreter(build(g), backend="numpy")
for output in interpreter.run(np.float32([[1, 2], [3, 4]])):
    print(output.tolist())
