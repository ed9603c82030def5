"""Table of the differences to the best encoder of each task, with intervals."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.ranking.ranking import Ranking
from satclip_bench.benchmarks.ranking.significance import ALPHA
from satclip_bench.benchmarks.ranking.ties import TIE_FLOOR
from satclip_bench.benchmarks.report.board import Board
from satclip_bench.benchmarks.report.notes import interval_kinds, submitted_note
from satclip_bench.benchmarks.report.text_table import TextTable, task_table
from satclip_bench.benchmarks.report.wording import DASH, listed, number

BEST, TIED = "best", "="
"""Cell of the best encoder of a task, and mark of a difference that is within the noise."""


def gaps_table(board: Board) -> TextTable:
    """Differences of scores to the best of each task, with 95 % intervals and marks of ties."""
    return task_table(
        board,
        "gaps",
        "Difference to the best",
        {card.name: _entries(board.ranking, card.name) for card in board.tasks},
        (board.subtitle, *_notes(board), board.edition_note),
    )


def _entries(ranking: Ranking, task: str) -> dict[str, str]:
    """Texts of one task by encoder."""
    tables = (ranking.best, ranking.tied, ranking.gap, ranking.gap_low, ranking.gap_high)
    columns = (table[task].tolist() for table in tables)
    return dict(zip(ranking.best.index, map(_entry, *columns), strict=True))


def _entry(best: bool, tied: bool, gap: float, low: float, high: float) -> str:
    if best:
        return BEST
    if np.isnan(gap):
        return DASH
    mark = TIED if tied else ""
    ends = "" if np.isnan(low) else f" [{number(low)}, {number(high)}]"
    return f"{mark}{number(gap)}{ends}"


def _notes(board: Board) -> list[str]:
    ranking = board.ranking
    notes = ["Score minus that of the best of the task."]
    if ranking.gap_low.notna().any(axis=None):
        kinds = interval_kinds(ranking.rows, board.tasks)
        notes.append(
            "In brackets: 95 % intervals of the differences, which hold for all pairs of encoders "
            f"of a task together: {kinds}; with the draw of the training set where seeds draw it."
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
    notes.append(submitted_note(ranking.rows))
    return notes
