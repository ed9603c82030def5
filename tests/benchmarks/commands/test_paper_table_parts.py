"""Tables for papers of runs with separate tables of which some have none of the encoders."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from satclip_bench.tasks import task_card
from tests.benchmarks.cli.program import bench
from tests.benchmarks.frames import METRICS, frame


def write(folder: Path, *parts: pd.DataFrame) -> None:
    pd.concat(parts, ignore_index=True).to_parquet(folder / "results.parquet", index=False)


def of_wide(encoders: list[str]) -> pd.DataFrame:
    """A run of the task `wind_speed`, which has a table of its own."""
    assert task_card("wind_speed").metric == METRICS["elevation"]
    return of_paper(encoders).assign(task="wind_speed")


def of_paper(encoders: list[str]) -> pd.DataFrame:
    run = frame(lambda *cell: 0.5, tasks=["elevation"], encoders=encoders, seeds=[0])
    return run.query("split == 'random'")


def test_a_separate_table_without_the_encoders_is_left_out(tmp_path: Path) -> None:
    both = ["satclip-bluemarble.l10", "harmonics.l10"]
    write(tmp_path, of_paper(both), of_wide(["geoclip"]))
    finished = bench("tables", "--style", "ablation", "--out", tmp_path, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "wide: the run has none of these tables" in finished.stdout
    assert (tmp_path / "tables" / "ablation.tex").is_file()
    assert not (tmp_path / "tables" / "ablation.wide.tex").exists()


def test_a_run_without_any_of_the_tables_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, of_paper(["geoclip"]), of_wide(["geoclip"]))
    finished = bench("tables", "--style", "ablation", "--out", tmp_path, cwd=tmp_path)
    assert finished.returncode == 2
    message = " ".join(finished.stderr.split())
    assert "tasks of papers: the run has none of these tables" in message
    assert "wide: the run has none of these tables" in message
