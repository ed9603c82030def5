"""Lookup of precomputed embeddings in a table by the nearest row."""

from __future__ import annotations

import csv
import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import CoordinateError, EncoderError
from satclip_bench.core.points import coordinate_columns
from satclip_bench.core.sphere import check_lonlat, chord_to_km, unit_vectors

if TYPE_CHECKING:
    import pyarrow as pa

Float = NDArray[np.float64]

_CSV = (".csv", ".csv.gz")
_PARQUET = (".parquet", ".geoparquet", ".pq")

SUFFIXES = _CSV + _PARQUET


class NearestRows:
    """Nearest-neighbour lookup in the rows of a table, by great-circle distance.

    Args:
        lonlat: `(n, 2)` degrees, longitude first, without repeated points.
        values: `(n, D)` values of the rows.
        max_km: largest distance between a point and its row; None for no limit.
    """

    def __init__(self, lonlat: Float, values: NDArray[Any], max_km: float | None) -> None:
        from scipy.spatial import KDTree

        self._tree = KDTree(unit_vectors(lonlat))
        self._values = values
        self._max_km = max_km

    def look_up(self, lonlat: Float) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values of the nearest rows, `(n, D)`, and whether each is within `max_km`, `(n,)`."""
        chords, rows = self._tree.query(unit_vectors(lonlat))
        limit = np.inf if self._max_km is None else self._max_km
        return self._values[rows], chord_to_km(np.asarray(chords)) <= limit


def require_max_km(max_km: float | None) -> None:
    """Raise EncoderError unless `max_km` is a finite positive distance or None."""
    if max_km is not None and not 0 < max_km < np.inf:
        raise EncoderError(
            f"max_km must be a positive distance, or None for no limit, not {max_km}"
        )


def column_names(path: Path) -> list[str]:
    """Column names of a table, reading only its header.

    Raises:
        EncoderError: the file has another format, or is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if _is_csv(path):
            opened: Any = gzip.open if path.name.lower().endswith(".gz") else open
            with opened(path, "rt", encoding="utf-8-sig", newline="") as stream:
                return next(csv.reader(stream), [])
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError, EOFError, ValueError, csv.Error) as error:
        raise EncoderError(f"{path} cannot be read as a table: {error}") from error


def numbered_columns(names: list[str], pattern: str, where: str) -> list[str]:
    r"""Numbered columns that match a pattern, in the order of their numbers.

    Args:
        names: names of all columns.
        pattern: regular expression of the column names, with the number as its group.
        where: description of the table in messages.

    Raises:
        EncoderError: no column matches, or the numbers are not 0, 1, 2 and so on.

    >>> numbered_columns(["lon", "lat", "A01", "A00"], r"A(\d\d)", "the table")
    ['A00', 'A01']
    """
    numbered = sorted((int(m[1]), name) for name in names if (m := re.fullmatch(pattern, name)))
    if not numbered:
        shown = ", ".join(names[:6])
        raise EncoderError(f"{where} has no column like {pattern}; it has {shown}, ...")
    numbers = [number for number, _ in numbered]
    if numbers != list(range(len(numbered))):
        wrong = next(i for i, number in enumerate(numbers) if i != number)
        raise EncoderError(
            f"{where}: the columns like {pattern} should be numbered 0, 1, 2 and so on, each "
            f"once; there is {numbered[wrong][1]} where number {wrong} should come"
        )
    return [name for _, name in numbered]


def read_rows(path: Path, pattern: str) -> tuple[Float, NDArray[Any]]:
    """Read coordinates and embeddings from a table.

    Args:
        path: `.csv`, `.csv.gz`, `.parquet` or `.geoparquet` file with a longitude and a latitude
            column in degrees; other columns are ignored.
        pattern: regular expression of the embedding's columns, with the number as its group.

    Returns:
        Coordinates, `(n, 2)` degrees, longitude first, and embeddings, `(n, D)`: int8 if all their
        columns are int8, else float32. Only the first of identical rows is kept.

    Raises:
        EncoderError: columns are missing, values are missing or not finite, coordinates are not on
            the sphere, one place has two embeddings, or the file is damaged.
    """
    names = column_names(path)
    features = numbered_columns(names, pattern, str(path))
    try:
        coordinates = list(coordinate_columns(names, "the table"))
        table = _read(path, coordinates, features)
        lonlat = check_lonlat(_matrix(table, coordinates, path, np.float64))
    except CoordinateError as error:
        raise EncoderError(f"{path} cannot be used: {error}") from error
    is_int8 = all(table.schema.field(name).type == "int8" for name in features)
    values = _matrix(table, features, path, np.int8 if is_int8 else np.float32)
    if not len(lonlat):
        raise EncoderError(f"{path} has no rows")
    return _without_repeats(lonlat, values, path)


def _read(path: Path, coordinates: list[str], features: list[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import csv as pa_csv

    columns = [*coordinates, *features]
    try:
        if _is_csv(path):
            types = dict.fromkeys(coordinates, pa.float64()) | dict.fromkeys(features, pa.float32())
            options = pa_csv.ConvertOptions(include_columns=columns, column_types=types)
            return pa_csv.read_csv(path, convert_options=options)
        return pq.ParquetFile(path).read(columns=columns)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise EncoderError(f"{path} cannot be read as a table: {error}") from error


def _matrix(table: pa.Table, columns: list[str], path: Path, dtype: type) -> NDArray[Any]:
    """Columns as a matrix, `(n, len(columns))`, after checking that all values are finite."""
    import pyarrow as pa

    for name in columns:
        data_type = table.schema.field(name).type
        if not pa.types.is_integer(data_type) and not pa.types.is_floating(data_type):
            raise EncoderError(f"{path}: the column {name} holds {data_type}, not numbers")
        if table.column(name).null_count:
            rows = np.flatnonzero(table.column(name).is_null().to_numpy())
            raise EncoderError(_bad_rows(path, rows, f"no value in {name}"))
    matrix: NDArray[Any] = np.empty((len(table), len(columns)), dtype=dtype)
    with np.errstate(over="ignore"):
        for i, name in enumerate(columns):
            matrix[:, i] = table.column(name).to_numpy()
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        raise EncoderError(_bad_rows(path, bad, "values that are not finite"))
    return matrix


def _bad_rows(path: Path, rows: NDArray[np.int64], what: str) -> str:
    shown = ", ".join(str(row) for row in rows[:3])
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    return f"{path}: rows {shown}{more} (counted from 0) have {what}. Remove them from the table."


def _without_repeats(lonlat: Float, values: NDArray[Any], path: Path) -> tuple[Float, NDArray[Any]]:
    # The antimeridian and the poles have several longitudes for one place.
    places = lonlat.copy()
    places[places[:, 0] == 180, 0] = -180
    places[np.abs(places[:, 1]) == 90, 0] = 0
    _, first, which = np.unique(places, axis=0, return_index=True, return_inverse=True)
    if len(first) == len(places):
        return lonlat, values
    original = first[which]
    repeats = np.flatnonzero(original != np.arange(len(places)))
    conflicts = repeats[(values[repeats] != values[original[repeats]]).any(axis=1)]
    if len(conflicts):
        row = conflicts[0]
        raise EncoderError(
            f"{path} has {len(conflicts)} rows with the coordinates of another row but other "
            f"values: row {row} is at {lonlat[row, 0]:g}, {lonlat[row, 1]:g}, as row "
            f"{original[row]} is. Keep one row per place, such as the rows of one year."
        )
    keep = np.sort(first)
    return lonlat[keep], values[keep]


def _is_csv(path: Path) -> bool:
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        raise EncoderError(
            f"{path} is not a table: its name should end with one of {', '.join(SUFFIXES)}"
        )
    return name.endswith(_CSV)
