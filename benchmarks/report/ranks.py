"""Table of ratings over all tasks: mean rank, Borda, wins, Elo and improvement, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.ranking.ratings import MEASURES, REFERENCE, Ratings, rate
from satclip_bench.benchmarks.ranking.significance import ALPHA, Friedman
from satclip_bench.benchmarks.report.board import Board, gaps, label
from satclip_bench.benchmarks.report.notes import interval_kinds, submitted_note
from satclip_bench.benchmarks.report.text_table import TextRow, TextTable
from satclip_bench.benchmarks.report.wording import DASH, number

COLUMNS = ("Encoder", "Mean rank", "Borda", "Win rate", "Elo", "Over k-NN", "Ties")


@dataclass(frozen=True)
class RankTable:
    """Ratings of the encoders of a board.

    Attributes:
        board: board that is rated.
        ratings: ratings of its complete encoders.
        text: the same as texts under `COLUMNS`, best mean rank first.
    """

    board: Board
    ratings: Ratings
    text: TextTable


def rank_table(board: Board) -> RankTable:
    """Ratings of the complete encoders of a board."""
    ratings = rate(board.ranking)
    titles = {row.name: row.title for row in board.rows}
    letters = group_letters(ratings)
    entries = zip(*(_entries(ratings, measure) for measure in MEASURES), strict=True)
    text = TextTable(
        heading=f"Ranks · {board.heading}",
        label=label("ranks", board.label),
        columns=COLUMNS,
        alignment="lrrrrrl",
        rows=tuple(
            TextRow(
                name,
                is_baseline(name),
                (titles[name], *texts, letters[name]),
            )
            for name, texts in zip(map(str, ratings.values.index), entries, strict=True)
        ),
        notes=tuple(_notes(ratings, board)),
    )
    return RankTable(board, ratings, text)


def group_letters(ratings: Ratings) -> dict[str, str]:
    """Letters of the tie groups of every encoder, such as `ab`."""
    letters: dict[str, str] = {str(name): "" for name in ratings.values.index}
    for place, group in enumerate(ratings.groups):
        for name in group:
            letters[name] += _letter(place)
    return letters


def _letter(place: int) -> str:
    lap, letter = divmod(place, 26)
    return "abcdefghijklmnopqrstuvwxyz"[letter] + (str(lap + 1) if lap else "")


_DIGITS = {"rank": 1, "borda": 1, "win_rate": 2, "elo": 0, "improvement": 2}


def _entries(ratings: Ratings, measure: str) -> list[str]:
    """Values of a measure with their intervals, encoder by encoder."""
    rows = zip(ratings.values[measure], ratings.low[measure], ratings.high[measure], strict=True)
    return [_entry(value, low, high, measure) for value, low, high in rows]


def _entry(value: float, low: float, high: float, measure: str) -> str:
    if np.isnan(value):
        return DASH
    ends = "" if np.isnan(low) else f" [{_number(low, measure)}, {_number(high, measure)}]"
    return _number(value, measure) + ends


def _number(value: float, measure: str) -> str:
    digits = _DIGITS[measure]
    if measure in ("rank", "borda", "elo"):
        return f"{value:.{digits}f}"
    return number(value, digits)


def _notes(ratings: Ratings, board: Board) -> list[str]:
    notes = [
        board.subtitle,
        f"Over {ratings.tasks} task{'s' * (ratings.tasks != 1)} and "
        f"{board.seeds} seed{'s' * (board.seeds != 1)}. Borda: "
        "mean number of encoders beaten, ties counting one half; win rate: the same as a share of "
        "the other encoders; Elo: Bradley-Terry ratings with mean 1500, where 400 points are odds "
        f"of 10 to 1; over k-NN: share of the possible improvement over {REFERENCE}, at least -1 "
        "per task.",
    ]
    if ratings.on_these_tasks is not None:
        notes.append(
            "In brackets: 95 % intervals for these tasks: "
            f"{interval_kinds(board.ranking.rows, board.tasks)} (for all but the last with widened "
            "noise, because intervals of nearly equal encoders would be too narrow otherwise). "
            "Encoders that share a letter under Ties do not differ significantly on these tasks "
            f"(Holm's correction over all pairs, {ALPHA:.0%})."
        )
    if ratings.friedman is not None:
        notes.append(_friedman_note(ratings.friedman, ratings))
    unranked = [f"{gaps(row)}." for row in board.rows if row.missing]
    return [*notes, *unranked, submitted_note(board.ranking.rows), board.edition_note]


def _friedman_note(test: Friedman, ratings: Ratings) -> str:
    p = ratings.on_similar_tasks.to_numpy()
    upper = p[np.triu_indices(len(p), 1)]
    return (
        f"On other tasks like these: Friedman's test over tasks, p {_p_text(test.p)}; Nemenyi's "
        f"critical difference of mean ranks {test.critical_difference:.1f}; "
        f"{int((upper < ALPHA).sum())} of {len(upper)} pairs differ significantly (signed-rank "
        "tests, Holm's correction)."
    )


def _p_text(p: float) -> str:
    return "< .001" if p < 0.001 else f"= {number(p, 3)}"
