import numpy as np

import pytflite
from pytflite.tools.building import Graph, build

graph = Graph()
shape = graph.constant(np.int32([3]))
graph.output(graph.op("RANDOM_UNIFORM", [shape], (3,), seed=1, seed2=2))

interpreter = pytflite.Interpreter(build(graph), backend="numpy")
print(interpreter.run().round(4), interpreter.run().round(4))  # the stream goes on
print(interpreter.clone().run().round(4))  # and begins again
