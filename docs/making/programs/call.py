import numpy as np

import pytflite
from pytflite.tools.building import Graph, build

main, square = Graph("main"), Graph("square")
x = main.input("x", (3,))
once = main.op("CALL", [x], (3,), subgraph=1)
main.output(main.op("CALL", [once], (3,), subgraph=1))
y = square.input("y", (3,))
square.output(square.op("MUL", [y, y], (3,)))

print(pytflite.Interpreter(build(main, square), backend="numpy").run(np.float32([1, 2, 3])))
