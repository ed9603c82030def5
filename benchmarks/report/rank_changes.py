"""Table of mean ranks under several splits, and which of their changes exceed the noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.ranking.shifts import RankChanges
from satclip_bench.benchmarks.ranking.significance import ALPHA
from satclip_bench.benchmarks.report.board import label
from satclip_bench.benchmarks.report.notes import (
    caveats_of,
    editions_note,
    editions_of,
    kinds_of_splits,
    submitted_note,
)
from satclip_bench.benchmarks.report.text_table import TextRow, TextTable
from satclip_bench.benchmarks.report.wording import listed, number, separate_board
from satclip_bench.tasks import TaskCard


@dataclass(frozen=True)
class ChangesTable:
    """Rank changes of a probe between splits.

    Attributes:
        probe: name of the probe.
        changes: mean ranks and their changes.
        text: the same as texts, for the writers.
    """

    probe: str
    changes: RankChanges
    text: TextTable


def changes_table(
    probe: str,
    changes: RankChanges,
    cards: Mapping[str, TaskCard],
    titles: Mapping[str, str],
    frame: pd.DataFrame,
) -> ChangesTable:
    """Rank changes as a table.

    Args:
        probe: name of the probe.
        changes: mean ranks and their changes.
        cards: cards of the tasks.
        titles: titles of encoders and baselines; one without a title is shown by its name.
        frame: tidy frame of the run, for the notes on editions.
    """
    first, *others = map(str, changes.ranks.columns)
    names = [str(name) for name in changes.ranks.index]
    columns = ("Encoder", first, *(column for split in others for column in (split, "change")))
    text = TextTable(
        heading=f"Rank changes between splits, probe {probe}",
        label=label(
            "rank-changes", probe, *sorted(set(map(separate_board, cards.values())) - {""})
        ),
        columns=columns,
        alignment="l" + "r" * (len(columns) - 1),
        rows=tuple(
            TextRow(
                name,
                is_baseline(name),
                (titles.get(name, name), *_texts(changes, name)),
            )
            for name in names
        ),
        notes=tuple(_notes(changes, cards, frame)),
    )
    return ChangesTable(probe, changes, text)


def _texts(changes: RankChanges, name: str) -> list[str]:
    texts = []
    for split in changes.ranks.columns:
        ends = (changes.low[split].loc[name], changes.high[split].loc[name])
        texts.append(f"{changes.ranks[split].loc[name]:.1f}{_brackets(*ends)}")
        if split in changes.change:
            p = float(changes.p[split].loc[name])
            mark = "" if np.isnan(p) or p >= ALPHA else " *"
            texts.append(
                f"{changes.change[split].loc[name]:+.1f}{mark}".replace("-", "\N{MINUS SIGN}")
            )
    return texts


def _brackets(low: float, high: float) -> str:
    return "" if np.isnan(low) else f" [{low:.1f}, {high:.1f}]"


def _notes(changes: RankChanges, cards: Mapping[str, TaskCard], frame: pd.DataFrame) -> list[str]:
    first = changes.ranks.columns[0]
    shared = [cards[task] for task in changes.tasks]
    notes = [
        f"Mean rank (1 is best) among the {len(changes.ranks)} encoders and baselines that are "
        f"complete under every split, over {listed([card.title for card in shared])}. Change: rank "
        f"minus rank under {first}; above 0 is worse."
    ]
    if changes.p.notna().any(axis=None):
        moved = int((changes.p.to_numpy() < ALPHA).sum())
        notes.append(
            f"In brackets: 95 % intervals: {kinds_of_splits(frame, changes.ranks.columns)}. "
            "*: change beyond the noise of the points and, where seeds draw it, of the training "
            f"set (p below {ALPHA:.2f}, Holm's correction over all changes): {moved} of "
            f"{changes.p.size}."
        )
    taus = []
    for split in changes.tau.index:
        low, high = changes.tau_low[split], changes.tau_high[split]
        ends = "" if np.isnan(low) else f" [{number(low, 2)}, {number(high, 2)}]"
        taus.append(f"{split} {number(float(changes.tau[split]), 2)}{ends}")
    notes.append(f"Kendall's tau with the order under {first}: {listed(taus)}.")
    notes.append(_floor_note(changes.floor))
    return [
        *notes,
        submitted_note(frame),
        editions_note(editions_of(frame), shared, caveats_of(frame)),
    ]


def _floor_note(floor: pd.DataFrame) -> str:
    """What the choice of the seeds alone does to the order, to compare tau and changes with."""
    known = [
        f"{split} tau {number(float(tau), 2)} and {change:.1f} ranks"
        for split, (tau, change) in floor.iterrows()
        if not np.isnan(tau)
    ]
    unknown = [str(split) for split in floor.index[floor["tau"].isna()]]
    notes = []
    if known:
        notes.append(
            "Noise floor, between two disjoint halves of the seeds of the same split (mean tau; "
            f"change that 95 % of the ranks do not exceed): {listed(known)}."
        )
    if unknown:
        notes.append(f"A single seed shows no noise of the training set: {listed(unknown)}.")
    return " ".join(notes)
