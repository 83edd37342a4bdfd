import numpy as np

import pytflite
from pytflite.format.schema import TensorType
from pytflite.tools.building import Graph, build

types = {"key_dtype": TensorType.STRING, "value_dtype": TensorType.INT64}
main, init = Graph("main"), Graph("init")
main.op("CALL_ONCE", [], None, init_subgraph_index=1)
words = main.input("words", (3,), "STRING")
table = main.op("HASHTABLE", [], (1,), "RESOURCE", table_id=7, **types)
unknown = main.constant(np.array([-1]))
main.output(main.op("HASHTABLE_FIND", [table, words, unknown], (3,), "INT64"))
main.output(main.op("HASHTABLE_SIZE", [table], (1,), "INT64"))
table = init.op("HASHTABLE", [], (1,), "RESOURCE", table_id=7, **types)
keys = init.constant(np.array([b"cat", b"dog"], object), dtype="STRING")
init.op("HASHTABLE_IMPORT", [table, keys, init.constant(np.array([10, 20]))], None)

interpreter = pytflite.Interpreter(build(main, init), backend="numpy")
print(interpreter.run(np.array([b"dog", b"bird", b"cat"], object)))
