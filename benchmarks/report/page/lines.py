"""Scores of boards one by one, and the records behind each score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.ranking.ratings import Ratings
from satclip_bench.benchmarks.report.board import Board, Row, Score
from satclip_bench.benchmarks.report.gaps import gaps_table
from satclip_bench.benchmarks.report.notes import Marks
from satclip_bench.benchmarks.report.page.words import probe_words, split_words
from satclip_bench.benchmarks.report.results import Results
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
class RunBoard:
    """A board of a run, with its ratings.

    Attributes:
        run: name of the run.
        board: the board.
        ratings: ratings over its tasks.
    """

    run: str
    board: Board
    ratings: Ratings

    @property
    def id(self) -> str:
        """Name of the board on pages."""
        return board_id(self.run, self.board)

    def rank_interval(self, encoder: str) -> str:
        """95 % interval of a mean rank as text: `[1.0, 3.0]`, or nothing."""
        if encoder not in self.ratings.low.index:
            return ""
        ends = (self.ratings.low, self.ratings.high)
        low, high = (float(of["rank"].loc[encoder]) for of in ends)
        return "" if np.isnan(low) else f"[{low:.1f}, {high:.1f}]"

    @property
    def note(self) -> str:
        """Notes of the board on what its page shows: ± stands only at ranks without intervals."""
        ranks = any(self.rank_interval(row.name) for row in self.board.rows)
        return self.board.note_for(Marks(spread=not ranks))


@dataclass(frozen=True)
class Line:
    """Score of an encoder on a task under the split and probe of a board.

    Attributes:
        run: name of the run.
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

    run: str
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
        return anchor(self.run, self.card.name, self.board, self.row)

    @property
    def split_words(self) -> str:
        """Where the test points lie, in plain words."""
        return split_words(self.board.split, self.card)

    @property
    def probe_words(self) -> str:
        """Title of the probe; a dash for a baseline, which has none."""
        return probe_words(self.board.probe)


def records_of(results: Results) -> Mapping[RecordKey, tuple[Entry, ...]]:
    """Records behind the scores of a run."""
    metrics = {
        (split, task): metric
        for split, _ in results.boards
        for task, metric in results.metrics(split).items()
    }
    frame = results.frame
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


def board_id(run: str, board: Board) -> str:
    """Name of a board on pages."""
    return f"{file_name(run)}.{board.label}"


def anchor(run: str, task: str, board: Board, row: Row) -> str:
    """Name of the place on an encoder's page of the records of a task."""
    return ".".join(map(file_name, (run, task, board.split, _probe(board, row))))


def _order(entry: Entry) -> tuple[int, str, str]:
    return entry.seed, entry.fold, entry.key


def lines_of(of: RunBoard, records: Mapping[RecordKey, tuple[Entry, ...]]) -> Iterable[Line]:
    """Lines of a board, task by task.

    Args:
        of: the board.
        records: records of its run, as `records_of` gives them.
    """
    board = of.board
    gaps = {row.name: row.texts[1:] for row in gaps_table(board).rows}
    for column, (card, sign) in enumerate(zip(board.tasks, board.metrics, strict=True)):
        means = np.array([row.scores[column].mean for row in board.rows])
        scored = means[~np.isnan(means)]
        for row, mean in zip(board.rows, means, strict=True):
            key = (card.name, row.name, board.split, _probe(board, row))
            yield Line(
                *(of.run, board, card, row, row.scores[column], sign),
                place=0 if np.isnan(mean) else 1 + int((scored > mean).sum()),
                of=len(scored),
                gap=gaps[row.name][column],
                records=records.get(key, ()),
            )


def _probe(board: Board, row: Row) -> str:
    """Probe in the records of a row; baselines have none, and stand on the boards of all probes."""
    return BASELINE_PROBE if row.baseline else board.probe
