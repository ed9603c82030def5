"""Kill runs in each of their stages, continue them, and compare with a run that nobody disturbed.

Run it from the root of the repository: python docs/studies/kill_test.py

Each run is a forked copy of this process, so that it starts at once. It is killed with SIGKILL,
which no program can handle. Of 10 kills, 4 hit the run while cells are missing, 3 a process that
computes a cell, and 3 the run after its last record, while it makes and writes the reports. What a
kill hit is read from the run's files; one that hit another stage than it was meant for is counted
where it hit. The same command continues a killed run, and is killed in its turn, until one reaches
its end. Then every file of the folder is compared with that of the undisturbed run; in records,
without their provenance (times and versions). No record that was finished may be computed again.
Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from satclip_bench.benchmarks.runs.threads import one_thread

# Forked processes must not share threads; NumPy reads these when it is imported.
os.environ |= one_thread()

import numpy as np

from satclip_bench.benchmarks.cli import main as command_line
from satclip_bench.benchmarks.report.manifest import STAGING
from satclip_bench.benchmarks.runs.run_folder import SCRATCH
from satclip_bench.core.files import CACHE_VARIABLE

COMMAND = [
    *("run", "--tasks", "median_income", "--encoders", "wrap,cartesian3d,baseline.mean"),
    *("--splits", "random,held-out-region", "--probes", "linear", "--seeds", "0"),
]
SHARES = {"cells": 4, "worker": 3, "reports": 3}
"""Number of kills by stage, of 10. `cells`: the run, while cells are missing; `worker`: a process
that computes a cell; `reports`: the run, after its last record."""

IN_A_ROW = {"cells": 2, "reports": 3}
"""Largest number of times that a run is killed in a stage before it goes on to the next."""

FINISHED = "finished before it was killed"


@dataclass(frozen=True)
class Undisturbed:
    """A run that was not killed.

    Attributes:
        folder: its folder.
        records: number of its records.
        seconds: durations of its stages: `start` until the first record, `cells` from there to the
            last one, `check` until the reports are begun, `draw` to the end.
    """

    folder: Path
    records: int
    seconds: dict[str, float]


def main(argv: Sequence[str] | None = None) -> int:
    """Kill runs, print the counts, and return 1 if a file differs from the undisturbed run's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="number of kills (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments (default: 0)")
    options = parser.parse_args(argv)
    rng, counts, different = np.random.default_rng(options.seed), Counter[str](), []
    left = shares(options.kills)
    with tempfile.TemporaryDirectory() as base:
        whole = undisturbed(Path(base))
        number = 0
        while sum(left.values()):
            folder, number = Path(base) / f"run{number}", number + 1
            for hit in kill_one_run(folder, left, whole, rng):
                counts[hit] += 1
                stage = hit.partition(":")[0]
                left[stage] = max(left[stage] - 1, 0)
            names = [f"{folder.name}: {name}" for name in differences(folder / "out", whole.folder)]
            different += names
            for name in names:
                print(name, flush=True)
            by_stage = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
            killed = sum(counts.values())
            print(
                f"{killed} kills, {number} runs, {len(different)} files differ ({by_stage})",
                flush=True,
            )
            shutil.rmtree(folder)
    for name, count in sorted(counts.items()):
        print(f"{count:4} {name}")
    print("\n".join(different) or "all files are those of the undisturbed run")
    return 1 if different else 0


def shares(kills: int) -> dict[str, int]:
    """Number of kills by stage, in the proportions of `SHARES`, by largest remainders."""
    total = sum(SHARES.values())
    numbers = {stage: kills * share // total for stage, share in SHARES.items()}
    by_remainder = sorted(SHARES, key=lambda stage: -(kills * SHARES[stage] % total))
    for stage in by_remainder[: kills - sum(numbers.values())]:
        numbers[stage] += 1
    return numbers


def kill_one_run(
    folder: Path, left: dict[str, int], whole: Undisturbed, rng: np.random.Generator
) -> list[str]:
    """Kill a run several times and continue it to its end. Returns what each kill hit.

    Args:
        folder: folder of the run.
        left: number of kills that are still wanted, by stage.
        whole: the undisturbed run.
        rng: generator of the moments.
    """
    hits: list[str] = []
    for _ in range(min(left["cells"], IN_A_ROW["cells"])):
        before = len(records(folder))
        # The last cell is left to the kill of a worker.
        if before < whole.records - 1:
            hits.append(kill_among_cells(folder, before, whole, rng))
    kept = {path: path.stat().st_mtime_ns for path in records(folder)}
    if left["worker"] and left["worker"] >= left["reports"]:
        hits.append(kill_worker(folder, rng))
    else:
        kills = min(left["reports"], IN_A_ROW["reports"])
        hits += [kill_among_reports(folder, whole, rng) for _ in range(kills)]
    finish(folder)
    unchanged = all(path.stat().st_mtime_ns == kept[path] for path in kept)
    require(unchanged, "a record that was finished was computed again")
    return [hit for hit in hits if hit != FINISHED]


def undisturbed(base: Path) -> Undisturbed:
    """Run once, which also imports what forked processes need, and again to measure it."""
    os.environ[CACHE_VARIABLE] = str(base / "first" / "cache")
    code = command_line([*COMMAND, "--jobs", "1", "--out", str(base / "first" / "out")])
    require(code == 0, "the undisturbed run failed")
    folder = base / "whole"
    moments = [time.time()]
    process = start(folder, jobs=1)
    wait_until(process, lambda: drawing(folder))
    moments.append(time.time())
    _, status = os.waitpid(process, 0)
    moments.append(time.time())
    require(os.waitstatus_to_exitcode(status) == 0, "the undisturbed run failed")
    written = sorted(path.stat().st_mtime for path in records(folder))
    begun, drawn, ended = moments
    seconds = {
        "start": written[0] - begun,
        "cells": written[-1] - written[0],
        "check": drawn - written[-1],
        "draw": ended - drawn,
    }
    return Undisturbed(folder / "out", len(written), seconds)


def kill_among_cells(
    folder: Path, before: int, whole: Undisturbed, rng: np.random.Generator
) -> str:
    """Start or continue a run, and kill it while cells are missing."""
    count = int(rng.integers(before, whole.records))
    process = start(folder, jobs=1)
    if count == before:
        wait(process, rng.uniform(0, whole.seconds["start"]))
    else:
        wait_until(process, lambda: len(records(folder)) >= count)
        wait(process, rng.uniform(0, whole.seconds["cells"] / whole.records))
    return kill(process, folder, whole)


def kill_among_reports(folder: Path, whole: Undisturbed, rng: np.random.Generator) -> str:
    """Continue a run, and kill it after its last record, most often while it makes reports."""
    process = start(folder, jobs=1)
    wait_until(process, lambda: len(records(folder)) >= whole.records)
    if rng.random() < 0.75:
        wait_until(process, lambda: drawing(folder))
        wait(process, rng.uniform(0, whole.seconds["draw"]))
    else:
        wait(process, rng.uniform(0, whole.seconds["check"]))
    return kill(process, folder, whole)


def kill(process: int, folder: Path, whole: Undisturbed) -> str:
    """Kill a run. Returns what it was doing, as far as its files tell."""
    if not is_alive(process):
        os.waitpid(process, 0)
        return FINISHED
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    count = len(records(folder))
    if not count:
        return "cells: before the first record"
    if count < whole.records:
        return "cells: between the first record and the last"
    if drawing(folder):
        return "reports: while tables and figures were made or moved into place"
    return "reports: after the last record, before or after that"


def kill_worker(folder: Path, rng: np.random.Generator) -> str:
    """Continue a run in two processes and kill one that computes a cell; the run must go on."""
    process = start(folder, jobs=2)
    scratch = folder / "out" / SCRATCH
    wait_until(process, lambda: any(scratch.glob("*/running/*")))
    wait(process, rng.uniform(0, 0.2))
    workers = [pid for pid in children(process) if "popen_loky" in command_of(pid)]
    if workers:
        os.kill(workers[rng.integers(len(workers))], signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    require(os.waitstatus_to_exitcode(status) == 0, "a killed worker ended the run")
    return "worker: the run went on to its end" if workers else FINISHED


def drawing(folder: Path) -> bool:
    """Whether a run's folder has the folder in which its reports are made."""
    return any((folder / "out").glob(f"{STAGING}*"))


def require(condition: bool, message: str) -> None:
    """Raise RuntimeError if a condition does not hold."""
    if not condition:
        raise RuntimeError(message)


def finish(folder: Path) -> None:
    """Continue a run to its end."""
    _, status = os.waitpid(start(folder, jobs=1), 0)
    require(os.waitstatus_to_exitcode(status) == 0, f"the run in {folder} failed")


def start(folder: Path, jobs: int) -> int:
    """Start a run in a forked process with a cache of its own. Returns the process's number."""
    folder.mkdir(exist_ok=True)
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        os.environ[CACHE_VARIABLE] = str(folder / "cache")
        with (folder / "log").open("w") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        code = command_line([*COMMAND, "--jobs", str(jobs), "--out", str(folder / "out")])
    finally:
        os._exit(code)


def is_alive(process: int) -> bool:
    """Whether a child runs; it is not reaped."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process, options) is None


def wait(process: int, seconds: float) -> None:
    """Wait some time, or until a process has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and is_alive(process):
        time.sleep(0.002)


def wait_until(process: int, condition: Callable[[], bool]) -> None:
    """Wait until something holds, or a process has ended."""
    while not condition() and is_alive(process):
        time.sleep(0.002)


def children(process: int) -> Iterator[int]:
    """Numbers of the child processes of a process."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = path.read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if int(parent) == process:
            yield int(path.parent.name)


def command_of(process: int) -> str:
    """Command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode().replace("\0", " ")
    except OSError:
        return ""


def records(folder: Path) -> list[Path]:
    """Records of a run's folder, temporary files left out."""
    return list((folder / "out" / "records").rglob("[!.]*.json"))


def differences(run: Path, whole: Path) -> list[str]:
    """Names of files that only one of two runs' folders has, or whose content differs."""
    ours, theirs = contents(run), contents(whole)
    return sorted(
        name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)
    )


def contents(folder: Path) -> dict[str, object]:
    """The files of a run by name: bytes, and records without their provenance."""
    files: dict[str, object] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != ".lock":
            files[name] = path.read_bytes()
            if name.startswith("records/") and name.endswith(".json"):
                record = json.loads(path.read_bytes())
                del record["provenance"]
                files[name] = record
    return files


if __name__ == "__main__":
    raise SystemExit(main())
