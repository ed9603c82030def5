"""Jobs of a reproduction: one protocol on one table and encoder, with all its folds and seeds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.protocols import FoldResult, Protocol, Work, get_protocol
from satclip_bench.benchmarks.reproduction.tables import PaperSource, PaperTable, paper_table
from satclip_bench.benchmarks.runs.callbacks import Callbacks
from satclip_bench.benchmarks.runs.embeddings import encoder_settings
from satclip_bench.benchmarks.runs.engine import Result, evaluate
from satclip_bench.benchmarks.runs.provenance import provenance
from satclip_bench.benchmarks.runs.record import Counts, Record, Settings
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.work import Executor
from satclip_bench.benchmarks.splits import Fold, SplitInputs
from satclip_bench.core.errors import FAILURES, BenchError
from satclip_bench.encoders import get_encoder
from satclip_bench.tasks import TaskTable

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_FIRST = ("from-scratch", "mlp", "ridge-chunked", "linear", "ridge", "knn")
"""Probes by their cost: the longest jobs start first, so that none is left to run alone."""


@dataclass(frozen=True)
class Job:
    """One cell of a published table, with all its folds and seeds.

    Attributes:
        protocol: name of the protocol.
        split, probe: names on the protocol's card.
        table: name of the table, as in `paper_table`.
        encoder: name of the encoder, as registered.
        data_dir: folder with the papers' tables that do not ship.
    """

    protocol: str
    split: str
    probe: str
    table: str
    encoder: str
    data_dir: Path | None = None

    @property
    def title(self) -> str:
        """Short description for progress and messages."""
        return f"{self.protocol} {self.split} {self.probe} {self.table} {self.encoder}"

    @property
    def source(self) -> PaperSource:
        """The table that the job is run on."""
        return PaperSource(self.table, self.data_dir)


@dataclass(frozen=True)
class Done:
    """Outcome of a job.

    Attributes:
        job: the job.
        records: one record per fold and seed; empty if the job could not be run.
        caveat: how the table differs from the paper's own.
        reason: reason why the job could not be run; else empty.
    """

    job: Job
    records: tuple[Record, ...] = ()
    caveat: str = ""
    reason: str = ""


@dataclass(frozen=True)
class JobCells:
    """The cells of a job, which share tuning and are therefore measured together.

    Attributes:
        job: the job.
        settings: settings of every cell, by seed and fold.
        folds: rows of every fold, by name.
        caveat: how the table differs from the paper's own.
    """

    job: Job
    settings: Mapping[tuple[int, str], Settings]
    folds: Mapping[str, Fold]
    caveat: str

    problem = ""
    expected_seconds = 0.0

    @property
    def title(self) -> str:
        """Short description for progress and messages."""
        return self.job.title

    @property
    def method(self) -> str:
        """Name of the protocol, for messages."""
        return self.job.protocol

    @property
    def encoder(self) -> str:
        """Name of the encoder."""
        return self.job.encoder

    @property
    def source(self) -> PaperSource:
        """The paper's table."""
        return replace(self.job.source, sha256=next(iter(self.settings.values())).data_sha256)

    @property
    def cells(self) -> tuple[Settings, ...]:
        """The settings of all its cells."""
        return tuple(self.settings.values())

    def measure(
        self, embedding: NDArray[np.float32] | None, kept: Mapping[str, Record]
    ) -> Iterator[Result]:
        """Run the protocol for the missing cells.

        Args:
            embedding: `(N, D)` embedding of the table's points.
            kept: records by key that need not be computed; settings that they chose are reused.

        Yields:
            Record and predictions of every cell, as soon as it is known.

        Raises:
            BenchError: the protocol cannot be run on this table.
        """
        job, table, protocol = self.job, self.source.load(), get_protocol(self.job.protocol)
        encoder = get_encoder(job.encoder)
        if embedding is None:
            raise BenchError(f"protocol {job.protocol!r} needs the embedding of an encoder")
        missing = tuple(
            dict.fromkeys(seed for (seed, _), s in self.settings.items() if s.key not in kept)
        )
        work = Work(
            embedding=embedding,
            points=_split_inputs(table),
            task_type=table.card.task_type,
            split=job.split,
            probe=job.probe,
            seeds=protocol.card.seeds if protocol.card.probe(job.probe).together else missing,
            best_params={
                fold: kept[s.key].best_params
                for (_, fold), s in self.settings.items()
                if s.key in kept
            },
        )
        start = time.perf_counter()
        for result in protocol.outcomes(work):
            settings, fold = self.settings[result.seed, result.fold], self.folds[result.fold]
            record = _record(settings, protocol, result, fold, table).model_copy(
                update={
                    "encoder_title": encoder.card.title,
                    "contaminated": table.card.name in encoder.card.contaminates,
                    "recipe_chosen": table.card.name in encoder.card.recipe_tasks,
                    "provenance": provenance(fit=time.perf_counter() - start),
                }
            )
            start = time.perf_counter()
            yield record, _predictions(result, fold, table.target)

    def failed(self, reason: str) -> tuple[Record, ...]:
        """No records: the reason stands in the note of `reproduction.csv`."""
        return ()


def run_jobs(
    jobs: Iterable[Job],
    store: Store,
    executor: Executor | None = None,
    callbacks: Callbacks | None = None,
) -> dict[Job, Done]:
    """Run the missing cells of jobs, and return the outcome of every job.

    If a job cannot be run, the reason is part of its outcome; all others still run.

    Args:
        jobs: jobs, each given once.
        store: store of the records.
        executor: what computes the cells; by default this process.
        callbacks: progress callbacks.
    """
    done: dict[Job, Done] = {}
    planned: list[JobCells] = []
    order = sorted(set(jobs), key=lambda j: (LONGEST_FIRST.index(j.probe), j.protocol, j.table))
    for job in order:
        try:
            planned.append(plan_job(job))
        except BenchError as error:
            done[job] = Done(job, reason=str(error))
        except FAILURES as error:
            done[job] = Done(job, reason=f"{job.protocol} raised {type(error).__name__}: {error}")
    for outcome in evaluate(planned, store, None, callbacks, executor):
        unit = outcome.unit
        if outcome.reason:
            done[unit.job] = Done(unit.job, reason=outcome.reason)
        else:
            records = tuple(outcome.records[settings.key] for settings in unit.cells)
            done[unit.job] = Done(unit.job, records, unit.caveat)
    return done


def plan_job(job: Job) -> JobCells:
    """The cells of a job. Raises BenchError if its table or encoder is not available."""
    paper, protocol = paper_table(job.table, job.data_dir), get_protocol(job.protocol)
    folds = {fold.name: fold for fold in protocol.folds(_split_inputs(paper.table), job.split)}
    common = _common_settings(job, protocol, paper)
    common |= encoder_settings(job.encoder, get_encoder(job.encoder))
    settings = {
        (seed, fold.name): Settings.model_validate(
            common | {"fold": fold.name, "fold_sha256": fold.sha256, "seed": seed}
        )
        for seed in protocol.card.seeds
        for fold in folds.values()
    }
    return JobCells(job, settings, folds, paper.caveat)


def _split_inputs(table: TaskTable) -> SplitInputs:
    return SplitInputs(table.lonlat, table.target, table.region, table.card.block_degrees)


def _common_settings(job: Job, protocol: Protocol, paper: PaperTable) -> dict[str, object]:
    card, table = protocol.card, paper.table
    probe = card.probe(job.probe)
    return {
        "task": table.card.name,
        "edition": table.edition,
        "data_sha256": table.sha256,
        "split": job.split,
        "split_version": card.version,
        "split_settings": card.split(job.split).settings,
        "probe": job.probe,
        "probe_version": card.version,
        "probe_settings": probe.settings,
        "probe_search": probe.tuning.model_dump() if probe.tuning else {},
        "protocol": f"{card.name}/{card.version}",
    }


def _record(
    settings: Settings, protocol: Protocol, result: FoldResult, fold: Fold, table: TaskTable
) -> Record:
    unseen = 0
    if table.card.task_type == "classification":
        unseen = int((~np.isin(table.target[fold.test], table.target[fold.train])).sum())
    return Record(
        key=settings.key,
        settings=settings,
        task_type=table.card.task_type,
        metric=protocol.card.metrics[table.card.task_type],
        status="done",
        scores=dict(result.scores),
        best_params=dict(result.best_params),
        counts=Counts(
            train=len(fold.train),
            validation=len(fold.validation),
            test=len(fold.test),
            unseen=unseen,
        ),
        provenance=provenance(),
    )


def _predictions(result: FoldResult, fold: Fold, target: NDArray[Any]) -> pa.Table:
    import pyarrow as pa

    return pa.table(
        {
            "row": fold.test.astype(np.int32),
            "target": target[fold.test],
            "prediction": result.prediction,
        }
    )
