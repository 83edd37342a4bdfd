import numpy as np

import pytflite
from pytflite.tools.building import Graph, build

main, body = Graph("main"), Graph("body")
x = main.input("x", (5,))
indices, updates = main.input("indices", (2, 1), "INT32"), main.input("updates", (2,))
main.output(
    main.op(
        "STABLEHLO_SCATTER",
        [x, indices, updates],
        (5,),
        inserted_window_dims=[0],
        scatter_dims_to_operand_dims=[0],
        index_vector_dim=1,
        update_computation_subgraph_index=1,
    )
)
a, b = body.input("a", ()), body.input("b", ())
body.output(body.op("STABLEHLO_ADD", [a, b], ()))

interpreter = pytflite.Interpreter(build(main, body), backend="numpy")
print(interpreter.run(np.zeros(5), np.int32([[1], [3]]), np.float32([10, 20])))
