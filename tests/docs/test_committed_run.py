"""Committed results of a suite that was run in parts."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from satclip_bench.benchmarks.metrics.replicates import RunReplicates
from satclip_bench.benchmarks.runs.committed import read_table
from satclip_bench.benchmarks.runs.committed_bootstrap import read_bootstrap
from satclip_bench.benchmarks.runs.engine import evaluate
from satclip_bench.benchmarks.runs.plan import Selection, make_plan
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import get_suite

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "docs" / "studies" / "committed_run.py"
WHOLE = Selection(["median_income"], ["wrap", "baseline.mean"], ["random"], ["linear", "knn"], [0])


def run(folder: Path, *probes: str) -> Path:
    """A finished run of `WHOLE` with some of its probes; baselines are in each."""
    store = Store(folder)
    evaluate(make_plan(get_suite("open"), replace(WHOLE, probes=probes)), store)
    store.write_table()
    return folder


def commit(run: Path, folder: Path, *options: str) -> None:
    """Call the study as a user does."""
    words = [sys.executable, str(STUDY), str(run), str(folder), *options]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)


def scores(folder: Path) -> RunReplicates:
    replicates = read_bootstrap(folder, read_table(folder / "results.parquet"))
    assert replicates is not None
    return replicates


@pytest.mark.parametrize("probes", [("linear", "knn"), ("knn", "linear")])
def test_parts_that_are_added_up_are_the_whole_run(tmp_path: Path, probes: tuple[str, str]) -> None:
    commit(run(tmp_path / "run", "linear", "knn"), tmp_path / "whole")
    for probe in probes:
        commit(run(tmp_path / probe, probe), tmp_path / "parts", "--add")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert (parts / "results.parquet").read_bytes() == (whole / "results.parquet").read_bytes()
    one, other = scores(parts), scores(whole)
    assert one.score.index is not None
    assert other.score.index is not None
    assert one.score.index.equals(other.score.index)
    for name in ("score", "loss", "reference"):
        added, at_once = getattr(one, name).scores, getattr(other, name).scores
        np.testing.assert_allclose(added, at_once, rtol=1e-10)
    assert (parts / "bootstrap-2.parquet").is_file()
    # Cells that the folder has are not written again, and a run without `--add` replaces all.
    commit(tmp_path / probes[0], parts, "--add")
    assert not (parts / "bootstrap-3.parquet").exists()
    assert (parts / "results.parquet").read_bytes() == (whole / "results.parquet").read_bytes()
    commit(tmp_path / "linear", parts)
    assert not (parts / "bootstrap-2.parquet").exists()
    assert set(read_table(parts / "results.parquet")["probe"]) == {"linear", "none"}
    assert scores(parts).score.shape[0] == 2


def test_cells_of_another_version_are_not_added(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    commit(run(tmp_path / "knn", "knn"), folder)
    table = folder / "results.parquet"
    older = read_table(table)
    older.assign(key=older["key"].str[::-1]).to_parquet(table, index=False)
    content = table.read_bytes()
    with pytest.raises(subprocess.CalledProcessError) as raised:
        commit(tmp_path / "knn", folder, "--add")
    assert "has other versions of some cells" in raised.value.stderr
    assert table.read_bytes() == content
