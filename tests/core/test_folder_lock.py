"""The lock of a folder, with and without locks of the kernel."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from satclip_bench.core.errors import BenchError, UnwritableError
from satclip_bench.core.file_lock import NO_LOCKS, LockedError, acquired, file_lock, marker_of
from satclip_bench.core.folder_lock import LOCK, folder_lock

fcntl = pytest.importorskip("fcntl")

MARKER = ".lock.marker"


def no_locks(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def flock(*_: object) -> None:
        raise OSError(number, "no locks")

    monkeypatch.setattr(fcntl, "flock", flock)


def test_a_folder_is_locked_once(tmp_path: Path) -> None:
    with folder_lock(tmp_path):
        with pytest.raises(BenchError, match="another run is writing"), folder_lock(tmp_path):
            pass
        assert (tmp_path / LOCK).exists()
        assert not (tmp_path / MARKER).exists()
    with folder_lock(tmp_path):
        pass


@pytest.mark.parametrize("number", sorted(set(NO_LOCKS)))
def test_without_locks_of_the_kernel_a_file_marks_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    no_locks(monkeypatch, number)
    with (
        folder_lock(tmp_path),
        pytest.raises(BenchError, match="another run is writing"),
        folder_lock(tmp_path),
    ):
        pass
    with folder_lock(tmp_path):
        pass
    assert not (tmp_path / MARKER).exists()


@pytest.mark.parametrize("number", sorted(set(NO_LOCKS)))
def test_a_marker_of_a_killed_run_is_removed_and_that_of_another_machine_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    no_locks(monkeypatch, number)
    code = f"""
import os, signal
from filelock import SoftFileLock
lock = SoftFileLock({str(tmp_path / MARKER)!r})
lock.acquire()
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    marker = (tmp_path / MARKER).read_text()
    assert socket.gethostname() in marker
    with folder_lock(tmp_path):
        pass
    (tmp_path / MARKER).write_text(marker.replace(socket.gethostname(), "node7"))
    with (
        pytest.raises(BenchError, match=r"has no locks.*delete the file"),
        folder_lock(tmp_path),
    ):
        pass


def test_a_lock_from_when_the_kernel_had_locks_is_no_marker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with folder_lock(tmp_path):
        pass
    assert (tmp_path / LOCK).exists()
    no_locks(monkeypatch, errno.ENOSYS)
    with folder_lock(tmp_path):
        assert (tmp_path / MARKER).exists()


def test_a_lock_is_waited_for_and_a_marker_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.lock"
    with (
        file_lock(path),
        pytest.raises(LockedError, match=r"another process holds the lock \S+a.lock$"),
    ):
        acquired(path, seconds=0.1)
    no_locks(monkeypatch, errno.ENOSYS)
    with file_lock(path):
        with pytest.raises(LockedError, match=r"a.lock.marker.*delete the file") as error:
            acquired(path, seconds=0.1)
        assert error.value.marker == marker_of(path)
    assert not marker_of(path).exists()


def test_a_folder_that_cannot_be_written_is_another_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_locks(monkeypatch, errno.EIO)
    with pytest.raises(UnwritableError, match="no locks"), folder_lock(tmp_path):
        pass


def test_an_error_of_the_block_is_not_one_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match="no answer"), folder_lock(tmp_path):
        raise TimeoutError("no answer")
