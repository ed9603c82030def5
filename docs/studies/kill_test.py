"""Kill runs at random moments, continue them, and compare with a run that nobody disturbed.

Run it from the root of the repository: python docs/studies/kill_test.py

Each run is a forked copy of this process, so that it starts at once. It is killed with SIGKILL,
which no program can handle: at any moment, after a random number of records, while it writes the
reports, or one of its worker processes. The same command continues a killed run, and is killed in
its turn, until one reaches its end. Then every file of the folder is compared with that of the
undisturbed run; in records, without their provenance (times and versions). Needs Linux.
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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# Forked processes must not share threads.
os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np

from satclip_bench.benchmarks.cli import main as command_line
from satclip_bench.core.files import CACHE_VARIABLE

COMMAND = [
    *("run", "--tasks", "median_income", "--encoders", "wrap,cartesian3d,baseline.mean"),
    *("--splits", "random,held-out-region", "--probes", "linear,knn", "--seeds", "0"),
]
KINDS = ("cells", "report", "worker", "run", "cells", "report", "run", "cells", "report", "run")
"""What is killed, in turn: `run`, a run at any moment; `cells`, after a random number of records;
`report`, while it writes the reports; `worker`, a process that computes a cell."""


FINISHED = "finished before it was killed"


@dataclass(frozen=True)
class Undisturbed:
    """A run that was not killed.

    Attributes:
        folder: its folder.
        records: number of its records.
        seconds: its duration.
        report_seconds: duration from its last record to its end.
    """

    folder: Path
    records: int
    seconds: float
    report_seconds: float


def main(argv: Sequence[str] | None = None) -> int:
    """Kill runs, print the counts, and return 1 if a file differs from the undisturbed run's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="number of kills (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments (default: 0)")
    options = parser.parse_args(argv)
    rng, counts, different = np.random.default_rng(options.seed), Counter[str](), []
    with tempfile.TemporaryDirectory() as base:
        whole = undisturbed(Path(base))
        killed = finished = 0
        while killed < options.kills:
            folder = Path(base) / f"run{finished}"
            while killed < options.kills:
                kind = KINDS[killed % len(KINDS)]
                stage = start_and_kill(folder, kind, whole, rng)
                if stage == FINISHED:
                    break
                killed += 1
                counts[f"{kind}: {stage}"] += 1
            kept = {path: path.stat().st_mtime_ns for path in records(folder)}
            finish(folder)
            finished += 1
            unchanged = all(path.stat().st_mtime_ns == kept[path] for path in kept)
            require(unchanged, "a record that was finished was computed again")
            different += [f"{folder.name}: {name}" for name in differences(folder, whole.folder)]
            print(f"{killed} kills, {finished} runs, {len(different)} files differ", flush=True)
            shutil.rmtree(folder)
    for name, count in sorted(counts.items()):
        print(f"{count:4} {name}")
    print("\n".join(different) or "all files are those of the undisturbed run")
    return 1 if different else 0


def undisturbed(base: Path) -> Undisturbed:
    """Run once, which also imports what forked processes need, and again to measure it."""
    for name in ("first", "whole"):
        os.environ[CACHE_VARIABLE] = str(base / name / "cache")
        start = time.monotonic()
        code = command_line([*COMMAND, "--jobs", "1", "--out", str(base / name / "out")])
        require(code == 0, "the undisturbed run failed")
        seconds = time.monotonic() - start
    folder = base / "whole" / "out"
    paths = list((folder / "records").rglob("*.json"))
    last = max(path.stat().st_mtime for path in paths)
    return Undisturbed(folder, len(paths), seconds, time.time() - last)


def start_and_kill(folder: Path, kind: str, whole: Undisturbed, rng: np.random.Generator) -> str:
    """Start or continue a run and kill it. Returns what it was doing, as far as its files tell."""
    process = start(folder, jobs=2 if kind == "worker" else 1)
    if kind == "worker":
        return kill_worker(folder, process, rng)
    if kind == "report":
        wait_for_records(folder, process, whole.records)
        wait(process, rng.uniform(0, whole.report_seconds))
    elif kind == "cells":
        wait_for_records(folder, process, int(rng.integers(whole.records)))
        wait(process, rng.uniform(0, 0.1))
    else:
        wait(process, rng.uniform(0, whole.seconds))
    if not is_alive(process):
        return FINISHED
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    count = len(records(folder))
    if count < whole.records:
        return "before the first record" if not count else "between the first record and the last"
    return "after the last record"


def kill_worker(folder: Path, process: int, rng: np.random.Generator) -> str:
    """Kill the process that computes a cell, which must not end the run."""
    marks = folder / "out" / ".scratch" / "running"
    while is_alive(process) and not (marks.is_dir() and any(marks.iterdir())):
        time.sleep(0.002)
    wait(process, rng.uniform(0, 0.2))
    workers = [pid for pid in children(process) if "popen_loky" in command_of(pid)]
    if not workers:
        os.waitpid(process, 0)
        return FINISHED
    os.kill(workers[rng.integers(len(workers))], signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    require(os.waitstatus_to_exitcode(status) == 0, "a killed worker ended the run")
    return "the run went on to its end"


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


def wait_for_records(folder: Path, process: int, count: int) -> None:
    """Wait until a run has written a number of records, or has ended."""
    while len(records(folder)) < count and is_alive(process):
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


def differences(folder: Path, whole: Path) -> list[str]:
    """Names of files that only one of two folders has, or whose content differs."""
    ours, theirs = contents(folder / "out"), contents(whole)
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
