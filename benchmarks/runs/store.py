"""A run's folder: an atomic, resumable, lockable tree of records, and one Parquet table of them.

<run>/records/<task>/<encoder>/<split>/<probe>.<fold>.seed<k>.<key>.json
<run>/records/...                                              .parquet   (predictions)
<run>/results.parquet                                          (one row a record and metric)
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from satclip_bench.benchmarks.runs.record import SCHEMA, Record, Settings
from satclip_bench.core.errors import BenchError, RecordError
from satclip_bench.core.files import atomic_write, cannot_write
from satclip_bench.core.program import program

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
from satclip_bench.benchmarks.runs.columns import COLUMNS


class Store:
    """The records of one run.

    Args:
        folder: the run's folder; created when it is first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def table_path(self) -> Path:
        """Where the tidy table is written."""
        return self.folder / "results.parquet"

    def path(self, settings: Settings) -> Path:
        """Where the record with these settings belongs."""
        s = settings
        name = f"{_slug(s.probe)}.{_slug(s.fold)}.seed{s.seed}.{s.key[:16]}.json"
        return self.folder / "records" / _slug(s.task) / _slug(s.encoder) / _slug(s.split) / name

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for writing. The kernel lets go of it when the process ends.

        Raises:
            BenchError: another process holds it, or the folder cannot be written.
        """
        from filelock import FileLock, Timeout

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock", timeout=0)
            with lock:
                yield
        except Timeout:
            raise BenchError(
                f"another run is writing to {self.folder}. Wait for it to end, or choose another "
                "folder with --out."
            ) from None
        except OSError as error:
            raise BenchError(cannot_write(self.folder, error)) from error

    def save(self, record: Record, predictions: pa.Table | None) -> None:
        """Write a record, its predictions first, so that a record never lacks them."""
        path = self.path(record.settings)
        if predictions is not None:
            content = parquet_bytes(predictions)
            with atomic_write(path.with_suffix(".parquet")) as stream:
                stream.write(content)
            digest = hashlib.sha256(content).hexdigest()
            record = record.model_copy(update={"predictions_sha256": digest})
        with atomic_write(path) as stream:
            stream.write(record.to_json())

    def done(self, settings: Settings) -> bool:
        """Whether a record of today's layout with these settings is here and did not fail."""
        path = self.path(settings)
        if not path.is_file():
            return False
        record = read_record(path)
        if record.status != "done" or record.key != settings.key or record.schema_version < SCHEMA:
            return False
        return not record.predictions_sha256 or path.with_suffix(".parquet").is_file()

    def records(self) -> tuple[Record, ...]:
        """The newest record of every cell, ordered by cell.

        Older ones, made with other data, weights or settings, stay on disk and are passed over.

        Raises:
            RecordError: a file is not a record.
        """
        newest: dict[tuple[str, ...], Record] = {}
        for path in sorted((self.folder / "records").rglob("*.json")):
            record = read_record(path)
            known = newest.get(record.settings.identity)
            if known is None or known.provenance.finished < record.provenance.finished:
                newest[record.settings.identity] = record
        return tuple(newest[identity] for identity in sorted(newest))

    def predictions(self, record: Record) -> pd.DataFrame:
        """The predictions kept beside a record. Raises RecordError if they are gone."""
        import pandas as pd

        path = self.path(record.settings).with_suffix(".parquet")
        if not path.is_file():
            raise RecordError(f"the predictions {path} are gone; delete the record and run again")
        return pd.read_parquet(path)

    def frame(self) -> pd.DataFrame:
        """The tidy table: one row a record and metric. A failed record has one row, without value.

        Raises:
            BenchError: the folder holds no records.
        """
        import pandas as pd

        records = self.records()
        if not records:
            raise BenchError(
                f"there are no records in {self.folder}. Run `{program()}`, or name "
                "the folder of a run with --out."
            )
        rows = [row for record in records for row in _rows(record)]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)

    def write_table(self) -> pd.DataFrame:
        """Write `results.parquet` anew from all records, and return it."""
        import pyarrow as pa

        frame = self.frame()
        with atomic_write(self.table_path) as stream:
            stream.write(parquet_bytes(pa.Table.from_pandas(frame, preserve_index=False)))
        return frame


def read_record(path: Path) -> Record:
    """A record from its file. Raises RecordError if the file is not one."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise RecordError(
            f"{path} is no record that this version reads: {first}. Delete it to have its cell "
            "run again."
        ) from error


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as Parquet; the same table gives the same bytes."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), sink, compression="zstd")
    return sink.getvalue()


def _rows(record: Record) -> Iterator[list[object]]:
    s, c = record.settings, record.counts
    title = record.encoder_title or s.encoder
    scores = {record.metric: None} if record.status == "failed" else record.scores
    for metric, value in sorted(scores.items()):
        ends = record.intervals.get(metric, (float("nan"), float("nan")))
        yield [
            *(
                s.task,
                record.task_type,
                s.edition,
                s.encoder,
                title,
                s.split,
                s.fold,
                s.probe,
                s.seed,
            ),
            *(metric, float("nan") if value is None else value, *ends),
            *(record.status, record.reason, c.train, c.test, c.unseen),
            *(record.contaminated, record.caveat, s.protocol, record.key),
        ]


def _slug(text: str) -> str:
    """`text` as part of a file name: unambiguous, and never a path."""
    safe = re.sub(r"[^A-Za-z0-9._+-]", "-", text).lstrip(".") or "_"
    if safe == text and len(text) <= 80:
        return safe
    return f"{safe[:60]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def writable(folder: Path) -> None:
    """Raise BenchError unless files can be made in `folder`, before any work is done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable.{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise BenchError(cannot_write(folder, error)) from error
