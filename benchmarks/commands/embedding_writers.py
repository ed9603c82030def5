"""Writers of embeddings: Parquet, CSV and .npy, batch by batch."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

import numpy as np

from satclip_bench.benchmarks.runs.embeddings import weights_sha256
from satclip_bench.core.errors import BenchError
from satclip_bench.core.point_files import PARQUET, PointBatch
from satclip_bench.encoders import LocationEncoder
from satclip_bench.encoders.base import Embedding

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

METADATA_KEY = b"satclip_bench"
"""Key in a Parquet file's metadata of the encoder's card and the SHA-256 of its weights."""


class Writer(Protocol):
    """Context manager that writes batches to a stream; the output is complete when it closes."""

    def write(self, batch: PointBatch, embedding: Embedding) -> None:
        """Append a batch of points and its embedding, `(n, D)`."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def make_writer(out: Path, encoder: LocationEncoder, stream: BinaryIO) -> Writer:
    """The writer for a file's ending.

    Args:
        out: path of the file; `require_ending` has accepted it.
        encoder: encoder of the embeddings.
        stream: open file.
    """
    suffix = out.suffix.lower()
    if suffix == ".npy":
        return NpyWriter(encoder, stream)
    return CsvWriter(encoder, stream) if suffix == ".csv" else ParquetWriter(encoder, stream)


def require_ending(out: Path) -> None:
    """Raise BenchError unless embeddings can be written in the format of a file's ending.

    >>> require_ending(Path("embeddings.npy"))
    """
    if out.suffix.lower() not in (*PARQUET, ".csv", ".npy"):
        raise BenchError(
            f"{out} should end with .parquet, .csv or .npy, which chooses the format of the output"
        )


class _TableWriter:
    """Base of the writers of tables: the columns of the input, then `e0`, `e1` and so on."""

    _writer: pa.parquet.ParquetWriter | pa.csv.CSVWriter | None = None

    def __init__(self, encoder: LocationEncoder, stream: BinaryIO) -> None:
        self._stream = stream
        self._names = [f"e{i}" for i in range(encoder.card.dimension)]

    def _table(self, batch: PointBatch, embedding: Embedding) -> pa.Table:
        import pyarrow as pa

        columns = batch.columns
        if clash := sorted(set(columns.column_names) & set(self._names)):
            raise BenchError(
                "columns of the points have the names of embedding columns: "
                f"{', '.join(clash[:5])}. Rename them"
            )
        # A table is copied whenever a column is appended, and columns of C order are slow to read.
        values = [pa.array(column) for column in np.ascontiguousarray(embedding.T)]
        return pa.Table.from_arrays(
            [*columns.columns, *values],
            schema=pa.schema(
                [*columns.schema, *(pa.field(name, pa.float32()) for name in self._names)]
            ),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()


class ParquetWriter(_TableWriter):
    """Writer of Parquet, with the encoder's card in the file's metadata."""

    def __init__(self, encoder: LocationEncoder, stream: BinaryIO) -> None:
        super().__init__(encoder, stream)
        metadata = {
            "card": encoder.card.model_dump(mode="json"),
            "weights_sha256": weights_sha256(encoder),
        }
        self._metadata = {METADATA_KEY: json.dumps(metadata).encode()}

    def write(self, batch: PointBatch, embedding: Embedding) -> None:
        """Append a batch as a row group."""
        import pyarrow.parquet as pq

        table = self._table(batch, embedding).replace_schema_metadata(self._metadata)
        if self._writer is None:
            # Embedding values hardly repeat: to compress them costs time and saves nothing.
            input_columns = batch.columns.column_names
            self._writer = pq.ParquetWriter(
                self._stream,
                table.schema,
                use_dictionary=input_columns,
                compression=dict.fromkeys(self._names, "none")
                | dict.fromkeys(input_columns, "zstd"),
                write_statistics=input_columns,
            )
        self._writer.write_table(table)


class CsvWriter(_TableWriter):
    """Writer of CSV; numbers have as many digits as it takes to read the same float32 again."""

    def write(self, batch: PointBatch, embedding: Embedding) -> None:
        """Append a batch as lines."""
        import pyarrow as pa
        from pyarrow import csv

        table = self._table(batch, embedding)
        try:
            if self._writer is None:
                self._writer = csv.CSVWriter(self._stream, table.schema)
            self._writer.write_table(table)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            # CSV has no form for lists (the former error) and intervals of months (the latter).
            raise BenchError(
                f"a column of the points cannot be written as CSV: {error}. Choose an --out that "
                "ends with .parquet, or remove the column"
            ) from error


class NpyWriter:
    """Writer of one `(N, D)` float32 array, in the order of the points."""

    def __init__(self, encoder: LocationEncoder, stream: BinaryIO) -> None:
        self._stream = stream
        self._dimension = encoder.card.dimension
        self._rows = 0

    def write(self, batch: PointBatch, embedding: Embedding) -> None:
        """Append the rows of a batch."""
        if not self._rows:
            self._write_header()
        self._stream.write(np.ascontiguousarray(embedding, dtype="<f4").data)
        self._rows += len(embedding)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            # The number of rows is known only now; NumPy leaves space for it in the header.
            self._stream.seek(0)
            self._write_header()

    def _write_header(self) -> None:
        header = {"descr": "<f4", "fortran_order": False, "shape": (self._rows, self._dimension)}
        np.lib.format.write_array_header_1_0(self._stream, header)
