"""What a call costs beside the work: a model that does next to nothing, here and in LiteRT.

    python -m benchmarks.overhead [--json] [MODEL ...]

Without models: RELU of four floats, and the doodle models. Best times of many calls, in
microseconds: set_tensor + invoke + get_tensor of both, invoke alone, and run().
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from ai_edge_litert import interpreter as litert

from pytflite import Interpreter
from pytflite.tools.building import Graph, build
from pytflite.tools.doodle import VARIANTS, model_path
from pytflite.tools.sampling import random_inputs

_ROUNDS, _SECONDS = 40, 0.01  # calls of each kind are timed in turn, and the best round counts


def best(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Microseconds of each call: mean of a round, of the best round."""
    counts = {}
    for name, call in calls.items():
        call()
        start = perf_counter()
        call()
        counts[name] = max(3, int(_SECONDS / (perf_counter() - start)))
    found = dict.fromkeys(calls, float("inf"))
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            repeats = range(counts[name])
            start = perf_counter()
            for _ in repeats:
                call()
            found[name] = min(found[name], 1e6 * (perf_counter() - start) / len(repeats))
    return found


def cycle(interpreter: Any, array: Any) -> Callable[[], Any]:
    """set_tensor, invoke, get_tensor, as one call."""
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    wanted = interpreter.get_output_details()[0]["index"]

    def call() -> Any:
        interpreter.set_tensor(given, array)
        interpreter.invoke()
        return interpreter.get_tensor(wanted)

    return call


def measure(path: Path) -> dict[str, float]:
    """Times of one model."""
    ours = Interpreter(path, num_threads=1, wait=True)
    array = random_inputs(ours.model, 0)[0]
    theirs = litert.Interpreter(str(path), num_threads=1)
    return best(
        {
            "LiteRT": cycle(theirs, array),
            "pytflite": cycle(ours, array),
            "LiteRT invoke": theirs.invoke,
            "pytflite invoke": ours.invoke,
            "pytflite run": lambda: ours.run(array),
        }
    )


def tiny(folder: str) -> Path:
    """RELU of four floats."""
    g = Graph()
    y = g.op("RELU", [g.input("x", (1, 4))], (1, 4))
    g.output(y)
    path = Path(folder, "relu.tflite")
    build(g).save(path)
    return path


def main() -> None:
    """Measures and prints."""
    if sys.argv[1:2] == ["--json"]:
        print(json.dumps(measure(Path(sys.argv[2]))))
        return
    print("us: set, invoke, get of LiteRT and pytflite; invoke of both; run()")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(p) for p in sys.argv[1:]] or [tiny(folder), *map(model_path, VARIANTS)]
        for path in paths:
            figures = "".join(f"{time:9.2f}" for time in measure(path).values())
            print(f"{path.stem[:30]:30s}{figures}", flush=True)


if __name__ == "__main__":
    main()
