"""Overview: mean rank and mean skill of every encoder under every split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.ranking.overall import mean_scores
from satclip_bench.benchmarks.ranking.places import Place, places_by_p
from satclip_bench.benchmarks.ranking.significance import ALPHA
from satclip_bench.benchmarks.ranking.ties import TIE_FLOOR
from satclip_bench.benchmarks.report.board import Board
from satclip_bench.benchmarks.report.paper_tables.captions import MARKS, caption, finished
from satclip_bench.benchmarks.report.paper_tables.layout import Layout, OverviewTable
from satclip_bench.benchmarks.report.paper_tables.model import (
    Block,
    Cell,
    Entry,
    Heading,
    PaperTable,
    Section,
    TableRow,
)
from satclip_bench.benchmarks.report.paper_tables.names import resolve_groups, short_name
from satclip_bench.benchmarks.report.paper_tables.panels import (
    NO_TASK,
    measured_cell,
    select_part,
    short_reason,
)
from satclip_bench.benchmarks.report.paper_tables.text import Numbers
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.wording import SPLIT_TITLES, listed


@dataclass(frozen=True)
class SplitOverview:
    """Ranks and mean scores of one split.

    Attributes:
        board: board of the split, over the tasks that all splits have.
        means: encoder x (`value`, `low`, `high`, `rank`, `rank_low`, `rank_high`).
        rank_places, score_places: places of the encoders.
    """

    board: Board
    means: pd.DataFrame
    rank_places: Mapping[str, Place]
    score_places: Mapping[str, Place]

    @classmethod
    def of(cls, results: Results, split: str, probe: str) -> SplitOverview:
        """Overview of a split."""
        board = results.board(split, probe)
        ratings = results.ranks(split, probe).ratings
        parts = (ratings.low, ratings.high)
        means = mean_scores(board.ranking)
        values = means.values.join(ratings.values["rank"])  # noqa: PD011
        for name, table in zip(("rank_low", "rank_high"), parts, strict=True):
            values[name] = table["rank"]
        return cls(
            board,
            values,
            places_by_p(-values["rank"], ratings.on_these_tasks),
            places_by_p(values["value"], means.p),
        )


def overview_table(
    results: Results, layout: Layout, table: OverviewTable
) -> tuple[PaperTable | None, list[str]]:
    """The overview of a run, and sentences on what is left out.

    Args:
        results: results of the run.
        layout: layout with the groups of encoders and the tasks.
        table: what the layout asks for.

    Returns:
        No table if the run has none of the splits.
    """
    left_out = []
    parts: dict[str, tuple[str, Results]] = {}
    for split in table.splits or tuple(dict.fromkeys(name for name, _ in results.boards)):
        part = select_part(results, layout, split, table.probe)
        if isinstance(part, str):
            left_out.append(f"{table.name} has no columns for {split}: {part}.")
        else:
            parts[split] = (part[0][1], part[1])
    shared = [n for n in results.cards if all(n in part.cards for _, part in parts.values())]
    if parts and not shared:
        left_out.append(f"{table.name} is left out: no task is in all of {', '.join(parts)}.")
    if not parts or not shared:
        return None, left_out
    overviews = {}
    for split, (probe, of_split) in parts.items():
        of_tasks = _of_tasks(of_split, shared)
        if of_tasks.board(split, probe).tasks:
            overviews[split] = SplitOverview.of(of_tasks, split, probe)
        else:
            left_out.append(f"{table.name} has no columns for {split}: {NO_TASK}.")
    return _table(overviews, layout, table, results) if overviews else None, left_out


def _of_tasks(results: Results, tasks: Sequence[str]) -> Results:
    """Results of some tasks, in skill if their records have it."""
    kept = Results(
        results.frame[results.frame["task"].isin(list(tasks))],
        {name: results.cards[name] for name in tasks},
        results.titles,
        results.replicates,
        results.contaminated,
    )
    return kept.in_skill


def _table(
    overviews: Mapping[str, SplitOverview], layout: Layout, table: OverviewTable, results: Results
) -> PaperTable:
    boards = [one.board for one in overviews.values()]
    skill = all(board.shows_skill for board in boards)
    order = [row.name for board in boards for row in board.rows]
    sections = tuple(
        Section(
            group.title,
            tuple(
                TableRow(
                    short_name(layout, name, results.titles),
                    tuple(cell for one in overviews.values() for cell in _cells(one, name, layout)),
                    "baseline" if is_baseline(name) else "encoder",
                )
                for name in group.encoders
            ),
        )
        for group in resolve_groups(layout, order)
    )
    score = "Skill" if skill else "Score"
    block = Block(
        "",
        "Encoder",
        tuple(Heading(text) for _ in overviews for text in ("Rank", score)),
        sections,
        tuple((SPLIT_TITLES.get(split, split), 2) for split in overviews),
    )
    tasks = [card.title for card in boards[0].tasks]
    measured = f"mean rank and mean {score.lower()} over {len(tasks)} task{'s' * (len(tasks) > 1)}"
    return PaperTable(
        table.name,
        caption(table.caption, measured, boards),
        tuple(_notes(overviews, tasks, skill=skill)),
        (block,),
    )


def _cells(one: SplitOverview, name: str, layout: Layout) -> tuple[Cell, Cell]:
    """Cells of an encoder under one split: its mean rank and its mean score."""
    numbers = Numbers(layout)
    board = one.board
    metric = "skill" if board.shows_skill else "score"
    entry = Entry(board.split, board.probe, name, "", metric, np.nan)
    if name not in one.means.index:
        cell = measured_cell(replace(entry, reason=_reason(board, name)), numbers)
        return cell, cell
    value, low, high, mean_rank, first, last = one.means.loc[[name]].to_numpy()[0].tolist()
    place = one.score_places.get(name, "")
    score = replace(entry, value=value, low=low, high=high, place=place)
    place = one.rank_places.get(name, "")
    rank = replace(entry, metric="rank", value=mean_rank, low=first, high=last, place=place)
    ends = () if np.isnan(first) else (f"[{first:.1f}, {last:.1f}]",)
    interval = numbers.interval(metric, score.low, score.high)
    return (
        Cell(f"{rank.value:.1f}", below=ends, place=rank.place, entry=rank),
        measured_cell(score, numbers, filter(None, [interval])),
    )


def _reason(board: Board, name: str) -> str:
    """Why an encoder has no mean rank: its first missing cell."""
    for row in board.rows:
        if row.name == name and row.missing:
            first = row.missing[0]
            return f"not complete: {first.task}, {short_reason(first.reason)}"
    return "not in this run"


def _notes(
    overviews: Mapping[str, SplitOverview], tasks: Sequence[str], *, skill: bool
) -> list[str]:
    boards = [one.board for one in overviews.values()]
    notes = [
        MARKS.replace("each task", "each column"),
        f"Over the tasks that all splits have: {listed(tasks)}.",
        *(board.subtitle for board in boards),
    ]
    if any((one.means["value"] < TIE_FLOOR).any() for one in overviews.values()):
        notes.append(f"In the mean, a score below {TIE_FLOOR:.0f} on one task counts as that.")
    if any(one.means["low"].notna().any() for one in overviews.values()):
        notes.append(
            f"Ties do not differ significantly on these tasks (Holm's correction, {ALPHA:.0%}). In "
            "brackets: 95 % intervals for these tasks. Those of scores hold the noise of the test "
            "points and that of the training set; those of ranks have widened noise."
        )
    else:
        notes.append("Ties were not tested, because the run has no bootstrap scores.")
    if any(row.scores and any(s.mark for s in row.scores) for b in boards for row in b.rows):
        named = dict.fromkeys(
            row.title for b in boards for row in b.rows if any(score.mark for score in row.scores)
        )
        notes.append(
            f"Trained on the data of one of these tasks, or with a recipe chosen with its labels: "
            f"{listed(named)}."
        )
    return finished(notes, boards, single=False)
