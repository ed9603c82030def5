"""Connections to a Dask scheduler: files and addresses that do not lead to one."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from satclip_bench.benchmarks.runs import cluster_client
from satclip_bench.benchmarks.runs.cluster_client import (
    local_cluster,
    scheduler_address,
    without_log,
)
from satclip_bench.benchmarks.runs.executors import make_executor
from satclip_bench.core.errors import BenchError, UnfinishedError

pytest.importorskip("distributed")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_client, "CONNECT_SECONDS", 0.2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"there is no scheduler file .*s\.json, also after 0\.2 s.*--scheduler-file"),
        ("", r"s\.json is not a scheduler file of Dask \(Expecting value.*also after"),
        ("{", r"is not a scheduler file of Dask \(Expecting property name.*also after"),
        ("[]", r"is not a scheduler file of Dask, also after"),
        ("{}", r"is not a scheduler file of Dask, also after"),
        ('{"address": 5}', r"is not a scheduler file of Dask, also after"),
        ("\xff", r"is not a scheduler file of Dask"),
        (
            '{"address": "tcp://127.0.0.1:1"}',
            r"no Dask scheduler at tcp://127.*, which .*json",
        ),
    ],
)
def test_a_scheduler_file_that_leads_nowhere_is_named(
    tmp_path: Path, content: str | None, message: str
) -> None:
    file = tmp_path / "s.json"
    if content is not None:
        file.write_bytes(content.encode("latin-1"))
    messages: list[str] = []
    with pytest.raises(BenchError, match=message):
        make_executor(scheduler=str(file)).check_connection(messages.append)
    waits = [f"{file}" in text and "waits for it" in text for text in messages]
    assert waits == ([] if content and "tcp" in content else [True])


def test_a_folder_in_place_of_a_scheduler_file_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "s.json").mkdir()
    with pytest.raises(BenchError, match=r"s\.json cannot be read: Is a directory"):
        scheduler_address(tmp_path / "s.json", pytest.fail)


def test_a_scheduler_file_that_is_written_later_is_read(tmp_path: Path) -> None:
    """Also one that has no suffix, and one that is not whole when it is first looked at."""
    file = tmp_path / "scheduler"
    file.write_text("{")

    def write(_: str) -> None:
        file.write_text(json.dumps({"type": "Scheduler", "address": "tcp://10.0.0.1:8786"}))

    assert scheduler_address(file, write) == "tcp://10.0.0.1:8786"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "address", ["node7", "", "ssh://node7:1", "tcp://127.0.0.1:abc", "tls://127.0.0.1:1"]
)
def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(BenchError, match=f"there is no Dask scheduler at {address}: .*Start one"):
        make_executor(scheduler=address).check_connection(pytest.fail)


def test_workers_that_do_not_start_end_the_run_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("distributed.nanny.WorkerProcess.start", refused)
    with (
        pytest.raises(
            UnfinishedError, match=r"cannot start its workers.*unavailable.*fewer --jobs"
        ),
        without_log(),
        local_cluster(1, tmp_path),
    ):
        pass


def test_a_script_that_every_worker_would_run_again_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(
        "import satclip_bench as sb\n"
        "sb.evaluate('wrap', 'median_income', probes='knn', scheduler='local', jobs=1, out='run')\n"
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert 'has to be below `if __name__ == "__main__":`' in done.stderr


def test_workers_on_this_machine_may_take_all_memory_as_processes_may(tmp_path: Path) -> None:
    """Dask would end a worker that takes more than its share, which another executor computes."""
    with without_log(), local_cluster(1, tmp_path) as local:
        limits = [worker["memory_limit"] for worker in local.scheduler_info["workers"].values()]
    assert limits == [0]
