"""Table of the differences to the best encoder of each task, with intervals."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.ranking.significance import ALPHA
from satclip_bench.benchmarks.ranking.ties import TIE_FLOOR
from satclip_bench.benchmarks.report.board import Board, label
from satclip_bench.benchmarks.report.notes import interval_kinds
from satclip_bench.benchmarks.report.text_table import TextRow, TextTable
from satclip_bench.benchmarks.report.wording import DASH, listed, number

BEST, TIED = "best", "="
"""Cell of the best encoder of a task, and mark of a difference that is within the noise."""


def gaps_table(board: Board) -> TextTable:
    """Differences of scores to the best of each task, with 95 % intervals and marks of ties."""
    return TextTable(
        heading=f"Difference to the best · {board.heading}",
        label=label("gaps", board.label),
        columns=("Encoder", *board.columns),
        alignment="l" + "r" * len(board.tasks),
        rows=tuple(
            TextRow(
                row.name,
                row.baseline,
                (row.title, *(_entry(board, row.name, card.name) for card in board.tasks)),
            )
            for row in board.rows
        ),
        notes=(board.subtitle, *_notes(board), board.edition_note),
    )


def _entry(board: Board, encoder: str, task: str) -> str:
    ranking = board.ranking
    if ranking.best.loc[encoder, task]:
        return BEST
    gap, low, high = (
        float(table[task].loc[encoder])
        for table in (ranking.gap, ranking.gap_low, ranking.gap_high)
    )
    if np.isnan(gap):
        return DASH
    mark = TIED if ranking.tied.loc[encoder, task] else ""
    ends = "" if np.isnan(low) else f" [{_number(low)}, {_number(high)}]"
    return f"{mark}{_number(gap)}{ends}"


def _number(value: float) -> str:
    return number(round(value, 3) + 0.0)


def _notes(board: Board) -> list[str]:
    ranking = board.ranking
    notes = ["Score minus that of the best of the task."]
    if ranking.gap_low.notna().any(axis=None):
        kinds = interval_kinds(ranking.rows, board.tasks)
        notes.append(
            "In brackets: 95 % intervals of the differences, which hold for all pairs of encoders "
            f"of a task together: {kinds}; with the draw of the training set if there are seeds."
        )
    if (ranking.tied & ~ranking.best).any(axis=None):
        notes.append(
            f"{TIED}: tied with the best, because the difference is within the noise "
            f"({ALPHA:.0%} over all pairs of encoders of a task, Tukey's and Kramer's test)."
        )
    if (ranking.mean < TIE_FLOOR).any(axis=None):
        notes.append(f"Scores below {TIE_FLOOR:.0f} count as that.")
    if ranking.undecided:
        titles = {card.name: card.title for card in board.tasks}
        named = listed([titles.get(task, task) for task in ranking.undecided])
        notes.append(f"Ties were not tested for {named}.")
    return notes
