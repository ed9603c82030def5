"""The cache of embeddings: its limit, what a run keeps, and a cache that cannot be written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.runs import embedding_cache
from satclip_bench.benchmarks.runs.callbacks import Callbacks
from satclip_bench.benchmarks.runs.embedding_cache import (
    LIMIT_VARIABLE,
    EmbeddingCache,
    cached_files,
    evict,
    size_limit,
)
from satclip_bench.benchmarks.runs.embedding_jobs import Place, embed_all
from satclip_bench.benchmarks.runs.tables import TaskSource
from satclip_bench.core import device
from satclip_bench.core.device import DEVICE_VARIABLE
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import CACHE_VARIABLE
from tests.benchmarks.runs.cached import add_to_cache

RUN = (
    *("run", "--tasks", "median_income", "--splits", "random", "--probes", "linear"),
    *("--seeds", "0", "--jobs", "1"),
)


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder / "embeddings"


def names(folder: Path) -> list[str]:
    return [file.path.name for file in cached_files(folder)]


def fill(folder: Path, count: int, size: int = 100) -> None:
    """Add files `0.npy`, `1.npy`, ...; the first was used longest ago."""
    with EmbeddingCache() as cache:
        for i in range(count):
            path = add_to_cache(cache, f"{i}.npy", b"x" * size)
            os.utime(path, (i, i))


def test_least_recently_used_are_deleted_above_the_limit(cache_folder: Path) -> None:
    fill(cache_folder, 4)
    with EmbeddingCache() as cache:
        assert cache.find("0.npy") == cache_folder / "0.npy"
    assert names(cache_folder) == ["1.npy", "2.npy", "3.npy", "0.npy"]
    deleted = evict(cache_folder, 250)
    assert [path.name for path in deleted] == ["1.npy", "2.npy"]
    assert names(cache_folder) == ["3.npy", "0.npy"]
    assert {path.suffix for path in cache_folder.glob("*.sha256")} == {".sha256"}
    assert len(list(cache_folder.glob("*.sha256"))) == 2


def test_what_a_run_needs_is_kept_until_it_ends(
    cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(cache_folder, 3)
    monkeypatch.setenv(LIMIT_VARIABLE, "0")
    with EmbeddingCache() as cache:
        assert cache.find("0.npy") is not None
        add_to_cache(cache, "new.npy", b"y" * 100)
        cache.evict()
        assert set(names(cache_folder)) == {"0.npy", "new.npy"}
        assert main(["cache", "clear"]) == 0
        assert set(names(cache_folder)) == {"0.npy", "new.npy"}
    assert names(cache_folder) == []
    assert not list((cache_folder / "in-use").iterdir())


def test_what_is_not_needed_any_more_is_deleted_unless_another_run_needs_it(
    cache_folder: Path,
) -> None:
    fill(cache_folder, 2)
    with EmbeddingCache() as cache, EmbeddingCache() as other:
        for name in ("0.npy", "1.npy"):
            assert cache.find(name) is not None
        assert other.find("1.npy") is not None
        for name in ("0.npy", "1.npy", "none.npy"):
            cache.discard(name)
        assert names(cache_folder) == ["1.npy"]
        assert [path.name for path in cache_folder.glob("*.sha256")] == ["1.sha256"]


def test_what_another_process_needs_is_kept_until_it_is_killed(cache_folder: Path) -> None:
    fill(cache_folder, 2)
    code = (
        "from satclip_bench.benchmarks.runs.embedding_cache import EmbeddingCache\n"
        "cache = EmbeddingCache(); cache.find('0.npy'); print('ready', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        evict(cache_folder, 0)
        assert names(cache_folder) == ["0.npy"]
        other.kill()
    evict(cache_folder, 0)
    assert names(cache_folder) == []


def test_a_changed_file_is_not_used(cache_folder: Path) -> None:
    fill(cache_folder, 2)
    (cache_folder / "0.npy").write_bytes(b"z" * 100)
    (cache_folder / "1.sha256").write_bytes(b"\xff\xfe")
    with EmbeddingCache() as cache:
        assert cache.find("0.npy") is None
        assert cache.find("1.npy") is None
        assert cache.find("2.npy") is None


@pytest.mark.parametrize("text", ["many", "-1", "nan", "inf"])
def test_a_limit_that_is_not_a_number_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, text)
    with pytest.raises(BenchError, match=f"{LIMIT_VARIABLE}={text} is not a number of gigabytes"):
        size_limit()


def test_limit_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert size_limit() == 10_000_000_000
    monkeypatch.setenv(LIMIT_VARIABLE, "0.5")
    assert size_limit() == 500_000_000


def _scores(out: Path) -> list[float]:
    import pandas as pd

    return list(pd.read_parquet(out / "results.parquet")["value"])


def test_runs_above_the_limit_give_the_same_scores(
    cache_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (*RUN, "--encoders", "wrap,direct")
    assert main([*arguments, "--out", str(tmp_path / "kept")]) == 0
    assert len(names(cache_folder)) == 2
    monkeypatch.setenv(LIMIT_VARIABLE, "0")
    assert main([*arguments, "--out", str(tmp_path / "again")]) == 0
    assert names(cache_folder) == []
    assert _scores(tmp_path / "again") == _scores(tmp_path / "kept")


@pytest.mark.parametrize("kind", ["file", "file in its place", "under a file", "read-only"])
def test_a_cache_that_cannot_be_written_costs_one_warning(
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The tests may run as root, whom permissions do not stop; these obstacles stop everyone."""
    cache = tmp_path / "obstructed"
    if kind == "file":
        cache.write_text("not a folder")
    elif kind == "file in its place":
        cache.mkdir()
        (cache / "embeddings").write_text("not a folder")
    elif kind == "under a file":
        (tmp_path / "file").write_text("not a folder")
        cache = tmp_path / "file" / "cache"
    else:
        cache = Path("/proc/cache")
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    arguments = (*RUN, "--encoders", "wrap,direct", "--out", str(tmp_path / "out"))
    assert main(list(arguments)) == 0
    assert len(_scores(tmp_path / "out")) >= 2
    error = capsys.readouterr().err
    assert error.count("cannot be written") == 1, error
    assert f"the cache {cache / 'embeddings'} cannot be written (" in error
    assert "Set $SATCLIP_BENCH_CACHE to a folder that can be written" in error


def test_a_lock_that_another_machine_has_left_is_waited_for_once_and_costs_one_warning(
    cache_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    fill(cache_folder, 1)
    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", flock)
    monkeypatch.setattr(embedding_cache, "WAIT_SECONDS", 1.0)
    (cache_folder / ".lock.marker").write_text("123\nnode7\n")
    warnings: list[str] = []
    begin = time.monotonic()
    with EmbeddingCache(warnings.append) as cache:
        # What is there can be read, though not reserved.
        assert cache.find("0.npy") == cache_folder / "0.npy"
        for name in ("a.npy", "b.npy"):
            new = tmp_path / name
            new.write_bytes(b"x")
            assert cache.add(name, new, "00") is None
            cache.discard("0.npy")
    assert 1 <= time.monotonic() - begin < 2
    assert [str(cache_folder / ".lock.marker") in text for text in warnings] == [True]
    assert names(cache_folder) == ["0.npy"]
    with pytest.raises(BenchError, match="delete the file"):
        evict(cache_folder, 0)
    (cache_folder / ".lock.marker").unlink()
    assert evict(cache_folder, 0) == [cache_folder / "0.npy"]


def test_embeddings_by_a_gpu_have_other_names(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [Place("wrap", TaskSource("median_income", "open"))]
    for chosen in ("cpu", "cuda", "cpu"):
        monkeypatch.setenv(DEVICE_VARIABLE, chosen)
        # As on a machine with a GPU; this encoder does not use it.
        monkeypatch.setattr(device, "existing_device", lambda name: None)
        with EmbeddingCache() as cache:
            embed_all(places, {}, tmp_path, cache, Callbacks())
    assert len(names(cache_folder)) == 2
