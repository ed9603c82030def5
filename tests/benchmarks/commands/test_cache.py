"""The command `cache`, as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.runs.embedding_cache import LIMIT_VARIABLE, EmbeddingCache
from satclip_bench.core.files import CACHE_VARIABLE, process_mark
from tests.benchmarks.runs.cached import add_to_cache


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with two embeddings of 1 MB, weights of 3 MB, and a table."""
    cache = tmp_path / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    for name in ("a.npy", "b.npy"):
        with EmbeddingCache() as embeddings:
            add_to_cache(embeddings, name, b"x" * 1_000_000)
    (cache / "weights" / "gps2vec").mkdir(parents=True)
    (cache / "weights" / "gps2vec" / "model.h5").write_bytes(b"y" * 1_000_000)
    (cache / "weights" / "toy.pth").write_bytes(b"y" * 2_000_000)
    (cache / "weights" / "lock.json").write_text("{}")
    (cache / "data").mkdir()
    (cache / "data" / "table.csv").write_text("lon,lat\n")
    return cache


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.suffix in (".npy", ".h5", ".pth")}


def test_info_shows_sizes_and_the_limit(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["cache", "info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{folder} ")
    rows = {line.split()[0]: line.split()[1:4] for line in lines if line}
    assert rows["embeddings"][1:] == ["2.0", "MB"]
    assert rows["weights"] == ["3", "3.0", "MB"]
    assert rows["data"] == ["1", "8", "bytes"]
    assert rows["total"][1:] == ["5.0", "MB"]
    assert "limited to 10.0 GB" in lines[-1]
    monkeypatch.setenv(LIMIT_VARIABLE, "x")
    assert main(["cache", "info"]) == 2
    assert "SATCLIP_BENCH_CACHE_GB=x is not a number" in capsys.readouterr().err


def test_info_of_a_missing_cache(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "none"))
    assert main(["cache", "info"]) == 0
    assert main(["cache", "clear", "--embeddings", "--weights"]) == 0
    assert not (tmp_path / "none").exists()


def test_clear_deletes_embeddings_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "clear"]) == 0
    assert files(folder) == {"model.h5", "toy.pth"}
    out = capsys.readouterr().out
    assert f"embeddings: 2.0 MB deleted from {folder / 'embeddings'}" in out
    assert "3.0 MB of weights are kept" in out
    assert "cache clear --weights`" in out


def test_temporary_files_of_killed_processes_are_deleted(folder: Path) -> None:
    # Numbers of processes are smaller than this one.
    old, new = (
        folder / "embeddings" / f".a.npy.{process_mark(2**22 + n)}abcdefgh.part" for n in (1, 2)
    )
    in_use = folder / "embeddings" / f".b.npy.{process_mark()}abcdefgh.part"
    for path in (old, in_use):
        path.write_bytes(b"x")
    with EmbeddingCache():
        pass
    assert [path.exists() for path in (old, in_use)] == [False, True]
    new.write_bytes(b"x")
    assert main(["cache", "clear"]) == 0
    assert [path.exists() for path in (new, in_use)] == [False, True]


def test_files_of_other_programs_stay_in_a_folder_that_a_user_has_chosen(folder: Path) -> None:
    mine = folder / "embeddings" / "mine.npy"
    mine.write_bytes(b"x")
    assert main(["cache", "clear"]) == 0
    assert files(folder) == {"mine.npy", "model.h5", "toy.pth"}


def test_clear_of_weights_keeps_the_hashes_of_first_downloads(folder: Path) -> None:
    assert main(["cache", "clear", "--weights"]) == 0
    assert files(folder) == {"a.npy", "b.npy"}
    assert (folder / "weights" / "lock.json").is_file()
    assert main(["cache", "clear", "--embeddings", "--weights"]) == 0
    assert files(folder) == set()
    assert (folder / "data" / "table.csv").is_file()


def test_a_linked_folder_is_not_cleared(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "weights").rename(tmp_path / "elsewhere")
    (folder / "weights").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert main(["cache", "clear", "--weights"]) == 2
    assert "is a link to" in capsys.readouterr().err
    assert files(tmp_path / "elsewhere") == {"model.h5", "toy.pth"}
