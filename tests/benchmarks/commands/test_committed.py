"""Reports of folders that have a table of results but no records, and of folders with neither."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from satclip_bench.benchmarks.metrics.replicates import Replicates, RunReplicates
from satclip_bench.benchmarks.metrics.resampling import REPLICATES
from satclip_bench.benchmarks.runs.columns import REPLICATE_KEY
from satclip_bench.benchmarks.runs.committed_bootstrap import (
    ADDED,
    FILE,
    read_bootstrap,
    write_bootstrap,
)
from satclip_bench.core.errors import BenchError
from tests.benchmarks.cli.program import bench
from tests.benchmarks.frames import frame

COMMANDS = ("leaderboard", "tables", "figures")


def with_keys(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with a key per cell."""
    cells = table[["task", "encoder", "split", "fold", "probe", "seed"]].astype(str)
    return table.assign(key=cells.agg("/".join, axis=1))


def committed(folder: Path, table: pd.DataFrame | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    table = with_keys(frame()) if table is None else table
    table.to_parquet(folder / "results.parquet", index=False)
    return folder


def protocols(folder: Path) -> None:
    old = frame().assign(protocol="satclip-bench/1")
    new = frame(seeds=(9,)).assign(protocol="satclip-bench/2")
    committed(folder, pd.concat([old, new]))


def old_layout(folder: Path) -> None:
    kept = ["task", "encoder", "split", "seed", "metric", "value"]
    committed(folder, frame()[kept])


def not_parquet(folder: Path) -> None:
    (folder / "results.parquet").write_text("task,encoder\n")


def no_scores(folder: Path) -> None:
    committed(folder, frame()[:0])


def old_records(folder: Path) -> None:
    place = folder / "records" / "biomes" / "wrap" / "random"
    place.mkdir(parents=True)
    (place / "linear.0.seed0.abc.json").write_text('{"schema_version": 1, "score": 0.5}')


def damaged_entry(folder: Path) -> None:
    (committed(folder) / "submissions").mkdir()
    (folder / "submissions" / "other.parquet").write_bytes(b"PAR1 and more")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda folder: None, "there are no records in {folder}. Run", id="empty"),
        pytest.param(
            lambda folder: folder.rmdir(), "there are no records in {folder}. Run", id="no folder"
        ),
        pytest.param(protocols, "several versions of the protocol 'satclip-bench'", id="mixed"),
        pytest.param(old_layout, "has no columns task_type", id="old table"),
        pytest.param(not_parquet, "cannot be read as a Parquet file", id="not Parquet"),
        pytest.param(no_scores, "results.parquet has no scores", id="no scores"),
        pytest.param(old_records, "is not a record that this version can read", id="old records"),
        pytest.param(damaged_entry, "other.parquet is cut off", id="damaged entry"),
    ],
)
def test_a_folder_with_nothing_to_show_is_one_line(
    tmp_path: Path, command: str, make: Callable[[Path], None], message: str
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    make(folder)
    finished = bench(command, "--out", folder, cwd=tmp_path)
    assert finished.returncode == 2
    assert message.format(folder=folder) in finished.stderr
    assert len([line for line in finished.stderr.splitlines() if "error:" in line]) == 1
    assert not (folder / "tables").exists()
    assert not (folder / "figures").exists()


def test_a_table_without_records_is_shown(tmp_path: Path) -> None:
    folder = committed(tmp_path / "run")
    shown = bench("leaderboard", "--out", folder, "--encoders", "w*,direct", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "WRAP" in shown.stdout
    assert "GEOCLIP" not in shown.stdout
    for arguments, message in (
        (("--encoders", "nonsense"), "nonsense"),
        (("--seeds", "7"), "no records of seed 7. It has seeds 0, 1, 2"),
    ):
        finished = bench("leaderboard", "--out", folder, *arguments, cwd=tmp_path)
        assert finished.returncode == 2
        assert message in finished.stderr


def test_a_table_of_an_earlier_version_is_shown(tmp_path: Path) -> None:
    older = frame().drop(columns=["interval", "converged", "n_clipped", "n_shared"])
    folder = committed(tmp_path / "run", older.rename(columns={"task_type": "kind"}))
    assert "WRAP" in bench("leaderboard", "--out", folder, cwd=tmp_path).stdout


def draws(table: pd.DataFrame) -> RunReplicates:
    """Scores, losses and losses of the reference of every cell, whose folds share their totals."""
    cells = table.drop_duplicates("key")[REPLICATE_KEY].reset_index(drop=True)
    rng = np.random.default_rng(0)
    folds = cells.groupby(["task", "split", "seed", "fold"]).ngroup().to_numpy()
    totals = rng.uniform(50, 100, (folds.max() + 1, REPLICATES))
    totals[0, :7] = np.nan
    losses = rng.uniform(0, 80, (len(cells), REPLICATES))
    losses[2] = 0
    index = pd.MultiIndex.from_frame(cells)
    with np.errstate(invalid="ignore"):
        scores = 1 - losses / totals[folds]
    parts = (scores, losses, totals[folds])
    return RunReplicates(*(Replicates(part, index) for part in parts))


def test_bootstrap_scores_are_read_as_they_were_written(tmp_path: Path) -> None:
    table = with_keys(frame())
    expected = draws(table)
    write_bootstrap(tmp_path, table, expected)
    # Rows of the table may come in another order.
    found = read_bootstrap(tmp_path, table[::-1])
    assert found is not None
    rows = found.score.rows(expected.score.index)  # type: ignore[arg-type]
    for name in ("score", "loss", "reference"):
        one, other = (getattr(r, name).scores for r in (found, expected))
        np.testing.assert_allclose(one[rows], other, rtol=1e-10, atol=1e-10)
    content = (tmp_path / FILE).read_bytes()
    write_bootstrap(tmp_path, table, expected)
    assert (tmp_path / FILE).read_bytes() == content


def test_bootstrap_scores_of_other_results_are_refused(tmp_path: Path) -> None:
    table = with_keys(frame())
    write_bootstrap(tmp_path, table, draws(table))
    with pytest.raises(BenchError, match="is of other results than those beside it"):
        read_bootstrap(tmp_path, table.assign(key=table["key"] + "x"))
    # Cells that two files have.
    added = Path(shutil.copy(tmp_path / FILE, tmp_path / ADDED.replace("*", "2")))
    with pytest.raises(BenchError, match=r"bootstrap\*\.parquet is of other results"):
        read_bootstrap(tmp_path, table)
    added.unlink()
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:-9])
    with pytest.raises(BenchError, match="is damaged"):
        read_bootstrap(tmp_path, table)
    shutil.copy(committed(tmp_path / "other") / "results.parquet", tmp_path / FILE)
    with pytest.raises(BenchError, match="it has other columns"):
        read_bootstrap(tmp_path, table)
    write_bootstrap(tmp_path, table, draws(table))
    (tmp_path / "bootstrap-2.parquet").write_bytes(b"PAR1")
    with pytest.raises(BenchError, match=r"bootstrap-2\.parquet is damaged"):
        read_bootstrap(tmp_path, table)
    with pytest.raises(BenchError, match="has no bootstrap scores"):
        write_bootstrap(tmp_path, with_keys(frame(seeds=(0, 5))), draws(table))


def test_a_damaged_table_of_intervals_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = committed(tmp_path) / "tables" / "scores.parquet"
    path.parent.mkdir()
    path.write_bytes(b"PAR1 and more")
    finished = bench("leaderboard", "--out", tmp_path, cwd=tmp_path)
    assert finished.returncode == 2
    assert f"error: {path} cannot be read: " in finished.stderr
    assert "delete it to show the scores without intervals" in finished.stderr
    path.unlink()
    assert bench("leaderboard", "--out", tmp_path, cwd=tmp_path).returncode == 0


def test_seeds_leave_out_the_intervals_of_all_seeds(tmp_path: Path) -> None:
    """A good table of intervals is not called one of other results."""
    folder = committed(tmp_path / "run")
    assert bench("tables", "--out", folder, cwd=tmp_path).returncode == 0
    scores = folder / "tables" / "scores.parquet"
    table = pd.read_parquet(scores)
    table.assign(low=table["mean"] - 0.01, high=table["mean"] + 0.01).to_parquet(scores)
    every = bench("leaderboard", "--out", folder, "--seeds", "0,1,2", cwd=tmp_path)
    assert every.returncode == 0
    assert "no intervals" not in every.stderr
    some = bench("leaderboard", "--out", folder, "--seeds", "0", cwd=tmp_path)
    assert some.returncode == 0, some.stderr
    assert "scores.parquet are of all seeds, and --seeds chooses some" in some.stderr
    assert scores.is_file()
