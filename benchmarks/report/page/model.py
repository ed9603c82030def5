"""What the pages show of runs: boards, their scores by encoder and by task, and who leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import pandas as pd

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.report.page.lines import (
    Line,
    RunBoard,
    board_id,
    lines_of,
    records_of,
)
from satclip_bench.benchmarks.report.page.words import family
from satclip_bench.benchmarks.report.results import BoardName, Results, choose_board
from satclip_bench.benchmarks.runs.columns import SUBMITTED
from satclip_bench.tasks import TaskCard


@dataclass(frozen=True)
class Run:
    """A run on the site.

    Attributes:
        name: name of the run, which no other one on the site has.
        results: its results.
    """

    name: str
    results: Results


@dataclass(frozen=True)
class Leader:
    """The best of a task under the split and probe of a board.

    Attributes:
        best: lines with the highest score.
        tied: further lines whose difference to it is within the noise.
        encoder: the line of the best encoder, if only baselines are the best; else None.
        tested: whether ties were tested.
    """

    best: tuple[Line, ...]
    tied: tuple[Line, ...]
    encoder: Line | None
    tested: bool


@dataclass(frozen=True)
class Site:
    """All that the pages show of one or more runs.

    Attributes:
        runs: the runs, that which is shown first in front.
    """

    runs: tuple[Run, ...]

    @cached_property
    def boards(self) -> tuple[RunBoard, ...]:
        """All boards, run by run: random first, of a split that of the linear probe.

        Separate tables of a run are last.
        """
        return tuple(
            RunBoard(run.name, part.board(*name), part.ranks(*name).ratings)
            for run in self.runs
            for _, part in run.results.parts
            for name in sorted(part.boards, key=partial(_board_order, part.boards))
            if part.board(*name).tasks
        )

    @cached_property
    def first_boards(self) -> tuple[RunBoard, ...]:
        """Of every run and split, the boards with the probe that is shown first."""
        shown = {
            (run.name, *choose_board(run.results.frame, split, None))
            for run in self.runs
            for split in dict.fromkeys(b.board.split for b in self.boards if b.run == run.name)
        }
        return tuple(b for b in self.boards if (b.run, b.board.split, b.board.probe) in shown)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The scores of all boards, one by one."""
        records = {run.name: records_of(run.results) for run in self.runs}
        return tuple(line for b in self.boards for line in lines_of(b, records[b.run]))

    @cached_property
    def encoders(self) -> Mapping[str, str]:
        """Titles of encoders and baselines by name: encoders first, each group by title."""
        titles = {row.name: row.title for b in self.boards for row in b.board.rows}
        return dict(sorted(titles.items(), key=lambda item: (is_baseline(item[0]), item[1])))

    @cached_property
    def submitted(self) -> frozenset[str]:
        """Names of the encoders whose scores others submitted."""
        frames = (run.results.frame for run in self.runs)
        of_others = [f.loc[f["source"] == SUBMITTED, "encoder"] for f in frames if "source" in f]
        return frozenset(str(name) for names in of_others for name in names.unique())

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Families of the encoders, baselines last."""
        return tuple(dict.fromkeys(map(family, self.encoders)))

    @cached_property
    def tasks(self) -> Mapping[str, TaskCard]:
        """Cards of the tasks on boards, by name."""
        return {card.name: card for b in self.boards for card in b.board.tasks}

    def frame_of(self, column: str, name: str) -> pd.DataFrame:
        """Rows of all runs of a task or an encoder; `column` says which of the two."""
        frames = (run.results.frame for run in self.runs)
        return pd.concat([f[f[column] == name] for f in frames], ignore_index=True)

    def of_encoder(self, name: str) -> tuple[Line, ...]:
        """Lines of an encoder, task by task."""
        order = list(self.tasks)
        lines = [line for line in self.lines if line.row.name == name]
        return tuple(sorted(lines, key=lambda line: order.index(line.card.name)))

    def of_task(self, name: str) -> tuple[tuple[RunBoard, tuple[Line, ...]], ...]:
        """Lines of a task by board, best first; those without a score are last."""
        boards = (b for b in self.boards if name in {card.name for card in b.board.tasks})
        return tuple((b, self._of(b, name)) for b in boards)

    def leader(self, board: RunBoard, task: str) -> Leader | None:
        """The best of a task; None if no encoder has every cell of it."""
        lines = self._of(board, task)
        best = tuple(line for line in lines if line.score.best)
        if not best:
            return None
        tied = tuple(line for line in lines if line.score.tied and not line.score.best)
        others = (line for line in lines if not line.row.baseline and not _incomplete(line))
        encoder = next(others, None) if all(line.row.baseline for line in best) else None
        return Leader(best, tied, encoder, task not in board.board.ranking.undecided)

    def leads(self, split: str, task: str) -> Leader | None:
        """The best of a task under a split, on the first board where an encoder has every cell.

        The first boards are those of the first run; of a run, that of the probe that is shown
        first. None if no board has such an encoder.
        """
        runs, first = [run.name for run in self.runs], {b.id for b in self.first_boards}
        boards = sorted(
            self._boards_of(split, task), key=lambda b: (runs.index(b.run), b.id not in first)
        )
        return next(filter(None, (self.leader(b, task) for b in boards)), None)

    def evaluated(self, split: str, task: str) -> bool:
        """Whether a board of the split has the task."""
        return bool(self._boards_of(split, task))

    def _boards_of(self, split: str, task: str) -> list[RunBoard]:
        return [
            b
            for b in self.boards
            if b.board.split == split and task in {card.name for card in b.board.tasks}
        ]

    def _of(self, board: RunBoard, task: str) -> tuple[Line, ...]:
        lines = self._by_board[board.id].get(task, ())
        return tuple(sorted(lines, key=lambda line: line.place or len(lines) + 1))

    @cached_property
    def _by_board(self) -> Mapping[str, Mapping[str, Sequence[Line]]]:
        """Lines by board and task."""
        lines: dict[str, dict[str, list[Line]]] = {b.id: {} for b in self.boards}
        for line in self.lines:
            of_board = lines[board_id(line.run, line.board)]
            of_board.setdefault(line.card.name, []).append(line)
        return lines


def _board_order(names: Sequence[BoardName], name: BoardName) -> tuple[int, bool, str]:
    split, probe = name
    return [other for other, _ in names].index(split), probe != "linear", probe


def _incomplete(line: Line) -> bool:
    return any(missing.task == line.card.name for missing in line.row.missing)
