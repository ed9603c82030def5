"""The committed runs: their tables follow from their frames, and their numbers come out again."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from satclip_bench.benchmarks.commands.finished import read_finished
from satclip_bench.benchmarks.report.known_intervals import FILE as SCORES
from satclip_bench.benchmarks.report.known_intervals import read_intervals
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.tables import write_tables
from satclip_bench.benchmarks.runs.columns import COLUMNS
from satclip_bench.benchmarks.runs.engine import evaluate
from satclip_bench.benchmarks.runs.plan import Selection, make_plan
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import get_suite
from satclip_bench.benchmarks.runs.tolerances import TOLERANCES

RESULTS = Path(__file__).parents[2] / "results"
REFERENCE = RESULTS / "leaderboard"
COMMITTED = {
    "leaderboard": "open",
    "spatial": "open-spatial",
    "probes": "open-probes",
    "wide": "open-wide",
    "full": "open-full",
}
"""Suites by the folder of their committed run."""

PARTS = {
    "full": (
        Selection(probes=["knn", "lightgbm", "linear", "ridge"]),
        Selection(probes=["mlp"], splits=["random"]),
        Selection(
            probes=["mlp"],
            splits=["held-out-region"],
            tasks=["air_temperature", "elevation", "median_income", "biomes"],
        ),
    )
}
"""Parts of suites whose others have not been run yet, by the folder."""


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return pd.read_parquet(REFERENCE / "results.parquet")


@pytest.fixture(scope="module", params=COMMITTED)
def run(request: pytest.FixtureRequest) -> tuple[str, pd.DataFrame]:
    return request.param, pd.read_parquet(RESULTS / request.param / "results.parquet")


def test_it_is_the_whole_suite(run: tuple[str, pd.DataFrame]) -> None:
    name, frame = run
    assert list(frame.columns) == list(COLUMNS)
    assert (frame["status"] == "done").all()
    assert set(frame["key"]) == {
        cell.settings.key
        for part in PARTS.get(name, (Selection(),))
        for cell in make_plan(get_suite(COMMITTED[name]), part)
    }


def test_every_fit_ended_because_it_was_good_enough(run: tuple[str, pd.DataFrame]) -> None:
    """No cell ends at a cap of iterations, epochs or trees, which would decide the order."""
    cells = run[1].drop_duplicates("key")
    # A cell of which it is not known counts as one that did not converge.
    capped = cells[~cells["converged"].astype("boolean").fillna(False).to_numpy(dtype=bool)]
    names = capped[["task", "encoder", "split", "fold", "probe", "seed"]]
    assert capped.empty, f"{len(capped)} cells did not converge:\n{names.to_string()}"


def test_every_interval_holds_its_score(run: tuple[str, pd.DataFrame]) -> None:
    known = run[1].dropna(subset=["low", "high"])
    apart = known[(known["value"] < known["low"]) | (known["high"] < known["value"])]
    assert apart.empty, apart.groupby(["task", "metric"]).size().to_string()
    assert len(known) > len(run[1]) / 2


def test_its_tables_follow_from_its_frame(run: tuple[str, pd.DataFrame], tmp_path: Path) -> None:
    """Scores and ranks do. Intervals and ties come from scores.parquet, without predictions.

    Those of mean ranks are in no table, so that ranks and their changes are not compared.
    """
    name, frame = run
    committed = RESULTS / name / "tables"
    intervals = read_intervals(committed / SCORES)
    written = write_tables(Results.from_frame(frame, intervals=intervals), tmp_path)
    assert {path.name for path in written} == {path.name for path in committed.iterdir()}
    for path in written:
        if not path.name.startswith("rank"):
            assert path.read_bytes() == (committed / path.name).read_bytes(), path.name


def test_its_tables_follow_from_its_parquet_files(
    run: tuple[str, pd.DataFrame], tmp_path: Path
) -> None:
    """`make report` gives the committed tables without records or predictions."""
    name, _ = run
    finished = read_finished(RESULTS / name)
    replicates = finished.replicates()
    assert replicates is not None
    written = write_tables(Results.from_frame(finished.frame, replicates), tmp_path)
    committed = RESULTS / name / "tables"
    assert {path.name for path in written} == {path.name for path in committed.iterdir()}
    for path in written:
        if path.name != SCORES:
            assert path.read_bytes() == (committed / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("task", "encoder", "probe"),
    [
        ("median_income", "wrap", "linear"),
        ("median_income", "baseline.idw", "none"),
        ("median_income", "harmonics.l10", "ridge"),
        ("median_income", "satclip-bluemarble.l10", "linear"),
        ("biomes", "cartesian3d", "knn"),
        ("biomes", "harmonics.l10", "linear"),
        ("biomes", "baseline.knn", "none"),
        ("countries", "baseline.mean", "none"),
    ],
)
def test_a_cell_run_again_gives_its_numbers(
    reference: pd.DataFrame, tmp_path: Path, task: str, encoder: str, probe: str
) -> None:
    probes = () if probe == "none" else (probe,)
    selection = Selection([task], [encoder], ["random"], probes, seeds=[0])
    (cell,) = make_plan(get_suite("open"), selection)
    (outcome,) = evaluate([cell], Store(tmp_path))
    (record,) = outcome.records.values()
    known = reference[reference["key"] == cell.settings.key].set_index("metric")["value"]
    # Another processor may round otherwise, which can move single points to another class.
    near = TOLERANCES[probe]
    assert record.scores == pytest.approx(known.to_dict(), rel=near, abs=near)


@pytest.mark.parametrize(
    ("name", "split", "probe"),
    [
        ("leaderboard", "random", "linear"),
        ("leaderboard", "held-out-region", "linear"),
        ("probes", "random", "mlp"),
        ("probes", "random", "lightgbm"),
    ],
)
def test_the_documentation_shows_it(name: str, split: str, probe: str, repository: Path) -> None:
    """The page shows what a run prints."""
    import io

    from rich.console import Console

    from satclip_bench.benchmarks.report.terminal import print_board

    shown = (repository / "docs" / "leaderboard.md").read_text()
    sink = io.StringIO()
    frame = pd.read_parquet(RESULTS / name / "results.parquet")
    print_board(Results.from_frame(frame).board(split, probe), Console(file=sink, width=100))
    lines = re.split(r"^(?:Mean|Pooled) over", sink.getvalue(), flags=re.M)[0].splitlines()
    # The marks of the best and of ties need the predictions, which do not ship.
    table = [re.sub("[*=]", " ", line).split() for line in lines]
    assert _contains([re.sub("[*=]", " ", line).split() for line in shown.splitlines()], table)


def _contains(text: list[list[str]], part: list[list[str]]) -> bool:
    return any(text[i : i + len(part)] == part for i in range(len(text)))
