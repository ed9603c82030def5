"""Order of encoders in diagnoses and figures of predictions, and the costs of separate tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.commands.best_first import best_first
from satclip_bench.benchmarks.commands.record_figures import cost_drawings
from satclip_bench.benchmarks.diagnostics.predictions import Predictions
from satclip_bench.benchmarks.diagnostics.reading import TaskPredictions, distinct_titles
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.runs.record import Provenance, Record
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table
from satclip_bench.tasks import task_card
from tests.benchmarks.commands.compared_runs import SETTINGS, record
from tests.benchmarks.frames import METRICS, frame, with_losses

NAMES = ("direct", "wrap", "geoclip", "baseline.mean")


def read(scores: dict[str, float]) -> TaskPredictions:
    """Predictions of the shipped task `median_income`, as far as the order depends on them."""
    zero = np.zeros(1)
    one = Predictions("", 0, "regression", np.zeros(1, np.int64), zero, zero, zero)
    table = load_table(TaskSource("median_income"))
    titles = distinct_titles(dict.fromkeys(scores, ""))
    return TaskPredictions(table, {name: [one] for name in scores}, scores, titles, ())


def income() -> pd.DataFrame:
    run = frame(tasks=["elevation"], seeds=[0], encoders=NAMES)
    return with_losses(run.assign(task="median_income"))


def test_encoders_are_in_the_order_of_the_board() -> None:
    """The mean of the regions' R2, of which one is far off, would have another order."""
    scores = {"wrap": 0.9, "baseline.mean": 0.8, "geoclip": 0.1, "direct": -5.0}
    results = Results.from_frame(income())
    for split in ("random", "held-out-region"):
        order = best_first(read(scores), results, split, "linear")
        board = results.board(split, "linear")
        by_score = sorted(board.rows, key=lambda row: -row.scores[0].mean)
        assert order == tuple(row.name for row in by_score)
        assert order[0] == "geoclip"


def test_an_undefined_fold_leaves_the_order_as_it_is() -> None:
    run = income()
    undefined = (run["fold"] == "Asia") & (run["metric"] == "r2")
    run = run.assign(value=run["value"].mask(undefined))
    scores = dict.fromkeys(NAMES, float("nan"))
    order = best_first(read(scores), Results.from_frame(run), "held-out-region", "linear")
    assert order == ("geoclip", "wrap", "direct", "baseline.mean")


def test_encoders_with_missing_cells_come_last_by_the_scores_of_their_folds() -> None:
    run = income()
    run = run[~run["encoder"].isin(["wrap", "direct"]) | (run["fold"] != "Asia")]
    scores = {"direct": 0.3, "wrap": 0.4, "geoclip": 0.1, "baseline.mean": 0.0}
    order = best_first(read(scores), Results.from_frame(run), "held-out-region", "linear")
    assert order == ("geoclip", "baseline.mean", "wrap", "direct")


def test_records_of_earlier_versions_without_skill_have_an_order() -> None:
    run = frame(tasks=["elevation"], seeds=[0], encoders=NAMES).assign(task="median_income")
    order = best_first(
        read(dict.fromkeys(NAMES, 0.0)), Results.from_frame(run), "held-out-region", "linear"
    )
    assert order == ("geoclip", "wrap", "direct", "baseline.mean")


FARMS = task_card("elevation").model_copy(
    update={"name": "farms.yield", "title": "Farms", "paper_rows": 0}
)


def timed(task: str, encoder: str, seconds: float) -> Record:
    settings = SETTINGS.model_copy(update={"task": task, "encoder": encoder, "probe": "linear"})
    counts = {"train": 5000, "validation": 0, "test": 5000}
    provenance = Provenance(finished="2026-11-27", seconds_fit=seconds)
    return record(settings, counts=counts, provenance=provenance)


def test_costs_of_a_separate_table_are_a_figure_of_their_own() -> None:
    cards = {name: task_card(name) for name in METRICS} | {"farms.yield": FARMS}
    own = frame(tasks=["elevation"], encoders=["geoclip", "wrap"]).assign(task="farms.yield")
    results = Results(pd.concat([frame(), own], ignore_index=True), cards)
    records = [timed("elevation", name, 1.0) for name in ("direct", "wrap", "geoclip")]
    records += [timed("farms.yield", name, 9.0) for name in ("wrap", "geoclip")]
    left_out: list[str] = []
    main, farms = cost_drawings(results, records, ("random", "linear"), left_out.append)
    assert (main.name, farms.name) == ("cost.random.linear", "cost.random.linear.farms")
    assert "Mean over 3 tasks" in main.caption
    assert "Mean over 1 task of" in farms.caption
    assert "seconds of the processor" in main.caption
    assert not left_out
    list(cost_drawings(results, records[:3], ("random", "linear"), left_out.append))
    assert left_out == [
        "cost.random.linear.farms is left out: no complete encoder has records with times"
    ]
