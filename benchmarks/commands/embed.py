"""The verb `embed`: a file of points in, a file of embeddings out, a part at a time."""

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
from satclip_bench.core.errors import BenchError, EncoderError
from satclip_bench.core.files import atomic_write
from satclip_bench.core.point_files import PARQUET, PointBatch, open_points
from satclip_bench.core.sphere import SwappedCoordinatesWarning, check_lonlat
from satclip_bench.encoders import LocationEncoder, encoder_card, encoder_from_file, get_encoder
from satclip_bench.encoders.base import Embedding, require_embedding

METADATA_KEY = b"satclip_bench"
"""Under which the file's metadata holds the encoder's card and the hash of its weights."""

NUMBERS = 2**24
"""How many numbers of an embedding are held at a time: 64 MiB."""

MOST_ROWS = 2**16


def embed_file(
    encoder: str,
    points: Path,
    out: Path,
    *,
    weights: Path | None = None,
    lon: str | None = None,
    lat: str | None = None,
) -> int:
    """Embed the points of a file and write them, with the file's other columns, as Parquet.

    Memory is bounded by a part of the rows. The file appears when it is whole.

    Args:
        encoder: a listed name, or `path/to/file.py:Class`.
        points: CSV, Parquet, GeoParquet, GeoPackage, GeoJSON, FlatGeobuf or Shapefile.
        out: a Parquet file; its columns are those of the points, lon and lat where those are
            geometries, and `e0`, `e1` and so on, float32.
        weights: a file of weights for the encoder.
        lon: column of longitudes, where it has another name than usual.
        lat: column of latitudes.

    Returns:
        The exit code.

    Raises:
        BenchError: the encoder, a file, or a point that is not on the sphere; says which row.
    """
    if out.suffix.lower() not in PARQUET:
        raise BenchError(f"{out} should end with .parquet")
    if out.resolve() == points.resolve():
        raise BenchError(f"{out} is the file of the points itself")
    made = _encoder(encoder, weights)
    dimension = made.card.dimension
    batch = int(np.clip(NUMBERS // dimension, 256, MOST_ROWS))
    columns = (TextColumn("points"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))
    with open_points(points, batch, lon, lat) as file, progress:
        bar = progress.add_task("", total=file.rows)
        rows = 0
        with atomic_write(out) as stream, _Writer(made, stream) as writer:
            for part in file.batches:
                writer.write(part, _embed(made, part, rows))
                rows += len(part.lonlat)
                progress.advance(bar, len(part.lonlat))
            if not rows:
                raise BenchError(f"{points} has no rows")
    Console().print(
        f"{rows:,} embeddings of {dimension} numbers by {made.card.name} are in {out}",
        highlight=False,
        soft_wrap=True,
    )
    return 0


def _encoder(spec: str, weights: Path | None) -> LocationEncoder:
    if ".py:" in spec:
        if weights is not None:
            raise BenchError("--weights goes with a listed encoder, not with one from a file")
        return encoder_from_file(spec)
    if weights is None:
        return get_encoder(spec)
    if encoder_card(spec).weights is None:
        raise BenchError(f"the encoder {spec!r} takes no weights")
    return get_encoder(spec, weights=weights)


def _embed(encoder: LocationEncoder, part: PointBatch, first_row: int) -> Embedding:
    lonlat = check_lonlat(part.lonlat, first_row)
    with warnings.catch_warnings():
        # Said once by the line above.
        warnings.simplefilter("ignore", SwappedCoordinatesWarning)
        try:
            found = encoder.encode(lonlat)
        except BenchError:
            raise
        except Exception as error:
            raise EncoderError(
                f"encoder {encoder.card.name!r} raised {type(error).__name__} on rows {first_row} "
                f"to {first_row + len(lonlat) - 1}: {error}"
            ) from error
    return require_embedding(found, len(lonlat), encoder.card, exact_dtype=True)


class _Writer:
    """Appends parts to a Parquet stream; the encoder's card goes into the file's metadata."""

    def __init__(self, encoder: LocationEncoder, stream: BinaryIO) -> None:
        self._stream = stream
        self._names = [f"e{i}" for i in range(encoder.card.dimension)]
        about = {
            "card": encoder.card.model_dump(mode="json"),
            "weights_sha256": weights_sha256(encoder),
        }
        self._about = {METADATA_KEY: json.dumps(about).encode()}
        self._writer: pq.ParquetWriter | None = None

    def write(self, part: PointBatch, embedding: Embedding) -> None:
        """One part's own columns, then its embedding."""
        table = part.columns
        if clash := sorted(set(table.column_names) & set(self._names)):
            raise BenchError(
                f"the points have columns called as those of an embedding: {', '.join(clash[:5])}"
            )
        for i, name in enumerate(self._names):
            table = table.append_column(name, pa.array(embedding[:, i]))
        table = table.replace_schema_metadata(self._about)
        if self._writer is None:
            # Numbers of an embedding hardly repeat: looking for it costs time and saves nothing.
            own = part.columns.column_names
            self._writer = pq.ParquetWriter(
                self._stream,
                table.schema,
                use_dictionary=own,
                compression={
                    name: "zstd" if name in own else "none" for name in table.column_names
                },
                write_statistics=own,
            )
        self._writer.write_table(table)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
