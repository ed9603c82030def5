"""Fixtures for all tests: a temporary cache, and no network beyond this machine."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from satclip_bench.benchmarks.runs.threads import one_thread
from satclip_bench.core.device import DEVICE_VARIABLE
from satclip_bench.core.files import CACHE_VARIABLE, cache_dir
from satclip_bench.tasks import registry

# Tests run in one process per core, where more threads would wait for each other. The libraries
# read this when they are loaded.
for variable, threads in one_thread().items():
    os.environ.setdefault(variable, threads)
# Numbers that tests pin are those of CPUs; tests of a GPU choose it themselves.
os.environ.setdefault(DEVICE_VARIABLE, "cpu")

REAL_CACHE = cache_dir()


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After the last test of a module, forget the tasks that its tests have registered."""
    if nextitem is None or nextitem.path != item.path:
        registry._added.clear()


@pytest.fixture(autouse=True)
def _temporary_cache(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replace the user's cache by an empty one, with a link to the downloaded weights."""
    cache = tmp_path_factory.mktemp("cache")
    if (REAL_CACHE / "weights").is_dir():
        (cache / "weights").symlink_to(REAL_CACHE / "weights", target_is_directory=True)
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that connects to another machine."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if host not in ("", "127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to connect to {address}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture
def repository() -> Path:
    """The root of the repository."""
    return Path(__file__).parent.parent


@pytest.fixture
def shared_data(repository: Path) -> Path:
    """Folder with the papers' tables beside the repository; without it, the test is skipped."""
    folder = repository.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(
            f"there is no folder {os.path.relpath(folder, repository)} with the papers' tables"
        )
    return folder
