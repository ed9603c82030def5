"""Ratings, rank changes, intervals and contamination, as they are shown."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from satclip_bench.benchmarks.report.board import Board, Score
from satclip_bench.benchmarks.report.figures import write_figures
from satclip_bench.benchmarks.report.latex import latex, text_latex
from satclip_bench.benchmarks.report.markdown import markdown, text_markdown
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.terminal import print_board, print_text_table
from satclip_bench.benchmarks.report.text_table import TextTable
from satclip_bench.benchmarks.report.wording import DAGGER
from satclip_bench.tasks import task_card
from tests.benchmarks.frames import METRICS, assert_same_figures, fail, frame
from tests.benchmarks.ranking.test_ratings import replicates

CARDS = {name: task_card(name) for name in METRICS}
TITLES = {"wrap": "Wr_ap & $co$", "baseline.knn": "k-NN"}


def _printed(shown: Board | TextTable) -> str:
    console = Console(file=StringIO(), width=140)
    if isinstance(shown, TextTable):
        print_text_table(shown, console)
    else:
        print_board(shown, console)
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()


def _ranks(table: pd.DataFrame, noise: float) -> TextTable:
    return Results(table, CARDS, {}, replicates(table, noise)).ranks("random", "linear").text


def _tainted() -> pd.DataFrame:
    table = frame()
    hit = (table["encoder"] == "geoclip") & (table["task"] == "biomes")
    table.loc[hit, "contaminated"] = True
    return table


def test_every_rendering_has_the_same_numbers_and_notes() -> None:
    table = frame()
    made = Results(table, CARDS, TITLES, replicates(table)).ranks("random", "linear").text
    shown = text_markdown(made), text_latex(made), _printed(made)
    for text in shown:
        flat = re.sub(r"\s+", " ", text.replace("\\", "").replace("{[}", "[").replace("{]}", "]"))
        assert "1.0 [1.0, " in flat
        assert "95 % intervals for these tasks: other places like these" in flat
        assert "critical difference" in flat
        assert "Open edition: not the paper's tables" in flat
    assert r"Wr\_ap \& \$co\$" in shown[1]
    assert r"Wr\_ap & $co$" in shown[0]
    assert shown[1].count(r"\\") == 2 + len(made.rows) - 1
    assert "*k-NN*" in shown[0]


def test_tied_encoders_share_a_letter() -> None:
    table = frame()
    apart = _ranks(table, 0.001)
    assert {row.texts[-1] for row in apart.rows} == {""}
    alike = _ranks(table, 5.0)
    assert {row.texts[-1] for row in alike.rows} == {"a"}


def test_an_encoder_with_a_missing_cell_has_no_rank_and_is_named() -> None:
    table = fail(frame(), "wrap", "biomes")
    made = Results(table, CARDS, TITLES).ranks("random", "linear").text
    assert "wrap" not in {row.name for row in made.rows}
    assert any("is not ranked: it is missing biomes" in note for note in made.notes)


def test_a_score_from_its_own_training_data_is_marked_everywhere() -> None:
    board = Results(_tainted(), CARDS, TITLES).board("random", "linear")
    for text in (markdown(board), _printed(board)):
        assert text.count(DAGGER) == 2
        assert "trained on the data of this task" in re.sub(r"\s+", " ", text)
    assert latex(board).count(r"$^\dagger$") == 2
    assert DAGGER not in markdown(Results(frame(), CARDS, TITLES).board("random", "linear"))


def test_contaminated_encoders_can_be_left_out_and_are_named() -> None:
    board = Results(_tainted(), CARDS, contaminated=False).board("random", "linear")
    assert "geoclip" not in {row.name for row in board.rows}
    assert any("Left out" in note and "geoclip" in note for note in board.notes)
    assert min(row.rank for row in board.rows) == 1


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(0.83, 0.871, "[.83, .87]"), (-0.004, 0.1, "[.00, .10]"), (-1234.0, -0.5, "[-1.2e3, -.50]")],
)
def test_intervals_are_short(low: float, high: float, text: str) -> None:
    assert Score(0.5, np.nan, best=False, tied=False, low=low, high=high).interval() == text
    assert Score(0.5, np.nan, best=False, tied=False).interval() == ""


def test_rank_changes_say_what_moved() -> None:
    table = frame()
    made = Results(table, CARDS, TITLES, replicates(table)).changes["linear"].text
    text = text_markdown(made)
    assert made.columns == ("Encoder", "random", "held-out-region", "change")
    assert "0 of 5" in text
    assert "Kendall's tau with the order under random: held-out-region 1.00" in text
    assert "\N{MINUS SIGN}0.0" not in text
    assert text_latex(made).count(r"\\") == 1 + len(made.rows)
    assert Results(table[table["split"] == "random"], CARDS, TITLES).changes == {}


@pytest.mark.parametrize("first", ["air_temperature", "elevation"])
def test_rank_changes_name_the_tables_of_each_edition(first: str) -> None:
    """The note does not depend on which task comes first."""
    table = frame(seeds=[0]).query("task != 'biomes'")
    table.loc[table["task"] == "elevation", "edition"] = "paper"
    table = table.sort_values("task", key=lambda names: names != first, kind="stable")
    made = Results(table, CARDS, TITLES)
    note = made.board("random", "linear").edition_note
    assert "Open edition: not the paper's tables for Air temperature." in note
    assert made.changes["linear"].text.notes[-1] == note


def test_figures_of_ranks_are_the_same_bytes_twice(tmp_path: Path) -> None:
    table = frame()
    first, second = (
        write_figures(Results(table, CARDS, TITLES, replicates(table)), {}, tmp_path / name)
        for name in "ab"
    )
    assert_same_figures(first, second)
