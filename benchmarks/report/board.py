"""Board: tasks x encoders for one split and probe, independent of how it is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.ranking.cells import Missing
from satclip_bench.benchmarks.ranking.pooling import SKILL
from satclip_bench.benchmarks.ranking.ranking import Ranking
from satclip_bench.benchmarks.report.notes import (
    Marks,
    editions_note,
    interval_kinds,
    mark_notes,
)
from satclip_bench.benchmarks.report.wording import (
    DAGGER,
    DASH,
    DOUBLE_DAGGER,
    METRIC_SIGNS,
    SHORT,
    WIDE,
    listed,
    number,
    separate_board,
)
from satclip_bench.tasks import CATALOGUES, TaskCard


@dataclass(frozen=True)
class Score:
    """Score of an encoder on a task.

    Attributes:
        mean: mean over folds and seeds; NaN if no seed has every fold.
        std: standard deviation over the seeds; NaN for a single seed.
        best: whether it is the best of the task.
        tied: whether it is the best or ties with it.
        low, high: ends of the 95 % interval of the mean; NaN if it is not known.
        contaminated: whether the encoder was trained on the data of the task.
        recipe: whether its recipe was chosen with labels of the task.
    """

    mean: float
    std: float
    best: bool
    tied: bool
    low: float = np.nan
    high: float = np.nan
    contaminated: bool = False
    recipe: bool = False

    def text(self, digits: int = 3) -> str:
        """The mean as text: `.852`, `-.031`, `-1.4e5`, or a dash.

        Example:
            >>> Score(0.8521, 0.01, best=True, tied=True).text()
            '.852'
        """
        return number(self.mean, digits)

    @property
    def mark(self) -> str:
        """A dagger if the encoder was trained on the task's data, a double one for its recipe."""
        return DAGGER if self.contaminated else DOUBLE_DAGGER if self.recipe else ""

    def interval(self, digits: int = 2) -> str:
        """The 95 % interval as text: `[.83, .87]`, or nothing."""
        if np.isnan(self.low):
            return ""
        return f"[{number(self.low, digits)}, {number(self.high, digits)}]"

    def spread(self, digits: int = 3) -> str:
        """The standard deviation as text, or nothing."""
        return "" if np.isnan(self.std) else number(self.std, digits)


@dataclass(frozen=True)
class Row:
    """Encoder or baseline on a board.

    Attributes:
        name: name of the encoder or baseline.
        title: title that boards show.
        baseline: whether it is a baseline.
        rank: mean rank; NaN if it is not ranked.
        rank_std: standard deviation of the mean rank over seeds; NaN for a single seed.
        scores: scores, task by task.
        missing: missing cells, because of which it is not ranked.
    """

    name: str
    title: str
    baseline: bool
    rank: float
    rank_std: float
    scores: tuple[Score, ...]
    missing: tuple[Missing, ...]

    @property
    def group(self) -> str:
        """Group of the row: `encoders`, `baselines` or `not ranked`."""
        if self.missing:
            return "not ranked"
        return "baselines" if self.baseline else "encoders"

    def rank_text(self) -> str:
        """Mean rank and its spread as text, or a dash."""
        if np.isnan(self.rank):
            return DASH
        return f"{self.rank:.1f}" + ("" if np.isnan(self.rank_std) else f" ± {self.rank_std:.1f}")


GROUPS = ("encoders", "baselines", "not ranked")
"""Groups of rows, in the order of boards."""


@dataclass(frozen=True)
class Board:
    """Tasks x encoders for one split and probe.

    Attributes:
        split: name of the split.
        probe: name of the probe.
        tasks: cards of the tasks, in the order of the columns.
        editions: editions of the tasks, in the same order.
        rows: encoders, then baselines, then those that are not ranked; each best first.
        seeds: number of seeds.
        folds: number of folds.
        notes: notes for readers, in every rendering, besides those on marks and on editions.
        caveats: by task, how its table differs from what its edition promises.
        ranking: ranking that the rows were made from.
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
        """`notes.editions_note` of these tasks."""
        named = set(names)
        cards = [card for card in self.tasks if card.name in named]
        editions = {
            card.name: edition for card, edition in zip(self.tasks, self.editions, strict=True)
        }
        return editions_note(editions, cards, self.caveats)

    @property
    def edition_note(self) -> str:
        """`notes.edition_note` of all its tasks."""
        return self.edition_note_of(card.name for card in self.tasks)

    @property
    def headings(self) -> tuple[str, ...]:
        """Short names of the tasks."""
        return tuple(name.replace("-", "") for name in self.broken_headings)

    @property
    def broken_headings(self) -> tuple[str, ...]:
        """Short names of the tasks, with hyphens at which a narrow column may break them."""
        return tuple(SHORT.get(card.name, card.title) for card in self.tasks)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Symbol of the metric that each task is ranked by."""
        return tuple(METRIC_SIGNS[self.ranking.metrics[card.name]] for card in self.tasks)

    @property
    def columns(self) -> tuple[str, ...]:
        """Short names of the tasks with the symbols of their metrics, unless all are skill."""
        if self.shows_skill:
            return self.headings
        pairs = zip(self.headings, self.metrics, strict=True)
        return tuple(f"{heading} ({sign})" for heading, sign in pairs)

    @property
    def shows_skill(self) -> bool:
        """Whether scores are skill pooled over folds."""
        return SKILL in self.ranking.metrics.values()

    @property
    def groups(self) -> tuple[tuple[str, tuple[Row, ...]], ...]:
        """Rows by group, for a rule between them; no group is empty."""
        return tuple((name, tuple(rows)) for name, rows in groupby(self.rows, lambda r: r.group))

    @property
    def heading(self) -> str:
        """Edition or separate board, split, probe, seeds and, if shown, skill in one line."""
        seeds = f"{self.seeds} seed" + "s" * (self.seeds != 1)
        tables = dict.fromkeys(map(separate_board, self.tasks))
        what = f"{self.edition} edition" if self.tasks else "no task with a score"
        if tables and "" not in tables:
            what = f"user table{'s' * (len(tables) > 1)} {listed(tables)}"
        if set(tables) == {WIDE}:
            what = "wide tasks"
        elif tables and set(tables) <= set(CATALOGUES):
            what = f"tables of {listed(tables)}"
        score = " · skill" if self.shows_skill else ""
        return f"{what} · {self.split} · probe {self.probe} · {seeds}{score}"

    @property
    def subtitle(self) -> str:
        """What the scores are, if they are not the tasks' own metrics."""
        if not self.shows_skill:
            return ""
        types = {card.task_type for card in self.tasks}
        references = [
            name
            for task_type, name in (("regression", "mean"), ("classification", "majority"))
            if task_type in types
        ]
        return (
            f"Skill over the training {' or '.join(references)}, pooled over all tested points: 0 "
            "knows nothing, 1 is perfect."
        )

    @property
    def label(self) -> str:
        """Name of its table in LaTeX, after `tab:`; it ends in the name of a separate board."""
        tables = sorted(set(map(separate_board, self.tasks)) - {""})
        return label(self.split, self.probe, *tables)

    @property
    def has_baselines(self) -> bool:
        """Whether there is a baseline among its rows."""
        return any(row.baseline for row in self.rows)

    @property
    def note(self) -> str:
        """All notes as one paragraph, for a rendering that shows every mark."""
        return self.note_for(Marks())

    def note_for(self, marks: Marks) -> str:
        """All notes as one paragraph: on the marks that are shown, on the cells, on editions.

        Args:
            marks: marks that the rendering shows.
        """
        scores = [score for row in self.rows for score in row.scores]
        shown = Marks(
            spread=marks.spread and any(not np.isnan(score.std) for score in scores),
            intervals=marks.intervals and any(not np.isnan(score.low) for score in scores),
            best=marks.best if any(score.best for score in scores) else "",
            tied=marks.tied if any(score.tied and not score.best for score in scores) else "",
        )
        kinds = interval_kinds(self.ranking.rows, self.tasks)
        notes = [
            *mark_notes(self.seeds, shown, kinds, pooled=self.shows_skill),
            *self.notes,
            self.edition_note,
        ]
        return " ".join(filter(None, notes))


def label(*parts: str) -> str:
    """Name of a table in LaTeX.

    >>> label("ranks", "blocks.10", "linear")
    'ranks-blocks-10-linear'
    """
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower())


def gaps(row: Row) -> str:
    """Sentence on what an unranked row is missing: tasks, counts and the first reason."""
    tasks = pd.Series([m.task for m in row.missing]).value_counts(sort=False)
    counted = ", ".join(
        f"{task} ({count} cell{'s' * (count != 1)})" for task, count in tasks.items()
    )
    reason = " ".join(row.missing[0].reason.split())
    short = reason if len(reason) <= 160 else reason[:159] + "…"
    return f"{row.title} is not ranked: it is missing {counted}; {short}"
