"""Notes below boards: seeds, intervals, ties, unseen classes, contamination and editions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from satclip_bench.benchmarks.ranking.ranking import Ranking
from satclip_bench.benchmarks.ranking.ties import TIE_PAIRS
from satclip_bench.benchmarks.report.wording import DAGGER, listed
from satclip_bench.tasks import TaskCard


def caveats_of(frame: pd.DataFrame) -> dict[str, str]:
    """Caveats of the tasks of a frame: how a table differs from what its edition promises."""
    rows = frame[frame["caveat"] != ""]
    return dict(zip(map(str, rows["task"]), map(str, rows["caveat"]), strict=True))


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
            # User tables are not from a paper.
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


@dataclass(frozen=True)
class Marks:
    """Marks that a rendering of a board shows, each of which a note explains.

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


def mark_notes(seeds: int, marks: Marks) -> Iterable[str]:
    """Notes on how scores and ranks are averaged, and on the marks that a board shows.

    Args:
        seeds: number of seeds of the board.
        marks: marks that are shown.

    Example:
        >>> list(mark_notes(3, Marks(intervals=False, best="*", tied="")))
        ['Mean over folds and 3 seeds ± standard deviation over the seeds.', \
'Rank: mean over tasks. *: best of a task.']
    """
    if seeds > 1:
        spread = " ± standard deviation over the seeds" if marks.spread else ""
        yield f"Mean over folds and {seeds} seeds{spread}."
    else:
        yield "Mean over the folds of one seed, so there is no spread over seeds."
    if marks.intervals:
        yield "In brackets: 95 % interval of the mean, from a bootstrap of spatial blocks."
    note = "Rank: mean over tasks."
    if marks.best:
        note += f" {marks.best}: best of a task."
    if marks.tied:
        note += (
            f" {marks.tied}: tied with the best, because the difference is within the noise of "
            "blocks and seeds (5 % over all encoders, Holm's correction; scores below -1 count as "
            "-1)."
        )
    yield note


def board_notes(
    ranking: Ranking,
    cards: Mapping[str, TaskCard],
    titles: Mapping[str, str],
) -> Iterable[str]:
    """Notes of a board on its cells: ties, unseen classes, contamination.

    Args:
        ranking: ranking that the board shows.
        cards: cards of the tasks.
        titles: titles of encoders and baselines.
    """
    if ranking.undecided:
        titled = listed([card.title for name, card in cards.items() if name in ranking.undecided])
        yield (
            f"Ties were not tested for {titled}, without intervals and with fewer than {TIE_PAIRS} "
            "pairs of cells."
        )
    shares = _unseen(ranking.rows)
    if shares:
        named = listed([f"{cards[n].title} {s:.0%}" for n, s in shares.items() if n in cards])
        yield f"Test points of classes that are not in the training set count as wrong: {named}."
    if ranking.undefined:
        cells = listed([f"{cards[m.task].title}, {m.fold}" for m in ranking.undefined])
        yield f"Scores that are not defined are left out for all encoders: {cells}."
    unknown = sorted(set(ranking.rows["task"]) - set(cards))
    if unknown:
        yield f"Tasks left out because they have no card: {listed(unknown)}."
    if ranking.excluded:
        names = listed([titles.get(name, name) for name in ranking.excluded])
        yield f"Left out because they were trained on the data of one of these tasks: {names}."
    elif ranking.rows["contaminated"].any():
        yield f"{DAGGER} trained on the data of this task or on near copies of it."


def _unseen(rows: pd.DataFrame) -> dict[str, float]:
    """Share of test points of unseen classes, for the tasks where it is at least 0.5 %."""
    cells = rows[rows["status"] == "done"].drop_duplicates(["task", "seed", "fold"])
    sums = cells.groupby("task")[["n_unseen", "n_test"]].sum()
    shares = sums["n_unseen"] / sums["n_test"]
    return {str(task): float(share) for task, share in shares.items() if share >= 0.005}
