"""What all tests share: a cache of their own, and a network that ends at this machine."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from satclip_bench.core.files import CACHE_VARIABLE, cache_dir

REAL_CACHE = cache_dir()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Embeddings made by tests never reach the user's cache; weights are found through a link."""
    cache = tmp_path_factory.mktemp("cache")
    if (REAL_CACHE / "weights").is_dir():
        (cache / "weights").symlink_to(REAL_CACHE / "weights", target_is_directory=True)
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if host not in ("", "127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test reached for the network: {address}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture
def repository() -> Path:
    """The project's root."""
    return Path(__file__).parent.parent


@pytest.fixture
def shared_data(repository: Path) -> Path:
    """Real tables that may lie beside the project; the test skips where they do not."""
    folder = repository.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no folder {os.path.relpath(folder, repository)} with the papers' tables")
    return folder
