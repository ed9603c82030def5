"""Kill workers and schedulers of a Dask cluster at random moments; all files must be the same.

    python docs/studies/dask_kills.py --kills 20 --seed 0

computes a small run on a local cluster of two workers again and again, and kills a worker, or in
every fourth run the scheduler with everything that it started, at a moment drawn from the duration
of an undisturbed run. A run goes on when a worker is killed; when the scheduler is killed it has to
end with a message, and the same call on a new cluster has to finish it. Then every file of the
folder is compared with that of a run in one process; records without their provenance. Needs Linux.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from satclip_bench.benchmarks.runs.threads import one_thread

# Workers inherit these.
os.environ |= one_thread()

import numpy as np
from kill_test import differences

from satclip_bench.benchmarks.runs.cell import Cell
from satclip_bench.benchmarks.runs.cluster import DaskCluster
from satclip_bench.benchmarks.runs.cluster_client import RETURNING_WORKERS
from satclip_bench.benchmarks.runs.engine import evaluate
from satclip_bench.benchmarks.runs.executors import InProcess
from satclip_bench.benchmarks.runs.plan import Selection, make_plan
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import get_suite
from satclip_bench.benchmarks.runs.work import Executor
from satclip_bench.core.errors import UnfinishedError
from satclip_bench.core.files import CACHE_VARIABLE

SELECTION = Selection(
    ["median_income"],
    ["wrap", "harmonics.l10", "baseline.mean", "baseline.knn"],
    ["random", "held-out-region"],
    ["linear", "knn", "ridge"],
    tuple(range(3)),
)
SCHEDULER_EVERY = 4
"""The scheduler is killed in every fourth run."""


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, print the counts, and return 1 if a file differs from that of the undisturbed run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="number of kills (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments (default: 0)")
    options = parser.parse_args(argv)
    rng, counts, different = np.random.default_rng(options.seed), Counter[str](), []
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        os.environ[CACHE_VARIABLE] = str(base / "cache")
        cells = make_plan(get_suite("open"), SELECTION)
        run(cells, base / "whole", InProcess())
        with cluster() as (address, _):
            start = time.monotonic()
            run(cells, base / "first", DaskCluster(address, 2))
            seconds = time.monotonic() - start
        number = 0
        while sum(counts.values()) < options.kills:
            folder, number = base / f"run{number}", number + 1
            if number % SCHEDULER_EVERY:
                counts[worker_killed(cells, folder, rng.uniform(0, seconds), rng)] += 1
            else:
                counts[scheduler_killed(cells, folder, rng.uniform(0, seconds))] += 1
            names = differences(folder, base / "whole")
            different += [f"{folder.name}: {name}" for name in names]
            print(f"{number} runs, {dict(counts)}, {len(different)} files differ", flush=True)
    print("\n".join(different) or "all files are those of the undisturbed run")
    return 1 if different else 0


def run(cells: Sequence[Cell], folder: Path, executor: Executor) -> None:
    """Compute the missing cells and write the table. Raises if one fails."""
    store = Store(folder)
    with store.lock():
        outcomes = evaluate(cells, store, executor=executor)
        if failed := [outcome.reason for outcome in outcomes if outcome.reason]:
            raise RuntimeError(f"{len(failed)} cells failed: {failed[0]}")
        store.write_table()


def worker_killed(
    cells: Sequence[Cell], folder: Path, moment: float, rng: np.random.Generator
) -> str:
    """Compute a run, and kill one of its workers at a moment. Returns what the kill hit."""
    with cluster() as (address, processes):
        victim = int(rng.choice(processes[1:]))
        before: list[int] = []

        def kill() -> None:
            before.append(len(records(folder)))
            os.kill(victim, signal.SIGKILL)

        timer = threading.Timer(moment, kill)
        timer.start()
        run(cells, folder, DaskCluster(address, 2))
        timer.join()
    stage = "before its first record" if not before[0] else "between its records"
    return f"worker, {stage}" if before[0] < len(cells) else "worker, after its last record"


def scheduler_killed(cells: Sequence[Cell], folder: Path, moment: float) -> str:
    """Compute a run, and kill its scheduler and workers; then finish it on another cluster."""
    with cluster() as (address, processes):

        def kill() -> None:
            for process in processes:
                os.kill(process, signal.SIGKILL)

        timer = threading.Timer(moment, kill)
        timer.start()
        try:
            run(cells, folder, DaskCluster(address, 2))
        except UnfinishedError as error:
            outcome = "scheduler, and the run ended with a message"
            print(error, flush=True)
        else:
            outcome = "scheduler, after the last record"
        timer.join()
    kept = {path: path.stat().st_mtime_ns for path in records(folder)}
    with cluster() as (address, _):
        run(cells, folder, DaskCluster(address, 2))
    if any(path.stat().st_mtime_ns != changed for path, changed in kept.items()):
        raise RuntimeError("a record that was finished was computed again")
    return outcome


@contextmanager
def cluster() -> Iterator[tuple[str, list[int]]]:
    """A cluster of two workers: its address, and the numbers of the processes of both kinds."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,))
    process.start()
    try:
        address, workers = ours.recv()
        yield address, [process.pid or 0, *workers]
    finally:
        process.kill()
        process.join()


def serve(connection: Connection) -> None:
    """Run a scheduler and two workers until this process is killed."""
    import dask
    from distributed import Client, LocalCluster

    with (
        dask.config.set(RETURNING_WORKERS),
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=60
        ) as local,
        Client(local) as client,
    ):
        connection.send((local.scheduler_address, list(client.run(os.getpid).values())))
        signal.pause()


def records(folder: Path) -> list[Path]:
    """Records of a run's folder, temporary files left out."""
    return list((folder / "records").rglob("[!.]*.json"))


if __name__ == "__main__":
    raise SystemExit(main())
