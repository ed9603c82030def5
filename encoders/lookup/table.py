"""Precomputed embeddings in a table: a point takes those of the row nearest to it."""

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
    """The rows of a table, found by great-circle distance.

    Args:
        lonlat: `(n, 2)` degrees, longitude first, no place twice.
        values: `(n, D)`.
        max_km: points further than this from every row have none; None for no limit.
    """

    def __init__(self, lonlat: Float, values: NDArray[Any], max_km: float | None) -> None:
        from scipy.spatial import KDTree

        self._tree = KDTree(unit_vectors(lonlat))
        self._values = values
        self._max_km = max_km

    def look_up(self, lonlat: Float) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values of the nearest rows, `(n, D)`, and whether they are near enough, `(n,)`."""
        chords, rows = self._tree.query(unit_vectors(lonlat))
        limit = np.inf if self._max_km is None else self._max_km
        return self._values[rows], chord_to_km(np.asarray(chords)) <= limit


def require_max_km(max_km: float | None) -> None:
    """Raise EncoderError unless `max_km` is a finite positive distance or None."""
    if max_km is not None and not 0 < max_km < np.inf:
        raise EncoderError(f"max_km is a positive distance or None for no limit, not {max_km}")


def column_names(path: Path) -> list[str]:
    """The columns of a table, from its header alone.

    Raises:
        EncoderError: not one of the formats, or damaged.
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
    """The columns that match, in the order of their numbers.

    Args:
        names: all columns.
        pattern: of the wanted names, with the number as its group.
        where: names the table in messages.

    Raises:
        EncoderError: there is none, or the numbers are not 0, 1, 2 and so on.
    """
    found = sorted((int(m[1]), name) for name in names if (m := re.fullmatch(pattern, name)))
    if not found:
        shown = ", ".join(names[:6])
        raise EncoderError(f"{where} has no column like {pattern}; it has {shown}, ...")
    numbers = [number for number, _ in found]
    if numbers != list(range(len(found))):
        wrong = next(i for i, number in enumerate(numbers) if i != number)
        raise EncoderError(
            f"{where}: its columns like {pattern} should be numbered 0, 1, 2 and so on, each "
            f"once; there is {found[wrong][1]} where number {wrong} should come"
        )
    return [name for _, name in found]


def read_rows(path: Path, pattern: str) -> tuple[Float, NDArray[Any]]:
    """Places and embeddings out of a table.

    Args:
        path: `.csv`, `.csv.gz`, `.parquet` or `.geoparquet`, with a longitude and a latitude
            column in degrees; other columns are left alone.
        pattern: of the embedding's columns, with the number as its group.

    Returns:
        `(n, 2)` degrees, longitude first, and `(n, D)`: int8 if all its columns are, or float32.
        Of rows that are the same, the first.

    Raises:
        EncoderError: no such columns, values that are missing or not finite, coordinates that are
            not on the sphere, one place with two embeddings, or a damaged file.
    """
    names = column_names(path)
    features = numbered_columns(names, pattern, str(path))
    try:
        coordinates = list(coordinate_columns(names, "the table"))
        table = _read(path, coordinates, features)
        lonlat = check_lonlat(_matrix(table, coordinates, path, np.float64))
    except CoordinateError as error:
        raise EncoderError(f"{path} cannot be used: {error}") from error
    whole = all(table.schema.field(name).type == "int8" for name in features)
    values = _matrix(table, features, path, np.int8 if whole else np.float32)
    if not len(lonlat):
        raise EncoderError(f"{path} has no rows")
    return _without_repetition(lonlat, values, path)


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
    """Columns side by side, `(n, len(columns))`; all of them finite numbers."""
    import pyarrow as pa

    for name in columns:
        kind = table.schema.field(name).type
        if not pa.types.is_integer(kind) and not pa.types.is_floating(kind):
            raise EncoderError(f"{path}: the column {name} holds {kind}, not numbers")
        if table.column(name).null_count:
            rows = np.flatnonzero(table.column(name).is_null().to_numpy())
            raise EncoderError(_lacking(path, rows, f"no value in {name}"))
    matrix: NDArray[Any] = np.empty((len(table), len(columns)), dtype=dtype)
    with np.errstate(over="ignore"):
        for i, name in enumerate(columns):
            matrix[:, i] = table.column(name).to_numpy()
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        raise EncoderError(_lacking(path, bad, "values that are not finite"))
    return matrix


def _lacking(path: Path, rows: NDArray[np.int64], what: str) -> str:
    shown = ", ".join(str(row) for row in rows[:3])
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    return f"{path}: rows {shown}{more}, counted from 0, have {what}. Leave them out of the table."


def _without_repetition(
    lonlat: Float, values: NDArray[Any], path: Path
) -> tuple[Float, NDArray[Any]]:
    place = lonlat.copy()
    place[place[:, 0] == 180, 0] = -180
    place[np.abs(place[:, 1]) == 90, 0] = 0
    _, first, which = np.unique(place, axis=0, return_index=True, return_inverse=True)
    if len(first) == len(place):
        return lonlat, values
    original = first[which]
    again = np.flatnonzero(original != np.arange(len(place)))
    other = again[(values[again] != values[original[again]]).any(axis=1)]
    if len(other):
        row = other[0]
        raise EncoderError(
            f"{path} has {len(other)} rows at the place of another row and with other values: row "
            f"{row} is at {lonlat[row, 0]:g}, {lonlat[row, 1]:g}, as row {original[row]} is. "
            "Keep one row a place, such as those of one year."
        )
    keep = np.sort(first)
    return lonlat[keep], values[keep]


def _is_csv(path: Path) -> bool:
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        raise EncoderError(f"{path} is no table: its name should end with {', '.join(SUFFIXES)}")
    return name.endswith(_CSV)
