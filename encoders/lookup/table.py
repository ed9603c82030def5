"""Reads tables of precomputed embeddings: coordinates, and the columns of the embedding."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError, CoordinateError, EncoderError
from satclip_bench.core.point_files import CSV, PARQUET, VECTOR, PointBatch, PointFile, open_points
from satclip_bench.core.read_options import AUTOMATIC, ReadOptions
from satclip_bench.core.sphere import check_lonlat
from satclip_bench.core.text_tables import coordinate_values
from satclip_bench.encoders.lookup.columns import without_coordinates
from satclip_bench.encoders.lookup.nearest import without_repeats

if TYPE_CHECKING:
    import pyarrow as pa

Float = NDArray[np.float64]

SUFFIXES = (*CSV, *PARQUET, *VECTOR)
"""Endings of the names of tables."""

BATCH_ROWS = 2**14
"""Number of rows that are read at a time."""

Columns = Mapping[str, "pa.DataType"]
"""Types of the columns that are not coordinates, by name."""


class EmbeddedPlaces(NamedTuple):
    """Places with an embedding each.

    Attributes:
        lonlat: `(n, 2)` degrees, longitude first, without repeats.
        values: `(n, D)` embeddings: int8 if all their columns are int8, else float32.
        columns: names of the embedding's columns.
        masked: number of rows that were left out because they have no embedding.
        repeated: number of rows that were left out because they repeat another row.
    """

    lonlat: Float
    values: NDArray[Any]
    columns: tuple[str, ...]
    masked: int
    repeated: int


def column_names(path: Path, options: ReadOptions = AUTOMATIC) -> list[str]:
    """Column names of a table without its coordinates, reading only its beginning.

    Raises:
        BenchError: the file has another format, no rows or no coordinates, or is damaged.
    """
    with _open(path, 1, options) as file:
        return list(_columns(file, options)[0])


def read_rows(
    path: Path, choose: Callable[[Columns], Sequence[str]], options: ReadOptions = AUTOMATIC
) -> EmbeddedPlaces:
    """Read coordinates and embeddings from a table.

    Rows without a value in any column of the embedding are left out, and so are repeats of a row.

    Args:
        path: CSV, Parquet, or a vector file with points, as `core.point_files.open_points` reads
            them.
        choose: function that gives the columns of the embedding: columns of numbers, or one column
            of lists of numbers.
        options: columns of the coordinates, separator and layer, as far as the user named them.

    Raises:
        BenchError: the file cannot be read, or has no rows; coordinates are not on the sphere;
            values are text, missing or not finite; or one place has two embeddings. The message
            names columns and rows.
    """
    lonlat, values, absent = [], [], []
    features: tuple[str, ...] = ()
    first = 0
    with _open(path, BATCH_ROWS, options) as file:
        types, batches = _columns(file, options)
        features = tuple(choose(types))
        for batch in batches:
            part, empty = matrix(batch.columns, features, first, path, file.decimal)
            lonlat.append(batch.lonlat)
            values.append(part)
            absent.append(empty)
            first += len(part)
    whole = _joined(values, absent, features, path)
    return checked_places(
        np.concatenate(lonlat), whole, np.concatenate(absent), features, str(path)
    )


def _joined(
    values: Sequence[NDArray[Any]],
    absent: Sequence[NDArray[np.bool_]],
    columns: Sequence[str],
    path: Path,
) -> NDArray[Any]:
    """The values of all batches, `(n, D)`. A batch without any lists does not tell their length."""
    known = [part for part, empty in zip(values, absent, strict=True) if not empty.all()]
    widths = sorted({part.shape[1] for part in known})
    if len(widths) > 1:
        raise EncoderError(_unequal(columns[0], widths[0], widths[-1], path))
    if not known:
        return values[0]
    fitting = [
        np.broadcast_to(part[:, :1], (len(part), widths[0])) if empty.all() else part
        for part, empty in zip(values, absent, strict=True)
    ]
    return np.concatenate(fitting)


def _unequal(column: str, shortest: int, longest: int, path: Path) -> str:
    return (
        f"{path}: the lists in the column {column!r} have {shortest} to {longest} values; an "
        "embedding has the same number in every row"
    )


def checked_places(
    lonlat: NDArray[Any],
    values: NDArray[Any],
    absent: NDArray[np.bool_],
    columns: Sequence[str],
    where: str,
) -> EmbeddedPlaces:
    """Embeddings of places after checking all coordinates and values.

    Args:
        lonlat: `(n, 2)` degrees, longitude first.
        values: `(n, D)` int8 or float32.
        absent: `(n,)` whether a row has no value in any column; such rows are left out.
        columns: names of the columns, D or one.
        where: name of the file in messages.

    Raises:
        EncoderError: there are no rows, coordinates are not on the sphere, values are missing or
            not finite, or one place has two embeddings.
    """
    if not len(lonlat):
        raise EncoderError(f"{where} has no rows")
    if absent.all():
        raise EncoderError(f"{where}: no row has an embedding; all its values are missing")
    try:
        points = check_lonlat(lonlat)
    except CoordinateError as error:
        raise EncoderError(f"{where} cannot be used: {error}") from error
    bad = ~np.isfinite(values)
    bad[absent] = False
    if bad.any():
        raise EncoderError(f"{where}: {_bad_values(bad, absent, columns)}")
    rows = np.flatnonzero(~absent)
    kept, unique, repeated = without_repeats(points[rows], values[rows], where)
    return EmbeddedPlaces(kept, unique, tuple(columns), int(absent.sum()), repeated)


def _bad_values(bad: NDArray[np.bool_], absent: NDArray[np.bool_], columns: Sequence[str]) -> str:
    names = columns if len(columns) == bad.shape[1] else range(bad.shape[1])
    empty = np.flatnonzero(bad[~absent].all(axis=0))
    if len(empty):
        listed = ", ".join(str(names[i]) for i in empty[:3]) + (", ..." if len(empty) > 3 else "")
        return f"no row has a finite value in {listed}. Choose other columns for the embedding."
    rows = np.flatnonzero(bad.any(axis=1))
    shown = ", ".join(str(row) for row in rows[:3])
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    column = names[int(np.argmax(bad[rows[0]]))]
    return (
        f"rows {shown}{more} (counted from 0) have values that are missing or not finite, row "
        f"{rows[0]} in {column}. Remove them from the table, or leave the whole embedding empty."
    )


@contextmanager
def _open(path: Path, batch_rows: int, options: ReadOptions) -> Iterator[PointFile]:
    """Open a table as a file of points; errors are EncoderErrors with the options of a table."""
    try:
        with open_points(
            path, batch_rows, options.lon, options.lat, sep=options.sep, layer=options.layer
        ) as file:
            yield file
    except EncoderError:
        raise
    except BenchError as error:
        # The options that a message advises are those of --task-file and --points.
        message = re.sub(r"--(lon|lat|sep|layer)\b", r"--table-\1", str(error))
        raise EncoderError(message.replace("a file of points", "a table")) from error


def _columns(file: PointFile, options: ReadOptions) -> tuple[Columns, Iterable[PointBatch]]:
    """Types of the columns without the coordinates, and all batches."""
    batch = next(file.batches, None)
    if batch is None:
        raise EncoderError(f"{file.path} has no rows")
    schema = batch.columns.schema
    names = without_coordinates(schema.names, options.lon, options.lat)
    return {name: schema.field(name).type for name in names}, chain([batch], file.batches)


def list_columns(columns: Columns) -> list[str]:
    """Names of the columns whose values are lists."""
    import pyarrow as pa

    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return [name for name, kind in columns.items() if any(test(kind) for test in kinds)]


def matrix(
    table: pa.Table, columns: Sequence[str], first: int, path: Path, decimal: str
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Embeddings of the rows of a table.

    Args:
        table: rows of a table.
        columns: columns of numbers, or one column of lists of numbers.
        first: number in the file of the first row, for error messages.
        path: path of the file, for error messages.
        decimal: decimal point of numbers that are text, `.` or `,`.

    Returns:
        Values, `(n, D)`, int8 if all columns are int8, else float32 with NaN where a value is
        missing; and whether a row has no value at all, `(n,)`.

    Raises:
        EncoderError: some values are not numbers, or the lists have different lengths.
    """
    types = {name: table.schema.field(name).type for name in columns}
    if lists := list_columns(types):
        if len(columns) > 1:
            raise EncoderError(
                f"{path}: {lists[0]} is a column of lists, so it has to be the only column"
            )
        return _list_matrix(table.column(lists[0]), lists[0], first, path)
    is_int8 = all(str(kind) == "int8" for kind in types.values())
    values: NDArray[Any] = np.empty((len(table), len(columns)), np.int8 if is_int8 else np.float32)
    missing = np.zeros((len(table), len(columns)), dtype=np.bool_)
    with np.errstate(over="ignore"):
        for i, name in enumerate(columns):
            column = table.column(name)
            if is_int8:
                missing[:, i] = column.is_null().to_numpy()
                values[:, i] = column.fill_null(0).to_numpy()
            else:
                values[:, i] = _numbers(column, name, first, path, decimal)
    if not is_int8:
        missing = np.isnan(values)
    elif (some := missing.any(axis=1) & ~missing.all(axis=1)).any():
        row = int(np.argmax(some))
        raise EncoderError(
            f"{path}: row {first + row} has no value in {columns[int(np.argmax(missing[row]))]}. "
            "Remove it from the table, or leave the whole embedding empty."
        )
    return values, np.asarray(missing.all(axis=1))


def _numbers(
    column: pa.ChunkedArray, name: str, first: int, path: Path, decimal: str
) -> NDArray[np.float64]:
    """A column as numbers, NaN where a cell is empty."""
    import pyarrow as pa

    if pa.types.is_string(column.type) and decimal == ".":
        try:
            return np.asarray(column.cast(pa.float64()).to_numpy())
        except pa.ArrowInvalid:
            # Some cells are empty, have blanks around them, or are not numbers.
            pass
    try:
        return coordinate_values(column, name, first, path, decimal)
    except CoordinateError as error:
        raise EncoderError(f"{error}. Choose other columns for the embedding") from error


def _list_matrix(
    column: pa.ChunkedArray, name: str, first: int, path: Path
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values of a column of lists, `(n, D)`, and rows without a list."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type.value_type
    if not pa.types.is_integer(kind) and not pa.types.is_floating(kind):
        raise EncoderError(f"{path}: the lists in the column {name!r} hold {kind}, not numbers")
    absent = np.asarray(column.is_null().to_numpy())
    lengths = pc.list_value_length(column).drop_null().to_numpy()
    if len(lengths) == 0:
        return np.full((len(column), 1), np.nan, np.float32), absent
    if lengths.min() != lengths.max():
        raise EncoderError(_unequal(name, lengths.min(), lengths.max(), path))
    flat = pc.list_flatten(column)
    # Missing values of lists are NaN, which int8 cannot hold.
    complete = not absent.any() and not flat.null_count
    dtype = np.int8 if str(kind) == "int8" and complete else np.float32
    values = np.full((len(column), int(lengths[0])), 0 if dtype is np.int8 else np.nan, dtype)
    values[~absent] = np.asarray(flat.to_numpy()).reshape(-1, values.shape[1])
    return values, absent
