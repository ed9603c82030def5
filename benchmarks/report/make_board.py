"""Boards made from rankings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.ranking.ranking import Ranking
from satclip_bench.benchmarks.report.board import GROUPS, Board, Row, Score
from satclip_bench.benchmarks.report.notes import board_notes, caveats_of, editions_of
from satclip_bench.tasks import TaskCard


def make_board(
    ranking: Ranking,
    split: str,
    probe: str,
    cards: Mapping[str, TaskCard],
    titles: Mapping[str, str],
) -> Board:
    """The board of a ranking.

    Args:
        ranking: scores and ranks of the split and probe.
        split: name of the split.
        probe: name of the probe.
        cards: cards of the tasks, in the order of the columns.
        titles: titles of encoders and baselines; one without a title is shown by its name.
    """
    rows = ranking.rows
    tasks = tuple(card for name, card in cards.items() if name in ranking.mean.columns)
    editions = editions_of(rows)
    return Board(
        split=split,
        probe=probe,
        tasks=tasks,
        editions=tuple(editions[card.name] for card in tasks),
        rows=_rows(
            ranking,
            [card.name for card in tasks],
            titles,
            *(_pairs(rows[rows[name]]) for name in ("contaminated", "recipe_chosen")),
        ),
        seeds=ranking.seeds,
        folds=int(rows["fold"].nunique()),
        notes=tuple(board_notes(ranking, cards, titles)),
        caveats=caveats_of(rows),
        ranking=ranking,
    )


def _pairs(rows: pd.DataFrame) -> set[tuple[str, str]]:
    """Pairs of an encoder and a task that occur in rows of the tidy table."""
    return set(zip(rows["encoder"], rows["task"], strict=True))


def _rows(
    ranking: Ranking,
    tasks: list[str],
    titles: Mapping[str, str],
    contaminated: set[tuple[str, str]],
    recipes: set[tuple[str, str]],
) -> tuple[Row, ...]:
    ranked = [str(name) for name in ranking.rank.index]
    order = [*ranked, *sorted(set(map(str, ranking.mean.index)) - set(ranked))]
    mean, std, best, tied, low, high = (
        table.loc[order, tasks].to_numpy()
        for table in (
            *(ranking.mean, ranking.std, ranking.best, ranking.tied),
            *(ranking.low, ranking.high),
        )
    )
    rows = (
        Row(
            name=name,
            title=titles.get(name, name),
            baseline=is_baseline(name),
            rank=float(ranking.rank.get(name, np.nan)),
            rank_std=float(ranking.rank_std.get(name, np.nan)),
            scores=tuple(
                Score(
                    mean=float(mean[i, j]),
                    std=float(std[i, j]),
                    best=bool(best[i, j]),
                    tied=bool(tied[i, j]),
                    low=float(low[i, j]),
                    high=float(high[i, j]),
                    contaminated=(name, task) in contaminated,
                    recipe=(name, task) in recipes,
                )
                for j, task in enumerate(tasks)
            ),
            missing=ranking.missing.get(name, ()),
        )
        for i, name in enumerate(order)
    )
    return tuple(sorted(rows, key=lambda row: GROUPS.index(row.group)))
