"""Boards and rank tables in narrow terminals, and the notes below them."""

from __future__ import annotations

import io
import re

import pandas as pd
import pytest
from rich.console import Console

from satclip_bench.benchmarks.report.board import Board
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.terminal import print_board, print_text_table
from satclip_bench.tasks import task_card
from tests.benchmarks.frames import METRICS, frame
from tests.benchmarks.ranking.test_ratings import replicates

TITLES = {"geoclip": "Gaussian process on the sphere", "wrap": "[/red] :snake: [bold]"}


def many_tasks() -> Results:
    """Nine tasks with long titles."""
    one = frame(tasks=["elevation"], seeds=[0])
    names = [f"field{i}" for i in range(9)]
    table = pd.concat([one.assign(task=name) for name in names])
    cards = {
        name: task_card("elevation").model_copy(
            update={"name": name, "title": f"{name}: yield_per_hectare"}
        )
        for name in names
    }
    return Results(table, cards, TITLES)


def shown(board: Board, width: int, *, terminal: bool = False) -> str:
    sink = io.StringIO()
    print_board(board, Console(file=sink, width=width, force_terminal=terminal))
    return re.sub(r"\x1b\[[0-9;]*m", "", sink.getvalue())


@pytest.fixture(scope="module")
def nine() -> Board:
    return many_tasks().board("random", "linear")


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [24, 40, 60, 80, 120])
def test_every_task_and_every_number_is_shown(nine: Board, width: int, terminal: bool) -> None:
    text = shown(nine, width, terminal=terminal)
    assert max(map(len, text.splitlines())) <= width
    rows = [line for line in text.splitlines() if re.match(r"(baseline\.|direct)", line)]
    words = " ".join(" ".join(rows).split())
    scores = re.findall(r"[*=]?\.\d+", words)
    assert len(scores) >= 2 * len(nine.tasks)
    for i in range(9):
        assert f"field{i}:" in text
    assert ("Ranks are over all 9 tasks." in " ".join(text.split())) == (width <= 80)


def test_titles_of_users_are_not_markup(nine: Board) -> None:
    assert "[/red] :snake: [bold]" in " ".join(shown(nine, 120).split())


def test_notes_explain_only_marks_that_are_shown() -> None:
    table = frame()
    board = Results(table, {n: task_card(n) for n in METRICS}, {}, replicates(table)).board(
        "random", "linear"
    )
    wide, narrow = shown(board, 120), shown(board, 80)
    # The terminal never shows intervals, and in 80 columns no spread.
    for text in (wide, narrow):
        assert "In brackets" not in text
        assert "Bold" not in text
    assert "standard deviation" in wide
    assert "standard deviation" not in narrow
    assert "In brackets" in board.note
    tied = any(s.tied and not s.best for row in board.rows for s in row.scores)
    assert ("tied with the best" in " ".join(narrow.split())) == tied


def test_headings_do_not_wrap_to_the_width_of_a_small_table() -> None:
    small = Results(
        frame(tasks=["elevation"], encoders=["wrap", "direct"]),
        {"elevation": task_card("elevation")},
    )
    first = shown(small.board("random", "linear"), 80).splitlines()[0]
    assert first == "open edition · random · probe linear · 3 seeds"


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_names_in_rank_tables_are_readable(width: int) -> None:
    table = frame()
    results = Results(table, {n: task_card(n) for n in METRICS}, TITLES, replicates(table))
    ranks = results.ranks("random", "linear").text
    sink = io.StringIO()
    print_text_table(ranks, Console(file=sink, width=width))
    lines = sink.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    text = sink.getvalue()
    for word in ("Gaussian", "process", "sphere"):
        assert re.search(rf"\b{word}\b", text)
    for column in ranks.columns:
        assert column in text
    for row in ranks.rows:
        for value in re.findall(r"[\d.]+", " ".join(row.texts[1:])):
            assert value in text
