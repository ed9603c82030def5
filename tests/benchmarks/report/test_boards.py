from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from satclip_bench.benchmarks.report.board import Board, gaps
from satclip_bench.benchmarks.report.figures import write_figures
from satclip_bench.benchmarks.report.notes import edition_note
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.tables import write_tables
from satclip_bench.benchmarks.report.wording import listed
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import task_card
from tests.benchmarks.frames import METRICS, fail, frame

CARDS = {name: task_card(name) for name in METRICS}


def board(table: pd.DataFrame, split: str = "random") -> Board:
    return Results(table, CARDS).board(split, "linear")


def test_encoders_baselines_and_unranked_encoders_are_grouped() -> None:
    made = board(fail(fail(frame(), "geoclip", "biomes"), "baseline.mean", "biomes"))
    assert [(name, [row.name for row in rows]) for name, rows in made.groups] == [
        ("encoders", ["wrap", "direct"]),
        ("baselines", ["baseline.knn"]),
        ("not ranked", ["baseline.mean", "geoclip"]),
    ]
    assert made.heading == "open edition · random · probe linear · 3 seeds"


def test_a_score_over_some_of_the_seeds_is_neither_best_nor_tied() -> None:
    table = frame()
    table = table[~((table["encoder"] == "geoclip") & (table["seed"] == 0))]
    made = board(table)
    marks = {row.name: {(s.best, s.tied) for s in row.scores} for row in made.rows}
    assert marks["geoclip"] == {(False, False)}
    assert marks["wrap"] == {(True, True)}


def test_the_note_names_tasks_whose_ties_were_not_tested() -> None:
    assert "Ties were not tested" not in board(frame()).note
    note = board(frame(seeds=[0, 1])).note
    assert "Ties were not tested for Air temperature, Elevation and Biomes, without" in note


def test_the_note_gives_the_share_of_unseen_classes() -> None:
    table = frame()
    table.loc[(table["task"] == "biomes") & (table["fold"] == "Oceania"), "n_unseen"] = 500
    note = board(table, "held-out-region").note
    assert "not in the training set count as wrong: Biomes 12%." in note
    assert "not in the training set" not in board(table).note


def test_the_note_names_scores_that_are_not_defined() -> None:
    table = frame()
    table.loc[(table["task"] == "elevation") & (table["fold"] == "Asia"), "value"] = np.nan
    made = board(table, "held-out-region")
    assert "left out for all encoders: Elevation, Asia" in made.note
    assert not any(row.missing for row in made.rows)


def test_the_note_names_tasks_without_a_card() -> None:
    table = frame()
    cards = {name: card for name, card in CARDS.items() if name != "biomes"}
    made = Results(table, cards).board("random", "linear")
    assert "Tasks left out because they have no card: biomes." in made.note
    with pytest.raises(BenchError, match="no card for any of the tasks of this run: air_temp"):
        Results(table, {}).board("random", "linear")


def test_an_empty_table_is_an_error_that_says_what_to_do() -> None:
    for act in (
        lambda: Results(frame().head(0), CARDS).boards,
        lambda: board(frame().head(0)),
        lambda: write_tables(Results(frame().head(0), CARDS), None),  # type: ignore[arg-type]
        lambda: write_figures(Results(frame().head(0), CARDS), {}, None),  # type: ignore[arg-type]
    ):
        with pytest.raises(BenchError, match=r"is empty\. Run `satclip-bench` first"):
            act()


def test_editions_of_one_task_are_not_averaged() -> None:
    other = frame().assign(edition="paper")
    with pytest.raises(BenchError, match="editions in the table: open, paper"):
        board(pd.concat([frame(), other]))


def test_editions_of_different_tasks_are_named() -> None:
    table = frame()
    table.loc[table["task"] == "biomes", "edition"] = "paper"
    made = board(table)
    assert made.edition == "open, paper"
    assert "not the paper's tables for Air temperature, Elevation." in made.note
    assert edition_note("paper", [CARDS["biomes"]]) == ""


def test_gaps_are_short_and_on_one_line() -> None:
    made = board(fail(frame(), "wrap", "biomes", "Error:\n" + "long " * 100))
    text = gaps(made.rows[-1])
    assert "\n" not in text
    assert len(text) < 250
    assert text.endswith("…")


def test_lists_in_words() -> None:
    assert [listed("a"), listed("ab"), listed("abc")] == ["a", "a and b", "a, b and c"]


def test_models_and_tables_need_no_matplotlib() -> None:
    code = (
        "import sys; from satclip_bench.benchmarks.report import figures, tables;"
        "sys.exit('matplotlib' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_caveats_of_a_table_are_in_every_note() -> None:
    table = frame().assign(edition="paper")
    table.loc[table["task"] == "elevation", "caveat"] = "another sample of the same source"
    shown = board(table)
    assert "Elevation: another sample of the same source." in shown.edition_note
    changes = Results(table, CARDS).changes["linear"]
    assert "Elevation: another sample of the same source." in changes.text.note
    assert "another sample" not in board(frame()).note
