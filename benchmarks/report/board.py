"""What a leaderboard says, before anything decides how it looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.ranking.ranking import Missing, Ranking, rank, select
from satclip_bench.benchmarks.report.notes import _notes, _taint_notes, caveats_of, edition_note
from satclip_bench.benchmarks.report.wording import DAGGER, METRIC_SIGNS, SHORT, number
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE
from satclip_bench.core.errors import BenchError
from satclip_bench.core.program import program
from satclip_bench.tasks import TaskCard


@dataclass(frozen=True)
class Score:
    """One entry of a table.

    `mean` is NaN where a cell lacks, `std` for a single seed, `low` and `high` where no interval is
    known.
    """

    mean: float
    std: float
    best: bool
    tied: bool
    low: float = np.nan
    high: float = np.nan
    contaminated: bool = False

    def text(self, digits: int = 3) -> str:
        """The mean: `.852`, `-.031`, `-1.4e5`, or a dash."""
        # Adding zero turns a negative one, as of a score of -1e-5, into a positive one.
        return number(round(self.mean, digits) + 0.0, digits)

    @property
    def mark(self) -> str:
        """A dagger where the encoder was trained on the task's data."""
        return DAGGER if self.contaminated else ""

    def interval(self, digits: int = 2) -> str:
        """The 95 % interval: `[.83, .87]`, or nothing."""
        if np.isnan(self.low):
            return ""
        low, high = (number(round(end, digits) + 0.0, digits) for end in (self.low, self.high))
        return f"[{low}, {high}]"

    def spread(self, digits: int = 3) -> str:
        """The standard deviation, or nothing."""
        return "" if np.isnan(self.std) else number(self.std, digits)


@dataclass(frozen=True)
class Row:
    """One encoder or baseline. `rank` is NaN if it is not ranked."""

    name: str
    title: str
    baseline: bool
    rank: float
    rank_std: float
    scores: tuple[Score, ...]
    missing: tuple[Missing, ...]

    @property
    def group(self) -> str:
        """Where tables put it: `encoders`, `baselines` or `not ranked`."""
        if self.missing:
            return "not ranked"
        return "baselines" if self.baseline else "encoders"


_GROUPS = ("encoders", "baselines", "not ranked")


@dataclass(frozen=True)
class Leaderboard:
    """Tasks x encoders for one split and probe.

    Attributes:
        editions: of the tasks, in their order.
        rows: encoders, then baselines, then what is not ranked; each best first.
        notes: what a reader of the numbers must know besides the edition; in every rendering.
        caveats: by task, how its table differs from what its edition promises.
        ranking: what the rows were made from.
    """

    split: str
    probe: str
    tasks: tuple[TaskCard, ...]
    editions: tuple[str, ...]
    rows: tuple[Row, ...]
    seeds: int
    folds: int
    notes: tuple[str, ...]
    caveats: Mapping[str, str]
    ranking: Ranking

    @property
    def edition(self) -> str:
        """The edition, or editions, of its tasks."""
        return ", ".join(sorted(set(self.editions)))

    def edition_note_of(self, names: Iterable[str]) -> str:
        """What `edition_note` says of these tasks, edition by edition."""
        wanted = set(names)
        notes = (
            edition_note(
                one,
                [
                    card
                    for card, edition in zip(self.tasks, self.editions, strict=True)
                    if edition == one and card.name in wanted
                ],
                self.caveats,
            )
            for one in sorted(set(self.editions))
        )
        return " ".join(filter(None, notes))

    @property
    def edition_note(self) -> str:
        """What `edition_note` says of all its tasks."""
        return self.edition_note_of(card.name for card in self.tasks)

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
    def groups(self) -> tuple[tuple[str, tuple[Row, ...]], ...]:
        """The rows by group, for a rule between them; no group is empty."""
        return tuple((name, tuple(rows)) for name, rows in groupby(self.rows, lambda r: r.group))

    @property
    def heading(self) -> str:
        """Edition, split, probe and seeds in one line."""
        seeds = f"{self.seeds} seed" + "s" * (self.seeds != 1)
        return f"{self.edition} edition · {self.split} · probe {self.probe} · {seeds}"

    @property
    def note(self) -> str:
        """All notes and the sentence on editions as one paragraph."""
        return " ".join(filter(None, [*self.notes, self.edition_note]))


def leaderboard(
    frame: pd.DataFrame,
    cards: Mapping[str, TaskCard],
    titles: Mapping[str, str],
    split: str,
    probe: str,
    replicates: pd.DataFrame | None = None,
    *,
    contaminated: bool = True,
) -> Leaderboard:
    """The leaderboard of a split and probe.

    Args:
        frame: a run's tidy frame.
        cards: of the tasks in it.
        titles: of encoders and baselines; a name without one stands for itself.
        split: which split.
        probe: which probe.
        replicates: scores by replicate, for intervals and ties; see `runs/replicates.py`.
        contaminated: whether encoders that were trained on the data of one of the tasks take part.

    Raises:
        BenchError: the frame has nothing of that split and probe; says what it has.
    """
    pairs = boards(frame)
    if (split, probe) not in pairs:
        has = "; ".join(f"--split {s} --probe {p}" for s, p in pairs)
        raise BenchError(f"this run has no split {split!r} with probe {probe!r}. It has: {has}")
    chosen = select(frame, split, probe)
    tainted = chosen[chosen["contaminated"]]
    left_out = () if contaminated else tuple(sorted(set(map(str, tainted["encoder"]))))
    frame = frame[~frame["encoder"].isin(left_out)]
    chosen = chosen[~chosen["encoder"].isin(left_out)]
    if not chosen["task"].isin(list(cards)).any():
        tasks = ", ".join(sorted(chosen["task"].unique()))
        raise BenchError(f"there is no card for any of the tasks of this run: {tasks}")
    metrics = {name: card.metric for name, card in cards.items()}
    ranking = rank(frame, metrics, split, probe, replicates)
    names = [name for name in cards if name in ranking.mean.columns]
    used = tuple(cards[name] for name in names)
    edition_of = dict(zip(chosen["task"], chosen["edition"], strict=True))
    editions = tuple(str(edition_of[name]) for name in names)
    return Leaderboard(
        split=split,
        probe=probe,
        tasks=used,
        editions=editions,
        rows=_rows(
            ranking, names, titles, set(zip(tainted["encoder"], tainted["task"], strict=True))
        ),
        seeds=ranking.seeds,
        folds=int(chosen["fold"].nunique()),
        notes=(*_notes(ranking, chosen, cards), *_taint_notes(left_out, tainted, titles)),
        caveats=caveats_of(chosen),
        ranking=ranking,
    )


def _rows(
    ranking: Ranking, names: list[str], titles: Mapping[str, str], tainted: set[tuple[str, str]]
) -> tuple[Row, ...]:
    ranked = [str(name) for name in ranking.rank.index]
    order = [*ranked, *sorted(set(map(str, ranking.mean.index)) - set(ranked))]
    mean, std, best, tied, low, high = (
        table.loc[order, names].to_numpy()
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
                    contaminated=(name, task) in tainted,
                )
                for j, task in enumerate(names)
            ),
            missing=ranking.missing.get(name, ()),
        )
        for i, name in enumerate(order)
    )
    return tuple(sorted(rows, key=lambda row: _GROUPS.index(row.group)))


def boards(frame: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """The splits and probes of a frame, random first; baselines alone where there is no probe.

    Raises:
        BenchError: the frame is empty.
    """
    if frame.empty:
        raise BenchError(
            f"there is nothing to report: the table of results is empty. Run `{program()}` first."
        )
    pairs = frame[["split", "probe"]].drop_duplicates()
    probed = pairs[pairs["probe"] != BASELINE_PROBE]
    chosen = pairs if probed.empty else probed
    found = {(str(s), str(p)) for s, p in zip(chosen["split"], chosen["probe"], strict=True)}
    return tuple(sorted(found, key=lambda pair: (pair[0] != "random", pair[0], pair[1])))


def gaps(row: Row) -> str:
    """What an unranked row lacks, in a few words: tasks, counts, the first reason."""
    tasks = pd.Series([m.task for m in row.missing]).value_counts(sort=False)
    counted = ", ".join(
        f"{task} ({count} cell{'s' * (count != 1)})" for task, count in tasks.items()
    )
    reason = " ".join(row.missing[0].reason.split())
    short = reason if len(reason) <= 160 else reason[:159] + "…"
    return f"{row.title} is not ranked: it lacks {counted}; {short}"
