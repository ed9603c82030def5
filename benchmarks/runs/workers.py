"""Tasks in several processes, where a process that is killed costs only the task that it ran."""

from __future__ import annotations

import faulthandler
import math
import os
import queue
import re
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from satclip_bench.benchmarks.runs.processes import leave_signals_to_parent, start_trackers
from satclip_bench.benchmarks.runs.threads import one_thread
from satclip_bench.core.cores import cores
from satclip_bench.core.errors import BenchError
from satclip_bench.core.signals import signals_held

T = TypeVar("T")

REFUSED = "refused"
"""File beside the marks of running tasks: what the system has refused to a worker that started."""

WATCH_SECONDS = 0.5
"""Interval at which a worker looks whether the process that started it still exists."""


class KilledError(BenchError):
    """A task whose process was killed, twice, and the second time while it ran alone."""


class TimeLimitError(BenchError):
    """A task that took longer than its time limit, and whose process was ended for that."""


def run_in_workers(
    tasks: Mapping[int, Callable[[], T]], jobs: int, marks: Path, limit: float = math.inf
) -> Generator[tuple[int, T | KilledError | TimeLimitError], None, None]:
    """Call functions in worker processes, and yield their results in the order of finishing.

    If a worker is killed, for example because memory ran out, its pool cannot be used any more.
    Tasks that were not running then are given to a new pool; those that were running are tried
    once more, each alone in a process. If a worker ended because the time of its task was up, that
    task fails, and all others are given to a new pool.

    Args:
        tasks: functions without arguments, by number; they can be pickled.
        jobs: maximum number of processes; never more than tasks are started.
        marks: folder for a file per running task; created if necessary.
        limit: time limit of a task in seconds; infinite for none.

    Yields:
        The number of a task, and its result; or KilledError if its process was killed twice, or
        TimeLimitError if its time was up.

    Raises:
        OSError, RuntimeError: the system refuses a process or a thread.
    """
    marks.mkdir(parents=True, exist_ok=True)
    left = dict(tasks)
    suspects: dict[int, Callable[[], T]] = {}
    while left:
        try:
            for number, result in _pool(dict(left), jobs, marks, limit):
                del left[number]
                yield number, result
        except _PoolDiedError:
            running = _marked(marks) & left.keys()
            if late := [number for number in sorted(running) if _is_late(marks, number)]:
                for number in late:
                    del left[number]
                    yield number, TimeLimitError(late_message(limit))
                continue
            suspects |= {number: left.pop(number) for number in sorted(running)}
            if not running:
                # It died between two tasks: if that happens again and again, nothing would end.
                number = next(iter(left))
                suspects[number] = left.pop(number)
    for number, task in suspects.items():
        try:
            yield from _pool({number: task}, 1, marks, limit)
        except _PoolDiedError as died:
            if _is_late(marks, number):
                yield number, TimeLimitError(late_message(limit))
            else:
                yield number, KilledError(killed_message(str(died)))


def at_most_two_per_core(count: int) -> int:
    """A number of processes, or fewer: more than two per core would only take memory."""
    return min(count, 2 * cores())


def killed_message(how: str) -> str:
    """Reason of failure of a task whose process was killed.

    Args:
        how: how the process ended, such as `SIGKILL(-9)`; can be empty.

    >>> killed_message("SIGKILL(-9)").split(":")[0]
    'the process that computed it was killed twice (SIGKILL(-9)), the second time when it ran alone'
    """
    ended = f" ({how})" if how else ""
    return (
        f"the process that computed it was killed twice{ended}, the second time when it ran alone: "
        "most likely memory ran out. Free some memory or use a machine with more, and run the "
        "same command again"
    )


def late_message(limit: float) -> str:
    """Reason of failure of a task whose time was up.

    Args:
        limit: time limit in seconds.

    >>> late_message(60)
    'it took longer than 60 s, the time limit of a cell (--cell-timeout), and was stopped'
    """
    return (
        f"it took longer than {limit:g} s, the time limit of a cell (--cell-timeout), and was "
        "stopped"
    )


class _PoolDiedError(Exception):
    """A worker process ended without a result."""


def _pool(
    tasks: Mapping[int, Callable[[], T]], jobs: int, marks: Path, limit: float
) -> Iterator[tuple[int, T]]:
    from joblib.externals.loky import FIRST_COMPLETED, ProcessPoolExecutor, wait
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    # A worker whose memory has grown ends itself between two tasks, and another takes its place.
    warnings.filterwarnings(
        "ignore", "A worker stopped while some jobs", UserWarning, module=r"joblib\."
    )
    for mark in (*map(str, _marked(marks)), REFUSED):
        (marks / mark).unlink(missing_ok=True)
    start_trackers()
    workers = min(jobs, len(tasks))
    executor = ProcessPoolExecutor(
        workers, initializer=_prepare_worker, initargs=(os.getpid(), marks), env=one_thread()
    )
    waiting = iter(tasks.items())
    submitted: dict[Future[T], int] = {}
    died: TerminatedWorkerError | None = None
    try:
        while True:
            # Twice as many as processes: none of them has to wait for its next task.
            # Processes that Ctrl-C reaches while they start would print tracebacks.
            with signals_held():
                for number, task in islice(waiting, 0 if died else 2 * workers - len(submitted)):
                    submitted[executor.submit(_marking, task, marks / str(number), limit)] = number
            if not submitted:
                break
            for future in wait(submitted, return_when=FIRST_COMPLETED).done:
                number = submitted.pop(future)
                try:
                    result = future.result()
                except TerminatedWorkerError as error:
                    # All that was submitted and is not finished has this result.
                    died = error
                    continue
                yield number, result
    except TerminatedWorkerError as error:
        died = error
    finally:
        # Otherwise idle workers live on for minutes, and keep the output open.
        with signals_held():
            _shut_down(executor)
    if died is not None:
        if (marks / REFUSED).exists():
            raise RuntimeError((marks / REFUSED).read_text())
        exit_codes = re.search(r"\{([^}]*)\}", str(died))
        raise _PoolDiedError(exit_codes[1] if exit_codes else "") from died


def _shut_down(executor: Any) -> None:
    """End all workers."""
    _withdraw(executor)
    ends_workers = executor._executor_manager_thread
    if ends_workers is not None and ends_workers.ident is not None:
        executor.shutdown(kill_workers=True)
        return
    # The system refused this thread, or one of the workers, after which it is started.
    from joblib.externals.loky.backend.utils import kill_process_tree

    for process in executor._processes.values():
        kill_process_tree(process)


def _withdraw(executor: Any) -> None:
    """Take back tasks that loky has not given to a worker yet.

    Its `shutdown` forgets these tasks but not their numbers: a thread of it that looked one up
    would end with a traceback (`add_call_item_to_queue` of joblib 1.6).
    """
    numbers = executor._work_ids
    with suppress(queue.Empty):
        while True:
            numbers.get_nowait()


def _marking(task: Callable[[], T], mark: Path, limit: float) -> T:
    """Call a function, with a file that exists while it runs and stays if the process dies.

    When the time is up, a traceback is written to the file and the process ends. Python's fault
    handler does that from a thread of its own, also if compiled code never returns.
    """
    with mark.open("w") as stream:
        if limit < math.inf:
            faulthandler.dump_traceback_later(limit, exit=True, file=stream)
        try:
            result = task()
        finally:
            faulthandler.cancel_dump_traceback_later()
    mark.unlink(missing_ok=True)
    return result


def _marked(marks: Path) -> set[int]:
    # A network file system may show files of its own there, such as `.nfs0000`.
    return {int(mark.name) for mark in marks.iterdir() if mark.name.isdecimal()}


def _is_late(marks: Path, number: int) -> bool:
    """Whether a running task's process ended because the time of the task was up."""
    mark = marks / str(number)
    return mark.exists() and mark.stat().st_size > 0


def _prepare_worker(parent: int, marks: Path) -> None:
    """Leave signals to the parent process, and end when it has ended."""
    leave_signals_to_parent()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    try:
        threading.Thread(target=watch, daemon=True).start()
    except RuntimeError as refused:
        # Otherwise every task would be tried, and would seem to have killed its process.
        (marks / REFUSED).write_text(str(refused))
        os._exit(1)
