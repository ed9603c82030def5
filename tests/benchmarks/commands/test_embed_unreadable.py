"""Files of points that the command `embed` cannot read, and what it warns of."""

from __future__ import annotations

import errno
import warnings
from pathlib import Path

import pandas as pd
import pytest

from satclip_bench.core import point_files
from tests.benchmarks.commands.test_embed import embed, frame, write


def test_damage_that_shows_while_rows_are_read_is_that_of_the_points(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = tmp_path / "p.parquet"
    frame().to_parquet(points)
    content = bytearray(points.read_bytes())
    content[4:40] = b"\xff" * 36
    points.write_bytes(content)
    assert embed(points, tmp_path / "e.parquet") == 2
    message = capsys.readouterr().err
    assert f"error: {points} cannot be read" in message
    assert "e.parquet" not in message
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!DOCTYPE html><html>", "a web page came in place of the file"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer came in place"),
    ],
)
def test_what_came_in_place_of_a_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
) -> None:
    points = tmp_path / "p.parquet"
    points.write_bytes(content)
    assert embed(points, tmp_path / "e.parquet") == 2
    assert f"{points} cannot be read: {words}" in capsys.readouterr().err


def test_a_warning_is_a_line_without_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    polar = pd.DataFrame({"lon": [50.0, 51.0, 52.0, 53.0], "lat": [80.0, 81.0, 82.0, 83.0]})
    polar.to_csv(tmp_path / "p.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert embed(tmp_path / "p.csv", tmp_path / "e.npy") == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "swapped" in line]
    assert len(lines) == 1
    assert lines[0].startswith("warning: these coordinates look like (latitude, longitude)")


def test_points_that_may_not_be_read_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    points = write(tmp_path / "p.csv")

    def refuse(path: Path, *args: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    # The tests may run as root, who may read every file.
    monkeypatch.setattr(point_files, "text_format", refuse)
    monkeypatch.setattr(point_files, "stand_in", refuse)
    assert embed(points, tmp_path / "e.npy") == 2
    message = capsys.readouterr().err
    assert f"error: {points} cannot be read: Permission denied. Change its permissions" in message
