"""Scores of one panel of a table: measured and published, with places and reasons for gaps."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.ranking.cells import require_one_protocol
from satclip_bench.benchmarks.ranking.places import Place, task_places
from satclip_bench.benchmarks.report.board import Board, Row
from satclip_bench.benchmarks.report.paper_tables.layout import Layout, Panel, Published
from satclip_bench.benchmarks.report.paper_tables.model import Cell, Entry
from satclip_bench.benchmarks.report.paper_tables.names import (
    published_rows,
    resolve_groups,
)
from satclip_bench.benchmarks.report.paper_tables.text import Numbers
from satclip_bench.benchmarks.report.results import BoardName, Results, choose_board
from satclip_bench.benchmarks.report.wording import DAGGER, DASH, DOUBLE_DAGGER, listed
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE

NO_TASK = "no task has a score that is defined for all encoders"
"""Reason why a board has no tasks."""


@dataclass(frozen=True)
class PanelScores:
    """Measured and published scores of a panel.

    Attributes:
        panel: what the layout asks for.
        probe: name of the probe.
        results: results of the panel alone: its split, folds, tasks and encoders.
        board: board of these results.
        published: rows of the published table, as `published_rows` gives them.
        source: paper and table of the published scores.
    """

    panel: Panel
    probe: str
    results: Results
    board: Board
    published: pd.DataFrame
    source: str

    @cached_property
    def places(self) -> Mapping[tuple[str, str], Place]:
        """Places of encoders on tasks, among the encoders of the table."""
        return task_places(
            self.board.ranking, self.panel.split, self.probe, self.results.replicates
        )

    @cached_property
    def rows(self) -> Mapping[str, Row]:
        """Rows of the board by encoder."""
        return {row.name: row for row in self.board.rows}

    @cached_property
    def measured_tasks(self) -> tuple[str, ...]:
        """Names of the tasks that were measured."""
        return tuple(card.name for card in self.board.tasks)

    def metric(self, task: str) -> str:
        """Metric of a task in this panel; of a task that was only published, the paper's."""
        if task in self.board.ranking.metrics:
            return self.board.ranking.metrics[task]
        metrics = self.published.loc[self.published["task"] == task, "metric"]
        return _suite_metric(str(metrics.iloc[0])) if len(metrics) else "r2"

    def entry(self, encoder: str, task: str) -> Entry:
        """The measured score of an encoder, or the reason why there is none."""
        entry = Entry(
            split=self.panel.split,
            probe=self.probe,
            folds=", ".join(self.panel.folds),
            encoder=encoder,
            task=task,
            metric=self.metric(task),
            value=np.nan,
        )
        if task not in self.measured_tasks:
            return replace(entry, reason=self._task_reason(task))
        if encoder not in self.rows:
            return replace(entry, reason="not in this run")
        row = self.rows[encoder]
        score = row.scores[self.measured_tasks.index(task)]
        entry = replace(
            entry,
            value=score.mean,
            low=score.low,
            high=score.high,
            std=score.std,
            contaminated=score.contaminated,
            recipe=score.recipe,
            place=self.places.get((encoder, task), ""),
        )
        return replace(entry, reason=_row_reason(row, task)) if np.isnan(score.mean) else entry

    def _task_reason(self, task: str) -> str:
        for left_out in self.board.ranking.left_out:
            if left_out.task == task:
                return f"failed for every encoder: {short_reason(left_out.reason)}"
        folds = f", fold {' or '.join(self.panel.folds)}" if self.panel.folds else ""
        return f"not run under {self.panel.split}{folds}"


def find_panel(
    results: Results, layout: Layout, panel: Panel, probe: str, published: Published | None
) -> PanelScores | str:
    """Scores of a panel, or the reason why the run has none.

    Args:
        results: results of the run.
        layout: layout with the groups of encoders and the tasks.
        panel: the panel.
        probe: name of the probe; empty for the default of the split.
        published: published table; None for none.

    Raises:
        BenchError: the records cannot be ranked together, or the layout names a published split
            that does not exist.
    """
    scores = published_rows(published, panel.published) if published else pd.DataFrame()
    part = select_part(results, layout, panel.split, probe, panel.folds)
    if isinstance(part, str):
        return part
    name, selected = part
    selected = replace(selected, score=panel.score)
    source = f"{scores['paper'].iloc[0]}, {scores['table'].iloc[0]}" if len(scores) else ""
    if layout.tasks and len(scores):
        scores = scores[scores["task"].isin(layout.tasks)]
    board = selected.board(*name)
    if not board.tasks:
        return NO_TASK
    return PanelScores(panel, name[1], selected, board, scores, source)


def select_part(
    results: Results, layout: Layout, split: str, probe: str, folds: Sequence[str] = ()
) -> tuple[BoardName, Results] | str:
    """Results of a split, its folds, and the tasks and encoders of a layout, or why there are none.

    Args:
        results: results of the run.
        layout: layout with the groups of encoders and the tasks.
        split: name of the split.
        probe: name of the probe; empty for the default of the split.
        folds: names of folds; all by default.

    Raises:
        BenchError: the run has scores of several protocols.
    """
    frame = results.frame
    is_of_split = (frame["split"] == split).to_numpy()
    of_split = frame[is_of_split]
    if of_split.empty:
        return f"the run has no split {split!r}"
    require_one_protocol(frame, is_of_split)
    probes = [name for name in of_split["probe"].unique() if name != BASELINE_PROBE]
    if probe and probe not in probes:
        return (
            f"the run has no probe {probe!r} under split {split!r} (it has "
            f"{', '.join(sorted(map(str, probes))) or 'baselines alone'}; --probe chooses another)"
        )
    if folds:
        of_split = of_split[of_split["fold"].isin(list(folds))]
        if of_split.empty:
            return f"split {split!r} of the run has no fold {' or '.join(folds)}"
    if layout.tasks:
        of_tasks = of_split[of_split["task"].isin(layout.tasks)]
        if of_tasks.empty:
            here = listed(sorted(map(str, of_split["task"].unique())))
            wanted = listed(layout.tasks)
            return f"the run has none of {wanted} under split {split!r} (it has {here})"
        of_split = of_tasks
    name = choose_board(of_split, split, probe or None)
    of_split = of_split[of_split["probe"].isin([name[1], BASELINE_PROBE])]
    groups = resolve_groups(layout, map(str, of_split["encoder"].unique()))
    encoders = [encoder for group in groups for encoder in group.encoders]
    of_split = of_split[of_split["encoder"].isin(encoders)]
    if of_split.empty:
        return f"the run has none of the encoders under split {split!r}"
    cards = {n: c for n, c in results.cards.items() if n in set(of_split["task"])}
    if not cards:
        return f"no task under split {split!r} has a card"
    return name, replace(results, frame=of_split, cards=cards)


def measured_cell(entry: Entry, numbers: Numbers, below: Iterable[str] = ()) -> Cell:
    """Cell of a measured score."""
    missing = np.isnan(entry.value)
    return Cell(
        text=DASH if missing else numbers.score(entry.metric, entry.value),
        mark=DAGGER if entry.contaminated else DOUBLE_DAGGER if entry.recipe else "",
        below=() if missing else tuple(below),
        place=entry.place,
        reason=entry.reason,
        entry=entry,
    )


def published_cell(row: Mapping[Hashable, object], numbers: Numbers, source: str) -> Cell:
    """Cell of a published score, with its spread below it.

    Args:
        row: row of the published scores.
        numbers: format of numbers.
        source: paper and table.
    """
    metric = _suite_metric(str(row["metric"]))
    unit = 100 if str(row["metric"]).endswith("_percent") else 1
    value, std = float(str(row["value"])) / unit, float(str(row["std"])) / unit
    entry = Entry(
        split=str(row["split"]),
        probe="",
        encoder=str(row["encoder"]),
        task=str(row["task"]),
        metric=metric,
        value=value,
        std=std,
        source=source,
    )
    below = () if np.isnan(std) else (f"±{numbers.score(metric, std)}",)
    return Cell(numbers.score(metric, value), below=below, entry=entry)


def _suite_metric(published: str) -> str:
    return published.removesuffix("_percent")


def _row_reason(row: Row, task: str) -> str:
    for missing in row.missing:
        if missing.task == task:
            return short_reason(missing.reason)
    return "no seed has every fold"


def short_reason(reason: str) -> str:
    """A reason in one line of at most 120 characters, without its full stop."""
    line = " ".join(reason.split()).rstrip(".")
    return line if len(line) <= 120 else line[:119] + "…"
