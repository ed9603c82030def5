"""Cells on a Dask cluster: on this machine, or on others that share no folder with it."""

from __future__ import annotations

import math
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Container, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from satclip_bench.benchmarks.runs.cluster_calls import LATE, STARTED, Call, TimeLimit
from satclip_bench.benchmarks.runs.cluster_client import (
    FEWER_JOBS,
    connected,
    local_client,
    without_log,
)
from satclip_bench.benchmarks.runs.cluster_clock import Clock
from satclip_bench.benchmarks.runs.cluster_workers import WorkerChecks, require_scheduler
from satclip_bench.benchmarks.runs.software import software
from satclip_bench.benchmarks.runs.work import AnyEmbedding, LazyEmbedding, Work
from satclip_bench.benchmarks.runs.workers import (
    KilledError,
    TimeLimitError,
    at_most_two_per_core,
    killed_message,
    late_message,
)
from satclip_bench.core.device import device_name
from satclip_bench.core.errors import BenchError, UnfinishedError

if TYPE_CHECKING:
    from distributed import Client, Future

T = TypeVar("T")

LOCAL = "local"
"""Name of the cluster that is started on this machine and ends with the run."""

POLL_SECONDS = 1.0
"""Interval at which a run looks whether workers have joined and whether the scheduler is there."""

SILENT_SECONDS = 60.0
"""Time after which a scheduler that does not answer a question counts as lost."""

RESTART_SECONDS = 300.0
"""Time after which a run ends if no worker of the cluster on this machine has come back."""

GRACE_SECONDS = 5.0
"""Time from the report that a cell's time is up until its worker process ends."""

AHEAD = 2
"""Number of cells that are sent for each worker, so that none waits for its next one."""

FINISHED = "finished"


class _Event(NamedTuple):
    """What happened to a function, and when this machine heard of it.

    Its kind is `STARTED`, `LATE`, `FINISHED`, or empty, which concerns no function.
    """

    moment: float = 0.0
    number: int = 0
    kind: str = ""
    worker: str = ""


@dataclass(frozen=True)
class DaskCluster:
    """Computes cells on the workers of a Dask scheduler, and brings their results back here.

    Workers need the same software as this machine, and one thread each; a worker that differs ends
    the run with a message. They need none of its files: embeddings by the suite's encoders are
    computed once by a worker, or by several if the table is large, and sent to those that need
    them; embeddings by custom encoders are sent from here. Workers of a cluster on this machine map
    the files of embeddings into memory instead.

    Attributes:
        address: address of the scheduler, path of its scheduler file, or `local` for a cluster on
            this machine that ends with the run.
        count: number of workers of a local cluster; fewer are started for fewer cells, and never
            more than two per core.
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

    def check_connection(self, warn: Callable[[str], None]) -> None:
        """Raise BenchError if the scheduler does not answer: see `Executor`."""
        if not self.shares_files:
            with connected(self.address, warn):
                pass

    def run(
        self, work: Mapping[int, Work[T]], scratch: Path, warn: Callable[[str], None]
    ) -> Generator[tuple[int, T | BenchError], None, None]:
        """Call functions on the cluster: see `Executor`.

        A worker that is killed costs the scheduler a few attempts; what was running whenever that
        happened is tried again in the end, one function at a time.
        """
        if not work:
            return
        with self._client(len(work), scratch, warn) as client:
            session = _Session(client, self.address, self.cell_timeout, warn, self.shares_files)
            session.require_scheduler()
            suspects: list[int] = []
            for number, result in session.results(work):
                if isinstance(result, KilledError):
                    suspects.append(number)
                else:
                    yield number, result
            yield from session.results({number: work[number] for number in suspects}, window=1)

    @contextmanager
    def _client(
        self, functions: int, scratch: Path, warn: Callable[[str], None]
    ) -> Iterator[Client]:
        with ExitStack() as stack:
            stack.enter_context(without_log())
            if self.shares_files:
                yield stack.enter_context(local_client(min(self.processes, functions), scratch))
            else:
                yield stack.enter_context(connected(self.address, warn))


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
    _events: SimpleQueue[_Event] = field(default_factory=SimpleQueue)
    _ending: dict[str, float] = field(default_factory=dict)
    """Until when each worker is expected to end, because the time of its function is up."""
    _problem: str = ""
    _problem_since: float = 0.0
    _is_lost: bool = False

    @cached_property
    def _checks(self) -> WorkerChecks:
        return WorkerChecks(self.client, software(), self._notice)

    def require_scheduler(self) -> None:
        """Raise UnfinishedError if the scheduler has other code or does not answer."""
        try:
            require_scheduler(self.client, self.address, software())
        except OSError as error:
            raise self._lost(error) from error

    def results(
        self, work: Mapping[int, Work[T]], window: float = math.inf
    ) -> Iterator[tuple[int, T | BenchError]]:
        """Yield results in the order of finishing, as `Executor.run` does.

        Args:
            work: functions by number.
            window: maximum number of functions at the scheduler at the same time, beside the limit
                of `AHEAD` per worker.
        """
        from distributed.client import ClosedClientError

        waiting = deque(work)
        uses = Counter(item.embedding for item in work.values())
        embeddings: dict[AnyEmbedding, Future[Any]] = {}
        running: dict[int, Future[Any]] = {}
        clock = Clock(self.limit, GRACE_SECONDS)
        # Events of an earlier call are not mistaken for those of this one.
        topic, self._events = f"satclip-bench-{uuid.uuid4().hex}", SimpleQueue()
        self.client.subscribe_topic(topic, lambda event: self._notice(*event[1]))
        try:
            while waiting or running:
                threads = self._threads()
                count = min(window, AHEAD * self._usable(threads))
                if window < math.inf and self._any_ending(threads):
                    # The scheduler would send the next one to a worker that is about to end.
                    count = 0
                while waiting and len(running) < count:
                    number = waiting.popleft()
                    limit = TimeLimit(topic, number, self.limit, GRACE_SECONDS)
                    running[number] = self._submit(work[number], embeddings, limit)
                    running[number].add_done_callback(partial(self._notice_result, number))
                    uses[work[number].embedding] -= 1
                    if not uses[work[number].embedding]:
                        # The scheduler keeps it for the cells that need it, and no longer.
                        embeddings.pop(work[number].embedding, None)
                yield from self._outcomes(running, clock, threads)
        except ClosedClientError as error:
            raise self._lost(error) from error
        finally:
            # At a scheduler that is lost nothing is left to be cancelled, or nothing answers.
            if not self._is_lost:
                with suppress(ClosedClientError, OSError):
                    self.client.cancel([*running.values(), *embeddings.values()], force=True)

    def _outcomes(
        self, running: dict[int, Future[Any]], clock: Clock, workers: Mapping[str, int]
    ) -> Iterator[tuple[int, Any]]:
        """Wait for an event, and yield the results of functions that it ends.

        Args:
            running: futures of functions by number, from which those that have ended are removed.
            clock: clock of these functions.
            workers: all workers, by their addresses.
        """
        # Among events that are not read yet may be a result.
        unread = not self._events.empty()
        late = [] if unread else clock.late(running, time.monotonic(), workers)
        event = _Event() if late else self._next_event()
        if event.kind == STARTED:
            clock.start(event.number, event.moment, event.worker)
        elif event.kind == LATE:
            self._ending[event.worker] = event.moment + 2 * GRACE_SECONDS
            late = [event.number] if event.number in running else []
        for number in late:
            # Without a report it was not known before that its worker would end.
            self._ending.setdefault(clock.worker(number), time.monotonic() + GRACE_SECONDS)
            self.client.cancel([running.pop(number)], force=True)
            yield number, TimeLimitError(late_message(self.limit))
        if event.kind == FINISHED and event.number in running:
            result = self._result(running.pop(event.number))
            if isinstance(result, KilledError) and clock.is_late(event.number, event.moment):
                result = TimeLimitError(late_message(self.limit))
            yield event.number, result

    def _any_ending(self, workers: Container[str]) -> bool:
        """Whether a worker is still there that will end, because the time of its function is up."""
        now = time.monotonic()
        self._ending = {w: end for w, end in self._ending.items() if w in workers and now < end}
        return bool(self._ending)

    def _notice(self, number: int = 0, kind: str = "", worker: str = "") -> None:
        """Note an event; called in other threads."""
        self._events.put(_Event(time.monotonic(), number, kind, worker))

    def _notice_result(self, number: int, _: object) -> None:
        self._notice(number, FINISHED)

    def _next_event(self) -> _Event:
        try:
            return self._events.get(timeout=POLL_SECONDS)
        except Empty:
            return _Event()

    def _usable(self, threads: Mapping[str, int]) -> int:
        """Number of workers for cells; warns if there are none. Raises UnfinishedError."""
        usable = self._checks.usable(threads)
        problem = self._checks.problem(threads)
        if problem and problem != self._problem:
            self.warn(f"the Dask scheduler {self.address} {problem}: cells wait for one")
            self._problem_since = time.monotonic()
        self._problem = problem
        if (
            problem
            and self.shares_files
            and time.monotonic() - self._problem_since > RESTART_SECONDS
        ):
            # Nobody else can start one.
            raise UnfinishedError(
                f"the Dask cluster on this machine {problem}, also after {RESTART_SECONDS:g} s. "
                f"{FEWER_JOBS}"
            )
        return usable

    def _threads(self) -> Mapping[str, int]:
        """Number of threads of every worker. Raises UnfinishedError if there is no answer."""
        try:
            threads: Mapping[str, int] = self.client.nthreads(callback_timeout=SILENT_SECONDS)
        except (OSError, TimeoutError, RuntimeError, AttributeError) as error:
            raise self._lost(error) from error
        return threads

    def _killed_message(self) -> str:
        if self.shares_files:
            return killed_message("")
        return (
            "every worker that computed it was killed, in the end when it ran alone: most likely "
            "memory ran out. Start workers with more memory (`dask worker --memory-limit`) or on "
            "other machines, and run the same command again"
        )

    def _lost(self, error: BaseException) -> UnfinishedError:
        self._is_lost = True
        return UnfinishedError(
            f"the Dask scheduler {self.address} was lost ({type(error).__name__}). Finished cells "
            "are kept; once a scheduler runs, the same command computes the others."
        )

    def _submit(
        self, item: Work[T], embeddings: dict[AnyEmbedding, Future[Any]], limit: TimeLimit
    ) -> Future[T]:
        embedding: Future[Any] | Path | None = None
        if isinstance(item.embedding, Path) and self.shares_files:
            embedding = item.embedding
        elif item.embedding is not None:
            if item.embedding not in embeddings:
                embeddings[item.embedding] = self._embedding(item.embedding)
            embedding = embeddings[item.embedding]
        call = Call(software(), device_name())
        return self.client.submit(
            call.measure,
            item.function,
            embedding,
            limit,
            key=f"cell-{limit.number}-{uuid.uuid4().hex}",
            pure=False,
        )

    def _embedding(self, embedding: Path | LazyEmbedding) -> Future[Any]:
        import dask

        call = Call(software(), device_name())

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
            return KilledError(self._killed_message())
        except (FutureCancelledError, CommClosedError, TimeoutError) as error:
            raise self._lost(error) from error
        except Exception as error:
            # The function itself returns what fails in it.
            return BenchError(
                f"a Dask worker cannot compute it: {type(error).__name__}: {str(error).strip()}"
            )
