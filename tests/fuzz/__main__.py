"""Runs cases in workers, watches them, counts verdicts, keeps what failed.

python -m tests.fuzz --seconds 60 --seed 1 [--operator NAME] [--jobs 2] [--resume FILE]
python -m tests.fuzz --cases 1000000 --seed 7 [--backend jit]
python -m tests.fuzz --replay FILE ...
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from tests.fuzz.case import FAILED, LIMITS, judge, make
from tests.fuzz.tally import Tally

PATIENCE = 90  # seconds for one case by the clock, before its worker is killed
SAVE = 10.0  # seconds between states in the file


class Campaign:
    """One seed: workers one after the other, each beginning where the last one ended."""

    def __init__(self, seed: int, operator: str | None, share: Share) -> None:
        self.seed = seed
        self.operator = operator
        self.next = share.tally.next.get(f"{seed}/{operator}", 0)
        self.share = share
        self.failures: dict[str, list[int]] = {}

    def run(self, until: float, cases: int) -> None:
        """Until the clock says so, or so many are done."""
        end = self.next + cases
        while time.time() < until - 1 and self.next < end:
            self._worker(until, end - self.next)

    def _worker(self, until: float, count: int) -> None:
        with tempfile.NamedTemporaryFile(suffix=".progress") as progress:
            progress.write(self.next.to_bytes(8, "little"))
            progress.flush()
            options = {"seed": self.seed, "start": self.next, "operator": self.operator,
                       "until": until, "count": count, "backend": self.share.backend,
                       "progress": progress.name}  # fmt: skip
            environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
            worker = subprocess.Popen(
                [sys.executable, "-m", "tests.fuzz.worker", json.dumps(options)],
                stdout=subprocess.PIPE, text=True, env=environment,
            )  # fmt: skip
            ended = self._watch(worker, progress.name)
            at = int.from_bytes(Path(progress.name).read_bytes()[:8], "little")
            if ended is not None:
                self._failed(at, ended, ended)
                self.next = at + 1
                # The batch that it died in is lost but for this case.
                self.share.died(self.seed, self.operator, self.next, ended)

    def _watch(self, worker: subprocess.Popen[str], progress: str) -> str | None:
        """Reads what the worker says; what it died of, or None."""
        lines: queue.Queue[str | None] = queue.Queue()

        def read() -> None:
            assert worker.stdout is not None
            for line in worker.stdout:
                lines.put(line)
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        seen, since = b"", time.monotonic()
        while True:
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=1)
                if line is None:
                    break
                self._hear(json.loads(line))
            now = Path(progress).read_bytes()[:8]
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > PATIENCE:
                worker.kill()
                worker.wait()
                return "hang"
        code = worker.wait()
        return None if code == 0 else f"crash {code}"

    def _hear(self, message: dict[str, Any]) -> None:
        if "tally" in message:
            self.next = message["next"]
            self.share.add(self.seed, self.operator, message)
        else:
            self._failed(message["failed"], message["code"], message["where"])

    def _failed(self, number: int, code: str, where: str) -> None:
        key = f"{code}: {where}"
        known = self.failures.setdefault(key, [])
        known.append(number)
        if len(known) <= 3:
            keep = self.share.keep
            keep.mkdir(parents=True, exist_ok=True)
            name = f"{self.seed}-{self.operator or 'all'}-{number}.tflite".replace("/", "_")
            (keep / name).write_bytes(make(self.seed, number, self.operator))
            print(f"{FAILED} {self.seed}/{number} {key}", flush=True)


class Share:
    """What the campaigns have in common: the backend, the tally, its file, where failures go."""

    def __init__(self, backend: str, path: Path | None, keep: Path) -> None:
        self.backend = backend
        self.path = path
        self.keep = keep
        self.tally = Tally.load(path)
        self.lock = threading.Lock()
        self.saved = time.monotonic()

    def add(self, seed: int, operator: str | None, message: dict[str, Any]) -> None:
        """A worker's batch; now and then into the file."""
        with self.lock:
            self.tally.add(seed, operator, message)
            if time.monotonic() - self.saved > SAVE:
                self.save()

    def died(self, seed: int, operator: str | None, following: int, how: str) -> None:
        """A worker, of this."""
        nothing = {"clock": 0.0, "processor": 0.0, "slowest": (0, 0), "memory": (0, 0)}
        verdicts = {f"worker: {FAILED} {how}": 1}
        self.add(seed, operator, nothing | {"tally": verdicts, "next": following})

    def save(self) -> None:
        """Into the file, if there is one."""
        self.saved = time.monotonic()
        if self.path is not None:
            self.tally.save(self.path)


def replay(paths: list[str], backend: str) -> int:
    """Runs files again and shows where they fail."""
    failed = 0
    for path in paths:
        verdict = judge(Path(path).read_bytes(), backend=backend)
        print(path, *verdict)
        failed += verdict.kind == FAILED
    return failed


def main() -> int:
    """The command; exit code 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, help="60, if neither this nor --cases is given")
    parser.add_argument("--cases", type=int, help="stop when each seed has had so many more")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--operator", help="only models of this operator")
    parser.add_argument("--backend", choices=("numpy", "jit"), default="numpy")
    parser.add_argument("--jobs", type=int, default=1, help="seeds at once: SEED, SEED + 1 ...")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="where failures go")
    parser.add_argument("--resume", type=Path, help="goes on where this file says, and updates it")
    parser.add_argument("--replay", nargs="+", metavar="FILE")
    options = parser.parse_args()
    if options.replay:
        return int(replay(options.replay, options.backend) > 0)
    share = Share(options.backend, options.resume, options.keep)
    campaigns = [
        Campaign(seed, options.operator, share)
        for seed in range(options.seed, options.seed + options.jobs)
    ]
    seconds = options.seconds or (60.0 if options.cases is None else 1e9)
    until = time.time() + seconds
    cases = 1 << 62 if options.cases is None else options.cases
    threads = [threading.Thread(target=_guarded, args=(c, until, cases)) for c in campaigns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    share.save()
    return _report(campaigns, share.tally)


def _guarded(campaign: Campaign, until: float, cases: int) -> None:
    try:
        campaign.run(until, cases)
    except Exception:
        traceback.print_exc()
        campaign.failures["the fuzzer itself"] = [campaign.next]


def _report(campaigns: list[Campaign], tally: Tally) -> int:
    print(f"\nlimits: {vars_of(LIMITS)}\n{tally.text()}")
    failures: dict[str, list[str]] = {}
    for campaign in campaigns:
        for key, numbers in campaign.failures.items():
            failures.setdefault(key, []).extend(f"{campaign.seed}/{n}" for n in numbers)
    for key, names in sorted(failures.items(), key=lambda item: -len(item[1])):
        print(f"{len(names):6d} x {key}   e.g. {', '.join(names[:2])}")
    return int(bool(failures))


def vars_of(limits: Any) -> str:
    """All limits, for the record."""
    return ", ".join(f"{name}={getattr(limits, name)}" for name in type(limits).__slots__)


if __name__ == "__main__":
    sys.exit(main())
