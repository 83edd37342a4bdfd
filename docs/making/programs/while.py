import numpy as np

import pytflite
from pytflite.tools.building import Graph, build

main, condition, body = Graph("main"), Graph("condition"), Graph("body")
x = main.input("x", ())
main.output(main.op("WHILE", [x], (), cond_subgraph_index=1, body_subgraph_index=2))
y = condition.input("y", ())
hundred = condition.constant(np.float32(100))
condition.output(condition.op("LESS", [y, hundred], (), "BOOL"))
y = body.input("y", ())
body.output(body.op("ADD", [y, y], ()))

interpreter = pytflite.Interpreter(build(main, condition, body), backend="numpy")
print(interpreter.run(np.float32(3)), interpreter.run(np.float32(1000)))
