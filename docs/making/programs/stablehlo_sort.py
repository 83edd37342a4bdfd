import numpy as np

import pytflite
from pytflite.tools.building import Graph, build

main, body = Graph("main"), Graph("body")
keys, values = main.input("keys", (4,)), main.input("values", (4,), "INT32")
outputs = [main.tensor((4,)), main.tensor((4,), "INT32")]
main.add("STABLEHLO_SORT", [keys, values], outputs, dimension=0, comparator_subgraph_index=1)
for tensor in outputs:
    main.output(tensor)
a, b = body.input("a", ()), body.input("b", ())
body.input("c", (), "INT32"), body.input("d", (), "INT32")
body.output(body.op("LESS", [a, b], (), "BOOL"))

interpreter = pytflite.Interpreter(build(main, body), backend="numpy")
print(interpreter.run(np.float32([3, 1, 4, 2]), np.int32([0, 1, 2, 3])))
