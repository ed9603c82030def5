"""Results of a run, from which every board, table, figure and page is made, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from satclip_bench.benchmarks.metrics.replicates import RunReplicates
from satclip_bench.benchmarks.ranking.known_intervals import KnownIntervals
from satclip_bench.benchmarks.ranking.pooling import ScoreChoice, has_skill, ranked_metrics
from satclip_bench.benchmarks.ranking.ranking import rank
from satclip_bench.benchmarks.report.board import Board
from satclip_bench.benchmarks.report.make_board import make_board
from satclip_bench.benchmarks.report.wording import SECTION, separate_board
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE, SUBMITTED
from satclip_bench.benchmarks.runs.committed import EARLIER
from satclip_bench.core.errors import BenchError
from satclip_bench.core.program import program
from satclip_bench.core.threads import one_blas_thread
from satclip_bench.tasks import TaskCard, selectable_tasks, task_card

if TYPE_CHECKING:
    from satclip_bench.benchmarks.report.rank_changes import ChangesTable
    from satclip_bench.benchmarks.report.ranks import RankTable

BoardName = tuple[str, str]
"""Split and probe of a board."""


@dataclass(frozen=True)
class Results:
    """Results of a run and the boards made from them; each board is made on first use and kept.

    Attributes:
        frame: tidy frame of the run.
        cards: cards of the tasks in it, in the order of the boards; other tasks are left out.
        titles: titles of encoders and baselines; one without a title is shown by its name.
        replicates: bootstrap scores for intervals and ties, as `runs.replicates` loads them.
        contaminated: whether encoders trained on the data of one of the tasks take part, and those
            whose recipe was chosen with its labels.
        score: score that boards show; None for the default of each split: the tasks' own metrics
            under `random`, skill pooled over folds under all others.
        intervals: intervals and ties to use without replicates, as a table of the run keeps them.
    """

    frame: pd.DataFrame
    cards: Mapping[str, TaskCard]
    titles: Mapping[str, str] = field(default_factory=dict)
    replicates: RunReplicates | None = None
    contaminated: bool = True
    score: ScoreChoice | None = None
    intervals: KnownIntervals | None = None
    _boards: dict[BoardName, Board] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _ranks: dict[BoardName, RankTable] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        replicates: RunReplicates | None = None,
        *,
        contaminated: bool = True,
        score: ScoreChoice | None = None,
        intervals: KnownIntervals | None = None,
    ) -> Results:
        """Results with the registered cards of the tasks and the titles in the frame.

        Args:
            frame: tidy frame of a run, or one from an earlier version.
            replicates: bootstrap scores for intervals and ties.
            contaminated: whether encoders trained on the data of one of the tasks take part, and
                those whose recipe was chosen with its labels.
            score: score that boards show; None for the default of each split.
            intervals: intervals and ties to use without replicates.
        """
        frame = frame.copy()
        for name, value in EARLIER.items():
            if name not in frame:
                frame[name] = value
        present = set(frame["task"])
        cards = {name: task_card(name) for name in selectable_tasks(present) if name in present}
        named = frame[["encoder", "encoder_title", "source"]].drop_duplicates(keep="last")
        titles = {
            name: title + (f" {SECTION}" if source == SUBMITTED else "")
            for name, title, source in named.itertuples(index=False)
        }
        return cls(frame, cards, titles, replicates, contaminated, score, intervals)

    @cached_property
    def boards(self) -> tuple[BoardName, ...]:
        """Split and probe of every board, as `board_names` lists them."""
        return board_names(self.frame)

    @cached_property
    def probes(self) -> Mapping[str, tuple[str, ...]]:
        """Splits by probe, both in the order of the boards."""
        splits: dict[str, tuple[str, ...]] = {}
        for split, probe in self.boards:
            splits[probe] = (*splits.get(probe, ()), split)
        return splits

    @one_blas_thread()
    def board(self, split: str, probe: str) -> Board:
        """The board of a split and probe.

        Raises:
            BenchError: the run has no such board (the message lists those that it has), skill is
                asked for and its records have none, or the known intervals are of other records.
        """
        name = (split, probe)
        if name not in self.boards:
            raise BenchError(
                f"this run has no split {split!r} with probe {probe!r}. "
                f"It has: {options(self.boards)}"
            )
        if name not in self._boards:
            ranking = rank(
                *(self.frame, self.metrics(split), split, probe, self.replicates),
                contaminated=self.contaminated,
                known=self.intervals,
            )
            self._boards[name] = make_board(ranking, split, probe, self.cards, self.titles)
        return self._boards[name]

    def board_in_skill(self, split: str, probe: str) -> Board:
        """The board of a split and probe in skill if all splits have it, for one scale."""
        board = self.board(split, probe)
        return board if board.shows_skill else self.in_skill.board(split, probe)

    @one_blas_thread()
    def ranks(self, split: str, probe: str) -> RankTable:
        """Ratings over the tasks of a board. Raises BenchError as `board` does."""
        from satclip_bench.benchmarks.report.ranks import rank_table

        name = (split, probe)
        if name not in self._ranks:
            self._ranks[name] = rank_table(self.board(split, probe))
        return self._ranks[name]

    @cached_property
    @one_blas_thread()
    def changes(self) -> Mapping[str, ChangesTable]:
        """Rank changes between splits, by probe; only probes that ran on several splits."""
        from satclip_bench.benchmarks.ranking.shifts import rank_changes
        from satclip_bench.benchmarks.report.rank_changes import changes_table

        tables = {}
        for probe, splits in self.probes.items():
            if len(splits) > 1:
                metrics = self.in_skill.metrics(splits[0])
                changes = rank_changes(self.frame, metrics, splits, probe, self.replicates)
                if changes is not None and len(changes.tasks):
                    tables[probe] = changes_table(
                        probe, changes, self.cards, self.titles, self.frame
                    )
        return tables

    @cached_property
    def parts(self) -> tuple[tuple[str, Results], ...]:
        """Results that are ranked together, with the suffix of their files' names.

        Tasks of papers come first. The tasks of the suite open-wide are ranked by themselves, and
        so is each catalogue and user table, so that encoders that did not run on it keep their
        ranks on the other tasks. The suffix of the first part is empty.
        """
        tables: dict[str, dict[str, TaskCard]] = {"": {}}
        present = set(self.frame["task"])
        for name, card in self.cards.items():
            if name in present:
                tables.setdefault(separate_board(card), {})[name] = card
        if not tables[""] and len(tables) > 1:
            del tables[""]
        if len(tables) == 1:
            return (("", self),)
        of_table = self.frame["task"].map(
            {name: table for table, cards in tables.items() for name in cards}
        )
        # Tasks without a card belong to the first part, whose notes name them.
        of_table = of_table.fillna(next(iter(tables)))
        return tuple(
            (
                f".{table}" if table else "",
                replace(self, frame=self.frame[of_table == table], cards=cards),
            )
            for table, cards in tables.items()
        )

    def metrics(self, split: str) -> dict[str, str]:
        """The metric that each task is ranked by under a split."""
        own = {name: card.metric for name, card in self.cards.items()}
        return ranked_metrics(self.frame, own, split, self.score)

    @cached_property
    def in_skill(self) -> Results:
        """The same results with skill under every split, on one scale.

        The results themselves if a split has no skill, or the tasks' own scores are asked for.
        """
        splits = dict.fromkeys(split for split, _ in self.boards)
        known = self.score is None and all(has_skill(self.frame, split) for split in splits)
        return replace(self, score="skill") if known else self


def board_names(frame: pd.DataFrame) -> tuple[BoardName, ...]:
    """Split and probe of every board of a frame, random first; baselines alone without a probe.

    Raises:
        BenchError: the frame is empty.
    """
    if frame.empty:
        raise BenchError(
            f"there is nothing to report: the table of results is empty. Run `{program()}` first."
        )
    pairs = frame[["split", "probe"]].drop_duplicates()
    probed = pairs[pairs["probe"] != BASELINE_PROBE]
    named = pairs if probed.empty else probed
    names = {(str(s), str(p)) for s, p in zip(named["split"], named["probe"], strict=True)}
    return tuple(sorted(names, key=lambda name: (name[0] != "random", name[0], name[1])))


def options(names: Iterable[BoardName]) -> str:
    """Boards as the options that choose them, for error messages."""
    return "; ".join(f"--split {split} --probe {probe}" for split, probe in names)


def choose_board(frame: pd.DataFrame, split: str | None, probe: str | None) -> BoardName:
    """The board to show first: with the linear probe if there is one, else the first.

    Args:
        frame: tidy frame of a run.
        split: name of the split; any by default.
        probe: name of the probe; any by default.

    Raises:
        BenchError: the run has no such board; the message lists those that it has.
    """
    names = board_names(frame)
    fitting = [n for n in names if split in (None, n[0]) and probe in (None, n[1])]
    if not fitting:
        raise BenchError(f"this run has no such leaderboard. It has: {options(names)}")
    linear = [name for name in fitting if name[1] == "linear"]
    return (linear or fitting)[0]
