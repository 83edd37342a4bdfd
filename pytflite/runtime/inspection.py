"""The calls that look inside a run: trace, hooks, breakpoints, profile, backends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytflite.model.graph import Array
from pytflite.runtime.naming import input_arrays
from pytflite.runtime.tflite_calls import TFLiteCalls

if TYPE_CHECKING:
    from pytflite.plan.plan import Plan
    from pytflite.runtime.profile import Profile
    from pytflite.runtime.step_backend import StepBackend
    from pytflite.runtime.trace import Hook, Hooked, Trace


class Inspection(TFLiteCalls):
    """What an interpreter shows of its runs; reading never changes a result."""

    _no_backend: str  # why there is no compiled backend; "" if there is one

    def plan(self, *, bare: bool = False) -> Plan:
        """How the main subgraph runs for the present input shapes: steps, memory, folding.

        Args:
            bare: whether a plan will do that an earlier process has left on the disk, which has
                no steps: it takes less time.
        """
        model = self._open
        del model  # open, or it has raised
        return self._engine.plan(0, self._shapes_now(), bare=bare)

    def _arrays(self, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> list[Array]:
        return list(input_arrays(self._open, inputs, named)[0])

    def trace(self, *inputs: Any, watch: str | None = None, **named: Any) -> Trace:
        """Runs the model and keeps its tensors, to be read by name.

        Args:
            inputs, named: as for run().
            watch: keep only what operators of this name, or with an output of this name, gave:
                "conv*", "*/Softmax". Upper and lower case are the same.

        Returns:
            A mapping of tensor names to arrays; `.summary()` is a table of them.

        Example:
            >>> from pytflite.runtime.interpreter import Interpreter
            >>> from pytflite.tools.doodle import model_path
            >>> interpreter = Interpreter(model_path("float32"))
            >>> trace = interpreter.trace(np.zeros((28, 28, 1)), watch="softmax")
            >>> [array.shape for array in trace.values()]
            [(1, 10)]
        """
        from pytflite.runtime.trace import trace

        return trace(self._engine, self._arrays(inputs, named), watch)

    def add_hook(
        self, pattern: str = "*", *, before: Hook | None = None, after: Hook | None = None
    ) -> Hooked:
        """Has functions called at operators, in every run until they are removed.

        Args:
            pattern: which operators, by their name or that of an output: "conv*".
            before: called with a Moment that has the operator's inputs.
            after: called with one that has its outputs, and how long it took.

        Returns:
            A handle: `.remove()` it, or use it in a with statement. What a hook raises ends the
            run. Operators that planning has folded do not run, and have no moment.

        Example:
            >>> from pytflite.runtime.interpreter import Interpreter
            >>> from pytflite.tools.doodle import model_path
            >>> interpreter = Interpreter(model_path("float32"))
            >>> with interpreter.add_hook("conv*", after=lambda m: print(m.operator)):
            ...     _ = interpreter.run(np.zeros((28, 28, 1)))
            CONV_2D
            CONV_2D
        """
        from pytflite.runtime.trace import Hooked

        return Hooked(self._engine, pattern, before, after)

    def add_breakpoint(self, pattern: str) -> Hooked:
        """Enters the debugger (`breakpoint()`) before each operator of this name."""

        def stop(moment: Any) -> None:
            """`moment` has the operator's name and inputs."""
            breakpoint()

        return self.add_hook(pattern, before=stop)

    def profile(
        self, *inputs: Any, runs: int = 10, subgraphs: bool = False, **named: Any
    ) -> Profile:
        """Runs the model and times each of its operators.

        Args:
            inputs, named: as for run().
            runs: how often; times are medians over them, after one run that is not counted.
            subgraphs: also those of subgraphs that operators call (WHILE, IF ...). Their times are
                part of the callers' times.

        Returns:
            A record per operator, in order (`pandas.DataFrame(records)` makes a table of them); in
            a notebook it shows itself as a table.
        """
        from pytflite.runtime.profile import profile

        return profile(self._engine, self._arrays(inputs, named), runs, subgraphs=subgraphs)

    def compile(self) -> None:
        """Waits until the kernels for the present input shapes are compiled, and uses them."""
        backend = self._engine.backend
        while backend is not None and (awaited := self.plan(bare=True).awaited):
            backend.wait_for(awaited)

    @property
    def backend(self) -> str:
        """Which backend runs the model: "numpy", or "jit" if any operator is compiled."""
        return "jit" if self.plan(bare=True).program is not None else "numpy"

    def backend_report(self) -> list[StepBackend]:
        """Which backend runs each operator of the main subgraph, and why.

        What only a run knows the shapes of is told as it was in the last one.
        """
        from pytflite.runtime.step_backend import backends_of

        return backends_of(self.plan(), self._no_backend)
