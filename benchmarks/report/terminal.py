"""A leaderboard in the terminal."""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.report.model import DASH, Leaderboard, Score, gaps, number

WIDE = 118
"""Columns from which on the spread fits beside the score."""

MIDDLE = 86
"""Columns from which on the third digit of the score fits."""


def print_leaderboard(board: Leaderboard, console: Console) -> None:
    """Print a leaderboard: best bold, ties with it underlined, baselines in another colour."""
    table = Table(
        title=f"{board.edition} edition · {board.split} · probe {board.probe} · "
        f"{board.seeds} seed{'s' * (board.seeds > 1)}",
        title_justify="left",
        title_style="bold",
        box=None,
        header_style="bold",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("\n\nEncoder", no_wrap=True)
    table.add_column("\n\nRank", justify="right", no_wrap=True)
    for heading, metric in zip(board.broken_headings, board.metrics, strict=True):
        lines = heading.replace(" ", "\n").replace("-", "-\n").split("\n")
        # One line more above those that have one, so that the signs of the scores align.
        lines = [""] * (2 - len(lines)) + lines
        table.add_column("\n".join([*lines, f"[dim]{metric}[/dim]"]), justify="right", no_wrap=True)
    for row in board.rows:
        rank = DASH if np.isnan(row.rank) else f"{row.rank:.1f}"
        table.add_row(
            escape(row.title),
            rank,
            *(_score(score, console.width) for score in row.scores),
            style="cyan" if row.baseline else None,
        )
    console.print(table)
    console.print(f"[dim]{escape(board.note)} Baselines in colour.[/dim]")
    for row in board.rows:
        if row.missing:
            console.print(f"[yellow]{escape(gaps(row))}[/yellow]", soft_wrap=True)


def _score(score: Score, width: int) -> str:
    style = "bold" if score.best else "underline" if score.tied else ""
    text = score.text(3 if width >= MIDDLE else 2)
    mean = f"[{style}]{text}[/{style}]" if style else text
    spread = f"[dim]±{number(score.std)}[/dim]" if width >= WIDE and score.spread() else ""
    return mean + spread
