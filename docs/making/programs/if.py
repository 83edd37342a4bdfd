import numpy as np

import pytflite
from pytflite.tools.building import Graph, build

main, double, negate = Graph("main"), Graph("double"), Graph("negate")
condition, x = main.input("condition", (), "BOOL"), main.input("x", (3,))
main.output(main.op("IF", [condition, x], (3,), then_subgraph_index=1, else_subgraph_index=2))
y = double.input("y", (3,))
double.output(double.op("ADD", [y, y], (3,)))
y = negate.input("y", (3,))
negate.output(negate.op("NEG", [y], (3,)))

interpreter = pytflite.Interpreter(build(main, double, negate), backend="numpy")
for condition in (True, False):
    print(condition, interpreter.run(condition, np.float32([1, 2, 3])))
