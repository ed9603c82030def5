"""What the pages show: boards, their scores one by one, and the records behind each score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.report.board import Board, Row, Score
from satclip_bench.benchmarks.report.gaps import gaps_table
from satclip_bench.benchmarks.report.page.words import family, probe_words, split_words
from satclip_bench.benchmarks.report.results import BoardName, Results, choose_board
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE
from satclip_bench.core.files import file_name
from satclip_bench.tasks import TaskCard

RecordKey = tuple[str, str, str, str]
"""Task, encoder, split and probe of records that are averaged or pooled to one score."""


@dataclass(frozen=True)
class Entry:
    """A record as a row of a table.

    Attributes:
        fold: name of the fold.
        seed: seed.
        value: its score; NaN if it failed, or has no such score.
        low, high: ends of the 95 % interval of the value; NaN if it is not known.
        tested: number of test points.
        status: `done` or `failed`.
        reason: why it failed.
        key: key of the record, in the table's column of this name.
    """

    fold: str
    seed: int
    value: float
    low: float
    high: float
    tested: int
    status: str
    reason: str
    key: str


@dataclass(frozen=True)
class Line:
    """Score of an encoder on a task under the split and probe of a board.

    Attributes:
        board: the board.
        card: card of the task.
        row: row of the encoder.
        score: the score.
        sign: symbol of its metric.
        place: place among the scores of the task, 1 for the best; 0 without a score.
        of: number of encoders and baselines with a score of the task.
        gap: difference to the best as text, as the table of differences shows it.
        records: records that the score is made of.
    """

    board: Board
    card: TaskCard
    row: Row
    score: Score
    sign: str
    place: int
    of: int
    gap: str
    records: tuple[Entry, ...]

    @property
    def anchor(self) -> str:
        """Name of the place on the encoder's page that lists the records."""
        return anchor(self.card.name, self.board, self.row)

    @property
    def split_words(self) -> str:
        """Where the test points lie, in plain words."""
        return split_words(self.board.split, self.card)

    @property
    def probe_words(self) -> str:
        """Title of the probe; a dash for a baseline, which has none."""
        return probe_words(self.board.probe)


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
    """All that the pages show of a run.

    Attributes:
        results: results of the run.
    """

    results: Results

    @cached_property
    def boards(self) -> tuple[Board, ...]:
        """All boards: random first, of a split that of the linear probe; separate tables last."""
        return tuple(
            part.board(*name)
            for _, part in self.results.parts
            for name in sorted(part.boards, key=lambda name: _board_order(part.boards, name))
            if part.board(*name).tasks
        )

    @cached_property
    def first_boards(self) -> tuple[Board, ...]:
        """Of every split, the boards with the probe that is shown first."""
        frame = self.results.frame
        splits = dict.fromkeys(board.split for board in self.boards)
        shown = {choose_board(frame, split, None) for split in splits}
        return tuple(board for board in self.boards if (board.split, board.probe) in shown)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The scores of all boards, one by one."""
        records = self._records()
        return tuple(line for board in self.boards for line in _lines(board, records))

    @cached_property
    def encoders(self) -> Mapping[str, str]:
        """Titles of encoders and baselines by name: encoders first, each group by title."""
        titles = {row.name: row.title for board in self.boards for row in board.rows}
        return dict(sorted(titles.items(), key=lambda item: (is_baseline(item[0]), item[1])))

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Families of the encoders, baselines last."""
        return tuple(dict.fromkeys(map(family, self.encoders)))

    @cached_property
    def tasks(self) -> Mapping[str, TaskCard]:
        """Cards of the tasks on boards, by name."""
        return {card.name: card for board in self.boards for card in board.tasks}

    def of_encoder(self, name: str) -> tuple[Line, ...]:
        """Lines of an encoder, task by task."""
        order = list(self.tasks)
        lines = [line for line in self.lines if line.row.name == name]
        return tuple(sorted(lines, key=lambda line: order.index(line.card.name)))

    def of_task(self, name: str) -> tuple[tuple[Board, tuple[Line, ...]], ...]:
        """Lines of a task by board, best first; those without a score are last."""
        boards = (board for board in self.boards if name in {card.name for card in board.tasks})
        return tuple((board, self._of(board, name)) for board in boards)

    def leader(self, board: Board, task: str) -> Leader | None:
        """The best of a task; None if no encoder has every cell of it."""
        lines = self._of(board, task)
        best = tuple(line for line in lines if line.score.best)
        if not best:
            return None
        tied = tuple(line for line in lines if line.score.tied and not line.score.best)
        others = (line for line in lines if not line.row.baseline and not _incomplete(line))
        encoder = next(others, None) if all(line.row.baseline for line in best) else None
        return Leader(best, tied, encoder, task not in board.ranking.undecided)

    def _of(self, board: Board, task: str) -> tuple[Line, ...]:
        lines = [n for n in self.lines if n.board is board and n.card.name == task]
        return tuple(sorted(lines, key=lambda line: line.place or len(lines) + 1))

    def _records(self) -> Mapping[RecordKey, tuple[Entry, ...]]:
        metrics = {
            (split, task): metric
            for split, _ in self.results.boards
            for task, metric in self.results.metrics(split).items()
        }
        frame = self.results.frame
        pairs = zip(frame["split"], frame["task"], strict=True)
        ranked = pd.Series([metrics.get(pair, "") for pair in pairs], frame.index, dtype=object)
        rows = frame[(frame["metric"] == ranked) | (frame["status"] != "done")]
        entries: dict[RecordKey, list[Entry]] = {}
        for row in rows.to_dict("records"):
            key = (row["task"], row["encoder"], row["split"], row["probe"])
            entries.setdefault(key, []).append(
                Entry(
                    *(row["fold"], row["seed"], row["value"], row["low"], row["high"]),
                    *(row["n_test"], row["status"], row["reason"], row["key"]),
                )
            )
        return {key: tuple(sorted(of, key=_order)) for key, of in entries.items()}


def anchor(task: str, board: Board, row: Row) -> str:
    """Name of the place on an encoder's page of the records of a task."""
    return ".".join(map(file_name, (task, board.split, _probe(board, row))))


def _order(entry: Entry) -> tuple[int, str, str]:
    return entry.seed, entry.fold, entry.key


def _lines(board: Board, records: Mapping[RecordKey, tuple[Entry, ...]]) -> Iterable[Line]:
    gaps = {row.name: row.texts[1:] for row in gaps_table(board).rows}
    for column, (card, sign) in enumerate(zip(board.tasks, board.metrics, strict=True)):
        means = np.array([row.scores[column].mean for row in board.rows])
        scored = means[~np.isnan(means)]
        for row, mean in zip(board.rows, means, strict=True):
            key = (card.name, row.name, board.split, _probe(board, row))
            yield Line(
                *(board, card, row, row.scores[column], sign),
                place=0 if np.isnan(mean) else 1 + int((scored > mean).sum()),
                of=len(scored),
                gap=gaps[row.name][column],
                records=records.get(key, ()),
            )


def _board_order(names: Sequence[BoardName], name: BoardName) -> tuple[int, bool, str]:
    split, probe = name
    return [other for other, _ in names].index(split), probe != "linear", probe


def _probe(board: Board, row: Row) -> str:
    """Probe in the records of a row; baselines have none, and stand on the boards of all probes."""
    return BASELINE_PROBE if row.baseline else board.probe


def _incomplete(line: Line) -> bool:
    return any(missing.task == line.card.name for missing in line.row.missing)
