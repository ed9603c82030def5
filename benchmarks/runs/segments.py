"""Segments: finished records of a large run in few files instead of two per cell.

<run>/packed/<number>.<hash>.parquet      (one row per record: its key and names, and its JSON)
<run>/packed/<number>.<hash>.predictions  (the Parquet files of their predictions, in that order)

A segment is written once and never changed. The names of its files hold the table's SHA-256, so
that segments of several runs can be copied into one folder, and the table holds the place and the
hash of every record's predictions. The predictions are written first, so that a table is never
without them; a table that is there is whole. Segments of layout 1 have their predictions in
<number>.predictions.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satclip_bench.core.errors import BenchError, RecordError
from satclip_bench.core.files import atomic_write, cannot_write, sha256_bytes, sync_folder
from satclip_bench.core.parquet import DAMAGE, reason

if TYPE_CHECKING:
    import pyarrow as pa

    from satclip_bench.benchmarks.runs.record import Record

FOLDER = "packed"

MAX_RECORDS = 10_000
"""Maximum number of records in a segment."""

NAMES = ("task", "edition", "encoder", "split", "fold", "probe", "seed", "protocol")
"""Settings that have a column each, by which a person can search."""

_HASH_DIGITS = 16
_PREDICTIONS_SIZE = b"predictions_size"
_LAYOUT = b"layout"
"""Layout of a segment among the metadata of its table; layout 1 has none."""


@dataclass(frozen=True)
class LooseRecord:
    """A finished record and its files.

    Attributes:
        record: the record.
        path: its file.
        content: text of its file.
    """

    record: Record
    path: Path
    content: str

    @property
    def predictions_path(self) -> Path:
        """File of its predictions, if it has any."""
        return self.path.with_suffix(".parquet")


@dataclass(frozen=True)
class Segment:
    """A segment of a run.

    Attributes:
        path: path of its table.
    """

    path: Path

    @property
    def predictions_path(self) -> Path:
        """Path of the file with the predictions of all its records. Raises RecordError."""
        layout = (self._rows.schema.metadata or {}).get(_LAYOUT)
        return _predictions_path(self.path) if layout else _old_predictions_path(self.path)

    def table(self, *columns: str) -> pa.Table:
        """Columns of the table, after its content was verified by the hash in its name.

        Args:
            columns: names of columns: key, the `NAMES`, file (where the record was in the run's
                folder before), predictions_sha256, start, size, record (JSON).

        Raises:
            RecordError: the table is damaged or cannot be read; the message says what to do.
        """
        import pyarrow.parquet as pq

        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise RecordError(_unreadable(self.path, error)) from error
        try:
            if _name(_number(self.path), content) != self.path.name:
                raise ValueError("its content has another hash than its name says")
            return pq.read_table(io.BytesIO(content), columns=list(columns))
        except DAMAGE as error:
            raise RecordError(
                f"{self.path} is damaged ({reason(error)}), and so its records cannot "
                "be read. Delete it, and run the same command again to compute its cells."
            ) from error

    @cached_property
    def index(self) -> dict[str, int]:
        """Row of every record, by its key. Raises RecordError as `table` does."""
        keys: list[str] = self._rows["key"].to_pylist()
        return dict(zip(keys, range(len(keys)), strict=True))

    @cached_property
    def _rows(self) -> pa.Table:
        return self.table("key", "predictions_sha256", "start", "size")

    @cached_property
    def problem(self) -> str:
        """Why its records do not count as finished; empty if its predictions are all there.

        Only the size of the predictions is looked at; `predictions` verifies what it reads.

        Raises:
            RecordError: the table is damaged.
        """
        expected = int((self._rows.schema.metadata or {})[_PREDICTIONS_SIZE])
        try:
            size = self.predictions_path.stat().st_size
        except OSError:
            size = 0
        if size == expected:
            return ""
        return (
            f"{self.predictions_path} is missing or not whole; run the same command again to "
            f"compute the cells of its {len(self.index):,} records"
        )

    def records(self) -> list[str]:
        """The JSON of its records, in the order of its rows. Raises RecordError as `table` does."""
        contents: list[str] = self.table("record")["record"].to_pylist()
        return contents

    def predictions_sha256(self, key: str) -> str:
        """Hash of the predictions of the record with this key. Raises RecordError as `table`."""
        return str(self._row(key)["predictions_sha256"])

    def _row(self, key: str) -> dict[str, Any]:
        rows: list[dict[str, Any]] = self._rows.slice(self.index[key], 1).to_pylist()
        return rows[0]

    def predictions(self, key: str) -> bytes:
        """The predictions of the record with this key: the bytes of a Parquet file.

        Raises:
            RecordError: they are missing, or do not have the hash that they were packed with.
        """
        row = self._row(key)
        try:
            with self.predictions_path.open("rb") as stream:
                stream.seek(row["start"])
                content = stream.read(row["size"])
        except OSError as error:
            raise RecordError(_unreadable(self.predictions_path, error)) from error
        if sha256_bytes(content) != row["predictions_sha256"]:
            raise RecordError(
                f"{self.predictions_path} is damaged at the predictions of the record {key}. "
                "Delete it, and run the same command again to compute the cells of its "
                f"{len(self.index):,} records"
            )
        return content


def list_segments(run: Path) -> tuple[Segment, ...]:
    """The segments of a run in the order in which they were written.

    Args:
        run: folder of the run.
    """
    return tuple(map(Segment, _numbered(run / FOLDER, "*.*.parquet")))


def write_segment(run: Path, records: Iterable[LooseRecord]) -> Segment:
    """Write a segment, and return once it would outlive a loss of power.

    Args:
        run: folder of the run, whose lock the caller holds.
        records: finished records, `MAX_RECORDS` at most.

    Raises:
        BenchError: the segment cannot be written.
        RecordError: predictions are not those that a record was scored on, so that nothing was
            written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = run / FOLDER
    number = 1 + max(map(_number, _numbered(folder, "*")), default=0)
    rows, start = [], 0
    # Their name is known when the table is.
    unnamed = folder / f"{number:05}.new.predictions"
    with atomic_write(unnamed) as stream:
        for loose in records:
            content = _predictions(loose)
            stream.write(content)
            settings = loose.record.settings
            rows.append(
                {
                    "key": loose.record.key,
                    **{name: getattr(settings, name) for name in NAMES},
                    "file": loose.path.relative_to(run).as_posix(),
                    "predictions_sha256": loose.record.predictions_sha256,
                    "start": start,
                    "size": len(content),
                    "record": loose.content,
                }
            )
            start += len(content)
    table = pa.Table.from_pylist(rows, schema=_schema(start))
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    path = folder / _name(number, sink.getvalue())
    try:
        unnamed.replace(_predictions_path(path))
    except OSError as error:
        raise BenchError(cannot_write(folder, error)) from error
    with atomic_write(path) as stream:
        stream.write(sink.getvalue())
    sync_folder(folder)
    sync_folder(run)
    return Segment(path)


def delete_loose(run: Path, segment: Segment) -> None:
    """Delete the files of records that are in a segment, unless they have changed since.

    Args:
        run: folder of the run, whose lock the caller holds and in which no cell is computed.
        segment: segment that would outlive a loss of power; nothing is deleted if it is not whole.

    Raises:
        RecordError: the segment's table is damaged, or names a file that is not a record's.
    """
    if segment.problem:
        return
    table = segment.table("file", "record")
    for name, content in zip(table["file"].to_pylist(), table["record"].to_pylist(), strict=True):
        path = run / name
        if Path(name).parts[:1] != ("records",) or ".." in Path(name).parts:
            raise RecordError(
                f"{segment.path} names a file that is not a record of the run: {name}"
            )
        # The record goes first, so that none is ever without its predictions.
        if path.is_file() and path.read_bytes() == content.encode():
            path.unlink()
        if not path.is_file():
            path.with_suffix(".parquet").unlink(missing_ok=True)


def sweep_segments(run: Path) -> None:
    """Delete what a run that was killed while it packed left; call it under the run's lock.

    That is predictions without a table, and loose files of records in the last segment.

    Args:
        run: folder of the run.
    """
    if segments := list_segments(run):
        delete_loose(run, segments[-1])
    tables = [segment.path for segment in segments]
    kept = {*map(_predictions_path, tables), *map(_old_predictions_path, tables)}
    for path in _numbered(run / FOLDER, "*.predictions"):
        if path not in kept:
            path.unlink()


def _unreadable(path: Path, error: OSError) -> str:
    return (
        f"{path} cannot be read: {error.strerror or error}. Its records count once it can be; "
        "until then, the same command computes their cells again."
    )


def _predictions(loose: LooseRecord) -> bytes:
    """The predictions of a record, verified; no bytes if it has none. Raises RecordError."""
    if not loose.record.predictions_sha256:
        return b""
    content = loose.predictions_path.read_bytes()
    if sha256_bytes(content) != loose.record.predictions_sha256:
        raise RecordError(f"the predictions {loose.predictions_path} are damaged")
    return content


def _name(number: int, content: bytes) -> str:
    return f"{number:05}.{sha256_bytes(content)[:_HASH_DIGITS]}.parquet"


def _predictions_path(table: Path) -> Path:
    return table.with_suffix(".predictions")


def _old_predictions_path(table: Path) -> Path:
    return table.with_name(f"{_number(table):05}.predictions")


def _numbered(folder: Path, pattern: str) -> list[Path]:
    """Files of segments by name; others, such as a copy that a person made, are left alone."""
    return sorted(p for p in folder.glob(pattern) if p.name.partition(".")[0].isdecimal())


def _number(path: Path) -> int:
    return int(path.name.partition(".")[0])


def _schema(predictions_size: int) -> pa.Schema:
    import pyarrow as pa

    names = {name: pa.int64() if name == "seed" else pa.string() for name in NAMES}
    return pa.schema(
        {
            "key": pa.string(),
            **names,
            "file": pa.string(),
            "predictions_sha256": pa.string(),
            "start": pa.int64(),
            "size": pa.int64(),
            "record": pa.string(),
        },
        metadata={_PREDICTIONS_SIZE: str(predictions_size).encode(), _LAYOUT: b"2"},
    )
