"""The command `figures` for kinds that are drawn from records."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd

from satclip_bench.benchmarks.commands.record_figures import seconds_per_points
from satclip_bench.benchmarks.runs.store import Store
from tests.benchmarks.cli.program import SMALL, bench


def test_kinds_from_records_are_drawn_with_their_captions(tmp_path: Path) -> None:
    encoders = "wrap,baseline.mean,baseline.knn"
    done = bench("run", *SMALL, "--encoders", encoders, "--out", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    kinds = ["predictions", "distance", "cost", "regions"]
    done = bench("figures", "--kind", *kinds, "--format", "svg", "--out", "r", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = ("predictions/median_income.", "distance/median_income.", "cost.")
    captions = (tmp_path / "r/figures/captions.md").read_text()
    for name in names:
        assert (tmp_path / f"r/figures/{name}random.linear.svg").read_text().startswith("<?xml")
        assert f"## {name}random.linear\n" in captions
    assert "## scores.linear\n" in captions, "captions of the run's own figures stay"
    assert "regions/*.random.linear is left out: its folds are not named regions" in done.stdout

    for kind, reason in (
        ("gap", "it needs several splits, and there is one; --split and --probe leave out"),
        ("label-efficiency", "it needs several splits labels.*: run them with"),
    ):
        done = bench("figures", "--kind", kind, "--split", "random", "--out", "r", cwd=tmp_path)
        assert done.returncode == 2
        assert f"error: nothing is drawn: {kind}.linear is left out: {reason}" in done.stderr
    done = bench("leaderboard", "--out", "r/results.parquet", cwd=tmp_path)
    assert "r/results.parquet is a file: name the folder of a run" in done.stderr

    records = Store(tmp_path / "r").records()
    times = seconds_per_points(records)
    (wrap,) = (r for r in records if r.settings.encoder == "wrap")
    spent = wrap.provenance.seconds_fit + wrap.provenance.seconds_predict
    rows = len(pd.read_parquet(next((tmp_path / "r/records").rglob("*wrap*/**/*.parquet"))))
    assert wrap.counts.test == rows
    points = wrap.counts.train + wrap.counts.validation + rows
    assert times["wrap"] == 1e4 * spent / points


def test_an_unknown_kind_is_refused_with_the_choices(tmp_path: Path) -> None:
    done = bench("figures", "--kind", "pie", cwd=tmp_path)
    assert done.returncode == 2
    assert "critical-difference" in done.stderr


def test_a_run_imports_no_code_of_figures_until_it_draws() -> None:
    code = (
        "import sys; from satclip_bench.benchmarks.commands import report, run;"
        "drawn = [m for m in sys.modules if m.startswith('matplotlib') or m.endswith('figures')];"
        "sys.exit(' '.join(drawn) or 0)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
