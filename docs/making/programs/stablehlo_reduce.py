import numpy as np

import pytflite
from pytflite.tools.building import Graph, build

main, body = Graph("main"), Graph("body")
x = main.input("x", (2, 3))
main.output(
    main.op(
        "STABLEHLO_REDUCE",
        [x, main.constant(np.float32(0))],
        (2,),
        dimensions=[1],
        body_subgraph_index=1,
    )
)
a, b = body.input("a", ()), body.input("b", ())
body.output(body.op("STABLEHLO_ADD", [a, b], ()))

interpreter = pytflite.Interpreter(build(main, body), backend="numpy")
print(interpreter.run(np.float32([[1, 2, 3], [10, 20, 30]])))
