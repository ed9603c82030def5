"""Where cells are computed: in this process, in worker processes, or on a Dask cluster."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import TypeVar

from satclip_bench.benchmarks.runs.work import Executor, Work
from satclip_bench.benchmarks.runs.workers import at_most_two_per_core, run_in_workers
from satclip_bench.core.cores import cores
from satclip_bench.core.errors import BenchError

T = TypeVar("T")

MAX_SECONDS = 1e9
"""Maximum time limit of a cell in seconds; clocks of the system cannot count much further."""


@dataclass(frozen=True)
class InProcess:
    """Computes cells one after the other in this process."""

    remote = False
    shares_files = True
    processes = 1

    def check_connection(self, warn: Callable[[str], None]) -> None:
        """Do nothing: there is no cluster."""

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

    def check_connection(self, warn: Callable[[str], None]) -> None:
        """Do nothing: there is no cluster."""

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
        jobs: maximum number of cells at the same time, 1 or more; None for one per core.
        scheduler: address of a Dask scheduler, path of its scheduler file, or `local` for a Dask
            cluster of `jobs` workers on this machine; None for processes without Dask.
        cell_timeout: time limit of a cell in seconds, above 0; infinite for none.

    Raises:
        BenchError: a number is not allowed, Dask is not installed, or `jobs` is given for workers
            that run already.

    >>> make_executor(jobs=1), make_executor(jobs=1, cell_timeout=60)
    (InProcess(), Processes(count=1, cell_timeout=60))
    """
    if jobs is not None and not (isinstance(jobs, Integral) and jobs >= 1):
        raise BenchError(
            f"the number of jobs is {jobs!r}; it has to be a whole number of 1 or more, or None"
        )
    if not isinstance(cell_timeout, Real) or not (
        0 < cell_timeout <= MAX_SECONDS or cell_timeout == math.inf
    ):
        raise BenchError(
            f"the time limit of a cell is {cell_timeout!r}; it has to be a number of seconds "
            f"above 0 and up to {MAX_SECONDS:g}, or None"
        )
    if scheduler is not None:
        from satclip_bench.benchmarks.runs.cluster import LOCAL, DaskCluster
        from satclip_bench.benchmarks.runs.cluster_client import require_dask

        require_dask()
        if scheduler != LOCAL and jobs is not None:
            raise BenchError(
                "--jobs has no effect on the workers of a running Dask cluster: leave it out, and "
                "start as many workers as cells are to run at the same time"
            )
        return DaskCluster(scheduler, jobs or cores(), cell_timeout)
    count = jobs or cores()
    # A process cannot end itself and go on: with a time limit, even a single job needs a worker.
    return (
        InProcess() if count == 1 and cell_timeout == math.inf else Processes(count, cell_timeout)
    )
