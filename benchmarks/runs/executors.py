"""How cells are spread: in this process, or over several by joblib."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from satclip_bench.benchmarks.runs.plan import Cell
from satclip_bench.benchmarks.runs.record import Record
from satclip_bench.benchmarks.runs.runner import run_cell
from satclip_bench.benchmarks.runs.store import Store


@dataclass(frozen=True)
class Job:
    """A cell, the embedding it needs, and the run it belongs to."""

    cell: Cell
    embedding: Path | None
    folder: Path


def execute(jobs: Iterable[Job], processes: int) -> Iterator[Record]:
    """Run cells, yielding each record once it is on disk, in the order in which they finish.

    Args:
        jobs: what to run; consumed as processes become free.
        processes: how many at a time; 1 runs in this process.
    """
    if processes == 1:
        yield from map(run_and_save, jobs)
        return
    from joblib import Parallel, delayed

    # The process that computes a record also writes it, so that a kill of this one loses none.
    parallel = Parallel(
        n_jobs=processes, backend="loky", return_as="generator_unordered", pre_dispatch="4*n_jobs"
    )
    yield from parallel(delayed(run_and_save)(job) for job in jobs)


def run_and_save(job: Job) -> Record:
    """Run one cell and write its record and predictions."""
    record, predictions = run_cell(job.cell, job.embedding)
    Store(job.folder).save(record, predictions)
    return record
