"""The command `diagnose`, run as a user would on a small run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.report.wording import number
from satclip_bench.benchmarks.runs.record import Settings
from satclip_bench.benchmarks.runs.store import Store

RUN = ["--suite", "quick", "--splits", "random", "--probes", "linear", "--jobs", "1"]
ENCODERS = "baseline.mean,direct,wrap"
SMALL = ["--tasks", "median_income", "--encoders", "direct"]
BOTH = ["--tasks", "median_income", "--encoders", "direct,wrap"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks; the larger one with fewer encoders and seeds."""
    out = tmp_path_factory.mktemp("run")
    for task, encoders, seeds in (
        ("median_income", ENCODERS, "0,1"),
        ("biomes", "baseline.mean,direct", "0"),
    ):
        options = ["--tasks", task, "--encoders", encoders, "--seeds", seeds, "--out", str(out)]
        assert main(["run", *RUN, *options]) == 0
    return out


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def test_a_run_is_diagnosed(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["diagnose", "--out", str(run)]) == 0
    shown = capsys.readouterr().out
    assert "Median income" in shown
    assert "Worst region" in shown
    assert "docs/diagnostics.md" in shown
    folder = run / "diagnostics" / "random.linear"
    summary = pd.read_csv(folder / "summary.csv")
    assert sorted(summary["task"].unique()) == ["biomes", "median_income"]
    assert set(summary["encoder"]) == set(ENCODERS.split(","))
    assert summary.groupby("task")["seeds"].unique().to_dict() == {"biomes": 1, "median_income": 2}
    scores = Store(run).frame()
    for row in summary.itertuples():
        of = scores[(scores["task"] == row.task) & (scores["encoder"] == row.encoder)]
        assert row.score == pytest.approx(of[of["metric"] == row.metric]["value"].mean(), abs=1e-5)
    assert not (summary["worst_score"] > summary["best_score"]).any()
    strata = pd.read_csv(folder / "strata.csv")
    assert set(strata["kind"]) == {"distance", "latitude", "biome", "region"}
    for _, part in strata.groupby(["task", "encoder"]):
        assert len(set(part.groupby("kind")["n"].sum())) == 1
    mae = scores[(scores["task"] == "median_income") & (scores["metric"] == "mae")]
    for encoder, part in strata[strata["task"] == "median_income"].groupby("encoder"):
        by_biome = part[part["kind"] == "biome"]
        mean = (by_biome["error"] * by_biome["n"]).sum() / by_biome["n"].sum()
        expected = mae[mae["encoder"] == encoder]["value"].mean()
        assert mean == pytest.approx(expected, rel=1e-4)
    for task in ("biomes", "median_income"):
        assert (folder / f"{task}.png").stat().st_size > 20_000


def test_a_narrow_terminal_shows_all_columns_in_blocks(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["diagnose", "--out", str(run), *BOTH]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if str(run) not in line]
    assert all(len(line) <= 40 for line in lines)
    text = " ".join(lines)
    for column in ("R²", "Worst", "region", "there", "Gap", "I", "SSI/sh.", "SRI/sh."):
        assert column in text.split() or column in text, column
    assert "…" not in text
    summary = pd.read_csv(run / "diagnostics" / "random.linear" / "summary.csv")
    for row in summary.itertuples():
        assert text.count(str(row.encoder_title)) >= 2
        assert number(float(str(row.gap))) in text.split()


def test_the_same_run_gives_the_same_bytes(run: Path) -> None:
    options = ["diagnose", "--out", str(run), *SMALL]
    folder = run / "diagnostics" / "random.linear"
    files = ("summary.csv", "strata.csv", "median_income.png")
    assert main(options) == 0
    first = [(folder / name).read_bytes() for name in files]
    assert main(options) == 0
    assert [(folder / name).read_bytes() for name in files] == first
    assert not (folder / "biomes.png").exists()


def test_a_radius_can_be_given(run: Path) -> None:
    assert main(["diagnose", "--out", str(run), *SMALL, "--radius-km", "200"]) == 0
    summary = pd.read_csv(run / "diagnostics" / "random.linear" / "summary.csv")
    assert summary["ssi_km"].tolist() == [200]
    assert summary["sri_km"].tolist() == [400]
    for wrong in ("0", "2501", "x"):
        with pytest.raises(SystemExit):
            main(["diagnose", "--radius-km", wrong])


def test_records_of_other_folds_are_left_out_and_named(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _record(run, "wrap", 1)
    _change(run, path, fold_sha256="0" * 64)
    assert main(["diagnose", "--out", str(run), *BOTH]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "median_income: measured on folds that this version of the split does not make" in shown
    assert "wrap (seed 1)" in shown
    summary = pd.read_csv(run / "diagnostics" / "random.linear" / "summary.csv")
    assert summary.set_index("encoder")["seeds"].to_dict() == {"direct": 2, "wrap": 1}


def test_records_of_another_table_are_left_out_and_named(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in (0, 1):
        path = _record(run, "wrap", seed)
        _change(run, path, data_sha256="0" * 64)
    options = ["--tasks", "median_income", "--encoders", "wrap"]
    assert main(["diagnose", "--out", str(run), *options]) == 2
    output = capsys.readouterr()
    assert "another version of the table" in " ".join(output.out.split())
    assert "can be diagnosed" in output.err


def test_missing_predictions_are_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _record(run, "wrap", 0).with_suffix(".parquet").unlink()
    assert main(["diagnose", "--out", str(run), *BOTH]) == 1
    assert "are gone" in " ".join(capsys.readouterr().out.split())
    summary = pd.read_csv(run / "diagnostics" / "random.linear" / "summary.csv")
    assert summary.set_index("encoder")["seeds"]["wrap"] == 1


def test_a_missing_split_encoder_or_run_is_an_error(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", "--out", str(run), "--split", "held-out-region"]) == 2
    assert "--split random --probe linear" in capsys.readouterr().err
    assert main(["diagnose", "--out", str(run), "--encoders", "wrapp"]) == 2
    assert "wrap" in capsys.readouterr().err
    assert main(["diagnose", "--out", str(tmp_path / "nothing")]) == 2
    assert "no records" in capsys.readouterr().err


def _change(run: Path, path: Path, **settings: str) -> None:
    """Make a record one of other settings, which the run then has been asked for."""
    record = json.loads(path.read_text())
    asked_for = record["key"]
    record["settings"] |= settings
    changed = Settings.model_validate(record["settings"])
    record["key"] = changed.key
    target = Store(run).path(changed)
    target.write_text(json.dumps(record))
    path.with_suffix(".parquet").rename(target.with_suffix(".parquet"))
    path.unlink()
    plan = run / "plan.json"
    plan.write_text(plan.read_text().replace(asked_for, changed.key))


def _record(run: Path, encoder: str, seed: int) -> Path:
    """The file of a record of median_income."""
    folder = run / "records" / "median_income" / encoder / "random"
    (path,) = folder.glob(f"*.seed{seed}.*.json")
    return path
