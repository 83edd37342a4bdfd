"""What a campaign counts: cases by origin and verdict, time, the slowest, the hungriest."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any


class Record:
    """The greatest of something, and which case it was."""

    def __init__(self, value: float = 0.0, case: str = "") -> None:
        self.value = value
        self.case = case

    def see(self, value: float, case: str) -> None:
        """Kept if it is greater."""
        if value > self.value:
            self.value, self.case = value, case


class Tally:
    """Counts that can be added up, and kept in a file from one session to the next."""

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()  # "origin: verdict"
        self.next: dict[str, int] = {}  # "seed/operator" -> number of the next case
        self.clock = 0.0  # seconds of all workers
        self.processor = 0.0
        self.slowest = Record()  # seconds of processor time
        self.memory = Record()  # bytes resident beyond what its worker began with

    @property
    def cases(self) -> int:
        """How many."""
        return sum(self.verdicts.values())

    def add(self, seed: int, operator: str | None, message: dict[str, Any]) -> None:
        """What a worker tells after a batch."""
        self.verdicts.update(message["tally"])
        self.next[f"{seed}/{operator}"] = message["next"]
        self.clock += message["clock"]
        self.processor += message["processor"]
        self.slowest.see(message["slowest"][0], f"{seed}/{message['slowest'][1]}")
        self.memory.see(message["memory"][0], f"{seed}/{message['memory'][1]}")

    def save(self, path: Path) -> None:
        """At once or not at all: whoever stops us finds the last state."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fields = {name: vars(v) if isinstance(v, Record) else v for name, v in vars(self).items()}
        scratch = path.with_suffix(".writing")
        scratch.write_text(json.dumps(fields, indent=1, sort_keys=True))
        os.replace(scratch, path)

    @classmethod
    def load(cls, path: Path | None) -> Tally:
        """From a file; empty if there is none."""
        tally = cls()
        if path is not None and path.exists():
            fields = json.loads(path.read_text())
            for name in ("slowest", "memory"):
                fields[name] = Record(**fields[name])
            vars(tally).update(fields | {"verdicts": Counter(fields["verdicts"])})
        return tally

    def text(self) -> str:
        """For people: by verdict, then how it came about."""
        kinds: Counter[str] = Counter()
        origins: Counter[str] = Counter()
        for key, count in self.verdicts.items():
            origin, verdict = key.split(": ", 1)
            kinds[verdict] += count
            origins[f"{origin}: {verdict.split(' ')[0]}"] += count
        lines = [f"{count:9d}  {kind}" for kind, count in kinds.most_common()]
        lines += ["", *(f"{count:9d}  {key}" for key, count in sorted(origins.items()))]
        lines += [
            f"{self.cases:9d}  cases, {self.clock / 60:.1f} minutes by the clock, "
            f"{self.processor / 60:.1f} of processor time",
            f"seeds and how far: {', '.join(f'{k} {n}' for k, n in self.next.items())}",
            f"slowest {self.slowest.value:.2f} s ({self.slowest.case}); "
            f"memory at most {self.memory.value / 2**20:.0f} MB beyond the beginning "
            f"({self.memory.case})",
        ]
        return "\n".join(lines)
