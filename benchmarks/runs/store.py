"""Folder of a run: records in a tree that can be resumed and locked, and one Parquet table.

<run>/records/<task>/<encoder>/<split>/<probe>.<fold>.seed<k>.<key>.json
<run>/records/...                                              .parquet   (predictions)
<run>/packed/...                                               (finished records of large runs)
<run>/plan.json                                                (the cells that were asked for)
<run>/results.parquet                                          (one row per record and metric)
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from satclip_bench.benchmarks.runs.packed import PackedRecords
from satclip_bench.benchmarks.runs.reading import ALL, Listing, Reading, RecordFilter
from satclip_bench.benchmarks.runs.record import SCHEMA, Record, Settings
from satclip_bench.benchmarks.runs.record_files import (
    parse_record,
    read_predictions,
    read_record,
)
from satclip_bench.benchmarks.runs.remembered import FILE as PLAN_FILE
from satclip_bench.benchmarks.runs.remembered import (
    RememberedPlan,
    RunRequest,
    planned,
    planned_by,
    unambiguous,
)
from satclip_bench.benchmarks.runs.run_folder import locked_run
from satclip_bench.benchmarks.runs.segments import (
    MAX_RECORDS,
    LooseRecord,
    delete_loose,
    sweep_segments,
    write_segment,
)
from satclip_bench.benchmarks.runs.tidy import frame_bytes, parquet_bytes, tidy_frame
from satclip_bench.core.errors import BenchError, RecordError, UnwritableError
from satclip_bench.core.files import atomic_write, file_name, sha256_bytes
from satclip_bench.core.program import program

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


PACK_FROM = 10_000
"""Number of loose records from which on finished ones are packed. The main job has 2,008: a folder
that a person looks into has one file per record, and ten thousand of them are read in seconds."""

MIN_PACKED = 1_000
"""Minimum number of records in a new segment, so that segments stay few."""


class Store:
    """The records of one run.

    Args:
        folder: folder of the run; created when it is first written to.
        only: tasks, encoders and seeds of the records that are read; all by default.
    """

    def __init__(self, folder: Path, only: RecordFilter = ALL) -> None:
        self.folder = folder
        self.only = only
        self.damaged: dict[Path, str] = {}
        """Files that `find` could not read as records, and the reasons."""
        self._verified: set[str] = set()
        self._packed = PackedRecords(folder)

    @property
    def table_path(self) -> Path:
        """Path of the tidy table."""
        return self.folder / "results.parquet"

    @property
    def own_files(self) -> tuple[Path, ...]:
        """Files that a run writes into its folder, under names that a user's file may have."""
        from satclip_bench.benchmarks.runs.kept_replicates import FILE as REPLICATES_FILE

        return (self.table_path, self.folder / PLAN_FILE, self.folder / REPLICATES_FILE)

    def path(self, settings: Settings, key: str = "") -> Path:
        """Path of the record with these settings.

        Args:
            settings: settings of the cell.
            key: key of these settings, if it is known.
        """
        s = settings
        name = f"{file_name(s.probe)}.{file_name(s.fold)}.seed{s.seed}.{(key or s.key)[:16]}.json"
        return self.folder.joinpath("records", *map(file_name, (s.task, s.encoder, s.split)), name)

    def lock(self) -> AbstractContextManager[None]:
        """Lock the folder for writing: see `locked_run`.

        Raises:
            BenchError: another process holds the lock, or the folder cannot be written.
        """
        return locked_run(self.folder)

    def save(self, record: Record, predictions: pa.Table | None) -> Record:
        """Write a record, after its predictions, so that no record is without them.

        Args:
            record: record of one cell.
            predictions: predictions on the test set; None for a failed cell.

        Returns:
            The record as it was written, with the hash of its predictions.

        Raises:
            RecordError: the record cannot be written as JSON; no file was written.
            UnwritableError: a file cannot be written.
        """
        path, content = self.path(record.settings), None
        if predictions is not None:
            content = parquet_bytes(predictions)
            record = record.model_copy(update={"predictions_sha256": sha256_bytes(content)})
        text = record.to_json()
        if content is not None:
            with atomic_write(path.with_suffix(".parquet")) as stream:
                stream.write(content)
        with atomic_write(path) as stream:
            stream.write(text)
        return record

    def find(self, settings: Settings) -> Record | None:
        """The record with these settings; None if it is missing, damaged, incomplete or failed.

        A record is incomplete if its predictions are missing or are not those that it was scored
        on.
        """
        return self.find_all((settings,)).get(settings.key)

    def find_all(self, cells: Iterable[Settings]) -> dict[str, Record]:
        """The records with these settings by their keys, as `find` gives them.

        Each segment is read once.
        """
        found, others = {}, []
        for settings in cells:
            key = settings.key
            if record := self._find_loose(settings, key):
                found[key] = record
            else:
                others.append(key)
        return found | self._packed.find_all(others)

    def find_loose(self, settings: Settings) -> Record | None:
        """As `find`, among the records that are not packed."""
        return self._find_loose(settings, settings.key)

    def _find_loose(self, settings: Settings, key: str) -> Record | None:
        path = self.path(settings, key)
        if not path.is_file():
            return None
        try:
            record = read_record(path)
        except RecordError as error:
            self.damaged[path] = str(error)
            return None
        return record if record.key == key and self.complete(record) else None

    def complete(self, record: Record) -> bool:
        """Whether the cell of a record need not be run again: it is done, with its predictions."""
        if record.status != "done" or record.schema_version < SCHEMA:
            return False
        if not record.predictions_sha256 or record.key in self._verified:
            return True
        if self._is_loose(record):
            return not isinstance(self._loose_predictions(record), str)
        # It was packed since it was read.
        return self._packed.holding(record.key) is not None

    def done(self, settings: Settings) -> bool:
        """Whether the cell with these settings need not be run again."""
        return self.find(settings) is not None

    def remember(self, cells: Mapping[str, Settings], request: RunRequest) -> None:
        """Add the cells that a run asks for to the folder's plan; its caller holds the lock.

        In a folder that was made before plans were kept, the plan starts with the cells whose
        records leave no doubt about their version.

        Args:
            cells: settings of the cells by their keys.
            request: what the command asked for, to be kept beside the cells.
        """
        plan = self._plan()
        if plan is None:
            plan = RememberedPlan(cells=self.read().asked)
        elif plan.has_just_asked(request, cells):
            return
        plan = plan.asking(request, (planned(settings, key) for key, settings in cells.items()))
        with atomic_write(self.folder / PLAN_FILE) as stream:
            stream.write(plan.to_json())

    def _plan(self) -> RememberedPlan | None:
        """The plan that the folder remembers; None if there is none that can be read."""
        path = self.folder / PLAN_FILE
        try:
            return RememberedPlan.model_validate_json(path.read_bytes())
        except (OSError, ValueError):
            return None

    def listing(self) -> Listing:
        """The records in the folder; those in segments are listed by their keys alone."""
        records, damaged = [], []
        # Records lie three folders deep; what earlier versions of `species` wrote lies above.
        for path in self._loose():
            try:
                records.append(read_record(path))
            except RecordError as error:
                # A file that has gone meanwhile is packed, in a segment that is listed below.
                if not isinstance(error.__cause__, FileNotFoundError):
                    damaged.append(str(error))
        segments, problems = self._packed.segments()
        # A folder into which records were copied again may have some without their predictions.
        loose = (r for r in records if not self._packed.has(r.key) or self.complete(r))
        return Listing(tuple(loose), segments, (*damaged, *problems))

    def _loose(self) -> list[Path]:
        return sorted((self.folder / "records").glob("*/*/*/*.json"))

    def done_keys(self, listing: Listing) -> set[str]:
        """Keys of the cells that need not be run again.

        The predictions of loose records are verified by their hashes, those of packed ones by the
        size of their segment.

        Args:
            listing: what `listing` returned, if the folder has not changed since.
        """
        loose = {record.key for record in listing.loose if self.complete(record)}
        return loose.union(*(s.index for s in listing.segments if not s.problem))

    def read(self, listing: Listing | None = None) -> Reading:
        """The records that belong to the plan, ordered by cell, and what is left out and why.

        A folder without a plan shows the cells of which it holds records of a single version.

        Args:
            listing: what `listing` returned, if the folder has not changed since.
        """
        listing = listing or self.listing()
        records = listing.records(parse_record)
        plan = self._plan()
        asked = unambiguous(map(planned_by, records)) if plan is None else plan.cells
        damaged = (*listing.damaged, *listing.problems())
        return Reading.of(self.folder, records, asked, damaged, plan is not None)

    def pack(self) -> None:
        """Move finished records into segments if there are many of them.

        Must be called under the run's lock, while no cell is computed. A kill at any moment loses
        nothing: files are deleted when their segment is durable. Readers see each record once.

        Raises:
            BenchError: a segment cannot be written, or a file not be deleted; all records that are
                not packed stay as they are.
        """
        try:
            self._pack()
        except OSError as error:
            where = error.filename or self.folder
            raise UnwritableError(
                f"{where} cannot be moved into a segment: {error.strerror or error}. All records "
                "are kept; the next run packs them once that is possible"
            ) from error

    def _pack(self) -> None:
        sweep_segments(self.folder)
        paths = self._loose()
        if len(paths) < PACK_FROM:
            return
        for start in range(0, len(paths), MAX_RECORDS):
            some = map(self._finished, paths[start : start + MAX_RECORDS])
            finished = [loose for loose in some if loose is not None]
            if len(finished) >= MIN_PACKED:
                delete_loose(self.folder, write_segment(self.folder, finished))
        self._packed.segments()

    def _finished(self, path: Path) -> LooseRecord | None:
        """A record that can be packed: it is done, its predictions are whole, and both are here."""
        try:
            content = path.read_bytes().decode()
            record = parse_record(content)
        except (OSError, UnicodeDecodeError, RecordError):
            return None
        here = self.path(record.settings, record.key) == path
        return LooseRecord(record, path, content) if here and self.complete(record) else None

    def records(self, reading: Reading | None = None) -> tuple[Record, ...]:
        """The records that belong to the plan, as far as the store's filter selects them.

        Args:
            reading: what `read` returned, if the folder has not changed since.

        Raises:
            BenchError: the filter selects nothing.
        """
        return self.only.select((reading or self.read()).records)

    def predictions(self, record: Record) -> pd.DataFrame:
        """The predictions kept beside a record.

        Raises:
            RecordError: the file is missing, damaged or belongs to another record.
        """
        import pandas as pd

        return pd.read_parquet(io.BytesIO(self._predictions(record)))

    def verify(self, record: Record) -> None:
        """Verify the predictions of a record by their hash, once per record.

        Those of a packed record are verified when they are read.

        Raises:
            RecordError: the file is missing, damaged or belongs to another record.
        """
        if record.key in self._verified:
            return
        if self._is_loose(record) or not self._packed.has(record.key):
            self._predictions(record)

    def _predictions(self, record: Record) -> bytes:
        """The bytes of a record's predictions, verified by the hash in the record."""
        content = self._loose_predictions(record)
        if not isinstance(content, str):
            return content
        segment = self._packed.holding(record.key)
        if segment and segment.predictions_sha256(record.key) == record.predictions_sha256:
            return segment.predictions(record.key)
        where = self._predictions_path(record)
        raise RecordError(
            f"the predictions {where} {content}; run the same command again to compute them"
        )

    def _loose_predictions(self, record: Record) -> bytes | str:
        """The predictions beside a loose record, or what is wrong with them."""
        content = read_predictions(self._predictions_path(record), record.predictions_sha256)
        if not isinstance(content, str):
            self._verified.add(record.key)
        return content

    def _predictions_path(self, record: Record) -> Path:
        return self.path(record.settings, record.key).with_suffix(".parquet")

    def _is_loose(self, record: Record) -> bool:
        return self.path(record.settings, record.key).is_file()

    def frame(self, reading: Reading | None = None) -> pd.DataFrame:
        """The tidy table of the records that `records` gives: see `tidy_frame`.

        Args:
            reading: what `read` returned, if the folder has not changed since.

        Raises:
            BenchError: the folder has nothing to show, or the store's filter selects nothing.
        """
        reading = reading or self.read()
        if not reading.records:
            raise BenchError(self._why_empty(reading))
        return tidy_frame(self.only.select(reading.records))

    def _why_empty(self, reading: Reading) -> str:
        if notices := reading.notices():
            return " ".join((f"there is nothing to show in {self.folder}.", *notices))
        if any((self.folder / "records").glob("*.json")):
            return (
                f"the results in {self.folder} were written by an earlier version of `species`, "
                "whose files are no records. Run the same `species` command again: its results "
                "will be shown"
            )
        if self.folder.is_file():
            return f"{self.folder} is a file: name the folder of a run, such as results/runs/open"
        return (
            f"there are no records in {self.folder}. Run `{program()}`, or name the folder of "
            "another run."
        )

    def write_table(self, reading: Reading | None = None) -> pd.DataFrame:
        """Write `results.parquet` from the records of the plan, and return it as a frame.

        Args:
            reading: what `read` returned, if the folder has not changed since.
        """
        frame = self.frame(reading)
        with atomic_write(self.table_path) as stream:
            stream.write(frame_bytes(frame))
        return frame
