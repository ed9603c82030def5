"""`--task-file`, the tasks that a run's folder remembers, and what `info` shows of a task."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.commands.show_files import file_rows
from satclip_bench.benchmarks.commands.user_tables import adopt
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import get_task, registry, task_card
from tests.tasks.user_tables.test_table_file import points, write


@pytest.fixture(autouse=True)
def _forget_added_tasks() -> Iterator[None]:
    """Remove the tasks that a test adds."""
    yield
    registry._added.clear()


def run(folder: Path, *more: str) -> int:
    return main(
        [
            *("run", "--encoders", "wrap,baseline.mean", "--splits", "random"),
            *("--probes", "linear", "--seeds", "0", "--jobs", "1"),
            *("--out", str(folder / "out"), *more),
        ]
    )


def test_a_file_is_run_reported_and_remembered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(points(300), tmp_path / "farms.csv")
    table = ("--task-file", str(path), "--target", "yield", "--target", "crop")
    assert run(tmp_path, *table) == 0
    frame = pd.read_parquet(tmp_path / "out/results.parquet")
    assert set(frame["task"]) == {"farms.yield", "farms.crop"}, "tasks of the suite are not run"
    assert set(frame["status"]) == {"done"}
    assert (tmp_path / "out/figures/maps/farms.yield.png").is_file()
    capsys.readouterr()

    # Another process learns about the tasks from the folder.
    registry._added.clear()
    assert main(["leaderboard", "--out", str(tmp_path / "out")]) == 0
    assert "farms:" in capsys.readouterr().out
    assert run(tmp_path, *table) == 0
    assert "4 cells, 4 done, 0 to run" in capsys.readouterr().err.replace("\n", " ")

    # It needs no table for that.
    registry._added.clear()
    path.unlink()
    assert main(["tables", "--out", str(tmp_path / "out")]) == 0


def test_the_split_column_of_a_table_is_the_official_split(tmp_path: Path) -> None:
    frame = points(300)
    path = write(frame, tmp_path / "farms.parquet")
    assert run(tmp_path, "--task-file", str(path), "--target", "yield", "--splits", "official") == 0
    rows = pd.read_parquet(tmp_path / "out/results.parquet")
    official = rows[rows["split"] == "official"]
    assert set(official["n_test"]) == {int((frame["split"] == "test").sum())}


def test_worker_processes_can_load_the_table(tmp_path: Path) -> None:
    path = write(points(300), tmp_path / "farms.parquet")
    table = ("--task-file", str(path), "--target", "crop", "--jobs", "2")
    assert run(tmp_path, *table) == 0


def test_files_and_targets_must_match(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(points(300), tmp_path / "farms.csv")
    assert run(tmp_path, "--task-file", str(path)) == 2
    assert "1 --task-file and 0 --target do not match" in capsys.readouterr().err
    assert run(tmp_path, "--target", "yield") == 2
    assert run(tmp_path, "--task-file", str(path), "--target", "yeild") == 2
    assert "no column 'yeild'" in capsys.readouterr().err
    other = write(points(300), tmp_path / "b/farms.csv")
    files = ("--task-file", str(path), "--task-file", str(other))
    assert run(tmp_path, *files, "--target", "yield", "--target", "yield") == 2
    assert "two tasks are called 'farms.yield'" in capsys.readouterr().err
    assert not (tmp_path / "out/results.parquet").exists()


def test_columns_and_separator_can_be_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "farms.csv"
    points(300).rename(columns={"lon": "x", "lat": "Y"}).to_csv(path, index=False, sep=":")
    table = ("--task-file", str(path), "--target", "yield")
    assert run(tmp_path, *table) == 2
    assert "--lon and --lat" in capsys.readouterr().err
    named = ("--lon", "x", "--lat", "Y", "--sep", ":", "--jobs", "2")
    assert run(tmp_path, *table, *named) == 0
    # Another process reads the table as this one did.
    registry._added.clear()
    adopt(tmp_path / "out")
    assert len(get_task("farms.yield").load()) == 300


def test_a_layer_can_be_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(points(300), tmp_path / "farms.gpkg")
    gpd.read_file(path).to_file(path, layer="other")
    table = ("--task-file", str(path), "--target", "yield")
    assert run(tmp_path, *table) == 2
    assert "Choose one with --layer" in capsys.readouterr().err
    assert run(tmp_path, *table, "--layer", "other", "--dry-run") == 0


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(points(300), tmp_path / "farms.csv")
    assert run(tmp_path, "--task-file", str(path), "--target", "yield", "--dry-run") == 0
    assert [p.name for p in tmp_path.iterdir()] == ["farms.csv"]
    assert "not written in a dry run" in capsys.readouterr().err


def test_what_is_odd_about_a_table_is_printed_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.concat([points(150)] * 2, ignore_index=True)
    path = write(frame, tmp_path / "farms.csv")
    assert run(tmp_path, "--task-file", str(path), "--target", "yield", "--dry-run") == 0
    assert "300 of 300 rows share their place" in capsys.readouterr().err
    write(frame.assign(**{"yield": [f"[{i}]" for i in range(300)]}), path)
    assert run(tmp_path, "--task-file", str(path), "--target", "yield") == 2
    assert "300 classes in 300 rows, such as '[0]'" in capsys.readouterr().err


def test_a_missing_card_is_not_made_by_a_report(tmp_path: Path) -> None:
    path = write(points(300), tmp_path / "farms.csv")
    assert run(tmp_path, "--task-file", str(path), "--target", "yield") == 0
    card = tmp_path / "farms.yield.card.json"
    card.unlink()
    registry._added.clear()
    adopt(tmp_path / "out")
    assert not card.exists()
    assert get_task("farms.yield").card.title == "farms: yield"
    with pytest.raises(BenchError, match=r"card of task 'farms\.yield' is no longer at"):
        get_task("farms.yield").load()
    card.write_text("{")
    adopt(tmp_path / "out")
    with pytest.raises(BenchError, match="is not a valid card"):
        get_task("farms.yield").load()


def test_a_damaged_file_of_a_remembered_task_is_named_and_can_be_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(points(300), tmp_path / "farms.csv")
    table = ("--task-file", str(path), "--target", "yield")
    assert run(tmp_path, *table) == 0
    remembered = tmp_path / "out/tasks/farms.yield.json"
    remembered.write_text("{")
    registry._added.clear()
    capsys.readouterr()
    assert main(["leaderboard", "--out", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert f"{remembered} cannot be read: Invalid JSON" in message
    assert "Delete it, and run its task again with --task-file" in message
    assert "pydantic" not in message
    remembered.unlink()
    assert run(tmp_path, *table) == 0
    assert "1 to run" not in capsys.readouterr().err


def test_info_draws_a_map_and_a_histogram(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    for name in ("median_income", "biomes"):
        assert main(["info", name, "--map", str(tmp_path)]) == 0
        for kind in ("map", "histogram"):
            path = tmp_path / f"{name}.open.{kind}.png"
            first = path.read_bytes()
            picture = np.asarray(Image.open(path).convert("L"))
            assert min(picture.shape) > 300
            assert (picture < 200).mean() > 0.01, "the picture is not empty"
            main(["info", name, "--map", str(tmp_path)])
            assert path.read_bytes() == first
    capsys.readouterr()
    assert main(["info", "linear", "--map", str(tmp_path)]) == 2
    assert "--map works for tasks and encoders" in capsys.readouterr().err
    missing = ["info", "countries", "--map", str(tmp_path), "--edition", "paper"]
    assert main([*missing, "--data-dir", str(tmp_path)]) == 2
    assert "cannot be drawn" in capsys.readouterr().err


def test_info_lists_present_and_missing_files(tmp_path: Path) -> None:
    card = task_card("elevation")
    rows = list(file_rows(card, tmp_path))
    assert "present" in rows[0][2]
    assert all(state.startswith("missing; ") for _, _, state in rows[1:])
    assert any("`download` downloads it" in state for _, _, state in rows)
    assert any("Google" in state for _, _, state in rows)
    bad = tmp_path / "elevation/labels_elevation.csv"
    bad.parent.mkdir()
    bad.write_text("x")
    states = {path: (whose, state) for whose, path, state in file_rows(card, tmp_path)}
    assert "NOT the expected content" in states[str(bad)][1]


def test_info_of_the_real_files(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "air_temperature", "--data-dir", str(shared_data)]) == 0
    out = capsys.readouterr().out.replace("\n", "")
    assert "this is read" in out
    assert "383,938 bytes, verified" in out
