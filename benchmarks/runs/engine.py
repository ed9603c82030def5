"""The engine: takes cells, computes the missing ones and gives their records to a store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Hashable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.runs.callbacks import Callbacks
from satclip_bench.benchmarks.runs.embedding_cache import EmbeddingCache
from satclip_bench.benchmarks.runs.embeddings import embedding_file
from satclip_bench.benchmarks.runs.record import Record, Settings
from satclip_bench.benchmarks.runs.store import SCRATCH, Store
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.benchmarks.runs.workers import KilledError, run_in_workers
from satclip_bench.core.device import use_device
from satclip_bench.core.errors import BenchError, UnfinishedError
from satclip_bench.core.files import cannot_write
from satclip_bench.encoders import LocationEncoder, get_encoder
from satclip_bench.tasks import TaskTable

if TYPE_CHECKING:
    import pyarrow as pa

Result: TypeAlias = "tuple[Record, pa.Table | None]"
"""A record, and the predictions that it was scored on."""


class Source(Hashable, Protocol):
    """Identifies a table and loads it; units with an equal source share an embedding."""

    def load(self) -> TaskTable:
        """The table of points to be embedded. Raises BenchError."""


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


_Place: TypeAlias = tuple[str, Source | None]
"""Name of an encoder, and the table that it embeds."""

_Task: TypeAlias = tuple[int, UnitResult[AnyUnit], Path | None, Path]
"""Arguments of `_run`: index of the unit, its result so far, its embedding, the run's folder."""


def evaluate(
    units: Sequence[AnyUnit],
    store: Store,
    encoders: Mapping[str, LocationEncoder] | None = None,
    callbacks: Callbacks | None = None,
    jobs: int = 1,
) -> tuple[UnitResult[AnyUnit], ...]:
    """Compute all cells that the store does not hold, and save each record once it is known.

    Each embedding is computed once, in this process. Errors in an encoder, a table or a probe
    fail the cells concerned and no others, and so does a process that is killed; only an interrupt
    or a record that cannot be saved stops the evaluation, and what was saved before is not computed
    again. The records do not depend on `jobs`.

    Networks and kriging use the device that `core.device` chooses, in all processes.

    Args:
        units: cells, or groups of cells, each given once.
        store: store of the records; its caller holds the lock.
        encoders: encoders that are not registered, by name.
        callbacks: progress callbacks.
        jobs: maximum number of processes; 1 computes in this one, where a kill ends everything.

    Returns:
        The outcome of every unit, in the order of `units`.

    Raises:
        UnfinishedError: a record cannot be written.
        BenchError: the chosen device does not exist.
    """
    callbacks = callbacks or Callbacks()
    outcomes = [
        UnitResult(unit, {s.key: record for s in unit.cells if (record := store.find(s))})
        for unit in units
    ]
    missing = [i for i, outcome in enumerate(outcomes) if not outcome.complete]
    with (
        use_device(),
        _scratch(store) as scratch,
        EmbeddingCache(callbacks.warn) as cache,
    ):
        pending = [units[i] for i in missing if not units[i].problem]
        paths, reasons = _embed(pending, dict(encoders or {}), scratch, cache, callbacks)
        tasks = []
        for i in missing:
            unit, place = units[i], (units[i].encoder, units[i].source)
            if reason := unit.problem or reasons.get(place, ""):
                outcomes[i] = replace(outcomes[i], reason=reason)
                _save_failed(outcomes[i], store)
                callbacks.failed(unit.title, reason)
            else:
                tasks.append((i, outcomes[i], paths.get(place), store.folder))
        callbacks.start("cells", len(tasks))
        with closing(_execute(tasks, jobs, scratch)) as finished:
            for i, outcome in finished:
                if isinstance(outcome, KilledError):
                    outcomes[i] = replace(outcomes[i], reason=str(outcome))
                    _save_failed(outcomes[i], store)
                else:
                    # The caller's own unit, not a copy that came back from another process.
                    outcomes[i] = replace(outcome, unit=units[i])
                callbacks.advance("cells", units[i].title)
                if outcomes[i].reason:
                    callbacks.failed(units[i].title, outcomes[i].reason)
    return tuple(outcomes)


@contextmanager
def _scratch(store: Store) -> Iterator[Path]:
    """An empty folder inside the run's folder; taking its lock deleted what a killed run left."""
    folder = store.folder / SCRATCH
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise BenchError(cannot_write(folder, error)) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _embed(
    units: Sequence[AnyUnit],
    encoders: dict[str, LocationEncoder],
    scratch: Path,
    cache: EmbeddingCache,
    callbacks: Callbacks,
) -> tuple[dict[_Place, Path], dict[_Place, str]]:
    """Files with the embeddings that `units` need, and why the others could not be computed."""
    needed = {(u.encoder, u.source): u.source for u in units if u.encoder and u.source}
    paths: dict[_Place, Path] = {}
    reasons: dict[_Place, str] = {}
    callbacks.start("embeddings", len(needed))
    for place, source in needed.items():
        name = title = place[0]
        try:
            encoder = encoders.get(name) or encoders.setdefault(name, get_encoder(name))
            table = source.load()
            title = f"{table.card.name} {name}"
            with thread_limit(1):
                paths[place] = embedding_file(encoder, table, scratch, cache)
        except BenchError as error:
            reasons[place] = str(error)
        callbacks.advance("embeddings", title)
    cache.evict()
    return paths, reasons


def _execute(
    tasks: Sequence[_Task[AnyUnit]], jobs: int, scratch: Path
) -> Generator[tuple[int, UnitResult[AnyUnit] | KilledError], None, None]:
    """Run tasks in this process or in several, yielding outcomes in the order of finishing."""
    if jobs == 1 or not tasks:
        yield from ((task[0], _run(*task)) for task in tasks)
        return
    # The process that computes a record also writes it: if this one is killed, no record is lost.
    # Every process uses one thread, so that more than two for each core would only take memory.
    workers = min(jobs, 2 * (os.cpu_count() or 1))
    yield from run_in_workers(
        {task[0]: partial(_run, *task) for task in tasks}, workers, scratch / "running"
    )


def _run(
    index: int, outcome: UnitResult[AnyUnit], embedding: Path | None, folder: Path
) -> UnitResult[AnyUnit]:
    """Measure the missing cells of one unit, and save each record once it is known."""
    store = Store(folder)
    # An attempt that was killed may have saved some since the outcome was made.
    kept = {s.key: record for s in outcome.unit.cells if (record := store.find(s))}
    records = dict(kept)
    for result in _guarded(outcome.unit, embedding, kept):
        if isinstance(result, str):
            outcome = replace(outcome, reason=result)
        else:
            record = _save(store, *result)
            records[record.key] = record
    outcome = replace(outcome, records=records)
    if outcome.reason:
        _save_failed(outcome, store)
    return outcome


def _save(store: Store, record: Record, predictions: pa.Table | None) -> Record:
    try:
        return store.save(record, predictions)
    except BenchError as error:
        raise UnfinishedError(f"{error} Finished cells are kept.") from error


def _save_failed(outcome: UnitResult[AnyUnit], store: Store) -> None:
    """Save why the cells without a record could not be run."""
    for record in outcome.unit.failed(outcome.reason):
        if record.key not in outcome.records:
            _save(store, record, None)


def _guarded(
    unit: Unit, embedding: Path | None, kept: Mapping[str, Record]
) -> Iterator[Result | str]:
    """The results of a unit; if it raises, the reason comes last. An interrupt is passed on."""
    try:
        with thread_limit(1):
            X = None if embedding is None else np.load(embedding, mmap_mode="r")
            yield from unit.measure(X, kept)
    except BenchError as error:
        yield str(error)
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
