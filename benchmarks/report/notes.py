"""Notes below boards: seeds, intervals, ties, unseen classes, fits, contamination, editions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from satclip_bench.benchmarks.ranking.ranking import Ranking
from satclip_bench.benchmarks.ranking.ties import MIN_SEEDS
from satclip_bench.benchmarks.report.wording import (
    DAGGER,
    DOUBLE_DAGGER,
    INTERVALS,
    SECTION,
    listed,
)
from satclip_bench.benchmarks.runs.columns import CELL, SUBMITTED
from satclip_bench.tasks import TaskCard


def caveats_of(frame: pd.DataFrame) -> dict[str, str]:
    """Caveats of the tasks of a frame: how a table differs from what its edition promises."""
    rows = frame[frame["caveat"] != ""]
    return dict(zip(map(str, rows["task"]), map(str, rows["caveat"]), strict=True))


def editions_of(frame: pd.DataFrame) -> dict[str, str]:
    """Editions of the tasks of a frame."""
    rows = frame.drop_duplicates("task", keep="last")
    return dict(zip(map(str, rows["task"]), map(str, rows["edition"]), strict=True))


def editions_note(
    editions: Mapping[str, str],
    cards: Iterable[TaskCard],
    caveats: Mapping[str, str] | None = None,
) -> str:
    """`edition_note` of tasks of several editions, edition by edition.

    Args:
        editions: edition of each task.
        cards: cards of the tasks.
        caveats: by task, how its table differs from what its edition promises.
    """
    by_edition: dict[str, list[TaskCard]] = {}
    for card in cards:
        by_edition.setdefault(editions[card.name], []).append(card)
    notes = (
        edition_note(one, of_edition, caveats) for one, of_edition in sorted(by_edition.items())
    )
    return " ".join(filter(None, notes))


def edition_note(
    edition: str, cards: Iterable[TaskCard], caveats: Mapping[str, str] | None = None
) -> str:
    """Note on which tables are not the ones of the paper.

    Args:
        edition: edition of the tasks.
        cards: cards of the tasks.
        caveats: by task, how its table differs from what its edition promises.
    """
    cards = tuple(cards)
    known = [f"{c.title}: {caveats[c.name]}." for c in cards if caveats and c.name in caveats]
    return " ".join(filter(None, [_edition_note(edition, cards), *known]))


def _edition_note(edition: str, cards: Iterable[TaskCard]) -> str:
    titles: dict[bool, list[str]] = {False: [], True: []}
    for card in cards:
        if not card.paper_rows:
            # Not a task of the paper: there is no table that its own could differ from.
            continue
        differs = any(n == edition and e.differs_from_paper for n, e in card.editions.items())
        titles[differs].append(card.title)
    if not titles[True]:
        return ""
    return (
        f"{edition.capitalize()} edition: not the paper's tables for {', '.join(titles[True])}"
        + (f" (the paper's own: {', '.join(titles[False])})" if titles[False] else "")
        + ". The task cards describe the differences."
    )


def interval_kinds(rows: pd.DataFrame, cards: Iterable[TaskCard]) -> str:
    """What the intervals of tasks are about, in words.

    Args:
        rows: rows of the tidy table for one split.
        cards: cards of the tasks.

    Returns:
        Such as `other points of this map`, with the tasks of each kind if there are two.
    """
    kind_of = rows.drop_duplicates("task", keep="last").set_index("task")["interval"]
    titles: dict[str, list[str]] = {kind: [] for kind in INTERVALS}
    for card in cards:
        titles[kind_of[card.name]].append(card.title)
    kinds = [(INTERVALS[kind], named) for kind, named in titles.items() if named]
    if len(kinds) == 1:
        return kinds[0][0]
    return "; ".join(f"{words} for {listed(named)}" for words, named in kinds)


def kinds_of_splits(frame: pd.DataFrame, splits: Iterable[str]) -> str:
    """What the intervals of several splits are about, in words, split by split if they differ.

    Args:
        frame: rows of the tidy table.
        splits: names of the splits.
    """
    words = {}
    for split in splits:
        present = set(frame.loc[frame["split"] == split, "interval"].unique())
        words[split] = " or ".join(text for kind, text in INTERVALS.items() if kind in present)
    if len(set(words.values())) == 1:
        return next(iter(words.values()))
    return "; ".join(f"{split}: {text}" for split, text in words.items())


@dataclass(frozen=True)
class Marks:
    """Marks that a rendering of a board shows, and how they look.

    Attributes:
        spread: whether the standard deviation over seeds stands beside a score.
        intervals: whether the interval of a score stands beside it, in brackets.
        best: name of the mark of the best score of a task; empty if there is none.
        tied: name of the mark of a score that ties with the best; empty if there is none.
    """

    spread: bool = True
    intervals: bool = True
    best: str = "Bold"
    tied: str = "Underlined"


def mark_notes(seeds: int, marks: Marks, kinds: str = "", *, pooled: bool = False) -> Iterable[str]:
    """Notes on how scores and ranks are averaged, and on the marks that a board shows.

    Args:
        seeds: number of seeds of the board.
        marks: marks that are shown.
        kinds: what the intervals are about, as `interval_kinds` says it.
        pooled: whether scores are pooled over folds.

    Example:
        >>> list(mark_notes(3, Marks(intervals=False, best="*", tied="")))
        ['Mean over folds and 3 seeds ± standard deviation over the seeds.', \
'Rank: mean over tasks. *: best of a task.']
    """
    if seeds > 1:
        spread = " ± standard deviation over the seeds" if marks.spread else ""
        over = f"Pooled over folds, mean over {seeds}" if pooled else f"Mean over folds and {seeds}"
        yield f"{over} seeds{spread}."
    elif pooled:
        yield "Pooled over the folds of one seed, so there is no spread over seeds."
    else:
        yield "Mean over the folds of one seed, so there is no spread over seeds."
    if marks.intervals:
        yield f"In brackets: 95 % interval of the mean: {kinds}."
    note = "Rank: mean over tasks."
    if marks.best:
        note += f" {marks.best}: best of a task."
    if marks.tied:
        note += f" {marks.tied}: tied with the best, as the table of differences says."
    yield note


def board_notes(
    ranking: Ranking,
    cards: Mapping[str, TaskCard],
    titles: Mapping[str, str],
) -> Iterable[str]:
    """Notes of a board on its cells: what is left out, unseen classes, fits, contamination.

    Args:
        ranking: ranking that the board shows.
        cards: cards of the tasks.
        titles: titles of encoders and baselines.
    """
    rows = ranking.rows
    for task in ranking.left_out:
        title = cards[task.task].title if task.task in cards else task.task
        yield (
            f"{title} is left out, also of the ranks, because a cell of it failed for every "
            f"encoder: {_short(task.reason)}."
        )
    if ranking.undecided:
        titled = listed([card.title for name, card in cards.items() if name in ranking.undecided])
        yield (
            f"Ties were not tested for {titled}, without intervals and with fewer than {MIN_SEEDS} "
            "seeds."
        )
    shares = {name: share for name, share in _unseen(rows).items() if name in cards}
    if shares:
        named = listed([f"{cards[name].title} {share:.0%}" for name, share in shares.items()])
        yield f"Test points of classes that are not in the training set count as wrong: {named}."
    if ranking.undefined:
        cells = listed(
            dict.fromkeys(
                f"{cards[m.task].title}, {m.fold} ({m.reason})" for m in ranking.undefined
            )
        )
        yield f"Scores that are not defined are left out for all encoders: {cells}."
    unknown = sorted(set(rows["task"].unique()) - set(cards))
    if unknown:
        yield f"Tasks left out because they have no card: {listed(unknown)}."
    yield from _region_notes(rows)
    yield from _shared_notes(rows, cards)
    yield from fit_notes(rows, cards, titles)
    yield submitted_note(rows)
    if ranking.excluded:
        names = listed([titles.get(name, name) for name in ranking.excluded])
        yield (
            "Left out because they were trained on the data of one of these tasks, or their recipe "
            f"was chosen with its labels: {names}."
        )
        return
    if rows["contaminated"].any():
        yield f"{DAGGER} trained on the data of this task or on near copies of it."
    if (rows["recipe_chosen"] & ~rows["contaminated"]).any():
        yield (
            f"{DOUBLE_DAGGER} recipe (architecture, training data or settings) chosen with labels "
            "of this task, though not trained on them."
        )


def submitted_note(rows: pd.DataFrame) -> str:
    """Note on encoders whose scores others submitted; empty if there are none.

    Args:
        rows: rows of the tidy table that are shown; the column `source` may be missing.
    """
    if "source" not in rows or not rows["source"].eq(SUBMITTED).any():
        return ""
    return (
        f"{SECTION} submitted by others: their predictions were scored here, but not made here "
        "(docs/submit.md)."
    )


def _region_notes(rows: pd.DataFrame) -> Iterable[str]:
    """Notes on what is held out under `held-out-region`."""
    if set(rows["split"].unique()) != {"held-out-region"}:
        return
    note = (
        "Held out are the labels of a region, not what a pretrained encoder has seen of the region."
    )
    if {"Asia", "Europe"} <= set(rows["fold"].unique()):
        note += " Europe includes Siberia: countries are not divided."
    yield note


def _shared_notes(rows: pd.DataFrame, cards: Mapping[str, TaskCard]) -> Iterable[str]:
    """Note on test points at the coordinates of training or validation points."""
    cells = _done(rows, CELL, "n_shared", "n_test")
    sums = cells.groupby("task")[["n_shared", "n_test"]].sum()
    named = [
        f"{card.title} {sums['n_shared'][name]:,} of {sums['n_test'][name]:,} "
        f"({sums['n_shared'][name] / sums['n_test'][name]:.0%})"
        for name, card in cards.items()
        if name in sums.index and sums["n_shared"][name] > 0
    ]
    if named:
        yield (
            "Test points at the coordinates of a training or validation point, over all folds and "
            f"seeds: {listed(named)}."
        )


def fit_notes(
    rows: pd.DataFrame, cards: Mapping[str, TaskCard], titles: Mapping[str, str]
) -> Iterable[str]:
    """Notes on clipped predictions and on fits that did not converge.

    Args:
        rows: rows of the tidy table for one split and probe.
        cards: cards of the tasks.
        titles: titles of encoders and baselines.
    """
    columns = ("task_type", "n_test", "n_clipped", "converged")
    cells = _done(rows, ["encoder", *CELL], *columns)
    clipped = (
        cells.groupby("encoder")["n_clipped"].sum().sort_values(ascending=False, kind="stable")
    )
    if clipped.sum():
        tested = int(cells.loc[cells["task_type"] == "regression", "n_test"].sum())
        first = str(clipped.index[0])
        yield (
            f"Predictions outside the range of the training targets, moved to its end: "
            f"{clipped.sum():,} of {tested:,}, the most by {titles.get(first, first)} "
            f"({clipped.iloc[0]:,})."
        )
    capped = cells[cells["converged"].eq(False).fillna(False)]
    if len(capped):
        pairs = sorted(zip(map(str, capped["encoder"]), map(str, capped["task"]), strict=True))
        named = [
            f"{titles.get(encoder, encoder)} on "
            f"{cards[task].title if task in cards else task} ({count})"
            for (encoder, task), count in Counter(pairs).items()
        ]
        yield f"Fits that did not converge ({len(capped)} of {len(cells)} cells): {listed(named)}."


def _done(rows: pd.DataFrame, key: list[str], *columns: str) -> pd.DataFrame:
    """The first row of every finished cell; all columns take several times as long to choose."""
    return rows.loc[rows["status"] == "done", [*key, *columns]].drop_duplicates(key)


def _short(reason: str) -> str:
    line = " ".join(reason.split()).rstrip(".")
    return line if len(line) <= 160 else line[:159] + "…"


def _unseen(rows: pd.DataFrame) -> dict[str, float]:
    """Share of test points of unseen classes, for the tasks where it is at least 0.5 %."""
    cells = _done(rows, CELL, "n_unseen", "n_test")
    sums = cells.groupby("task")[["n_unseen", "n_test"]].sum()
    shares = sums["n_unseen"] / sums["n_test"]
    return {str(task): float(share) for task, share in shares.items() if share >= 0.005}
