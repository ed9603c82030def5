"""Predictions that were damaged on disk are named by reports and computed again by `run`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from satclip_bench.benchmarks.runs.record_files import read_record
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.core.errors import RecordError
from tests.benchmarks.cli.program import SMALL, bench

ENCODERS = ["--encoders", "wrap,direct"]


def truncate(path: Path, other: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path, other: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path, other: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def swap(path: Path, other: Path) -> None:
    shutil.copyfile(other, path)


def folder_in_place(path: Path, other: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    done = bench("run", *SMALL, *ENCODERS, "--out", "r", "--jobs", "1", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "r"


def predictions_of(run: Path, encoder: str) -> Path:
    (path,) = (run / "records").glob(f"*/{encoder}/*/*.parquet")
    return path


@pytest.mark.parametrize("damage", [truncate, empty, flip, swap, Path.unlink, folder_in_place])
def test_damage_is_found_by_the_hash(
    tmp_path: Path, finished: Path, damage: Callable[..., None]
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "r"))
    path = predictions_of(run, "wrap")
    if damage is Path.unlink:
        path.unlink()
    else:
        damage(path, predictions_of(run, "direct"))
    record = read_record(path.with_suffix(".json"))
    store = Store(run)
    assert store.find(record.settings) is None
    with pytest.raises(RecordError, match=r"are gone|are damaged|cannot be read"):
        store.predictions(record)


@pytest.mark.parametrize("damage", [truncate, swap])
def test_reports_name_damaged_predictions_and_run_computes_them_again(
    tmp_path: Path, finished: Path, damage: Callable[[Path, Path], None]
) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "r"))
    path = predictions_of(run, "wrap")
    intact = path.read_bytes()
    damage(path, predictions_of(run, "direct"))

    shown = bench("leaderboard", "--out", "r", cwd=tmp_path, COLUMNS="130")
    assert shown.returncode == 0, shown.stderr
    assert path.name in shown.stderr
    assert "are damaged" in shown.stderr
    for command in ("tables", "diagnose"):
        done = bench(command, "--out", "r", cwd=tmp_path)
        assert "Traceback" not in done.stderr
        assert "are damaged" in done.stdout + done.stderr
    row, intact_row = (_row(folder, "Wrap") for folder in (run, finished))
    assert row[:2] == intact_row[:2]
    assert "[" in intact_row[2]
    assert "[" not in row[2]
    assert row[2].strip("*") == intact_row[2].split("<br>")[0].strip("*")

    again = bench("run", *SMALL, *ENCODERS, "--out", "r", "--jobs", "1", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "1 done, 1 to run" in again.stderr
    assert path.read_bytes() == intact


def _row(run: Path, title: str) -> list[str]:
    text = (run / "tables/leaderboard.random.linear.md").read_text()
    # The differences to the best stand below the scores.
    lines = text.partition("\n## ")[0].splitlines()
    (line,) = (line for line in lines if line.startswith(f"| {title} "))
    return [cell.strip() for cell in line.strip("|").split("|")]
