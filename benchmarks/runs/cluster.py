"""Cells on a Dask cluster: on this machine, or on others that share no folder with it."""

from __future__ import annotations

import faulthandler
import logging
import math
import os
import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from satclip_bench.benchmarks.runs.software import require_software, software
from satclip_bench.benchmarks.runs.work import AnyEmbedding, LazyEmbedding, Work
from satclip_bench.benchmarks.runs.workers import (
    KilledError,
    TimeLimitError,
    at_most_two_per_core,
    killed_message,
    late_message,
)
from satclip_bench.core.device import device_name, use_device
from satclip_bench.core.errors import BenchError, UnfinishedError

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

T = TypeVar("T")

LOCAL = "local"
"""Name of the cluster that is started on this machine and ends with the run."""

POLL_SECONDS = 1.0
"""Interval at which a run looks whether workers have joined and whether the scheduler is there."""

CONNECT_SECONDS = 30.0
"""Time within which a scheduler has to answer."""

GRACE_SECONDS = 5.0
"""Time from the report that a cell's time is up until its worker process ends."""

AHEAD = 2
"""Number of cells that are sent for each worker, so that none waits for its next one."""


def require_dask() -> None:
    """Raise BenchError unless Dask's distributed scheduler is installed."""
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise BenchError(
            "--scheduler needs Dask: pip install 'dask[distributed]', or 'satclip-bench[dask]'"
        ) from error


@dataclass(frozen=True)
class DaskCluster:
    """Computes cells on the workers of a Dask scheduler, and brings their results back here.

    Workers need the same software as this machine, and one thread each; a cell that meets another
    worker ends the run with a message. They need none of its files: embeddings by the suite's
    encoders are computed once by a worker, or by several if the table is large, and sent to those
    that need them; embeddings by custom encoders are sent from here. Workers of a cluster on this
    machine map the files of embeddings into memory instead.

    Attributes:
        address: address of the scheduler, path of its scheduler file (`.json`), or `local` for a
            cluster on this machine that ends with the run.
        count: number of workers of a local cluster.
        cell_timeout: time limit of a cell in seconds; infinite for none.
    """

    address: str
    count: int
    cell_timeout: float = math.inf

    remote = True

    @property
    def shares_files(self) -> bool:
        """Whether the workers are on this machine."""
        return self.address == LOCAL

    @property
    def processes(self) -> int:
        """Maximum number of processes on this machine."""
        return at_most_two_per_core(self.count) if self.shares_files else 1

    def run(
        self, work: Mapping[int, Work[T]], scratch: Path, warn: Callable[[str], None]
    ) -> Generator[tuple[int, T | BenchError], None, None]:
        """Call functions on the cluster: see `Executor`.

        A worker that is killed costs the scheduler a few attempts; what was running whenever that
        happened is tried again in the end, one function at a time.
        """
        if not work:
            return
        with self._client(scratch, warn) as client:
            session = _Session(client, self.address, self.cell_timeout, warn, self.shares_files)
            suspects: list[int] = []
            for number, result in session.results(work):
                if isinstance(result, KilledError):
                    suspects.append(number)
                else:
                    yield number, result
            yield from session.results({number: work[number] for number in suspects}, window=1)

    @contextmanager
    def _client(self, scratch: Path, warn: Callable[[str], None]) -> Iterator[Client]:
        from distributed import Client

        with ExitStack() as stack:
            stack.enter_context(_without_log())
            if self.address == LOCAL:
                where: Any = stack.enter_context(_local_cluster(self.count, scratch))
            elif self.address.endswith(".json"):
                where = None
            else:
                where = self.address
            try:
                client = Client(
                    where,
                    scheduler_file=self.address if where is None else None,
                    timeout=CONNECT_SECONDS,
                    set_as_default=False,
                )
            except (OSError, ValueError) as error:
                raise BenchError(
                    f"there is no Dask scheduler at {self.address}: {error}. Start one with `dask "
                    "scheduler`, or use --scheduler local"
                ) from error
            yield stack.enter_context(client)


@contextmanager
def _without_log() -> Iterator[None]:
    """Keep Dask's own account of lost connections off the terminal: runs end with one message."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@contextmanager
def _local_cluster(count: int, scratch: Path) -> Iterator[LocalCluster]:
    """A scheduler and workers of one thread on this machine, which only this machine can reach."""
    import dask
    from distributed import LocalCluster

    # What ran when a worker was killed comes back at once, and is tried once more, alone.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            local_directory=str(scratch / "dask"),
        ) as cluster,
    ):
        yield cluster


@dataclass
class _Session:
    """Work that is sent to a scheduler bit by bit, and its results.

    Not all is sent at once, so that a million cells do not fill the scheduler's memory.
    """

    client: Client
    address: str
    limit: float
    warn: Callable[[str], None]
    shares_files: bool
    topic: str = field(default_factory=lambda: f"satclip-bench-{uuid.uuid4().hex}")

    def results(
        self, work: Mapping[int, Work[T]], window: int = 0
    ) -> Iterator[tuple[int, T | BenchError]]:
        """Yield results in the order of finishing, as `Executor.run` does.

        Args:
            work: functions by number.
            window: number of functions at the scheduler at the same time; 0 for as many as keep
                its workers busy.
        """
        from distributed.client import ClosedClientError

        waiting = deque(work)
        uses = Counter(item.embedding for item in work.values())
        embeddings: dict[AnyEmbedding, Future[Any]] = {}
        running: dict[int, Future[Any]] = {}
        events: SimpleQueue[tuple[int, bool]] = SimpleQueue()
        self.client.subscribe_topic(self.topic, lambda event: events.put((event[1], True)))
        idle = False
        try:
            while waiting or running:
                count = window or AHEAD * self._workers()
                if not count and not idle:
                    self.warn(
                        f"the Dask scheduler {self.address} has no workers: cells wait for one"
                    )
                idle = not count
                while waiting and len(running) < count:
                    number = waiting.popleft()
                    future = self._submit(number, work[number], embeddings)
                    running[number] = future
                    future.add_done_callback(partial(_report, events, number))
                    uses[work[number].embedding] -= 1
                    if not uses[work[number].embedding]:
                        # The scheduler keeps it for the cells that need it, and no longer.
                        embeddings.pop(work[number].embedding, None)
                try:
                    number, late = events.get(timeout=POLL_SECONDS)
                except Empty:
                    continue
                if number not in running:
                    continue
                future = running.pop(number)
                if late:
                    self.client.cancel([future], force=True)
                    yield number, TimeLimitError(late_message(self.limit))
                else:
                    yield number, self._result(future)
        except ClosedClientError as error:
            raise self._lost(error) from error
        finally:
            # Nothing is left to be cancelled at a scheduler that is lost.
            with suppress(ClosedClientError, OSError):
                self.client.cancel([*running.values(), *embeddings.values()], force=True)

    def _workers(self) -> int:
        """Number of workers. Raises UnfinishedError if the scheduler does not answer."""
        try:
            return len(self.client.nthreads())
        except (OSError, TimeoutError, RuntimeError, AttributeError) as error:
            raise self._lost(error) from error

    def _lost(self, error: BaseException) -> UnfinishedError:
        return UnfinishedError(
            f"the Dask scheduler {self.address} was lost ({type(error).__name__}). Finished cells "
            "are kept; once a scheduler runs, the same command computes the others."
        )

    def _submit(
        self, number: int, item: Work[T], embeddings: dict[AnyEmbedding, Future[Any]]
    ) -> Future[T]:
        embedding: Future[Any] | Path | None = None
        if isinstance(item.embedding, Path) and self.shares_files:
            embedding = item.embedding
        elif item.embedding is not None:
            if item.embedding not in embeddings:
                embeddings[item.embedding] = self._embedding(item.embedding)
            embedding = embeddings[item.embedding]
        call = _Call(software(), device_name())
        return self.client.submit(
            call.measure,
            item.function,
            embedding,
            (self.topic, number, self.limit),
            key=f"cell-{number}-{uuid.uuid4().hex}",
            pure=False,
        )

    def _embedding(self, embedding: Path | LazyEmbedding) -> Future[Any]:
        import dask

        call = _Call(software(), device_name())

        def submit(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
            key = f"embedding-{uuid.uuid4().hex}"
            return self.client.submit(function, *arguments, key=key, pure=False)

        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}):
            if isinstance(embedding, Path):
                # A custom encoder's is sent as the argument of a call, which can be made again if
                # the worker that holds the result is killed.
                return submit(call.embed, np.load(embedding))
            if shards := [submit(call.embed, shard) for shard in embedding.shards()]:
                return submit(call.join, embedding, shards)
            return submit(call.embed, embedding)

    def _result(self, future: Future[Any]) -> Any:
        """The result of a finished future. Raises UnfinishedError if the cluster is lost."""
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError
        from distributed.comm.core import CommClosedError

        try:
            return future.result()
        except UnfinishedError:
            raise
        except BenchError as error:
            return error
        except KilledWorker:
            return KilledError(killed_message(""))
        except (FutureCancelledError, CommClosedError, TimeoutError) as error:
            raise self._lost(error) from error


def _report(events: SimpleQueue[tuple[int, bool]], number: int, _: object) -> None:
    events.put((number, False))


@dataclass(frozen=True)
class _Call:
    """What a worker does around a function: it checks that results are those of this machine.

    Attributes:
        software: versions of this machine.
        device: device that this machine has chosen.
    """

    software: Mapping[str, str]
    device: str

    def measure(
        self, function: Callable[[Any], T], embedding: Any, watch: tuple[str, int, float]
    ) -> T:
        """Call a function within its time limit."""
        with self._like_the_client(), _time_limit(*watch):
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
        threads = worker.state.nthreads
        if threads != 1:
            raise UnfinishedError(
                f"the Dask worker {worker.address} has {threads} threads, but the thread limit "
                "that makes results repeatable is one per process: start workers with --nthreads "
                "1, and several per machine with --nworkers. Finished cells are kept."
            )
        require_software(self.software, f"the Dask worker {worker.address}")
        with use_device(self.device):
            yield


@contextmanager
def _time_limit(topic: str, number: int, seconds: float) -> Iterator[None]:
    """Report a block that takes longer than its time limit, and then end this worker process.

    Its nanny starts a new one. The fault handler ends it from a thread that needs no lock of
    Python's, also if compiled code never returns.
    """
    from distributed import get_worker

    if seconds == math.inf:
        yield
        return
    timer = threading.Timer(seconds, get_worker().log_event, (topic, number))
    timer.daemon = True
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(seconds + GRACE_SECONDS, exit=True, file=nowhere)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            faulthandler.cancel_dump_traceback_later()
