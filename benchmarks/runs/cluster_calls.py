"""What a Dask worker does around a function: checks of its software, and the time limit."""

from __future__ import annotations

import faulthandler
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from satclip_bench.benchmarks.runs.software import require_software, software
from satclip_bench.benchmarks.runs.work import LazyEmbedding
from satclip_bench.core.device import use_device
from satclip_bench.core.errors import BenchError, UnfinishedError

T = TypeVar("T")

STARTED = "started"
LATE = "late"


@dataclass(frozen=True)
class TimeLimit:
    """Time limit of a function, and where a worker reports when it starts and when time is up.

    Attributes:
        topic: topic of the events for the client: the number, `STARTED` or `LATE`, and the address
            of the worker.
        number: number of the function.
        seconds: time limit; infinite for none, and then nothing is reported.
        grace: time in seconds from the report that the time is up until the worker process ends.
    """

    topic: str
    number: int
    seconds: float
    grace: float

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Report a block that takes longer, and then end this worker process.

        Its nanny starts a new one. The fault handler ends it from a thread that needs no lock of
        Python's, also if compiled code never returns. Such code may hold the lock that the report
        needs. The start is therefore reported too, and the scheduler has it before the block
        begins.
        """
        if self.seconds == math.inf:
            yield
            return
        from distributed import get_worker
        from distributed.utils import sync

        worker = get_worker()
        started, late = ([self.number, kind, worker.address] for kind in (STARTED, LATE))
        # If the scheduler is lost, nobody waits for the report.
        with suppress(OSError):
            sync(worker.loop, worker.scheduler.log_event, topic=self.topic, msg=started)
        timer = threading.Timer(self.seconds, worker.log_event, (self.topic, late))
        timer.daemon = True
        with Path(os.devnull).open("w") as nowhere:
            faulthandler.dump_traceback_later(self.seconds + self.grace, exit=True, file=nowhere)
            timer.start()
            try:
                yield
            finally:
                timer.cancel()
                faulthandler.cancel_dump_traceback_later()


@dataclass(frozen=True)
class Call:
    """What a worker does around a function: it checks that results are those of this machine.

    Attributes:
        software: versions of the machine that runs the command.
        device: device that it has chosen.
    """

    software: Mapping[str, str]
    device: str

    def measure(self, function: Callable[[Any], T], embedding: Any, limit: TimeLimit) -> T:
        """Call a function within its time limit."""
        with self._like_the_client(), limit.enforced():
            return function(embedding)

    def embed(self, rows: Any) -> Any:
        """Compute an embedding or a shard of one; an array is one already."""
        return self._computed(lambda: rows if isinstance(rows, np.ndarray) else rows.compute())

    def join(self, embedding: LazyEmbedding, shards: Sequence[Any]) -> Any:
        """Join the shards of an embedding."""
        return self._computed(lambda: embedding.join(shards))

    def _computed(self, compute: Callable[[], Any]) -> Any:
        with self._like_the_client():
            try:
                return compute()
            except (OSError, MemoryError) as error:
                raise BenchError(
                    f"a Dask worker cannot compute the embedding: {type(error).__name__}: {error}"
                ) from error

    @contextmanager
    def _like_the_client(self) -> Iterator[None]:
        from distributed import get_worker

        worker = get_worker()
        require_one_thread(worker.state.nthreads, worker.address)
        require_software(software(), self.software, f"the Dask worker {worker.address}")
        with use_device(self.device):
            yield


def require_one_thread(threads: int, address: str) -> None:
    """Raise UnfinishedError if a worker has several threads.

    Args:
        threads: its number of threads.
        address: its address.
    """
    if threads != 1:
        raise UnfinishedError(
            f"the Dask worker {address} has {threads} threads, but the thread limit that makes "
            "results repeatable is one per process: start workers with --nthreads 1, and several "
            "per machine with --nworkers. Finished cells are kept."
        )
