import numpy as np

import pytflite
from pytflite.tools.building import Graph, build

main, init = Graph("main"), Graph("init")
main.op("CALL_ONCE", [], None, init_subgraph_index=1)
x = main.input("x", (2,))
handle = main.op("VAR_HANDLE", [], (), "RESOURCE", shared_name="total")
total = main.op("ADD", [main.op("READ_VARIABLE", [handle], (2,)), x], (2,))
main.op("ASSIGN_VARIABLE", [handle, total], None)
main.output(total)
handle = init.op("VAR_HANDLE", [], (), "RESOURCE", shared_name="total")
init.op("ASSIGN_VARIABLE", [handle, init.constant(np.float32([100, 200]))], None)

interpreter = pytflite.Interpreter(build(main, init), backend="numpy")
for _ in range(3):
    print(interpreter.run(np.float32([1, 2])))
