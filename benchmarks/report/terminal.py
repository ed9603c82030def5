"""Boards and tables in the terminal."""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.text import Text

from satclip_bench.benchmarks.report.board import Board, Row, Score, gaps
from satclip_bench.benchmarks.report.grid import Grid, GridRow, fits, print_grid
from satclip_bench.benchmarks.report.notes import Marks
from satclip_bench.benchmarks.report.text_table import TextTable
from satclip_bench.benchmarks.report.wording import DASH

TITLE_WIDTH, NARROW_TITLE_WIDTH = 30, 25
"""Maximum width of an encoder's title, usually and in narrow terminals; longer ones are broken."""

WIDE = 118
"""Width below which the spread is left out even if it would fit."""

INTERVALS_WIDE = 125
"""Width from which on a value and its interval stand side by side in tables of texts."""

_LAYOUTS = (
    (3, True, TITLE_WIDTH),
    (2, True, TITLE_WIDTH),
    (3, False, TITLE_WIDTH),
    (2, False, TITLE_WIDTH),
    (2, False, NARROW_TITLE_WIDTH),
)
"""Digits, whether the spread is shown, width of titles; the first that fits, or else the last."""


def print_board(board: Board, console: Console) -> None:
    """Print a board in as much detail as the width of the console allows.

    If not even the shortest numbers of all tasks fit, the board is printed in blocks of tasks. The
    best of a task is bold; without a terminal that can show that, it is marked `*`. Ties are shown
    with their differences alone (`gaps_table`).
    """
    plain = not console.is_terminal
    for digits, spread, title_width in _LAYOUTS:
        grid = _grid(board, digits, spread, plain)
        if fits(grid, console, title_width) and not (spread and console.width < WIDE):
            break
    print_heading(board.heading, console)
    if board.subtitle:
        _print(board.subtitle, console, "")
    if print_grid(grid, console, title_width) > 1:
        _print(f"Ranks are over all {len(board.tasks)} tasks.", console, "dim")
    marks = Marks(spread=spread, intervals=False, best="*" if plain else "Bold", tied="")
    _print(board.note_for(marks), console, "dim")
    for row in board.rows:
        if row.missing:
            _print(gaps(row), console, "yellow")


def print_text_table(table: TextTable, console: Console) -> None:
    """Print a table of texts, with intervals below their values in narrow terminals.

    If not all columns fit, the table is printed in blocks of columns.
    """
    separator = " [" if console.width >= INTERVALS_WIDE else "\n["
    grid = Grid(
        headings=tuple(Text(column.replace(" (", "\n(")) for column in table.columns),
        alignment=table.alignment,
        rows=tuple(
            GridRow(
                (
                    Text(row.texts[0]),
                    *(Text(text.replace(" [", separator)) for text in row.texts[1:]),
                ),
                "cyan" if row.baseline else "",
            )
            for row in table.rows
        ),
        gap=2,
    )
    print_heading(table.heading, console)
    print_grid(grid, console, TITLE_WIDTH)
    _print(table.note, console, "dim")


def print_heading(text: str, console: Console) -> None:
    """Print a heading over the whole width, however narrow the table below it is."""
    _print(text, console, "bold")


def _print(text: str, console: Console, style: str) -> None:
    # A Text is printed as it is: titles and reasons of users are not read as rich's markup.
    console.print(Text(text, style=style), highlight=False)


def _grid(board: Board, digits: int, spread: bool, plain: bool) -> Grid:
    rows = []
    for name, members in board.groups:
        if name != "encoders":
            rows.append(GridRow((Text(name, style="dim italic"),)))
        rows += [
            GridRow(
                (
                    Text(row.title),
                    Text(_rank(row)),
                    *(_score(score, digits, spread, plain) for score in row.scores),
                ),
                "cyan" if row.baseline else "",
            )
            for row in members
        ]
    tasks = zip(board.broken_headings, board.metrics, strict=True)
    return Grid(
        headings=(
            Text("Encoder"),
            Text("Rank"),
            *(_heading(heading, metric) for heading, metric in tasks),
        ),
        alignment="lr" + "r" * len(board.tasks),
        rows=tuple(rows),
        repeated=2,
    )


def _heading(heading: str, metric: str) -> Text:
    lines = heading.replace(" ", "\n").replace("-", "-\n")
    return Text.assemble(f"{lines}\n", (metric, "dim"))


def _rank(row: Row) -> str:
    return DASH if np.isnan(row.rank) else f"{row.rank:.1f}"


def _score(score: Score, digits: int, spread: bool, plain: bool) -> Text:
    std = score.spread(digits) if spread else ""
    text, after = score.text(digits) + score.mark, f"±{std}" if std else ""
    if plain:
        return Text(("*" if score.best else "") + text + after)
    return Text.assemble((text, "bold" if score.best else ""), (after, "dim"))
