"""The engine: takes cells, computes the missing ones and gives their records to a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from satclip_bench.benchmarks.runs.callbacks import Callbacks
from satclip_bench.benchmarks.runs.costs import longest_first
from satclip_bench.benchmarks.runs.embedding_cache import EmbeddingCache
from satclip_bench.benchmarks.runs.embedding_jobs import Place, Source, embed_all
from satclip_bench.benchmarks.runs.executors import InProcess
from satclip_bench.benchmarks.runs.record import Record, Settings
from satclip_bench.benchmarks.runs.run_folder import scratch_folder
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.benchmarks.runs.work import Executor, Work, finished_by
from satclip_bench.core.card import problems
from satclip_bench.core.device import use_device
from satclip_bench.core.errors import BenchError, RecordError, UnfinishedError
from satclip_bench.encoders import LocationEncoder

if TYPE_CHECKING:
    import pyarrow as pa

Result: TypeAlias = "tuple[Record, pa.Table | None]"
"""A record, and the predictions that it was scored on."""


class Unit(Protocol):
    """One cell, or several cells that share fits and are therefore measured together."""

    @property
    def title(self) -> str:
        """Short description for progress and messages."""

    @property
    def method(self) -> str:
        """Name of what computes the cells, for messages."""

    @property
    def cells(self) -> Sequence[Settings]:
        """The settings of all its cells, one per record."""

    @property
    def problem(self) -> str:
        """Reason why it cannot be run, if that is known beforehand; else empty."""

    @property
    def encoder(self) -> str:
        """Name of the encoder whose embedding it needs; empty if it needs none."""

    @property
    def source(self) -> Source | None:
        """The table whose points are embedded; None if no embedding is needed."""

    @property
    def expected_seconds(self) -> float:
        """Time that it is expected to take; 0 if that is not known. The longest are run first."""

    def measure(
        self, embedding: NDArray[np.float32] | None, kept: Mapping[str, Record]
    ) -> Iterator[Result]:
        """Yield the record and predictions of every cell that is not in `kept`, by key."""

    def failed(self, reason: str) -> Sequence[Record]:
        """Records that say why its cells could not be run; empty if none are kept."""


AnyUnit = TypeVar("AnyUnit", bound=Unit)


@dataclass(frozen=True)
class UnitResult(Generic[AnyUnit]):
    """Result of one unit.

    Attributes:
        unit: the unit as it was given.
        records: its records by key, those that were kept from earlier runs included.
        reason: reason why some of its cells failed; empty if none did.
    """

    unit: AnyUnit
    records: Mapping[str, Record]
    reason: str = ""

    @property
    def complete(self) -> bool:
        """Whether all cells of the unit have a record."""
        return len(self.records) == len(self.unit.cells)


def evaluate(
    units: Sequence[AnyUnit],
    store: Store,
    encoders: Mapping[str, LocationEncoder] | None = None,
    callbacks: Callbacks | None = None,
    executor: Executor | None = None,
) -> tuple[UnitResult[AnyUnit], ...]:
    """Compute all cells that the store does not hold, and save each record once it is known.

    Each embedding is computed once. Errors in an encoder, a table or a probe fail the cells
    concerned and no others, and so does a process that is killed; only an interrupt, a record that
    cannot be saved, a cluster that is lost or a system that refuses a process stops the evaluation,
    and what was saved before is not computed again. The records do not depend on the executor.
    Cells that are expected to take the longest start first.

    Networks and kriging use the device that `core.device` chooses, in all processes.

    Args:
        units: cells, or groups of cells, each given once.
        store: store of the records; its caller holds the lock.
        encoders: encoders that are not registered, by name.
        callbacks: progress callbacks.
        executor: what computes the cells; by default this process, where a kill ends everything.

    Returns:
        The outcome of every unit, in the order of `units`.

    Raises:
        UnfinishedError: a record cannot be written, the cluster is lost, or the system refuses
            what the executor needs.
        BenchError: the chosen device does not exist, or there is no cluster.
    """
    callbacks, executor = callbacks or Callbacks(), executor or InProcess()
    custom = encoders or {}
    found = store.find_all(s for unit in units for s in unit.cells)
    outcomes = [
        UnitResult(unit, {s.key: found[s.key] for s in unit.cells if s.key in found})
        for unit in units
    ]
    missing = [i for i, outcome in enumerate(outcomes) if not outcome.complete]
    with (
        use_device(),
        scratch_folder(store.folder) as scratch,
        EmbeddingCache(callbacks.warn) as cache,
    ):
        pending = [units[i] for i in missing if not units[i].problem]
        # Workers elsewhere compute embeddings themselves, but know no custom encoder.
        embedded = [unit for unit in pending if unit.encoder in custom or executor.shares_files]
        places = list(dict.fromkeys(place for unit in embedded if (place := _place(unit))))
        paths, reasons = embed_all(places, custom, scratch, cache, callbacks, executor.processes)
        work: dict[int, Work[Any]] = {}
        for i in longest_first(missing, lambda i: units[i].expected_seconds):
            unit, place = units[i], _place(units[i])
            embedding = paths.get(place) if place else None
            if reason := unit.problem or (reasons.get(place, "") if place else ""):
                outcomes[i] = _failed(outcomes[i], reason, store)
                callbacks.failed(unit.title, reason)
            elif executor.remote:
                work[i] = Work(partial(_results, unit, outcomes[i].records), embedding or place)
            else:
                work[i] = Work(partial(_run, outcomes[i], store.folder), embedding)
        callbacks.start("cells", len(work))
        results = finished_by(executor.run(work, scratch, callbacks.warn))
        with closing(results) as finished:
            for i, result in finished:
                if isinstance(result, BenchError):
                    outcomes[i] = _ended(outcomes[i], str(result), store)
                elif isinstance(result, UnitResult):
                    # The caller's own unit, not a copy that came back from another process.
                    outcomes[i] = replace(result, unit=units[i])
                else:
                    outcomes[i] = _saved(outcomes[i], result, store)
                callbacks.advance("cells", units[i].title)
                if outcomes[i].reason:
                    callbacks.failed(units[i].title, outcomes[i].reason)
    return tuple(outcomes)


def _place(unit: Unit) -> Place | None:
    """The embedding that a unit needs; None if it needs none."""
    if not unit.encoder or not unit.source:
        return None
    s = unit.cells[0]
    hashes = (s.encoder_version, s.encoder_source_sha256, s.weights_sha256)
    return Place(unit.encoder, unit.source, hashes)


def _run(outcome: UnitResult[AnyUnit], folder: Path, embedding: Path | None) -> UnitResult[AnyUnit]:
    """Measure the missing cells of one unit, and save each record once it is known.

    The process that computes a record also writes it: if the first one is killed, none is lost.
    """
    store = Store(folder)
    outcome = _with_saved(outcome, store)
    return _saved(outcome, _guarded(outcome.unit, embedding, outcome.records), store)


def _with_saved(outcome: UnitResult[AnyUnit], store: Store) -> UnitResult[AnyUnit]:
    """The outcome with the records that a process saved before it was ended.

    None of them is packed yet.
    """
    saved = {s.key: record for s in outcome.unit.cells if (record := store.find_loose(s))}
    return replace(outcome, records={**outcome.records, **saved})


def _ended(outcome: UnitResult[AnyUnit], reason: str, store: Store) -> UnitResult[AnyUnit]:
    """The outcome of a unit whose process was ended, perhaps after it had saved all records."""
    outcome = _with_saved(outcome, store)
    return outcome if outcome.complete else _failed(outcome, reason, store)


def _results(
    unit: AnyUnit, kept: Mapping[str, Record], embedding: Path | NDArray[np.float32] | None
) -> list[Result | str]:
    """Measure the missing cells of one unit, where the run's folder cannot be written."""
    return list(_guarded(unit, embedding, kept))


def _saved(
    outcome: UnitResult[AnyUnit], results: Iterable[Result | str], store: Store
) -> UnitResult[AnyUnit]:
    """The outcome of a unit after its results, each of which is saved once it is known."""
    records = dict(outcome.records)
    for result in results:
        if isinstance(result, str):
            outcome = replace(outcome, reason=result)
            continue
        try:
            record = _save(store, *result)
            records[record.key] = record
        except RecordError as error:
            outcome = replace(outcome, reason=f"{outcome.unit.method}: {error}")
    outcome = replace(outcome, records=records)
    return _failed(outcome, outcome.reason, store) if outcome.reason else outcome


def _save(store: Store, record: Record, predictions: pa.Table | None) -> Record:
    try:
        return store.save(record, predictions)
    except RecordError:
        raise
    except BenchError as error:
        raise UnfinishedError(f"{error} Finished cells are kept.") from error


def _failed(outcome: UnitResult[AnyUnit], reason: str, store: Store) -> UnitResult[AnyUnit]:
    """The outcome with a reason, which is saved for the cells that have no record."""
    for record in outcome.unit.failed(reason):
        if record.key not in outcome.records:
            _save(store, record, None)
    return replace(outcome, reason=reason)


def _guarded(
    unit: Unit, embedding: Path | NDArray[np.float32] | None, kept: Mapping[str, Record]
) -> Iterator[Result | str]:
    """The results of a unit; if it raises, the reason comes last. An interrupt is passed on."""
    try:
        with thread_limit(1):
            X = np.load(embedding, mmap_mode="r") if isinstance(embedding, Path) else embedding
            yield from unit.measure(X, kept)
    except BenchError as error:
        yield str(error)
    except ValidationError as error:
        yield f"{unit.method} raised ValidationError: {problems(error)}"
    except MemoryError as error:
        yield (
            f"{unit.method} ran out of memory ({str(error) or 'MemoryError'}): run fewer cells at "
            "the same time with --jobs, or use a machine with more memory"
        )
    except (Exception, SystemExit) as error:
        # torch's name of the error; torch may not have been imported.
        if type(error).__name__ == "OutOfMemoryError":
            yield (
                f"{unit.method} ran out of the GPU's memory: run fewer cells at the same time with "
                "--jobs, or choose --device cpu"
            )
            return
        yield f"{unit.method} raised {type(error).__name__}: {error}"
