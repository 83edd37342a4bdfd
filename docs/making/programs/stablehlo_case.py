import numpy as np

import pytflite
from pytflite.tools.building import Graph, build

main = Graph()
chosen, x = main.input("chosen", (), "INT32"), main.input("x", (3,))
main.output(main.op("STABLEHLO_CASE", [chosen, x], (3,), branch_subgraph_indices=[1, 2, 3]))
branches = []
for name in ("NEG", "SQUARE", "EXP"):
    branches.append(Graph(name))
    y = branches[-1].input("y", (3,))
    branches[-1].output(branches[-1].op(name, [y], (3,)))

interpreter = pytflite.Interpreter(build(main, *branches), backend="numpy")
for number in (0, 1, 2, 7):  # beyond the branches: the last
    print(number, interpreter.run(number, np.float32([0, 1, 2])).round(3))
