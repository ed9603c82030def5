"""The command `embed`: embed the points of a file, batch by batch, and write them to a file."""

from __future__ import annotations

import warnings
from collections import Counter
from glob import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from satclip_bench.benchmarks.commands.embed_dates import DateColumn
from satclip_bench.benchmarks.commands.embedding_writers import make_writer, require_ending
from satclip_bench.benchmarks.commands.encoder_tables import TableRequest, make_table
from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.core.dates import Times
from satclip_bench.core.errors import BenchError, CoordinateError, RowsError
from satclip_bench.core.files import atomic_write, refuse_overwriting, sweep_parts
from satclip_bench.core.point_files import PointBatch, open_points
from satclip_bench.core.sphere import SwappedCoordinatesWarning, check_lonlat
from satclip_bench.encoders import LocationEncoder, encoder_card, encoder_from_file, get_encoder
from satclip_bench.encoders.base import Embedding, call_encoder
from satclip_bench.encoders.lookup.partial import (
    PartialEncoder,
    UncoveredPointsWarning,
    none_covered,
)
from satclip_bench.encoders.table import joined_tables

BATCH_VALUES = 2**24
"""Embedding values held in memory at a time: 64 MiB as float32."""

MAX_BATCH_ROWS = 2**16


def embed_file(
    encoder: str | None,
    points: Path,
    out: Path,
    *,
    table: TableRequest | None = None,
    weights: Path | None = None,
    date: str | None = None,
    lon: str | None = None,
    lat: str | None = None,
    sep: str | None = None,
    layer: str | None = None,
) -> int:
    """Embed the points of a file and write them, with the file's other columns, to another.

    Only one batch of rows is in memory at a time. The output file appears when it is complete.

    Args:
        encoder: name of a listed encoder, or `path/to/file.py:Class`; with `table`, a combination
            with it, such as `geoclip+table.farms`, or None for the table alone.
        points: file with the points: CSV, Parquet, GeoParquet, GeoPackage, GeoJSON, FlatGeobuf or
            Shapefile.
        out: file to write, in the format of its ending. In Parquet and CSV, the columns are those
            of the input (`lon` and `lat` in place of geometries), then `e0`, `e1` and so on,
            float32; .npy has the embedding alone, `(N, D)` float32.
        table: file of embeddings.
        weights: weights file to use instead of the encoder's default one.
        date: column with the date of each point, for an encoder that takes a month or a year; by
            default the encoder's own value.
        lon: column of longitudes; by default one with a usual name.
        lat: column of latitudes; by default one with a usual name.
        sep: separator of a text file; by default the one that fits the header.
        layer: layer of a vector file; by default the only one.

    Returns:
        The exit code.

    Raises:
        BenchError: the encoder fails or takes no date, a file cannot be read or written, `out` is
            one that is read, or a point has invalid coordinates or no valid date; the message names
            the row.
    """
    require_ending(out)
    of_table = table.inputs if table else {}
    refuse_overwriting([out], {"--points": [points], "--weights": [weights], **of_table})
    model = _encoder(encoder, table, weights)
    dates = DateColumn(date, model.card, points) if date is not None else None
    dimension = model.card.dimension
    batch = int(np.clip(BATCH_VALUES // dimension, 256, MAX_BATCH_ROWS))
    columns = (TextColumn("points"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))
    with open_points(points, batch, lon, lat, sep=sep, layer=layer) as file, progress:
        bar = progress.add_task("", total=file.rows)
        sweep_parts(out.parent, escape(out.name))
        rows = 0
        uncovered: Counter[PartialEncoder] = Counter()
        with atomic_write(out) as stream, make_writer(out, model, stream) as writer:
            for part in file.batches:
                lonlat = _checked(part, rows, points)
                times = dates.times(part, rows) if dates else None
                embedding = _embed(model, lonlat, times, rows)
                writer.write(part, embedding)
                rows += len(part.lonlat)
                for partial, covered in _coverage(model, embedding, lonlat):
                    uncovered[partial] += int((~covered).sum())
                progress.advance(bar, len(part.lonlat))
            if not rows:
                raise BenchError(f"{points} has no rows")
            for partial, count in uncovered.items():
                if count == rows:
                    raise BenchError(none_covered(partial, part.lonlat, f"the points of {points}"))
    for partial, count in uncovered.items():
        if count:
            print_plain(
                f"{partial.card.name} does not cover {count:,} of {rows:,} points: their embedding "
                "is zeros",
                Console(stderr=True),
                "yellow",
            )
    embeddings = "embedding" if rows == 1 else "embeddings"
    numbers = "number" if dimension == 1 else "numbers"
    print_plain(
        f"{out}: {rows:,} {embeddings} of {dimension:,} {numbers} by {model.card.name}", Console()
    )
    return 0


def _coverage(
    model: LocationEncoder, embedding: Embedding, lonlat: NDArray[np.float64]
) -> list[tuple[PartialEncoder, NDArray[np.bool_]]]:
    """Which points of a batch are covered, by an encoder with partial coverage or its tables."""
    if isinstance(model, PartialEncoder):
        return [(model, np.asarray(embedding.any(axis=1)))]
    return [(table, table.covered(lonlat)) for table in joined_tables(model)]


def _encoder(spec: str | None, table: TableRequest | None, weights: Path | None) -> LocationEncoder:
    if table is not None:
        if weights is not None:
            raise BenchError("--encoder-table has no weights to replace: leave out --weights")
        return make_table(table, spec)
    if spec is None:
        raise BenchError("name one encoder, or a file of embeddings")
    if ".py:" in spec:
        if weights is not None:
            raise BenchError("--weights works with listed encoders only, not with one from a file")
        return encoder_from_file(spec)
    if weights is None:
        return get_encoder(spec)
    if encoder_card(spec).weights is None:
        raise BenchError(f"the encoder {spec!r} has no weights to replace: leave out --weights")
    return get_encoder(spec, weights=weights)


def _checked(batch: PointBatch, first_row: int, path: Path) -> NDArray[np.float64]:
    """Checked coordinates of a batch, `(n, 2)`."""
    try:
        return check_lonlat(batch.lonlat, first_row)
    except CoordinateError as error:
        raise CoordinateError(f"{path}: {error}") from error


def _embed(
    encoder: LocationEncoder, lonlat: NDArray[np.float64], times: Times | None, first_row: int
) -> Embedding:
    with warnings.catch_warnings():
        # `_checked` has already warned, and uncovered points are counted over all batches.
        warnings.simplefilter("ignore", SwappedCoordinatesWarning)
        warnings.simplefilter("ignore", UncoveredPointsWarning)
        where = f"rows {first_row} to {first_row + len(lonlat) - 1}"
        try:
            return call_encoder(encoder, lonlat, where, times)
        except RowsError as error:
            raise error.renumbered(range(first_row, first_row + len(lonlat))) from error
