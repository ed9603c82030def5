"""User tables are ranked by themselves, not together with the tasks of a suite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.report.figures import write_figures
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.tables import write_tables
from satclip_bench.tasks import task_card
from tests.benchmarks.frames import METRICS, frame

FARMS = task_card("elevation").model_copy(
    update={"name": "farms.yield", "title": "farms: $yield_of", "paper_rows": 0}
)
CARDS = {name: task_card(name) for name in METRICS} | {"farms.yield": FARMS}


def results() -> Results:
    own = frame(tasks=["elevation"], encoders=["geoclip", "baseline.knn"])
    table = pd.concat([frame(), own.assign(task="farms.yield")], ignore_index=True)
    return Results(table, CARDS)


def test_a_user_table_takes_no_ranks_off_the_main_board(tmp_path: Path) -> None:
    parts = dict(results().parts)
    assert list(parts) == ["", ".farms"]
    main, farms = (part.board("random", "linear") for part in parts.values())
    alone = Results(frame(), CARDS).board("random", "linear")
    assert [(row.name, row.rank) for row in main.rows] == [(r.name, r.rank) for r in alone.rows]
    assert [card.name for card in farms.tasks] == ["farms.yield"]
    assert not any(row.missing for row in (*main.rows, *farms.rows))
    assert farms.heading.startswith("user table farms · random")
    assert main.note == alone.note
    assert "own" not in farms.note
    names = {path.name for path in write_tables(results(), tmp_path)}
    assert {"leaderboard.random.linear.md", "leaderboard.random.linear.farms.md"} <= names
    drawn = {path.name for path in write_figures(results(), {}, tmp_path)}
    assert {"scores.linear.png", "scores.linear.farms.png"} <= drawn


def test_tasks_outside_the_paper_take_no_ranks_off_the_main_board() -> None:
    cards = CARDS | {"land_cover": task_card("land_cover")}
    wide = frame(tasks=["biomes"]).assign(task="land_cover")
    parts = dict(Results(pd.concat([results().frame, wide], ignore_index=True), cards).parts)
    assert list(parts) == ["", ".farms", ".wide"]
    board = parts[".wide"].board("random", "linear")
    assert [card.name for card in board.tasks] == ["land_cover"]
    assert board.heading.startswith("wide tasks · random")
    assert board.label.endswith("-wide")
    main = parts[""].board("random", "linear")
    assert "land_cover" not in [card.name for card in main.tasks]


def test_a_user_table_alone_has_the_usual_names(tmp_path: Path) -> None:
    table = frame(tasks=["elevation"]).assign(task="farms.yield")
    names = {path.name for path in write_tables(Results(table, CARDS), tmp_path)}
    assert "leaderboard.random.linear.md" in names


def test_a_run_without_any_defined_score_is_reported(tmp_path: Path) -> None:
    table = frame(tasks=["elevation"], seeds=[0])
    table["value"] = np.nan
    made = Results(table, {"elevation": CARDS["elevation"]})
    written = [path for path in write_tables(made, tmp_path) if path.suffix != ".parquet"]
    text = {path.name: path.read_text() for path in written}
    assert "Scores that are not defined" in text["leaderboard.random.linear.tex"]
    assert "scores.linear.png" not in {p.name for p in write_figures(made, {}, tmp_path)}
