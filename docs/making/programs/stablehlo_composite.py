import numpy as np

import pytflite
from pytflite.tools.building import Graph, build

main, parts = Graph("main"), Graph("parts")
x = main.input("x", (3,))
main.output(
    main.op("STABLEHLO_COMPOSITE", [x], (3,), name="my.swish", decomposition_subgraph_index=1)
)
y = parts.input("y", (3,))
parts.output(parts.op("MUL", [y, parts.op("LOGISTIC", [y], (3,))], (3,)))

model = build(main, parts)
print(pytflite.Interpreter(model, backend="numpy").run(np.float32([-1, 0, 1])).round(4))
