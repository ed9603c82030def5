"""What is run: one protocol on one table and encoder, every outcome kept as a record."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from satclip_bench.benchmarks.protocols import FoldResult, Protocol, Work, get_protocol
from satclip_bench.benchmarks.reproduction.tables import PaperTable, paper_table
from satclip_bench.benchmarks.runs.embeddings import embedding_file, encoder_settings
from satclip_bench.benchmarks.runs.record import Counts, Record, Settings
from satclip_bench.benchmarks.runs.runner import one_thread, provenance
from satclip_bench.benchmarks.runs.store import Store, read_record
from satclip_bench.benchmarks.splits import Fold, SplitInputs
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import get_encoder

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_FIRST = ("from-scratch", "mlp", "linear", "ridge", "knn")
"""Probes by what they cost: the longest are begun first, so that none is waited for alone."""


@dataclass(frozen=True)
class Job:
    """One cell of a published table, with all its folds and seeds.

    Attributes:
        protocol, split, probe: names; the latter two of the protocol's card.
        table: as `paper_table` calls it.
        encoder: registered name.
    """

    protocol: str
    split: str
    probe: str
    table: str
    encoder: str


@dataclass(frozen=True)
class Done:
    """What a job came to.

    Attributes:
        job: which.
        records: one a fold and seed; empty if it could not be run.
        caveat: how its table differs from the paper's own.
        reason: why it could not be run; else empty.
    """

    job: Job
    records: tuple[Record, ...] = ()
    caveat: str = ""
    reason: str = ""


def run_jobs(
    jobs: Iterable[Job], data_dir: Path | None, folder: Path, processes: int
) -> Iterator[Done]:
    """Run what is missing of each job, yielding it once all its records are on disk.

    Args:
        jobs: what to run, each once.
        data_dir: folder with the papers' tables that do not ship.
        folder: where records are kept.
        processes: how many at a time; 1 runs in this process.
    """
    order = sorted(set(jobs), key=lambda j: (LONGEST_FIRST.index(j.probe), j.protocol, j.table))
    if processes == 1:
        yield from (run_job(job, data_dir, folder) for job in order)
        return
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=processes, backend="loky", return_as="generator_unordered")
    yield from parallel(delayed(run_job)(job, data_dir, folder) for job in order)


def run_job(job: Job, data_dir: Path | None, folder: Path) -> Done:
    """Run one job. Whatever goes wrong inside is its reason; only an interrupt passes."""
    try:
        with one_thread():
            found = paper_table(job.table, data_dir)
            return Done(job, tuple(_records(job, found, Store(folder))), found.caveat)
    except BenchError as error:
        return Done(job, reason=str(error))
    except Exception as error:
        return Done(job, reason=f"{job.protocol} raised {type(error).__name__}: {error}")


def _records(job: Job, found: PaperTable, store: Store) -> Iterator[Record]:
    """All records of a job; those that are missing are made and saved one by one."""
    table = found.table
    protocol, encoder = get_protocol(job.protocol), get_encoder(job.encoder)
    points = SplitInputs(table.lonlat, table.target, table.region, table.card.block_degrees)
    folds = {parts.name: parts for parts in protocol.folds(points, job.split)}
    common = _common_settings(job, protocol, found) | encoder_settings(job.encoder, encoder)
    wanted = {
        (seed, parts.name): Settings.model_validate(
            common | {"fold": parts.name, "fold_sha256": parts.sha256, "seed": seed}
        )
        for seed in protocol.card.seeds
        for parts in folds.values()
    }
    kept = {
        place: read_record(store.path(settings))
        for place, settings in wanted.items()
        if store.done(settings)
    }
    missing = tuple(dict.fromkeys(seed for seed, fold in wanted if (seed, fold) not in kept))
    if missing:
        together = protocol.card.probe(job.probe).together
        work = Work(
            embedding=np.load(embedding_file(encoder, table, store.folder / "embeddings")),
            points=points,
            task_type=table.card.task_type,
            split=job.split,
            probe=job.probe,
            seeds=protocol.card.seeds if together else missing,
            best_params={fold: record.best_params for (_, fold), record in kept.items()},
        )
        start = time.perf_counter()
        for outcome in protocol.outcomes(work):
            place = outcome.seed, outcome.fold
            record = _record(wanted[place], protocol, outcome, folds[outcome.fold], found)
            record = record.model_copy(
                update={
                    "encoder_title": encoder.card.title,
                    "contaminated": table.card.name in encoder.card.contaminates,
                    "provenance": provenance(fit=time.perf_counter() - start),
                }
            )
            start = time.perf_counter()
            store.save(record, _predictions(outcome, folds[outcome.fold], table.target))
            kept[place] = record
    yield from (kept[place] for place in wanted)


def _common_settings(job: Job, protocol: Protocol, found: PaperTable) -> dict[str, object]:
    card, table = protocol.card, found.table
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
    settings: Settings, protocol: Protocol, outcome: FoldResult, parts: Fold, found: PaperTable
) -> Record:
    target = found.table.target
    unseen = 0
    if found.table.card.task_type == "classification":
        unseen = int((~np.isin(target[parts.test], target[parts.train])).sum())
    return Record(
        key=settings.key,
        settings=settings,
        task_type=found.table.card.task_type,
        metric=protocol.card.metrics[found.table.card.task_type],
        status="done",
        scores=dict(outcome.scores),
        best_params=dict(outcome.best_params),
        counts=Counts(
            train=len(parts.train),
            validation=len(parts.validation),
            test=len(parts.test),
            unseen=unseen,
        ),
        provenance=provenance(),
    )


def _predictions(outcome: FoldResult, parts: Fold, target: np.ndarray[Any, Any]) -> pa.Table:
    import pyarrow as pa

    return pa.table(
        {
            "row": parts.test.astype(np.int32),
            "target": target[parts.test],
            "prediction": outcome.prediction,
        }
    )
