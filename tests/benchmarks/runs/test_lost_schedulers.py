"""Schedulers that are lost, stop, or are none: a run ends with a message and does not wait."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread

import pytest

from satclip_bench.benchmarks.runs import cluster, cluster_client
from satclip_bench.benchmarks.runs.cluster import DaskCluster
from satclip_bench.benchmarks.runs.cluster_client import scheduler_address
from satclip_bench.benchmarks.runs.work import Work
from satclip_bench.core.errors import BenchError, UnfinishedError
from tests.benchmarks.runs.in_threads import cluster_in_threads

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no POSIX signals")


def square(number: int, _: object = None) -> int:
    return number**2


def test_a_scheduler_that_is_lost_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Time within which a client connects again.
    monkeypatch.setattr(cluster_client, "CONNECT_SECONDS", 0.5)
    with cluster_in_threads(0) as local:
        executor = DaskCluster(local.scheduler_address, 2)
        messages: list[str] = []

        def warn(message: str) -> None:
            messages.append(message)
            local.close()

        with pytest.raises(UnfinishedError, match=r"was lost .* the same command"):
            list(executor.run({0: Work(square)}, tmp_path, warn))
    assert messages == [f"the Dask scheduler {executor.address} has no workers: cells wait for one"]


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Address and process of a scheduler without workers."""
    file = tmp_path / "scheduler.json"
    words = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"]
    words += ["--scheduler-file", str(file)]
    with subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", *words],
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield scheduler_address(file, lambda _: None), process.pid
        finally:
            process.kill()


def test_a_scheduler_that_stops_to_answer_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheduler: tuple[str, int]
) -> None:
    monkeypatch.setattr(cluster, "SILENT_SECONDS", 0.5)
    address, process = scheduler
    start = time.monotonic()
    with pytest.raises(UnfinishedError, match=r"was lost \(TimeoutError\).* the same command"):
        # It says that there are no workers, after which the scheduler is stopped.
        list(
            DaskCluster(address, 2).run(
                {0: Work(partial(square, 1))}, tmp_path, lambda _: os.kill(process, signal.SIGSTOP)
            )
        )
    assert time.monotonic() - start < 60
    monkeypatch.setattr(cluster_client, "CONNECT_SECONDS", 0.5)
    with pytest.raises(BenchError, match=r"has not answered as a scheduler within 0\.5 s"):
        DaskCluster(address, 2).check_connection(pytest.fail)


@pytest.mark.parametrize("kind", ["silent", "HTTP"])
def test_another_program_at_the_address_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Such as the scheduler's own page, whose port is one higher."""
    monkeypatch.setattr(cluster_client, "CONNECT_SECONDS", 0.5)
    server: HTTPServer | socket.socket
    if kind == "HTTP":
        server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
        Thread(target=server.handle_request, daemon=True).start()
        port = server.server_port
    else:
        server = socket.create_server(("127.0.0.1", 0))
        port = server.getsockname()[1]
    with (
        server,
        pytest.raises(BenchError, match=rf"at tcp://127.*:{port}: what listens there .*Start one"),
    ):
        DaskCluster(f"tcp://127.0.0.1:{port}", 2).check_connection(pytest.fail)
