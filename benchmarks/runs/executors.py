"""Where cells are computed: in this process, in worker processes, or on a Dask cluster."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from satclip_bench.benchmarks.runs.work import Executor, Work
from satclip_bench.benchmarks.runs.workers import at_most_two_per_core, run_in_workers
from satclip_bench.core.errors import BenchError

T = TypeVar("T")


@dataclass(frozen=True)
class InProcess:
    """Computes cells one after the other in this process."""

    remote = False
    shares_files = True
    processes = 1

    def run(
        self, work: Mapping[int, Work[T]], scratch: Path, warn: Callable[[str], None]
    ) -> Generator[tuple[int, T | BenchError], None, None]:
        """Call functions in the order given: see `Executor`."""
        for number, item in work.items():
            yield number, item.function(item.embedding)


@dataclass(frozen=True)
class Processes:
    """Computes cells in worker processes of this machine, of one thread each.

    Attributes:
        count: maximum number of processes.
        cell_timeout: time limit of a cell in seconds; infinite for none.
    """

    count: int
    cell_timeout: float = math.inf

    remote = False
    shares_files = True

    @property
    def processes(self) -> int:
        """Maximum number of processes; more than two per core would only take memory."""
        return at_most_two_per_core(self.count)

    def run(
        self, work: Mapping[int, Work[T]], scratch: Path, warn: Callable[[str], None]
    ) -> Generator[tuple[int, T | BenchError], None, None]:
        """Call functions in worker processes: see `Executor`."""
        tasks = {number: partial(item.function, item.embedding) for number, item in work.items()}
        yield from run_in_workers(tasks, self.processes, scratch / "running", self.cell_timeout)


def make_executor(
    jobs: int | None = None, scheduler: str | None = None, cell_timeout: float = math.inf
) -> Executor:
    """The executor that options describe.

    Args:
        jobs: maximum number of cells at the same time; None for one per core.
        scheduler: address of a Dask scheduler, path of its scheduler file, or `local` for a Dask
            cluster of `jobs` workers on this machine; None for processes without Dask.
        cell_timeout: time limit of a cell in seconds; infinite for none.

    Raises:
        BenchError: Dask is not installed, or `jobs` is given for workers that run already.

    >>> make_executor(jobs=1), make_executor(jobs=1, cell_timeout=60)
    (InProcess(), Processes(count=1, cell_timeout=60))
    """
    if scheduler is not None:
        from satclip_bench.benchmarks.runs.cluster import LOCAL, DaskCluster, require_dask

        require_dask()
        if scheduler != LOCAL and jobs is not None:
            raise BenchError(
                "--jobs has no effect on the workers of a running Dask cluster: leave it out, and "
                "start as many workers as cells are to run at the same time"
            )
        return DaskCluster(scheduler, jobs or os.cpu_count() or 1, cell_timeout)
    count = jobs or os.cpu_count() or 1
    # A process cannot end itself and go on: with a time limit, even a single job needs a worker.
    return (
        InProcess() if count == 1 and cell_timeout == math.inf else Processes(count, cell_timeout)
    )
