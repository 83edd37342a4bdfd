"""Copies of interpreters, threads, processes, asyncio."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite import Interpreter, Model, StateError
from pytflite.tools.doodle import model_path
from tests.graphs import Graph, build

THREADS, RUNS = 8, 1000
EXAMPLES = Path(__file__).parents[2] / "examples" / "batches"


def sample(number: int) -> np.ndarray:
    return np.random.default_rng(number).random((28, 28, 1), np.float32)


def running_sum() -> Model:
    """state = x + state, once for each run."""
    g = Graph()
    x = g.input("x", (1, 2))
    state = g.tensor((1, 2), variable=True, name="state")
    ones, none = g.constant(np.eye(2, dtype=np.float32)), g.constant(np.zeros(2, np.float32))
    g.output(g.op("RNN", [x, ones, ones, none, state], (1, 2)))
    return build(g)


def answers(interpreter: Interpreter, runs: int) -> bytes:
    """All results, in order: bit for bit."""
    inputs = [sample(n) for n in range(4)]
    return b"".join(interpreter.run(inputs[n % 4]).tobytes() for n in range(runs))


@pytest.mark.parametrize("variant", ["int8", "float32"])
def test_many_threads_give_what_one_gives(variant: str) -> None:
    interpreter = Interpreter(model_path(variant))
    want = answers(interpreter, RUNS)
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda _: answers(interpreter, RUNS), range(THREADS)))
    assert [f == want for f in found] == [True] * THREADS


def test_spawned_processes_give_what_one_gives() -> None:
    interpreter = Interpreter(model_path("int8"))
    want = answers(interpreter, RUNS)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, spawn) as pool:
        found = list(pool.map(answers, [interpreter] * 4, [RUNS] * 4))
    assert [f == want for f in found] == [True] * 4


def test_threads_that_change_state_do_not_lose_a_run() -> None:
    interpreter = Interpreter(running_sum())
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: interpreter.run([[1, 2]]), range(400)))
    np.testing.assert_array_equal(interpreter.run([[0, 0]]), [[400, 800]])


def test_threads_that_infer_while_they_run() -> None:
    """Steps whose shapes depend on data are planned in the run, subgraphs included."""
    g, then, other = Graph(), Graph("then"), Graph("else")
    x = g.input("x", (4,))
    zero = g.constant(np.float32(0))
    positive = g.op("GREATER", [x, zero], (4,), "BOOL")
    where = g.op("WHERE", [positive], (4, 1), "INT64")
    chosen = g.op("GATHER_ND", [x, where], (4,))
    always = g.constant(np.array(True))
    g.output(g.op("IF", [always, chosen], (4,), then_subgraph_index=1, else_subgraph_index=2))
    for branch in (then, other):
        y = branch.input("y", (4,))
        branch.output(branch.op("ADD", [y, y], (4,)))
    interpreter = Interpreter(build(g, then, other))

    def work(number: int) -> bool:
        good = True
        for n in range(60):
            values = np.random.default_rng(100 * number + n).normal(size=4).astype(np.float32)
            good &= np.array_equal(interpreter.run(values), 2 * values[values > 0])
        return good

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(THREADS)))


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
def test_copies_carry_the_state_and_go_their_own_way(how: str) -> None:
    interpreter = Interpreter(running_sum(), num_threads=2)
    interpreter.run([[1, 2]])
    twin: Interpreter = (
        pickle.loads(pickle.dumps(interpreter)) if how == "pickle" else copy.deepcopy(interpreter)
    )
    np.testing.assert_array_equal(twin.run([[1, 1]]), [[2, 3]])
    np.testing.assert_array_equal(interpreter.run([[0, 0]]), [[1, 2]])
    fresh = interpreter.clone()
    np.testing.assert_array_equal(fresh.run([[5, 5]]), [[5, 5]])
    assert fresh.model is interpreter.model


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
def test_copies_carry_the_tensors_that_were_set(how: str) -> None:
    interpreter = Interpreter(model_path("float32"))
    interpreter.resize_tensor_input(0, [1, 28, 28, 1])
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, sample(3)[None])
    interpreter.invoke()
    output = interpreter.get_output_details()[0]["index"]
    want = interpreter.get_tensor(output)
    twin: Interpreter = (
        pickle.loads(pickle.dumps(interpreter)) if how == "pickle" else copy.deepcopy(interpreter)
    )
    np.testing.assert_array_equal(twin.get_tensor(output), want)
    twin.set_tensor(0, np.zeros((1, 28, 28, 1), np.float32))
    twin.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(output), want)


def triple(x: Any) -> Any:
    return 3 * x


def test_custom_operators_go_along() -> None:
    g = Graph()
    g.output(g.op("Triple", [g.input("x", (2,))], (2,)))
    interpreter = Interpreter(build(g), custom_ops={"Triple": triple})
    for twin in (pickle.loads(pickle.dumps(interpreter)), copy.deepcopy(interpreter)):
        np.testing.assert_array_equal(twin.run([1, 2]), [3, 6])


def test_models_pickle() -> None:
    opened = pytflite.load_model(model_path("float16"))
    twin = pickle.loads(pickle.dumps(opened))
    assert twin == opened and twin.name == opened.name and twin.labels == opened.labels
    made = opened.replace(description="changed")
    assert pickle.loads(pickle.dumps(made)) == made
    assert copy.deepcopy(opened) is opened
    opened.close()
    with pytest.raises(StateError):
        pickle.dumps(opened)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("backend", ["numpy", "jit"])
def test_a_fork_in_the_middle_of_other_threads_runs(backend: str) -> None:
    program = """
import os, sys, threading, warnings
import numpy as np
import pytflite
from tests.runtime.test_many_at_once import running_sum
warnings.simplefilter("ignore")
interpreter = pytflite.Interpreter(running_sum())
stop = threading.Event()
def work():
    while not stop.is_set():
        interpreter.run([[0, 0]])
threads = [threading.Thread(target=work) for _ in range(4)]
for t in threads: t.start()
good = 0
for _ in range(30):
    child = os.fork()
    if child == 0:
        import signal
        signal.alarm(20)
        os._exit(0 if np.array_equal(interpreter.run([[1, 2]]), [[1, 2]]) else 1)
    good += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
stop.set()
for t in threads: t.join()
print(good)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          env={**os.environ, "PYTFLITE_BACKEND": backend},
                          check=False, cwd=EXAMPLES.parents[1])  # fmt: skip
    assert done.stdout == "30\n", done.stderr


def test_asyncio() -> None:
    interpreter = Interpreter(model_path("float32"))

    async def all_of_them() -> list[np.ndarray]:
        return await asyncio.gather(*(interpreter.arun(sample(n)) for n in range(5)))

    for number, got in enumerate(asyncio.run(all_of_them())):
        np.testing.assert_array_equal(got, interpreter.run(sample(number)))


def test_calls_of_tf_lite_from_threads_wait_for_each_other() -> None:
    interpreter = Interpreter(model_path("int8"))
    interpreter.allocate_tensors()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(50):
                interpreter.allocate_tensors()
                interpreter.set_tensor(0, np.zeros((1, 28, 28, 1), np.int8))
                interpreter.invoke()
                interpreter.get_tensor(17)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("processes.py", ()), ("threads.py", ()), ("with_dask.py", ("dask.array",)),
        ("with_ray.py", ("ray", "pyarrow", "pandas")),
    ],
)  # fmt: skip
def test_examples(name: str, needs: tuple[str, ...]) -> None:
    for module in needs:
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            pytest.skip(f"{module} is not installed here")
    places = [str(EXAMPLES.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), str(model_path("int8")), "20", "2"],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.stdout == "(20, 10)\n", done.stderr
