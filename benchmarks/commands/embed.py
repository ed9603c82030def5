"""The command `embed`: embed the points of a file, batch by batch, and write Parquet."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from satclip_bench.benchmarks.runs.embeddings import weights_sha256
from satclip_bench.core.errors import BenchError, CoordinateError, EncoderError
from satclip_bench.core.files import atomic_write
from satclip_bench.core.point_files import PARQUET, PointBatch, open_points
from satclip_bench.core.sphere import SwappedCoordinatesWarning, check_lonlat
from satclip_bench.encoders import LocationEncoder, encoder_card, encoder_from_file, get_encoder
from satclip_bench.encoders.base import Embedding, require_embedding

METADATA_KEY = b"satclip_bench"
"""Key in the file's metadata of the encoder's card and the SHA-256 of its weights."""

BATCH_VALUES = 2**24
"""Embedding values held in memory at a time: 64 MiB as float32."""

MAX_BATCH_ROWS = 2**16


def embed_file(
    encoder: str,
    points: Path,
    out: Path,
    *,
    weights: Path | None = None,
    lon: str | None = None,
    lat: str | None = None,
    sep: str | None = None,
    layer: str | None = None,
) -> int:
    """Embed the points of a file and write them, with the file's other columns, as Parquet.

    Only one batch of rows is in memory at a time. The output file appears when it is complete.

    Args:
        encoder: name of a listed encoder, or `path/to/file.py:Class`.
        points: file with the points: CSV, Parquet, GeoParquet, GeoPackage, GeoJSON, FlatGeobuf or
            Shapefile.
        out: Parquet file to write. Its columns are those of the input (`lon` and `lat` in place
            of geometries), then `e0`, `e1` and so on, float32.
        weights: weights file to use instead of the encoder's default one.
        lon: column of longitudes; by default one with a usual name.
        lat: column of latitudes; by default one with a usual name.
        sep: separator of a text file; by default the one that fits the header.
        layer: layer of a vector file; by default the only one.

    Returns:
        The exit code.

    Raises:
        BenchError: the encoder fails, a file cannot be read or written, or a point has invalid
            coordinates; the message names the row.
    """
    if out.suffix.lower() not in PARQUET:
        raise BenchError(f"{out} should end with .parquet")
    if out.resolve() == points.resolve():
        raise BenchError(f"--out {out} would overwrite the file of --points: choose another name")
    model = _encoder(encoder, weights)
    dimension = model.card.dimension
    batch = int(np.clip(BATCH_VALUES // dimension, 256, MAX_BATCH_ROWS))
    columns = (TextColumn("points"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))
    with open_points(points, batch, lon, lat, sep=sep, layer=layer) as file, progress:
        bar = progress.add_task("", total=file.rows)
        rows = 0
        with atomic_write(out) as stream, _Writer(model, stream) as writer:
            for part in file.batches:
                writer.write(part, _embed(model, part, rows, points))
                rows += len(part.lonlat)
                progress.advance(bar, len(part.lonlat))
            if not rows:
                raise BenchError(f"{points} has no rows")
    Console().print(
        f"{rows:,} embeddings of {dimension} numbers by {model.card.name} are in {out}",
        highlight=False,
        soft_wrap=True,
    )
    return 0


def _encoder(spec: str, weights: Path | None) -> LocationEncoder:
    if ".py:" in spec:
        if weights is not None:
            raise BenchError("--weights works with listed encoders only, not with one from a file")
        return encoder_from_file(spec)
    if weights is None:
        return get_encoder(spec)
    if encoder_card(spec).weights is None:
        raise BenchError(f"the encoder {spec!r} has no weights to replace: leave out --weights")
    return get_encoder(spec, weights=weights)


def _embed(encoder: LocationEncoder, batch: PointBatch, first_row: int, path: Path) -> Embedding:
    try:
        lonlat = check_lonlat(batch.lonlat, first_row)
    except CoordinateError as error:
        raise CoordinateError(f"{path}: {error}") from error
    with warnings.catch_warnings():
        # check_lonlat has already warned.
        warnings.simplefilter("ignore", SwappedCoordinatesWarning)
        try:
            embedding = encoder.encode(lonlat)
        except BenchError:
            raise
        except (Exception, SystemExit, GeneratorExit) as error:
            raise EncoderError(
                f"encoder {encoder.card.name!r} raised {type(error).__name__} on rows {first_row} "
                f"to {first_row + len(lonlat) - 1}: {error}"
            ) from error
    return require_embedding(embedding, len(lonlat), encoder.card, exact_dtype=True)


class _Writer:
    """Writer of batches to a Parquet stream, with the encoder's card in the file's metadata."""

    def __init__(self, encoder: LocationEncoder, stream: BinaryIO) -> None:
        self._stream = stream
        self._names = [f"e{i}" for i in range(encoder.card.dimension)]
        metadata = {
            "card": encoder.card.model_dump(mode="json"),
            "weights_sha256": weights_sha256(encoder),
        }
        self._metadata = {METADATA_KEY: json.dumps(metadata).encode()}
        self._writer: pq.ParquetWriter | None = None

    def write(self, batch: PointBatch, embedding: Embedding) -> None:
        """Append a batch: the columns of the input, then the embedding."""
        table = batch.columns
        if clash := sorted(set(table.column_names) & set(self._names)):
            raise BenchError(
                "columns of the points have the names of embedding columns: "
                f"{', '.join(clash[:5])}. Rename them"
            )
        for i, name in enumerate(self._names):
            table = table.append_column(name, pa.array(embedding[:, i]))
        table = table.replace_schema_metadata(self._metadata)
        if self._writer is None:
            # Embedding values hardly repeat: to compress them costs time and saves nothing.
            input_columns = batch.columns.column_names
            self._writer = pq.ParquetWriter(
                self._stream,
                table.schema,
                use_dictionary=input_columns,
                compression={
                    name: "zstd" if name in input_columns else "none" for name in table.column_names
                },
                write_statistics=input_columns,
            )
        self._writer.write_table(table)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
