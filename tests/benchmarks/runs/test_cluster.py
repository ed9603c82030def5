"""Cells on a Dask cluster: the same bytes as elsewhere, and what killed or lost parts cost."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import satclip_bench as sb
from satclip_bench.benchmarks.reproduction.jobs import Job, run_jobs
from satclip_bench.benchmarks.runs import cluster, cluster_client
from satclip_bench.benchmarks.runs.cluster import DaskCluster
from satclip_bench.benchmarks.runs.engine import evaluate
from satclip_bench.benchmarks.runs.executors import InProcess, Processes
from satclip_bench.benchmarks.runs.plan import Selection, make_plan
from satclip_bench.benchmarks.runs.software import software
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import get_suite
from satclip_bench.benchmarks.runs.work import Executor, Work
from satclip_bench.benchmarks.runs.workers import KilledError, TimeLimitError
from satclip_bench.core.errors import BenchError, UnfinishedError
from satclip_bench.tasks import add_task, registry
from satclip_bench.tasks.user_tables.task import UserTable, UserTableTask
from tests.benchmarks.cli.program import ROOT, SMALL, bench
from tests.benchmarks.runs.in_threads import cluster_in_threads
from tests.benchmarks.runs.waves import Waves

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no POSIX signals to kill workers with"
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Address of a scheduler with two workers."""
    import dask

    settings = {"distributed.scheduler.allowed-failures": 0, **cluster_client.RETURNING_WORKERS}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=60
        ) as local,
    ):
        yield local.scheduler_address


def square(number: int, _: object = None) -> int:
    return number**2


def total(embedding: NDArray[np.float64]) -> float:
    return float(embedding.sum())


def killed(_: object) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def endless(_: object) -> int:
    while True:
        time.sleep(0.1)


def endless_with_the_lock(_: object) -> int:
    """Never gives up Python's global lock, so that its worker can report nothing."""
    return int(re.match(r"(a+)+$", "a" * 60 + "b") is None)


@dataclass(frozen=True)
class Counted:
    """An embedding that notes every time that it is computed."""

    log: Path
    fails: bool = False

    def compute(self) -> NDArray[np.float32]:
        with self.log.open("a") as stream:
            stream.write("computed\n")
        if self.fails:
            raise BenchError("out of cheese")
        return np.ones((4, 2), dtype=np.float32)

    def shards(self) -> tuple[Counted, ...]:
        return ()

    def join(self, blocks: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        raise AssertionError("it has no shards")


def results(executor: Executor, work: dict[int, Work[object]], folder: Path) -> dict[int, object]:
    return dict(executor.run(work, folder, lambda _message: None))


def contents(folder: Path) -> dict[str, object]:
    """The files of a run by name; records without their provenance."""
    files: dict[str, object] = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.name != ".lock":
            name = path.relative_to(folder).as_posix()
            files[name] = path.read_bytes()
            if path.suffix == ".json" and name.startswith("records/"):
                record = json.loads(path.read_bytes())
                del record["provenance"]
                files[name] = record
    return files


def test_every_executor_leaves_the_same_files(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_added", {})
    rng = np.random.default_rng(0)
    lonlat = rng.uniform([-170, -70], [170, 70], (400, 2))
    table = tmp_path / "yields.csv"
    pd.DataFrame(
        {"lon": lonlat[:, 0], "lat": lonlat[:, 1], "yield": np.sin(lonlat).sum(axis=1)}
    ).to_csv(table, index=False)
    file = UserTable(table, "yield")
    task = UserTableTask(file)
    add_task(task)
    own = {"waves": Waves()}
    selection = Selection(
        [task.card.name],
        ["wrap", "waves", "baseline.knn"],
        ["random"],
        ["linear", "knn"],
        [0, 1],
        own=own,
        files={task.card.name: file},
    )
    cells = make_plan(get_suite("open"), selection)
    executors: list[Executor] = [InProcess(), Processes(2), DaskCluster(address, 2)]
    folders = [tmp_path / type(executor).__name__ for executor in executors]
    for executor, folder in zip(executors, folders, strict=True):
        store = Store(folder)
        with store.lock():
            outcomes = evaluate(cells, store, own, executor=executor)
            store.write_table()
        assert [outcome.reason for outcome in outcomes] == [""] * len(cells)
        assert [outcome.unit for outcome in outcomes] == list(cells)
    first, *others = map(contents, folders)
    assert len(first) == 2 * len(cells) + 1
    for other in others:
        assert other == first


def test_published_scores_are_the_same_on_a_cluster(tmp_path: Path, address: str) -> None:
    job = Job("range", "random", "ridge", "california_housing", "wrap")
    here = run_jobs([job], Store(tmp_path / "here"))[job]
    there = run_jobs([job], Store(tmp_path / "there"), DaskCluster(address, 2))[job]
    assert (here.reason, there.reason) == ("", "")
    assert [record.scores for record in there.records] == [r.scores for r in here.records]


def test_an_embedding_is_computed_once_and_its_error_is_that_of_its_cells(
    tmp_path: Path, address: str
) -> None:
    good, bad = Counted(tmp_path / "good"), Counted(tmp_path / "bad", fails=True)
    sent = tmp_path / "sent.npy"
    np.save(sent, np.full((3, 2), 2.0, dtype=np.float32))
    work: dict[int, Work[object]] = {i: Work(total, good) for i in range(4)}
    work |= {4: Work(total, bad), 5: Work(total, bad), 6: Work(total, sent)}
    finished = results(DaskCluster(address, 2), work, tmp_path)
    for number in (4, 5):
        error = finished.pop(number)
        assert isinstance(error, BenchError)
        assert str(error) == "out of cheese"
    assert finished == {0: 8, 1: 8, 2: 8, 3: 8, 6: 12}
    assert good.log.read_text().split() == bad.log.read_text().split() == ["computed"]


def test_a_cluster_on_this_machine_reads_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_client, "local_cluster", lambda count, _: cluster_in_threads(count))
    executor = DaskCluster("local", 1)
    assert executor.shares_files
    file = tmp_path / "embedding.npy"
    assert results(executor, {0: Work(str, file)}, tmp_path) == {0: str(file)}


def test_a_worker_on_this_machine_comes_back_however_long_its_start_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask gives it up after a time, and starts no other: a run would wait for ever."""
    import dask

    monkeypatch.setattr(cluster, "RESTART_SECONDS", 60.0)
    work: dict[int, Work[object]] = {0: Work(killed), 1: Work(partial(square, 1))}
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "1 ms"}):
        finished = results(DaskCluster("local", 1), work, tmp_path)
    assert isinstance(finished.pop(0), KilledError)
    assert finished == {1: 1}


def test_a_cluster_on_this_machine_without_workers_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_client, "local_cluster", lambda *_: cluster_in_threads(0))
    monkeypatch.setattr(cluster, "RESTART_SECONDS", 0.5)
    with pytest.raises(UnfinishedError, match=r"has no workers, also after 0\.5 s\. Finished"):
        results(DaskCluster("local", 1), {0: Work(partial(square, 2))}, tmp_path)


@pytest.mark.parametrize(("count", "functions", "workers"), [(1000, 3, 3), (1000, 9, 4), (1, 3, 1)])
def test_a_cluster_on_this_machine_has_no_more_workers_than_cells_and_two_per_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, functions: int, workers: int
) -> None:
    class StopError(Exception):
        pass

    def local_cluster(number: int, _: Path) -> NoReturn:
        raise StopError(number)

    monkeypatch.setattr(cluster_client, "local_cluster", local_cluster)
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    work: dict[int, Work[object]] = {i: Work(partial(square, i)) for i in range(functions)}
    with pytest.raises(StopError) as stopped:
        results(DaskCluster("local", count), work, tmp_path)
    assert stopped.value.args == (workers,)


def test_a_cell_that_kills_its_worker_fails_alone(tmp_path: Path, address: str) -> None:
    work: dict[int, Work[object]] = {0: Work(killed)}
    work |= {i: Work(partial(square, i)) for i in range(1, 6)}
    finished = results(DaskCluster(address, 2), work, tmp_path)
    assert isinstance(finished.pop(0), KilledError)
    assert finished == {i: i**2 for i in range(1, 6)}


@pytest.mark.parametrize("function", [endless, endless_with_the_lock])
def test_a_cell_that_hangs_is_stopped(
    tmp_path: Path,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    function: Callable[[object], int],
) -> None:
    monkeypatch.setattr(cluster, "GRACE_SECONDS", 0.5)
    work: dict[int, Work[object]] = {0: Work(function)}
    work |= {i: Work(partial(square, i)) for i in range(1, 6)}
    finished = results(DaskCluster(address, 2, cell_timeout=1), work, tmp_path)
    error = finished.pop(0)
    assert isinstance(error, TimeLimitError)
    assert "longer than 1 s" in str(error)
    assert finished == {i: i**2 for i in range(1, 6)}


def test_no_cell_is_sent_to_a_worker_that_is_about_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler takes it for an idle one, and its cell for one that was killed twice."""
    monkeypatch.setattr(cluster, "GRACE_SECONDS", 2.0)
    hanging = range(4)
    work: dict[int, Work[object]] = {
        i: Work(endless if i in hanging else partial(square, i)) for i in range(6)
    }
    finished = results(DaskCluster("local", 2, cell_timeout=1), work, tmp_path)
    assert {i: type(finished.pop(i)) for i in hanging} == dict.fromkeys(hanging, TimeLimitError)
    assert finished == {i: i**2 for i in range(6) if i not in hanging}


@pytest.mark.parametrize("name", ["numpy", "satclip-bench"])
def test_a_worker_or_scheduler_with_other_software_ends_the_run(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(
        cluster, "software", lambda: {"satclip-bench": "", **software(), name: "1.0"}
    )
    who = "scheduler" if name == "satclip-bench" else "worker"
    with pytest.raises(UnfinishedError, match=rf"Dask {who} .* other software .* instead of 1\.0"):
        results(DaskCluster(address, 2), {0: Work(partial(square, 0))}, tmp_path)


@pytest.fixture
def without_the_package(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Starts a scheduler and a worker, one of which cannot import the package."""
    with ExitStack() as stack:

        def start(who: str) -> str:
            (tmp_path / "hide.py").write_text("import sys\nsys.modules['satclip_bench'] = None\n")
            (tmp_path / "start.py").write_text(START)
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "start.py", who],
                    cwd=tmp_path,
                    env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            assert process.stdout
            return process.stdout.readline().strip()

        yield start


START = """
import sys
if sys.argv[1] == "scheduler":
    import hide
from distributed import LocalCluster
if __name__ == "__main__":
    preload = {"preload": "hide.py"} if sys.argv[1] == "worker" else {}
    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=60, **preload
    ) as local:
        print(local.scheduler_address, flush=True)
        sys.stdin.read()
"""


@pytest.mark.parametrize("who", ["scheduler", "worker"])
def test_a_scheduler_or_worker_without_the_package_ends_the_run(
    tmp_path: Path, without_the_package: Callable[[str], str], who: str
) -> None:
    address = without_the_package(who)
    with pytest.raises(UnfinishedError, match=rf"the Dask {who} tcp://.* cannot load this package"):
        results(DaskCluster(address, 1), {0: Work(square)}, tmp_path)


def test_a_worker_with_several_threads_ends_the_run(tmp_path: Path) -> None:
    with (
        cluster_in_threads(1, threads_per_worker=2) as local,
        pytest.raises(UnfinishedError, match=r"has 2 threads.*--nthreads 1"),
    ):
        results(DaskCluster(local.scheduler_address, 2), {0: Work(square)}, tmp_path)


def test_the_command_line_runs_on_a_cluster(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [*SMALL[: SMALL.index("--jobs")], "--encoders", "wrap", "--out", "r"]
    done = bench("run", *arguments, "--scheduler", address, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (record,) = Store(tmp_path / "r").records()
    assert record.status == "done"

    both = bench("run", *arguments, "--scheduler", address, "--jobs", "2", cwd=tmp_path)
    assert both.returncode == 2
    assert "--jobs has no effect on the workers of a running Dask cluster" in both.stderr
    monkeypatch.setattr(cluster_client, "CONNECT_SECONDS", 0.1)
    arguments[-1] = "s"
    none = bench("run", *arguments, "--scheduler", "tcp://127.0.0.1:1", cwd=tmp_path)
    assert none.returncode == 2
    assert "there is no Dask scheduler at tcp://127.0.0.1:1" in none.stderr
    assert [path.name for path in (tmp_path / "s").iterdir()] == [".lock"]
    with pytest.raises(BenchError, match="no Dask scheduler"):
        sb.evaluate("wrap", "median_income", out=tmp_path / "e", scheduler="tcp://127.0.0.1:1")
    assert [path.name for path in (tmp_path / "e").iterdir()] == [".lock"]
    # A run that is finished needs no scheduler.
    arguments[-1] = "r"
    assert (
        bench("run", *arguments, "--scheduler", "tcp://127.0.0.1:1", cwd=tmp_path).returncode == 0
    )
