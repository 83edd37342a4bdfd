"""A process that answers once and then a few times more, to be timed from outside.

    python first_answer.py litert|pytflite|numpy MODEL.tflite RUNS

prints the moments (time.monotonic()) of the first and of the last answer, and the peak of resident
memory in bytes. It imports what a user's program would, and nothing else.
"""

from __future__ import annotations

import sys
import time

runtime, path, runs = sys.argv[1:]
if runtime == "litert":
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(path, num_threads=1)
else:
    from pytflite import Interpreter

    backend = "numpy" if runtime == "numpy" else "auto"
    interpreter = Interpreter(path, num_threads=1, backend=backend)

import numpy as np  # noqa: E402  after the runtime, which imports it anyway

interpreter.allocate_tensors()
given = interpreter.get_input_details()[0]
wanted = interpreter.get_output_details()[0]["index"]
size = int(np.prod(given["shape"]))
array = (np.arange(size) % 251 / 125 - 1).reshape(given["shape"])
array = (array * (1 if given["dtype"] == np.float32 else 127)).astype(given["dtype"])
moments = []
for _ in range(int(runs)):
    interpreter.set_tensor(given["index"], array)
    interpreter.invoke()
    interpreter.get_tensor(wanted)
    moments.append(time.monotonic())

peak = 0
try:
    with open("/proc/self/status") as lines:
        peak = next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
except OSError:
    pass
print(moments[0], moments[-1], peak, flush=True)
