"""Worker processes: what a kill costs, and what is left of them afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

import pytest
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import ShutdownExecutorError, _ExecutorManagerThread

from satclip_bench.benchmarks.runs.threads import one_thread
from satclip_bench.benchmarks.runs.work import finished_by
from satclip_bench.benchmarks.runs.workers import (
    REFUSED,
    KilledError,
    TimeLimitError,
    _withdraw,
    run_in_workers,
)
from satclip_bench.core.errors import UnfinishedError
from tests.benchmarks.cli.program import ROOT, children, started

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills processes by POSIX signals")


def square(number: int) -> int:
    return number**2


def killed_always(marks: Path) -> int:
    # A network file system leaves such a file, which no task has written.
    (marks / ".nfs0001").touch()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def killed_once(seen: Path) -> int:
    if seen.exists():
        return 7
    seen.touch()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def threads_of_environment() -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in one_thread()}


def endless(_: Path) -> int:
    while True:
        time.sleep(0.1)


KEPT: list[bytes] = []


def growing() -> int:
    # More than loky's limit of 300 MB, checked once a second.
    KEPT.append(b"x" * 320_000_000)
    time.sleep(1.1)
    return os.getpid()


def slow(_: Path) -> int:
    time.sleep(1)
    return os.getpid()


def test_a_task_whose_process_is_killed_fails_alone(tmp_path: Path) -> None:
    tasks = {i: partial(square, i) for i in range(6)}
    tasks[6] = partial(killed_always, tmp_path / "m")
    results = dict(run_in_workers(dict(sorted(tasks.items(), reverse=True)), 2, tmp_path / "m"))
    failed = results.pop(6)
    assert isinstance(failed, KilledError)
    assert "SIGKILL" in str(failed)
    assert "memory" in str(failed)
    assert results == {i: i**2 for i in range(6)}


def test_a_task_that_is_killed_once_is_tried_again(tmp_path: Path) -> None:
    tasks = {0: partial(killed_once, tmp_path / "seen"), 1: partial(square, 3)}
    assert dict(run_in_workers(tasks, 2, tmp_path / "m")) == {0: 7, 1: 9}


def test_workers_whose_memory_grows_are_replaced_silently(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tasks = dict.fromkeys(range(3), growing)
        pids = dict(run_in_workers(tasks, 1, tmp_path / "marks"))
    assert len(set(pids.values())) == 2
    assert not caught


def test_a_task_whose_time_is_up_fails_alone(tmp_path: Path) -> None:
    """Those that run at the same time are run again: they are not what took too long."""
    tasks = {0: partial(endless, tmp_path), 1: partial(slow, tmp_path)}
    tasks |= {i: partial(square, i) for i in range(2, 5)}
    results = dict(run_in_workers(tasks, 2, tmp_path / "m", limit=2))
    failed = results.pop(0)
    assert isinstance(failed, TimeLimitError)
    assert "longer than 2 s, the time limit of a cell (--cell-timeout)" in str(failed)
    assert isinstance(results.pop(1), int)
    assert results == {i: i**2 for i in range(2, 5)}


def test_no_more_processes_than_tasks_and_none_afterwards(tmp_path: Path) -> None:
    workers = dict(run_in_workers({0: partial(slow, tmp_path)}, 24, tmp_path / "m"))
    assert workers.keys() == {0}
    (pid,) = workers.values()
    assert isinstance(pid, int)
    assert not exists(pid)


def test_workers_have_one_thread_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what they load later needs no limit, and gives the same bytes."""
    for name in one_thread():
        monkeypatch.setenv(name, "2")
    (variables,) = dict(run_in_workers({0: threads_of_environment}, 2, tmp_path / "m")).values()
    assert variables == one_thread()


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    code = f"""
from functools import partial
from pathlib import Path
from tests.benchmarks.runs.test_workers import report
from satclip_bench.benchmarks.runs.workers import run_in_workers
folder = Path({str(tmp_path)!r})
list(run_in_workers({{i: partial(report, folder / f"w{{i}}") for i in range(2)}}, 2, folder / "m"))
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[3])
    files = [tmp_path / "w0", tmp_path / "w1"]
    wait_for(lambda: all(file.exists() and file.read_text() for file in files))
    process.kill()
    process.wait()
    for file in files:
        wait_for(partial(ended, int(file.read_text())))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_workers_start_ends_all_of_them_silently(
    tmp_path: Path, number: signal.Signals
) -> None:
    """They are sent it, too, when Ctrl-C is pressed: they would print a traceback each."""
    code = f"""
from functools import partial
from pathlib import Path
from satclip_bench.benchmarks.cli.signals import StoppedError, stop_on_signals
from satclip_bench.benchmarks.runs.workers import run_in_workers
from tests.benchmarks.runs.test_workers import slow
tasks = dict.fromkeys(range(4), partial(slow, Path()))
try:
    with stop_on_signals():
        list(run_in_workers(tasks, 2, Path({str(tmp_path)!r})))
except StoppedError as stopped:
    raise SystemExit(stopped.exit_code)
"""
    program = started([sys.executable, "-c", code], ROOT)
    wait_for(lambda: len(children(program.pid, "popen_loky")) == 2)
    workers = children(program.pid, "popen_loky")
    # Python has started by then, and imports what the worker needs.
    time.sleep(0.2)
    os.killpg(program.pid, number)
    # Workers that live on would keep the pipe open.
    _, message = program.communicate(timeout=60)
    assert (program.returncode, message) == (128 + number, "")
    assert not any(exists(worker.pid) for worker in workers)


NO_THREAD = "can't start new thread"


def refused_thread(*_: object) -> None:
    raise RuntimeError(NO_THREAD)


def test_a_thread_that_the_system_refuses_ends_the_run_and_all_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ExecutorManagerThread, "start", refused_thread)
    with pytest.raises(UnfinishedError, match=f"cannot go on: RuntimeError: {NO_THREAD}"):
        list(finished_by(run_in_workers({0: partial(slow, tmp_path)}, 1, tmp_path / "m")))
    assert children(os.getpid(), "LokyProcess") == []


def test_a_worker_that_is_refused_a_thread_says_so_and_no_task_is_blamed(tmp_path: Path) -> None:
    code = f"""
import threading
from pathlib import Path
from satclip_bench.benchmarks.runs.workers import _prepare_worker
from tests.benchmarks.runs.test_workers import refused_thread
threading.Thread.start = refused_thread
_prepare_worker(1, Path({str(tmp_path)!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    assert (tmp_path / REFUSED).read_text() == NO_THREAD
    # An earlier note does not count.
    assert dict(run_in_workers({0: partial(square, 3)}, 1, tmp_path)) == {0: 9}
    with pytest.raises(UnfinishedError, match=NO_THREAD):
        list(finished_by(run_in_workers({0: partial(ended_by_refusal, tmp_path)}, 1, tmp_path)))


def ended_by_refusal(marks: Path) -> int:
    (marks / REFUSED).write_text(NO_THREAD)
    os._exit(1)


def test_another_error_of_the_run_is_not_taken_for_a_refusal() -> None:
    def results() -> Generator[int]:
        raise RuntimeError("an error of the code")
        yield

    with pytest.raises(RuntimeError, match="of the code"):
        list(finished_by(results()))


def test_tasks_that_no_worker_has_yet_are_withdrawn() -> None:
    """Otherwise a thread of loky's can end with a traceback, which pytest reports."""
    executor = ProcessPoolExecutor(1)
    futures = [executor.submit(time.sleep, 60) for _ in range(20)]
    wait_for(futures[0].running)
    assert executor._work_ids.qsize()
    _withdraw(executor)
    assert not executor._work_ids.qsize()
    executor.shutdown(kill_workers=True)
    assert all(isinstance(future.exception(), ShutdownExecutorError) for future in futures)


def report(file: Path) -> None:
    file.write_text(str(os.getpid()))
    time.sleep(60)


def ended(pid: int) -> bool:
    return not exists(pid)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie has ended; only its parent has not asked for its exit code.
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
