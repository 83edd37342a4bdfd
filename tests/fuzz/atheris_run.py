"""The same judge under libFuzzer's guidance, where atheris is installed.

python -m tests.fuzz.atheris_run [CORPUS_FOLDER] [-max_total_time=600 ...]

It begins with the seeds, changes bytes as libFuzzer does and, every other time, fields as mutate
does; what reaches new lines of ours is kept in build/atheris. The first failure ends it, and lies
in build/fuzz for --replay.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from random import Random
from typing import Any

LARGEST = 32 << 10  # bytes; larger seeds are left to `python -m tests.fuzz`
# Seconds and megabytes of one case; twenty seconds of processor time may be more by the clock.
OPTIONS = ("-timeout=90", "-rss_limit_mb=2048", f"-max_len={2 * LARGEST}",
           "-artifact_prefix=build/fuzz/", "-print_final_stats=1")  # fmt: skip


def main() -> int:
    """Fuzzes until the options say to stop."""
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        print("atheris is not installed; `python -m tests.fuzz` needs nothing", file=sys.stderr)
        return 1
    with atheris.instrument_imports(include=["pytflite"]):
        case = importlib.import_module("tests.fuzz.case")
        case.definitions()
    from tests.fuzz.seeds import seeds

    folder = Path("build/atheris")
    folder.mkdir(parents=True, exist_ok=True)
    Path("build/fuzz").mkdir(parents=True, exist_ok=True)
    for name, models in seeds().items():
        for number, data in enumerate(models):
            if len(data) <= LARGEST:
                (folder / f"{name.replace('/', '_')}-{number}").write_bytes(data)

    def one(data: bytes) -> None:
        verdict = case.judge(data)
        if verdict.kind == case.FAILED:
            raise RuntimeError(f"{verdict.code}: {verdict.where}")

    def change(data: bytes, most: int, seed: int) -> bytes:
        return changed(data, most, seed) or bytes(atheris.Mutate(data, most))

    # What comes later on the command line wins.
    options = [sys.argv[0], *OPTIONS, *sys.argv[1:], str(folder)]
    atheris.Setup(options, one, custom_mutator=change)
    atheris.Fuzz()
    return 0


def changed(data: bytes, most: int, seed: int) -> bytes:
    """A model with other fields; nothing if libFuzzer is to change bytes, or this is no model."""
    from pytflite.errors import TFLiteError
    from tests.fuzz.mutate import mutate
    from tests.fuzz.tree import build, parse

    rng = Random(seed)
    if rng.random() < 0.5:
        return b""
    try:
        made = build(mutate(parse(data), rng))
    # What no file can say, as in case.draw.
    except (TFLiteError, OverflowError, IndexError, AssertionError, TypeError, ValueError):
        return b""
    return made if len(made) <= most else b""


if __name__ == "__main__":
    sys.exit(main())
