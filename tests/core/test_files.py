from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from satclip_bench.core.errors import BenchError, IntegrityError, UnwritableError
from satclip_bench.core.files import (
    ABANDONED_SECONDS,
    CACHE_VARIABLE,
    atomic_write,
    cache_dir,
    cannot_write,
    move_file,
    process_mark,
    refuse_overwriting,
    require_sha256,
    require_writable,
    sha256_file,
    sweep_parts,
)


def test_hashes_are_sha256(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"abc" * 100_000)
    assert sha256_file(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_a_file_with_another_hash_is_refused_and_both_hashes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    require_sha256(path, hashlib.sha256(b"abc").hexdigest(), "")
    with pytest.raises(IntegrityError) as caught:
        require_sha256(path, "0" * 64, "Fetch it again.")
    for part in (str(path), "0" * 64, sha256_file(path), "Fetch it again."):
        assert part in str(caught.value)


def test_a_failed_write_leaves_the_old_file_and_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "f"
    with atomic_write(path) as stream:
        stream.write(b"old")

    def fail_midway() -> None:
        with atomic_write(path) as stream:
            stream.write(b"new, but only half of")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_midway()
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir()] == ["f"]


def test_whether_a_file_can_be_written_is_asked_without_changing_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "f"
    require_writable(path)
    assert list(path.parent.iterdir()) == []
    path.write_bytes(b"old")
    require_writable(path)
    assert path.read_bytes() == b"old"
    for refused in (path / "g", path.parent):
        with pytest.raises(UnwritableError, match="cannot be written"):
            require_writable(refused)


def test_a_written_file_has_default_permissions(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with atomic_write(path) as stream:
        stream.write(b"x")
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(BenchError, match="cannot be written"),
        atomic_write(tmp_path / "file" / "f"),
    ):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    def on_full_disk(**_: object) -> tuple[int, str]:
        part = tmp_path / "part"
        part.write_text("")
        return os.open("/dev/full", os.O_WRONLY), str(part)

    monkeypatch.setattr(tempfile, "mkstemp", on_full_disk)
    with pytest.raises(BenchError, match="No space left"), atomic_write(tmp_path / "f") as stream:
        stream.write(b"x" * 100_000)
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize("name", ["in.csv", "link.csv", "deep/../in.csv", "tiles/a.npy"])
def test_a_file_that_is_read_is_not_overwritten_under_any_name(tmp_path: Path, name: str) -> None:
    source, tiles, gone = tmp_path / "in.csv", tmp_path / "tiles", tmp_path / "gone.csv"
    source.write_text("")
    for folder in (tiles, tmp_path / "deep"):
        folder.mkdir()
    (tiles / "a.npy").write_text("")
    (tmp_path / "link.csv").symlink_to(source)
    option = "--tiles" if "tiles" in name else "--points"
    read: dict[str, list[Path | None]]
    read = {"--points": [source], "--tiles": [tiles, None], "--gone": [gone]}
    with pytest.raises(BenchError, match=f"would overwrite a file of {option}: choose"):
        refuse_overwriting([tmp_path / name], read)
    with pytest.raises(BenchError, match="a file of --gone"):
        refuse_overwriting([tmp_path / "new.csv", gone], read)
    refuse_overwriting([tmp_path / "new.csv", tiles / "b.npy"], read)


def test_an_error_about_another_file_is_not_one_of_writing(tmp_path: Path) -> None:
    other, path = tmp_path / "other", tmp_path / "f"
    with pytest.raises(FileNotFoundError, match="other"), atomic_write(path) as stream:
        stream.write(other.read_bytes())
    assert not list(tmp_path.iterdir())


def test_temporary_files_of_this_machine_are_swept_at_once_and_of_others_after_a_day(
    tmp_path: Path,
) -> None:
    ended, there = process_mark(2**30), f"{'0' * 8}-{2**30}-"
    names = {
        f".a.csv.{ended}abcde_7d.part": True,
        f"deep/.b.[1].csv.{ended}abcdefgh.part": True,
        f".c.csv.{process_mark()}abcdefgh.part": False,
        f".d.csv.{there}abcdefgh.part": False,
        f".e.csv.{there}long_ago.part": True,
        f".f.csv.{2**30}-abcdefgh.part": False,
        f".g.csv.{2**30}-long_ago.part": True,
        ".film.mp4.part": False,
        ".film.mp4.long_ago.part": False,
        f".h.csv.{ended}abcdefgh": False,
        ".report.2020-final.long_ago.part": False,
        ".report.2020-long-ago.part": False,
    }
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
        if "long" in name:
            before = path.stat().st_mtime - ABANDONED_SECONDS - 60
            os.utime(path, (before, before))
    sweep_parts(tmp_path, "**/*")
    assert {name: not (tmp_path / name).exists() for name in names} == names


@pytest.mark.parametrize("same_file_system", [True, False])
def test_a_moved_file_replaces_another(
    same_file_system: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    rename = Path.replace

    def replace(path: Path, other: Path) -> Path:
        if path == source and not same_file_system:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(path, other)

    monkeypatch.setattr(Path, "replace", replace)
    move_file(source, target)
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert target.read_bytes() == b"new"


def test_the_environment_variable_moves_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.setenv(CACHE_VARIABLE, "")
    assert cache_dir().name == "satclip-bench"


def test_a_folder_in_the_place_of_a_file_is_named_before_anything_is_written(
    tmp_path: Path,
) -> None:
    with (
        pytest.raises(UnwritableError, match="it is a folder, not a file"),
        atomic_write(tmp_path),
    ):
        pytest.fail("the block must not run")


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "f"
    blocked.write_bytes(b"x")
    with (
        pytest.raises(UnwritableError, match=f"{blocked} is a file, not a folder"),
        atomic_write(blocked / "deep" / "g"),
    ):
        pytest.fail("the block must not run")
    exists = OSError(errno.EEXIST, "File exists")
    assert f"{blocked} cannot be written: it is a file, not a folder" in cannot_write(
        blocked, exists
    )
