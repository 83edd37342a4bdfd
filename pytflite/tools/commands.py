"""The commands: arguments, options and help. Each hands on to a module of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.text import Text

import pytflite
from pytflite.errors import TFLiteError
from pytflite.runtime.arguments import NUMERICS, PRECISIONS
from pytflite.tools.terminal import PlainConsole, printable

MODEL = click.Path(dir_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(pytflite.__version__, prog_name="pytflite")
def cli() -> None:
    """Look at, run and measure TensorFlow Lite models.

    Colours are left out where NO_COLOR is set or output is no terminal. For completion in your
    shell: eval "$(_PYTFLITE_COMPLETE=bash_source pytflite)" (or zsh_source, fish_source).
    """


@cli.command()
@click.argument("model", type=MODEL)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@click.option("--tensors", is_flag=True, help="List all tensors, too.")
def inspect(model: Path, as_json: bool, tensors: bool) -> None:
    """Show what MODEL takes, gives, and is made of.

    Inputs, outputs, signatures, operators with versions, types, multiply-accumulates and bytes,
    the memory it will need, and its metadata and labels.
    """
    from pytflite.tools import inspection

    inspection.show(model, as_json=as_json, tensors=tensors)


@cli.command()
@click.argument("model", type=MODEL)
@click.option(
    "--input", "-i", "inputs", multiple=True, metavar="[NAME=]FILE",
    help="A picture, .npy, or .npz (an array per input, by name). Once per input, in order.",
)  # fmt: skip
@click.option("--random", "seed", type=int, metavar="SEED", help="Random inputs instead.")
@click.option("--labels", is_flag=False, flag_value="", default=None, metavar="[FILE]",
              help="Name the classes: from FILE, or from the model's metadata.")  # fmt: skip
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, metavar="N",
              help="How many of the best classes.")  # fmt: skip
@click.option("--mean", type=float, help="Pictures: subtract this from each pixel (0 to 255).")
@click.option("--std", type=float, help="Pictures: then divide by this.")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path),
              help="Write all outputs to this .npz.")  # fmt: skip
def run(
    model: Path, inputs: Sequence[str], seed: int | None, labels: str | None, top: int,
    mean: float | None, std: float | None, output: Path | None,
) -> None:  # fmt: skip
    """Run MODEL once and show its outputs."""
    from pytflite.tools import running

    running.show(
        model, inputs, seed=seed, labels=labels, top=top, mean=mean, std=std, output=output
    )


@cli.command()
@click.argument("model", type=MODEL)
@click.option("--runs", type=click.IntRange(1), default=50, show_default=True, metavar="N",
              help="Runs that count (at most).")  # fmt: skip
@click.option("--warmup", type=click.IntRange(0), default=3, show_default=True, metavar="N",
              help="Runs before them that do not.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(min=0), default=10.0, show_default=True,
              metavar="S", help="Stop after this time, whatever the number of runs.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Number of threads.")
@click.option("--no-profile", is_flag=True, help="Leave out the table of operators.")
@click.option("--roofline", is_flag=True,
              help="How near each operator comes to what one thread can do here.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def benchmark(
    model: Path, runs: int, warmup: int, seconds: float, threads: int | None, no_profile: bool,
    roofline: bool, as_json: bool,
) -> None:  # fmt: skip
    """Time MODEL: loading, the first run, later runs, and each operator.

    Its inputs are random.
    """
    from pytflite.tools import benchmarking

    benchmarking.show(
        model, runs=runs, warmup=warmup, seconds=seconds, threads=1 if roofline else threads,
        profile=not no_profile, roofline=roofline, as_json=as_json,
    )  # fmt: skip


@cli.command()
@click.argument("reference", type=MODEL)
@click.argument("tested", type=MODEL, required=False)
@click.option(
    "--input", "-i", "inputs", multiple=True, metavar="[NAME=]FILE",
    help="A picture, .npy, or .npz. Several times the model's batch are that many samples.",
)  # fmt: skip
@click.option("--random", "seed", type=int, metavar="SEED",
              help="Other random inputs (those of seed 0 unless told).")  # fmt: skip
@click.option("--samples", type=click.IntRange(1), metavar="N",
              help="How many random samples (1), or how many of those given at most.")  # fmt: skip
@click.option("--with", "runtime", type=click.Choice(["litert", "numpy", "jit"]),
              help="What REFERENCE runs on (and TESTED, if there is one).")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@click.option("--plot", "picture", type=click.Path(dir_okay=False, path_type=Path),
              help="Draw it, too: to this .html or .svg.")  # fmt: skip
def compare(
    reference: Path, tested: Path | None, inputs: Sequence[str], seed: int | None,
    samples: int | None, runtime: str | None, as_json: bool, picture: Path | None,
) -> None:  # fmt: skip
    """Hold the layers of TESTED to those of REFERENCE.

    Where does a quantised model go wrong? For each layer the signal-to-noise ratio (SQNR), cosine,
    greatest error and share of saturated values; then the layer that goes wrong first. With
    REFERENCE alone, --with litert holds pytflite to LiteRT, and --with jit the compiled backend to
    NumPy.
    """
    from pytflite.tools.comparison import showing

    showing.show(
        reference, tested, inputs, seed=seed, samples=samples, runtime=runtime, as_json=as_json,
        picture=picture,
    )  # fmt: skip


@cli.command()
@click.argument("model", type=MODEL)
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path),
              help="The page.  [default: MODEL's name with .html, here]")  # fmt: skip
@click.option(
    "--input", "-i", "inputs", multiple=True, metavar="[NAME=]FILE",
    help="What to run it on, as for `run`: a picture, .npy, or .npz. Otherwise random.",
)  # fmt: skip
@click.option("--random", "--seed", "seed", type=int, default=0, show_default=True,
              metavar="SEED", help="Other random inputs.")  # fmt: skip
@click.option("--no-run", is_flag=True, help="Do not run it: no times, no values.")
@click.option("--compare", type=MODEL, metavar="REFERENCE",
              help="Colour operators by their error beside this (float) model.")  # fmt: skip
@click.option("--dot", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Also write the graph for Graphviz.")  # fmt: skip
@click.option("--model-explorer", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Also write node data for Model Explorer.")  # fmt: skip
def report(
    model: Path, output: Path | None, inputs: Sequence[str], seed: int, no_run: bool,
    compare: Path | None, dot: Path | None, model_explorer: Path | None,
) -> None:  # fmt: skip
    """Write a page on which MODEL can be looked at in a browser.

    The graph, its operators and tensors, their times and values, the memory, the roofline: all in
    one file that needs no network.
    """
    from pytflite.tools.report import command

    command.write(
        model, output or Path(f"{model.stem}.html"), inputs, seed=seed, run=not no_run,
        compare=compare, dot=dot, model_explorer=model_explorer,
    )  # fmt: skip


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def doctor(as_json: bool) -> None:
    """Say what is installed, which backend runs, and why."""
    from pytflite.tools import health

    health.show(as_json=as_json)


@cli.group()
def cache() -> None:
    """Look after the compiled kernels on disk."""


@cache.command("info")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def cache_info(as_json: bool) -> None:
    """Say where they are, how many, and how large.

    PYTFLITE_CACHE_DIR names another directory. The oldest go when there are too many.
    """
    from pytflite.tools import caching

    caching.info(as_json=as_json)


@cache.command("clear")
def cache_clear() -> None:
    """Remove all of them."""
    from pytflite.tools import caching

    caching.clear()


@cache.command("warm")
@click.argument("model", type=MODEL)
@click.option("--precision", type=click.Choice(PRECISIONS), default=PRECISIONS[0],
              show_default=True, help="Of float32 operators.")  # fmt: skip
@click.option("--numerics", type=click.Choice(NUMERICS), default=NUMERICS[0],
              show_default=True, help="Of quantised operators.")  # fmt: skip
def cache_warm(model: Path, precision: str, numerics: str) -> None:
    """Compile what MODEL needs, so that its first run finds it."""
    from pytflite.tools import caching

    caching.warm(model, precision=precision, numerics=numerics)


@cli.command()
@click.option("--seed", type=int, metavar="SEED",
              help="Which drawings; by default others each time.")  # fmt: skip
@click.option("--drawings", type=click.IntRange(1), default=1, show_default=True, metavar="N",
              help="How many.")  # fmt: skip
def demo(seed: int | None, drawings: int) -> None:
    """Recognise a doodle, with models in float and quantised.

    Those are float32, float16, dynamic-range, int8 and int16x8.
    """
    from pytflite.tools import demonstration

    demonstration.show(seed=seed, drawings=drawings)


def _operators(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Names of operators that begin so, for completion in a shell."""
    from pytflite.ops.catalogue import BUILTIN_MODULES, CUSTOM_MODULES

    names = sorted({*BUILTIN_MODULES, *CUSTOM_MODULES})
    return [name for name in names if name.lower().startswith(begun.lower())]


@cli.command("explain-op")
@click.argument("name", required=False, shell_complete=_operators)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def explain_op(name: str | None, as_json: bool) -> None:
    """Tell what operator NAME computes, its versions, types and where it is defined.

    Without NAME, list all operators.
    """
    from pytflite.tools import explanation

    explanation.show(name, as_json=as_json)


def run_command() -> int:
    """Runs the command line; the exit code: 0, 1 for an error of the model or data, 2 for usage."""
    try:
        code = cli.main(standalone_mode=False, prog_name="pytflite")
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        print("interrupted", file=sys.stderr)
        return 130
    except TFLiteError as error:
        show_error(error)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def show_error(error: TFLiteError) -> None:
    """An error on standard error, a line for each thing that it knows."""
    console = PlainConsole(stderr=True)
    problem = Text(printable(error.problem))
    console.print(Text("error: ", style="bold red") + problem, soft_wrap=True)
    for label, value in (
        ("operator", error.operator), ("tensor", error.tensor), ("expected", error.expected),
        ("found", error.found), ("try", error.hint), ("code", error.code),
    ):  # fmt: skip
        if value is not None:
            told = Text(printable(str(value)))
            console.print(Text(f"  {label}: ", style="dim") + told, soft_wrap=True)
