import numpy as np

import pytflite
from pytflite.tools.building import Graph, build

graph = Graph()
logits = graph.input("logits", (1, 3))
count = graph.constant(np.int32(1000))
graph.output(graph.op("MULTINOMIAL", [logits, count], (1, 1000), "INT64", seed=1, seed2=2))

drawn = pytflite.Interpreter(build(graph), backend="numpy").run(np.log(np.float32([[1, 2, 5]])))
print(np.bincount(drawn[0]))  # in the ratio of 1 : 2 : 5
