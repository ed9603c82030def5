"""File of a submission: records and predictions of one encoder in one Parquet file.

One row per cell: the record as JSON, and the predictions on its test set, from which it is scored
again. Points, targets and folds are not in it: they are those of the reader. Rows of baselines have
no predictions; they show whether another machine gives the same numbers. The schema's metadata hold
the manifest.

The file comes from a stranger. It is data only: nothing in it is executed or unpickled. Its size,
its layout and the encodings of its columns are checked before a column is decoded, because a few
kilobytes of a compressed or repeated column can decode to many gigabytes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from satclip_bench.benchmarks.runs.record import Record
from satclip_bench.benchmarks.runs.record_files import parse_record
from satclip_bench.benchmarks.submissions.manifest import FORMAT, Manifest
from satclip_bench.core.card import problems
from satclip_bench.core.errors import BenchError, RecordError
from satclip_bench.core.parquet import DAMAGE, reason

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

MAX_BYTES = 100 * 2**20
"""Maximum size of an entry: ten times that of the main job."""

MAX_DECODED = 400 * 2**20
"""Maximum size of an entry's columns in memory."""

MAX_CELLS = 20_000
"""Maximum number of cells of an entry."""

MAX_RECORD = 64 * 2**10
"""Maximum number of characters of a record."""

MAX_MANIFEST = 64 * 2**10
"""Maximum number of bytes of a manifest."""

TOP_CLASSES = 5
"""Number of classes kept per prediction, as many as a score looks at."""

_KEY = b"satclip_bench.entry"
_SOURCE = b"satclip_bench.entry_sha256"
_ENCODINGS = frozenset({"PLAIN", "RLE", "BIT_PACKED", "BYTE_STREAM_SPLIT"})
"""Encodings that cannot repeat a value for nothing."""
_GROUP = 64


@dataclass(frozen=True)
class Predictions:
    """Predictions on a test set of `n` points; of a regression `numbers` alone, else the others.

    Attributes:
        numbers: `(n,)` float64 predicted targets.
        classes: `(n, TOP_CLASSES)` int32, most probable first, padded with -1.
        confidence: `(n,)` float32 probability of the most probable class.
        target_probability: `(n,)` float32 probability of the true class.
    """

    numbers: NDArray[np.float64] | None = None
    classes: NDArray[np.int32] | None = None
    confidence: NDArray[np.float32] | None = None
    target_probability: NDArray[np.float32] | None = None

    @classmethod
    def of_frame(cls, frame: pd.DataFrame) -> Predictions:
        """The predictions kept beside a record, without what can be made again.

        Args:
            frame: predictions as `Store.predictions` reads them.
        """
        if "top_classes" not in frame:
            return cls(frame["prediction"].to_numpy(np.float64))
        ranked = np.stack(frame["top_classes"].to_list())[:, :TOP_CLASSES]
        weights = np.stack(frame["top_probabilities"].to_list())[:, 0]
        return cls(
            classes=ranked.astype(np.int32),
            confidence=weights.astype(np.float32),
            target_probability=frame["target_probability"].to_numpy(np.float32),
        )


@dataclass(frozen=True)
class Entry:
    """A submission.

    Attributes:
        manifest: what it says of itself.
        records: records of its encoder and of baselines, ordered by cell.
        predictions: predictions of its encoder's cells, by the keys of their records.
        source_sha256: SHA-256 of the file that a merged entry was made from; empty for another.
    """

    manifest: Manifest
    records: tuple[Record, ...]
    predictions: dict[str, Predictions]
    source_sha256: str = ""

    @property
    def name(self) -> str:
        """Name of its encoder."""
        return self.manifest.encoder.name

    @property
    def own(self) -> tuple[Record, ...]:
        """Records of its encoder."""
        return tuple(r for r in self.records if r.settings.encoder == self.name)


def entry_bytes(entry: Entry) -> bytes:
    """An entry as bytes of Parquet; the same entry gives the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    ordered = sorted(entry.records, key=lambda record: record.settings.identity)
    rows = [_row(record, entry.predictions.get(record.key)) for record in ordered]
    manifest = json.dumps(entry.manifest.model_dump(mode="json"), sort_keys=True, indent=1)
    metadata = {_KEY: manifest.encode()}
    if entry.source_sha256:
        metadata[_SOURCE] = entry.source_sha256.encode()
    table = pa.Table.from_pylist(rows, schema=_schema().with_metadata(metadata))
    sink = io.BytesIO()
    split = {f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in ("numbers", "confidence")}
    pq.write_table(
        table,
        sink,
        compression="zstd",
        compression_level=9,
        use_dictionary=False,
        column_encoding=split,
        row_group_size=_GROUP,
        write_statistics=False,
    )
    return sink.getvalue()


def read_entry(path: Path) -> Entry:
    """Read an entry.

    Raises:
        BenchError: the file cannot be read, is not an entry, is of a later layout, is too large, or
            holds a record that is not one; the message says which.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise BenchError(f"{path} is not a file: name an entry that `submit` has written")
        if size > MAX_BYTES:
            raise BenchError(
                f"{path} has {size / 2**20:,.0f} MiB, and an entry {MAX_BYTES // 2**20} at most"
            )
        content = path.read_bytes()
    except OSError as error:
        raise BenchError(f"{path} cannot be read: {error.strerror or error}") from error
    return parse_entry(content, str(path))


def is_entry(path: Path) -> bool:
    """Whether a file calls itself an entry; False for a file that is not Parquet."""
    import pyarrow.parquet as pq

    try:
        return _KEY in (pq.read_metadata(path).metadata or {})
    except (OSError, ValueError):
        return False


def parse_entry(content: bytes, title: str) -> Entry:
    """An entry from the bytes of its file.

    Args:
        content: bytes of the file.
        title: name of the file, for messages.

    Raises:
        BenchError: see `read_entry`.
    """
    import pyarrow.parquet as pq

    if content[:4] != b"PAR1" or content[-4:] != b"PAR1":
        raise BenchError(f"{title} {_what_it_is(content)}. {_ADVICE}")
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        manifest = _manifest(file, title)
        _require_size(file, title)
        records, predictions = _read_rows(file, title)
    except DAMAGE as error:
        raise BenchError(f"{title} is damaged: {reason(error)}. {_ADVICE}") from error
    source = (file.metadata.metadata or {}).get(_SOURCE, b"").decode(errors="replace")
    return Entry(manifest, records, predictions, source)


_ADVICE = "Write the entry again with `submit`"


def _what_it_is(content: bytes) -> str:
    if content[:4] == b"PAR1":
        return "is cut off: its end is missing"
    if content[:2] == b"PK":
        return "is a zip file or a PyTorch checkpoint, not an entry; such files are never opened"
    if content[:1] == b"\x80":
        return "is a pickle, not an entry; pickles are never opened"
    return "is not a Parquet file"


def _manifest(file: pq.ParquetFile, title: str) -> Manifest:
    text = (file.metadata.metadata or {}).get(_KEY)
    if text is None:
        raise BenchError(
            f"{title} is a Parquet file, but not an entry: it has no manifest. {_ADVICE}"
        )
    if len(text) > MAX_MANIFEST:
        raise BenchError(f"{title} has a manifest of more than {MAX_MANIFEST // 2**10} KiB")
    try:
        content = json.loads(text)
        layout = content.get("format") if isinstance(content, dict) else None
        if isinstance(layout, int) and layout > FORMAT:
            raise BenchError(
                f"{title} has layout {layout}, and this version reads {FORMAT}: update the package"
            )
        return Manifest.model_validate(content)
    except ValidationError as error:
        raise BenchError(f"the manifest of {title} is wrong: {problems(error):.500}") from error
    except RecursionError as error:
        raise BenchError(f"the manifest of {title} is nested too deeply") from error


def _require_size(file: pq.ParquetFile, title: str) -> None:
    """Raise BenchError unless the columns are those of an entry, and safe to decode."""
    if not file.schema_arrow.equals(_schema()):
        raise BenchError(f"{title} has other columns than an entry has. {_ADVICE}")
    meta = file.metadata
    if meta.num_rows > MAX_CELLS:
        raise BenchError(f"{title} has {meta.num_rows:,} cells, and an entry {MAX_CELLS:,} at most")
    decoded = 0
    for group in range(meta.num_row_groups):
        for column in range(meta.num_columns):
            chunk = meta.row_group(group).column(column)
            # Where a chunk counts more values than bytes, levels are repeated for nothing.
            decoded += max(chunk.total_uncompressed_size, chunk.num_values)
            if chunk.has_dictionary_page or not _ENCODINGS.issuperset(chunk.encodings):
                raise BenchError(f"{title} repeats values by a dictionary. {_ADVICE}")
    if decoded > MAX_DECODED:
        raise BenchError(
            f"{title} would take {decoded / 2**20:,.0f} MiB in memory, and an entry may take "
            f"{MAX_DECODED // 2**20}"
        )


def _read_rows(
    file: pq.ParquetFile, title: str
) -> tuple[tuple[Record, ...], dict[str, Predictions]]:
    records, predictions = [], {}
    decoded = 0
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, use_threads=False)
        decoded += table.nbytes
        if decoded > MAX_DECODED:
            raise BenchError(f"{title} takes more than {MAX_DECODED // 2**20} MiB in memory")
        for row in range(len(table)):
            one = table.slice(row, 1)
            record = _record(one["record"][0].as_py(), title)
            records.append(record)
            found = _predictions(one)
            if found is not None:
                predictions[record.key] = found
    return tuple(records), predictions


def _record(text: Any, title: str) -> Record:
    if not isinstance(text, str) or len(text) > MAX_RECORD:
        raise BenchError(f"{title} has a record of more than {MAX_RECORD // 2**10} KiB, or none")
    try:
        return parse_record(text)
    except RecordError as error:
        raise BenchError(f"{title} has a record that cannot be read: {error!s:.300}") from error


def _predictions(row: pa.Table) -> Predictions | None:
    columns = {}
    for name in ("numbers", "classes", "confidence", "target_probability"):
        column = row[name].combine_chunks()
        # A missing value inside a list would become a NaN, and an integer a float.
        if column.flatten().null_count:
            raise ValueError(f"a cell has gaps in its {name}")
        columns[name] = None if column.null_count else column.flatten().to_numpy()
    if all(column is None for column in columns.values()):
        return None
    classes = columns["classes"]
    if classes is not None:
        if len(classes) % TOP_CLASSES:
            raise ValueError(f"a cell has {len(classes)} classes, not {TOP_CLASSES} per point")
        columns["classes"] = classes.reshape(-1, TOP_CLASSES)
    return Predictions(**columns)


def _row(record: Record, predictions: Predictions | None) -> dict[str, Any]:
    p = predictions or Predictions()
    return {
        "record": json.dumps(record.model_dump(mode="json"), sort_keys=True),
        "numbers": p.numbers,
        "classes": None if p.classes is None else p.classes.ravel(),
        "confidence": p.confidence,
        "target_probability": p.target_probability,
    }


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        {
            "record": pa.string(),
            "numbers": pa.list_(pa.float64()),
            "classes": pa.list_(pa.int32()),
            "confidence": pa.list_(pa.float32()),
            "target_probability": pa.list_(pa.float32()),
        }
    )


def records_without_intervals(records: Iterable[Record]) -> tuple[Record, ...]:
    """Records without intervals, which are drawn again from the predictions."""
    return tuple(r.model_copy(update={"intervals": {}}) for r in records)
