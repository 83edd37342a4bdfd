import numpy as np

import pytflite
from pytflite.tools.building import Graph, build

main, body = Graph("main"), Graph("body")
x = main.input("x", (6,))
options = {"window_dimensions": [3], "window_strides": [1], "padding": [0, 0]}
main.output(
    main.op(
        "STABLEHLO_REDUCE_WINDOW",
        [x, main.constant(np.float32(-np.inf))],
        (4,),
        base_dilations=[1],
        window_dilations=[1],
        body_subgraph_index=1,
        **options,
    )
)
a, b = body.input("a", ()), body.input("b", ())
body.output(body.op("STABLEHLO_MAXIMUM", [a, b], ()))

interpreter = pytflite.Interpreter(build(main, body), backend="numpy")
print(interpreter.run(np.float32([1, 5, 2, 0, 3, 4])))
