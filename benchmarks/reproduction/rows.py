"""Published scores next to measured ones: the jobs that they need, and a row for each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.protocols import get_protocol
from satclip_bench.benchmarks.reproduction.jobs import Done, Job, run_jobs
from satclip_bench.benchmarks.reproduction.papers import PAPERS, PublishedTable
from satclip_bench.benchmarks.reproduction.published import published_scores
from satclip_bench.benchmarks.reproduction.tables import known_tables
from satclip_bench.benchmarks.reproduction.verdicts import Verdict, verdict
from satclip_bench.benchmarks.runs.callbacks import Callbacks
from satclip_bench.benchmarks.runs.record import Record
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.work import Executor


@dataclass(frozen=True)
class Reproduction:
    """A published score and the measured one; spreads are standard deviations."""

    paper: str
    table: str
    split: str
    task: str
    encoder: str
    metric: str
    published: float
    published_spread: float
    measured: float | None
    measured_spread: float
    digits: int
    verdict: Verdict
    note: str

    def as_row(self) -> dict[str, object]:
        """A row of `reproduction.csv`, with the difference, and numbers formatted as text."""
        more = self.digits + 3
        return {
            "paper": self.paper,
            "table": self.table,
            "split": self.split,
            "task": self.task,
            "encoder": self.encoder,
            "metric": self.metric,
            "published": f"{self.published:.{self.digits}f}",
            "published_spread": _number(self.published_spread, self.digits),
            "measured": _number(self.measured, more),
            "measured_spread": _number(self.measured_spread, more),
            "difference": ""
            if self.measured is None
            else f"{self.measured - self.published:+.{more}f}",
            "verdict": self.verdict,
            "note": self.note,
        }


@dataclass(frozen=True)
class _Cell:
    """A published score with the jobs that it needs, or the reason why there are none."""

    table: PublishedTable
    published: Mapping[str, object]
    digits: int
    jobs: tuple[Job, ...] = ()
    reason: str = ""


def reproduce(
    names: Iterable[str],
    data_dir: Path | None,
    store: Store,
    executor: Executor | None = None,
    callbacks: Callbacks | None = None,
) -> list[Reproduction]:
    """Measure every cell of the papers' tables, in the order of `published.csv`.

    Cells that cannot be run have the verdict `not run` and the reason in their note.

    Args:
        names: keys of `PAPERS`.
        data_dir: folder with the papers' own tables that do not ship.
        store: store of the records; cells that it holds are not run again.
        executor: what computes the cells; by default this process.
        callbacks: progress callbacks.
    """
    cells = [
        cell for name in names for table in PAPERS[name].tables for cell in _cells(table, data_dir)
    ]
    done = run_jobs({job for cell in cells for job in cell.jobs}, store, executor, callbacks)
    return [_row(cell, done) for cell in cells]


def _cells(table: PublishedTable, data_dir: Path | None) -> list[_Cell]:
    scores = published_scores()
    scores = scores[(scores["paper"] == table.paper) & (scores["table"] == table.table)]
    digits = _digits(table, scores)
    return [
        _cell(table, {str(k): v for k, v in row.items()}, digits[str(row["metric"])], data_dir)
        for row in scores.to_dict("records")
    ]


def _cell(
    table: PublishedTable, published: Mapping[str, object], digits: int, data_dir: Path | None
) -> _Cell:
    encoder, task = str(published["encoder"]), str(published["task"])
    if encoder in table.not_run:
        return _Cell(table, published, digits, reason=table.not_run[encoder])
    metrics = get_protocol(table.protocol).card.metrics.values()
    if table.averages and published["metric"] != "r2":
        reason = "an average over tables of which none is available"
        return _Cell(table, published, digits, reason=reason)
    known = task in known_tables() or task in table.tables or table.averages
    if published["metric"] not in metrics or not known:
        return _Cell(table, published, digits, reason=f"the table of {task} is not available")
    jobs = tuple(
        Job(
            protocol=table.protocol,
            split=table.splits[str(published["split"])],
            probe=table.probes.get(encoder, table.probe),
            table=name,
            encoder=table.encoders[encoder],
            data_dir=data_dir,
        )
        for name in (table.averages or (table.tables.get(task, task),))
    )
    return _Cell(table, published, digits, jobs)


def _row(cell: _Cell, done: Mapping[Job, Done]) -> Reproduction:
    outcomes = [done[job] for job in cell.jobs]
    reason = cell.reason or next((o.reason for o in outcomes if o.reason), "")
    published = float(str(cell.published["value"]))
    spread = float(str(cell.published["std"]))
    metric = str(cell.published["metric"])
    measured: float | None = None
    measured_spread = float("nan")
    outcome: Verdict = "not run"
    note = reason
    if not reason and cell.table.averages:
        note = _of_the_average(cell, outcomes, metric)
    elif not reason:
        (only,) = outcomes
        scores = _scores(only.records, metric)
        measured, measured_spread = _printed(cell, only), float(np.std(scores))
        outcome = verdict(published, measured, cell.digits, spread)
        note = "" if outcome == "exact" else _note(cell)
        note = "; ".join(filter(None, (only.caveat, note)))
    return Reproduction(
        paper=cell.table.paper,
        table=cell.table.table,
        split=str(cell.published["split"]),
        task=str(cell.published["task"]),
        encoder=str(cell.published["encoder"]),
        metric=metric,
        published=published,
        published_spread=spread,
        measured=measured,
        measured_spread=measured_spread,
        digits=cell.digits,
        verdict=outcome,
        note=note,
    )


def _note(cell: _Cell) -> str:
    encoder, task = str(cell.published["encoder"]), str(cell.published["task"])
    notes = cell.table.notes
    keys = (encoder, task, f"{task}/{encoder}")
    return "; ".join(notes[key] for key in keys if notes.get(key))


def _of_the_average(cell: _Cell, outcomes: list[Done], metric: str) -> str:
    measured = ", ".join(f"{o.job.table} {_printed(cell, o):.3f}" for o in outcomes)
    return (
        f"an average over many tables, of which {len(outcomes)} are available; measured: {measured}"
    )


def _printed(cell: _Cell, done: Done) -> float:
    metric = str(cell.published["metric"])
    return get_protocol(cell.table.protocol).printed(_scores(done.records, metric))


def _scores(records: Iterable[Record], metric: str) -> list[float]:
    values = [record.scores[metric] for record in records]
    return [float("nan") if value is None else value for value in values]


def _digits(table: PublishedTable, scores: pd.DataFrame) -> Mapping[str, int]:
    """Decimals by metric: from the protocol's card, or else the most of any published score."""
    known = get_protocol(table.protocol).card.digits
    seen: dict[str, int] = defaultdict(int)
    for metric, value in zip(scores["metric"], scores["value"], strict=True):
        decimals = len(f"{value!r}".partition(".")[2])
        seen[str(metric)] = max(seen[str(metric)], decimals)
    return seen | {str(metric): digits for metric, digits in known.items()}


def _number(value: float | None, digits: int) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.{digits}f}"
