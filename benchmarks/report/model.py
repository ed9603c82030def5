"""What a leaderboard says, before anything decides how it looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.ranking import BASELINE_PROBE, Missing, rank
from core.errors import BenchError
from tasks import TaskCard

SHORT = {
    "air_temperature": "Air temp.",
    "elevation": "Elev.",
    "median_income": "Income",
    "california_housing": "Cal. hous.",
    "population_density": "Pop. dens.",
    "countries": "Coun-tries",
    "biomes": "Biomes",
    "ecoregions": "Eco-reg.",
}
"""Headings; a terminal breaks them at a space or hyphen, elsewhere the hyphen goes."""

DASH = "\N{EN DASH}"
"""Stands where there is no number."""

METRIC_SIGNS = {"r2": "R²", "accuracy": "acc.", "top1": "top-1"}


@dataclass(frozen=True)
class Score:
    """One entry of a table. `std` is NaN for a single seed; `mean` is NaN where nothing is done."""

    mean: float
    std: float
    best: bool
    tied: bool

    def text(self, digits: int = 3) -> str:
        """The mean: `.852`, `-.031`, `-12.3`, or a dash."""
        return number(self.mean, digits)

    def spread(self, digits: int = 3) -> str:
        """The standard deviation, or nothing."""
        return "" if np.isnan(self.std) else number(self.std, digits)


@dataclass(frozen=True)
class Row:
    """One encoder or baseline."""

    name: str
    title: str
    baseline: bool
    rank: float
    rank_std: float
    scores: tuple[Score, ...]
    missing: tuple[Missing, ...]


@dataclass(frozen=True)
class Leaderboard:
    """Tasks x encoders for one split and probe; ranked rows first, best first."""

    split: str
    probe: str
    edition: str
    tasks: tuple[TaskCard, ...]
    rows: tuple[Row, ...]
    seeds: int
    folds: int

    @property
    def headings(self) -> tuple[str, ...]:
        """Short names of the tasks."""
        return tuple(name.replace("-", "") for name in self.broken_headings)

    @property
    def broken_headings(self) -> tuple[str, ...]:
        """Short names of the tasks, with hyphens where a narrow column may break them."""
        return tuple(SHORT.get(card.name, card.title) for card in self.tasks)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The sign of each task's score."""
        return tuple(METRIC_SIGNS[card.metric] for card in self.tasks)

    @property
    def note(self) -> str:
        """What a reader must know: spread, ties, and that these are not the paper's tables."""
        spread = (
            f"± is the standard deviation over {self.seeds} seeds"
            if self.seeds > 1
            else ("one seed, so no spread is shown")
        )
        return (
            f"Mean over folds; {spread}. Best of each task bold, ties with it underlined "
            "(paired differences within two corrected standard errors; none can be told from "
            f"fewer than three pairs). {edition_note(self.edition, self.tasks)}"
        )


def edition_note(edition: str, cards: tuple[TaskCard, ...]) -> str:
    """The sentence that keeps an open table from being taken for the paper's."""
    other = [c.title for c in cards if edition == "open" and c.editions["open"].differs_from_paper]
    if not other:
        return ""
    same = [c.title for c in cards if c.title not in other]
    return (
        f"Open edition: not the paper's tables for {', '.join(other)}"
        + (f" (the paper's own: {', '.join(same)})" if same else "")
        + ". The task cards say what differs."
    )


def leaderboard(
    frame: pd.DataFrame,
    cards: Mapping[str, TaskCard],
    titles: Mapping[str, str],
    split: str,
    probe: str,
) -> Leaderboard:
    """The leaderboard of a split and probe.

    Args:
        frame: a run's tidy frame.
        cards: of the tasks in it.
        titles: of encoders and baselines; a name without one stands for itself.
        split: which split.
        probe: which probe.

    Raises:
        BenchError: the frame has nothing of that split and probe; says what it has.
    """
    pairs = boards(frame)
    if (split, probe) not in pairs:
        has = "; ".join(f"--split {s} --probe {p}" for s, p in pairs) or "nothing"
        raise BenchError(f"this run has no split {split!r} with probe {probe!r}. It has: {has}")
    ranking = rank(frame, {name: card.metric for name, card in cards.items()}, split, probe)
    names = [name for name in cards if name in ranking.mean.columns]
    unranked = sorted(set(map(str, ranking.mean.index)) - set(map(str, ranking.rank.index)))
    order = [*map(str, ranking.rank.index), *unranked]
    mean = ranking.mean.loc[order, names].to_numpy(dtype=np.float64)
    std = ranking.std.loc[order, names].to_numpy(dtype=np.float64)
    tied = ranking.tied.loc[order, names].to_numpy(dtype=np.bool_)
    best = mean == np.fmax.reduce(ranking.mean[names].to_numpy(dtype=np.float64), axis=0)
    rows = tuple(
        Row(
            name=encoder,
            title=titles.get(encoder, encoder),
            baseline=encoder.startswith("baseline."),
            rank=float(ranking.rank.get(encoder, np.nan)),
            rank_std=float(ranking.rank_std.get(encoder, np.nan)),
            scores=tuple(
                Score(float(mean[i, j]), float(std[i, j]), bool(best[i, j]), bool(tied[i, j]))
                for j in range(len(names))
            ),
            missing=ranking.missing.get(encoder, ()),
        )
        for i, encoder in enumerate(order)
    )
    of_split = frame[(frame["split"] == split) & (frame["probe"] == probe)]
    return Leaderboard(
        split=split,
        probe=probe,
        edition=", ".join(sorted(of_split["edition"].unique())),
        tasks=tuple(cards[name] for name in names),
        rows=rows,
        seeds=ranking.seeds,
        folds=int(of_split["fold"].nunique()),
    )


def boards(frame: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """The splits and probes of a frame, random first; baselines alone where there is no probe."""
    pairs = frame[["split", "probe"]].drop_duplicates()
    probed = pairs[pairs["probe"] != BASELINE_PROBE]
    chosen = pairs if probed.empty else probed
    found = {(str(s), str(p)) for s, p in zip(chosen["split"], chosen["probe"], strict=True)}
    return tuple(sorted(found, key=lambda pair: (pair[0] != "random", pair[0], pair[1])))


def number(value: float, digits: int = 3) -> str:
    """A score as papers print it: `.852`, `-.031`, `1.000`, `-12.3`, `-1.4e5`; a dash for NaN."""
    if np.isnan(value):
        return DASH
    if abs(value) >= 1000:
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"


def gaps(row: Row) -> str:
    """What an unranked row lacks, in a few words: tasks, counts, the first reason."""
    tasks = pd.Series([m.task for m in row.missing]).value_counts(sort=False)
    counted = ", ".join(f"{task} ({count} cells)" for task, count in tasks.items())
    return f"{row.title} is not ranked: it lacks {counted}; {row.missing[0].reason}"
