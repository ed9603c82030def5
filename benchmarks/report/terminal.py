"""Boards and tables in the terminal."""

from __future__ import annotations

import numpy as np
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from satclip_bench.benchmarks.report.board import Board, Row, Score, gaps
from satclip_bench.benchmarks.report.text_table import TextTable
from satclip_bench.benchmarks.report.wording import DASH

TITLE_WIDTH, NARROW_TITLE_WIDTH = 30, 25
"""Maximum width of an encoder's title, usually and in narrow terminals; longer ones are cut."""

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

    The best of a task is bold and ties with it are underlined; without a terminal that can show
    that, they are marked `*` and `=`.
    """
    plain = not console.is_terminal
    table = _table(board, *_LAYOUTS[-1], plain)
    for digits, spread, title_width in _LAYOUTS:
        candidate = _table(board, digits, spread, title_width, plain)
        if spread and console.width < WIDE:
            continue
        if Measurement.get(console, console.options.update(width=10_000), candidate).maximum <= (
            console.width
        ):
            table = candidate
            break
    console.print(table)
    marks = " Marks: * best, = tied with it." if plain else ""
    console.print(escape(board.note) + marks, style="dim", highlight=False)
    for row in board.rows:
        if row.missing:
            console.print(escape(gaps(row)), style="yellow", highlight=False)


def print_text_table(table: TextTable, console: Console) -> None:
    """Print a table of texts, with intervals below their values in narrow terminals."""
    grid = Table(
        title=table.heading,
        title_justify="left",
        title_style="bold",
        box=None,
        header_style="bold",
        pad_edge=False,
    )
    for i, (column, side) in enumerate(zip(table.columns, table.alignment, strict=True)):
        justify: JustifyMethod = "left" if side == "l" else "right"
        grid.add_column(column, justify=justify, overflow="fold", no_wrap=i > 0)
    separator = " [" if console.width >= INTERVALS_WIDE else "\n["
    for row in table.rows:
        title, *texts = row.texts
        cells = (escape(text.replace(" [", separator)) for text in texts)
        grid.add_row(escape(title), *cells, style="cyan" if row.baseline else None)
    console.print(grid)
    console.print(escape(table.note), style="dim", highlight=False)


def _table(board: Board, digits: int, spread: bool, title_width: int, plain: bool) -> Table:
    table = Table(
        title=board.heading,
        title_justify="left",
        title_style="bold",
        box=None,
        header_style="bold",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("\n\nEncoder", no_wrap=True, max_width=title_width, overflow="ellipsis")
    table.add_column("\n\nRank", justify="right", no_wrap=True)
    for i, (heading, metric) in enumerate(zip(board.broken_headings, board.metrics, strict=True)):
        lines = escape(heading).replace(" ", "\n").replace("-", "-\n").split("\n")
        # Headings of one line get an empty line above, so that the symbols of the metrics align.
        lines = [""] * (2 - len(lines)) + lines
        table.add_column(
            "\n".join([*lines, f"[dim]{metric}[/dim]"]),
            justify="right",
            # Headings may wrap, numbers may not.
            overflow="fold",
            min_width=max(len(_plain(row.scores[i], digits, spread)) for row in board.rows),
        )
    for name, rows in board.groups:
        if name != "encoders":
            table.add_row(f"[dim italic]{name}[/dim italic]")
        for row in rows:
            table.add_row(
                escape(row.title),
                _rank(row),
                *(_score(score, digits, spread, plain) for score in row.scores),
                style="cyan" if row.baseline else None,
            )
    return table


def _rank(row: Row) -> str:
    return DASH if np.isnan(row.rank) else f"{row.rank:.1f}"


def _plain(score: Score, digits: int, spread: bool) -> str:
    mark = "*" if score.best else "=" if score.tied else ""
    std = score.spread(digits) if spread else ""
    return mark + score.text(digits) + score.mark + (f"±{std}" if std else "")


def _score(score: Score, digits: int, spread: bool, plain: bool) -> str:
    if plain:
        return _plain(score, digits, spread)
    text = score.text(digits) + score.mark
    if score.best or score.tied:
        style = "bold" if score.best else "underline"
        text = f"[{style}]{text}[/{style}]"
    std = score.spread(digits) if spread else ""
    return text + (f"[dim]±{std}[/dim]" if std else "")
