"""Published scores, protocols, and the command `reproduce`."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.protocols import get_protocol
from satclip_bench.benchmarks.protocols.range import random_split
from satclip_bench.benchmarks.reproduction import PAPERS, Reproduction, verdict
from satclip_bench.benchmarks.reproduction.jobs import LONGEST_FIRST, Job, run_jobs
from satclip_bench.benchmarks.reproduction.published import COLUMNS, published_scores
from satclip_bench.benchmarks.reproduction.tables import known_tables
from satclip_bench.benchmarks.runs.cluster import DaskCluster
from satclip_bench.benchmarks.runs.executors import Processes
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.work import Executor
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import encoder_card
from satclip_bench.encoders.weights.files import weights_path

EXACT = {"Direct", "Cartesian 3D", "Wrap", "Theory", "SphereC", "SphereM", "GeoCLIP"}
NEAR = 0.002


def run(out: Path, *options: str, paper: str = "range") -> pd.DataFrame:
    assert main(["reproduce", "--paper", paper, "--out", str(out), "--jobs", "1", *options]) == 0
    return pd.read_csv(out / "reproduction.csv", keep_default_na=False, dtype=str)


def geoclip_at_hand() -> bool:
    card = encoder_card("geoclip").weights
    assert card is not None
    return weights_path(card).is_file()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RANGE's cells of what ships."""
    out = tmp_path_factory.mktemp("range")
    run(out)
    return out


def test_california_housing_comes_out_to_the_printed_digit(made: Path) -> None:
    """Of what ships alone; the other tasks and encoders say what is missing."""
    frame = pd.read_csv(made / "reproduction.csv", keep_default_na=False, dtype=str)
    assert len(frame) == 105
    housing = frame[frame["task"] == "california_housing"].set_index("encoder")
    for name in EXACT - (set() if geoclip_at_hand() else {"GeoCLIP"}):
        assert housing.loc[name, "verdict"] == "exact", name
        assert f"{float(str(housing.loc[name, 'measured'])):.3f}" == housing.loc[name, "published"]
    for name in ("SphereC+", "SphereM+"):
        assert housing.loc[name, "verdict"] == "off"
        assert abs(float(str(housing.loc[name, "difference"]))) < NEAR
        assert "cross-validation tells the two apart" in str(housing.loc[name, "note"])
    elsewhere = frame[frame["task"] != "california_housing"]
    assert set(elsewhere["verdict"]) == {"not run"}
    assert elsewhere["note"].str.len().min() > 20
    temperature = elsewhere[elsewhere["task"] == "air_temperature"]
    assert temperature["note"].str.contains("--data-dir", regex=False).all()


def test_the_papers_stations_come_out_to_the_printed_digit(
    tmp_path: Path, shared_data: Path
) -> None:
    frame = run(tmp_path, "--data-dir", str(shared_data))
    found = frame[frame["task"] == "air_temperature"].set_index("encoder")
    for name in (EXACT | {"SphereC+"}) - (set() if geoclip_at_hand() else {"GeoCLIP"}):
        assert found.loc[name, "verdict"] == "exact", name
    assert abs(float(str(found.loc["SphereM+", "difference"]))) < NEAR


@pytest.mark.parametrize(("encoder", "name"), [("wrap", "sincos"), ("geoclip", "geoclip")])
def test_coordbenchs_harness_comes_out_to_four_digits(
    tmp_path: Path, encoder: str, name: str
) -> None:
    if encoder == "geoclip" and not geoclip_at_hand():
        pytest.skip("the weights of GeoCLIP are missing: python run_benchmarks.py download geoclip")
    job = Job("coordbench-harness", "random", "ridge", "california_housing", encoder)
    records = run_jobs([job], Store(tmp_path))[job].records
    scores = [record.scores["r2"] or 0 for record in records]
    frame = published_scores()
    cell = frame[
        frame["paper"].str.startswith("torchgeo-bench")
        & (frame["split"] == "random")
        & (frame["task"] == "california_housing")
        & (frame["encoder"] == name)
    ]
    measured = get_protocol(job.protocol).printed(scores)
    assert verdict(cell["value"].item(), measured, 4, np.nan) == "exact"


def test_the_same_command_goes_on_where_it_was(made: Path, tmp_path: Path) -> None:
    """A second run reads its records and fits what is gone alone; the bytes are the same."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    run(tmp_path)
    first = (tmp_path / "reproduction.csv").read_bytes()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "records").rglob("*.json")}
    assert len(kept) >= 8
    gone = next(path for path in kept if "wrap" in str(path))
    gone.unlink()
    run(tmp_path)
    assert (tmp_path / "reproduction.csv").read_bytes() == first
    now = {path: path.stat().st_mtime_ns for path in (tmp_path / "records").rglob("*.json")}
    assert set(now) == set(kept)
    assert [path for path in kept if now[path] != kept[path]] == [gone]


def test_a_protocols_name_and_version_are_part_of_a_records_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job("range", "random", "ridge", "california_housing", "wrap")
    (first,) = run_jobs([job], Store(tmp_path))[job].records
    assert first.settings.protocol == "range/1"
    kind = type(get_protocol("range"))
    monkeypatch.setattr(kind, "card", kind.card.model_copy(update={"version": 2}))
    (second,) = run_jobs([job], Store(tmp_path))[job].records
    assert second.settings.protocol == "range/2"
    assert second.key != first.key


def test_what_goes_wrong_in_one_cell_is_its_reason(tmp_path: Path) -> None:
    bad = Job("range", "random", "ridge", "california_housing", "wrpa")
    good = Job("range", "random", "ridge", "california_housing", "wrap")
    done = run_jobs([bad, good], Store(tmp_path))
    assert "Did you mean 'wrap'" in done[bad].reason
    assert done[bad].records == ()
    assert done[good].reason == ""


def test_a_job_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    job = Job("range", "random", "ridge", "california_housing", "wrap")
    done = run_jobs([job], Store(tmp_path), Processes(1, cell_timeout=0.01))
    assert "it took longer than 0.01 s" in done[job].reason
    assert done[job].records == ()


def test_the_executor_is_the_one_that_the_options_describe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executors: list[Executor] = []

    def run_nothing(*arguments: Any) -> list[Reproduction]:
        executors.append(arguments[3])
        return []

    monkeypatch.setattr("satclip_bench.benchmarks.commands.reproduce.reproduce", run_nothing)
    command = ["reproduce", "--paper", "range", "--out", str(tmp_path), "--jobs", "1"]
    assert main([*command, "--cell-timeout", "60"]) == 0
    assert main([*command, "--scheduler", "local"]) == 0
    assert executors == [Processes(1, cell_timeout=60), DaskCluster("local", 1)]


def test_an_unknown_paper_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--paper", "rnage", "--out", str(tmp_path)]) == 2
    assert "Did you mean 'range'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("published", "measured", "digits", "spread", "wanted"),
    [
        (0.381, 0.381363, 3, np.nan, "exact"),
        (0.381, 0.3815, 3, np.nan, "exact"),
        (0.381, 0.38151, 3, np.nan, "off"),
        (83.3, 83.349, 1, np.nan, "exact"),
        (0.75, 0.79, 2, 0.05, "within the spread"),
        (0.75, 0.81, 2, 0.05, "off"),
        (0.75, float("nan"), 2, 0.05, "off"),
    ],
)
def test_verdicts(
    published: float, measured: float, digits: int, spread: float, wanted: str
) -> None:
    assert verdict(published, measured, digits, spread) == wanted


def test_published_scores_keep_their_evidence(tmp_path: Path) -> None:
    frame = published_scores()
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 530
    assert (frame["evidence"] != "").all()
    assert frame["value"].notna().all()
    with pytest.raises(BenchError, match="cannot be read"):
        published_scores(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BenchError, match="should have the columns paper"):
        published_scores(tmp_path / "other.csv")


@pytest.mark.parametrize("name", PAPERS)
def test_every_name_of_a_paper_means_something_here(name: str) -> None:
    frame = published_scores()
    for table in PAPERS[name].tables:
        cells = frame[(frame["paper"] == table.paper) & (frame["table"] == table.table)]
        assert len(cells) > 0
        assert set(cells["encoder"]) <= set(table.encoders) | set(table.not_run)
        for encoder in table.encoders.values():
            encoder_card(encoder)
        card = get_protocol(table.protocol).card
        assert set(cells["split"]) == set(table.splits)
        assert set(table.splits.values()) <= set(card.splits)
        assert {table.probe, *table.probes.values()} <= set(card.probes)
        assert {table.probe, *table.probes.values()} <= set(LONGEST_FIRST)
        assert set(table.tables.values()) <= set(known_tables())
        known = set(table.encoders) | set(cells["task"])
        assert {part for note in table.notes for part in note.split("/")} <= known


def test_the_page_counts_the_scores_that_papers_address() -> None:
    scores = published_scores()
    tables = {(table.paper, table.table) for paper in PAPERS.values() for table in paper.tables}
    counts = scores.groupby(["paper", "table"]).size()
    addressed = sum(int(counts[table]) for table in tables)
    page = (Path(__file__).parents[3] / "docs" / "reproduction.md").read_text(encoding="utf-8")
    assert f"There are {addressed} published scores." in page
    outcome = re.search(r"\*\*(\d+) exact, (\d+)\s+within the spread, (\d+) off, (\d+) not", page)
    assert outcome
    assert sum(map(int, outcome.groups())) == addressed


def test_the_split_of_range_is_torchs() -> None:
    train, test = random_split(103, (0.8, 0.2), 42)
    order = torch.randperm(103, generator=torch.Generator().manual_seed(42)).tolist()
    # 0.8 and 0.2 of 103 are 82 and 20; torch gives what is left over to the first part.
    assert train.tolist() == order[:83]
    assert test.tolist() == order[83:]
