"""A pytest plugin that keeps the small models which tests open, as seeds.

python -m pytest -p tests.fuzz.record tests/ops; python -m tests.fuzz.record

The second command picks a few for each operator, different in types and options, for seeds.zip.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("FUZZ_SEEDS", "build/fuzz-seeds"))
ARCHIVE = Path(__file__).with_name("seeds.zip")
LARGEST = 6000  # bytes of a model
EACH, EACH_CUSTOM = 4, 2  # models of one operator; of a custom one, many of which share their code
_EPOCH = (1980, 1, 1, 0, 0, 0)


def pytest_configure(config: Any) -> None:
    """Wraps Model.open: what it opens from bytes is kept."""
    from pytflite.model.model import Model

    FOLDER.mkdir(parents=True, exist_ok=True)
    opened: Callable[[Any], Model] = Model.open

    def keeping(model: Any) -> Model:
        if isinstance(model, bytes) and len(model) <= LARGEST:
            name = hashlib.sha256(model).hexdigest()[:16]
            (FOLDER / f"{name}.tflite").write_bytes(model)
        return opened(model)

    Model.open = staticmethod(keeping)  # type: ignore[method-assign]  # on purpose


def choose() -> dict[str, bytes]:
    """The seeds: for each operator the smallest of those that run and differ in types."""
    from pytflite.format.schema import BuiltinOperator
    from pytflite.model.model import Model
    from tests.fuzz.case import ANSWER, judge

    builtins = BuiltinOperator.names()
    found: dict[str, dict[Any, bytes]] = {}
    for path in sorted(FOLDER.glob("*.tflite")):
        data = path.read_bytes()
        if judge(data).kind != ANSWER:  # tests open many that are to be refused
            continue
        model = Model.open(data)
        for operator in model.operators:
            types = tuple(model.main.tensors[i].dtype.name for i in operator.inputs if i >= 0)
            key = (types, len(operator.inputs), len(model.subgraphs), len(model.operators) > 2)
            kept = found.setdefault(operator.name, {})
            if key not in kept or len(data) < len(kept[key]):
                kept[key] = data
    chosen: dict[str, bytes] = {}
    for name, kinds in sorted(found.items()):
        # Spread over the kinds, which sort by their types.
        order = sorted(kinds, key=repr)
        each = EACH if name in builtins else EACH_CUSTOM
        step = max(1, len(order) // each)
        for number, key in enumerate(order[::step][:each]):
            chosen[f"{name}-{number}.tflite"] = kinds[key]
    return chosen


def main() -> None:
    """Writes seeds.zip."""
    with zipfile.ZipFile(ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        unique: set[bytes] = set()
        for name, data in choose().items():
            if data not in unique:
                unique.add(data)
                archive.writestr(
                    zipfile.ZipInfo(name.replace("/", "_"), _EPOCH), data, zipfile.ZIP_DEFLATED, 9
                )


if __name__ == "__main__":
    main()
