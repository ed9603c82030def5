"""Reads files of points in batches: CSV, Parquet, GeoParquet and vector formats."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError, CoordinateError
from satclip_bench.core.points import LATITUDE, LONGITUDE, WGS84, coordinate_columns

if TYPE_CHECKING:
    import pyarrow as pa

CSV = (".csv",)
PARQUET = (".parquet", ".geoparquet", ".pq")
VECTOR = (".gpkg", ".geojson", ".json", ".shp", ".fgb")


class PointBatch(NamedTuple):
    """Consecutive rows of a file of points.

    Attributes:
        lonlat: `(N, 2)` float64 degrees, longitude first; not yet checked.
        columns: all columns of these rows, the coordinates included.
    """

    lonlat: NDArray[np.float64]
    columns: pa.Table


@dataclass(frozen=True)
class PointFile:
    """An open file of points.

    Attributes:
        path: path of the file.
        rows: number of points; None if it is unknown until the file has been read.
        batches: the rows, at most `batch_size` at a time.
    """

    path: Path
    rows: int | None
    batches: Iterator[PointBatch]


@contextmanager
def open_points(
    path: Path, batch_size: int, lon: str | None = None, lat: str | None = None
) -> Iterator[PointFile]:
    """Open a file of points, to be read in batches.

    CSV and Parquet need one longitude and one latitude column in degrees. GeoParquet, GeoPackage,
    GeoJSON, FlatGeobuf and Shapefile contain points in a CRS, which are reprojected. Columns of a
    CSV file other than the coordinates stay text, digit for digit.

    Args:
        path: path of the file; its suffix determines the format.
        batch_size: maximal number of rows in a batch.
        lon: name of the longitude column; by default the one called lon, longitude or lng.
        lat: name of the latitude column; by default the one called lat or latitude.

    Raises:
        BenchError: the file does not exist, has an unknown suffix, or is damaged, which may
            only show while batches are read.
        CoordinateError: the coordinate columns or the CRS are missing, or some geometries are not
            points.
    """
    suffix = path.suffix.lower()
    openers = {**dict.fromkeys(CSV, _csv), **dict.fromkeys(PARQUET, _parquet)}
    openers |= dict.fromkeys(VECTOR, _vector)
    if suffix not in openers:
        raise BenchError(
            f"{path} is not a file of points: its name should end with {', '.join(openers)}"
        )
    if not path.is_file():
        raise BenchError(f"there is no file {path}")
    try:
        with openers[suffix](path, batch_size, (lon, lat)) as opened:
            yield opened
    except BenchError:
        raise
    except Exception as error:
        # The errors that Arrow, GDAL, GEOS and PROJ raise for a damaged file share no base class.
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise BenchError(f"{path} cannot be read: {reason}") from error


ColumnNames = tuple[str | None, str | None]
"""Names of the longitude and the latitude column that the caller asked for."""


@contextmanager
def _csv(path: Path, batch_size: int, requested: ColumnNames) -> Iterator[PointFile]:
    import pyarrow as pa
    from pyarrow import csv as arrow

    with path.open(encoding="utf-8-sig", newline="") as stream:
        names = next(csv.reader(stream), [])
    pair = _pair(names, requested, path)
    types = {name: pa.float64() if name in pair else pa.string() for name in names}
    with arrow.open_csv(
        path,
        # A value may be longer than Arrow's default block, and may have line breaks in quotes.
        read_options=arrow.ReadOptions(block_size=2**24),
        parse_options=arrow.ParseOptions(newlines_in_values=True),
        convert_options=arrow.ConvertOptions(column_types=types, strings_can_be_null=False),
    ) as reader:
        yield PointFile(path, None, _tabular(_regrouped(reader, batch_size), pair))


@contextmanager
def _parquet(path: Path, batch_size: int, requested: ColumnNames) -> Iterator[PointFile]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        tables = (pa.Table.from_batches([b]) for b in file.iter_batches(batch_size))
        geo = (file.schema_arrow.metadata or {}).get(b"geo")
        rows = file.metadata.num_rows
        if geo is not None and requested == (None, None):
            description = json.loads(geo)
            column = description["primary_column"]
            # A GeoParquet file without a CRS has longitudes and latitudes, by its specification.
            crs = description["columns"][column].get("crs", "OGC:CRS84")
            yield PointFile(path, rows, _geometric(tables, column, crs, path))
        else:
            pair = _pair(file.schema_arrow.names, requested, path)
            yield PointFile(path, rows, _tabular(tables, pair))


@contextmanager
def _vector(path: Path, batch_size: int, requested: ColumnNames) -> Iterator[PointFile]:
    try:
        import pyogrio
        import pyogrio.errors
    except ImportError as error:
        raise BenchError(
            f"pyogrio is needed to read {path.suffix}: pip install 'satclip-bench[encoders]'"
        ) from error
    import pyarrow as pa

    if requested != (None, None):
        raise BenchError(f"{path} has geometries: leave out --lon and --lat")
    try:
        rows = int(pyogrio.read_info(path, force_feature_count=True)["features"])
        with pyogrio.open_arrow(path, batch_size=batch_size, use_pyarrow=True) as (meta, reader):
            column = meta["geometry_name"] or "wkb_geometry"
            tables = (pa.Table.from_batches([b]) for b in reader)
            yield PointFile(path, rows, _geometric(tables, column, meta["crs"], path))
    except pyogrio.errors.DataSourceError as error:
        raise BenchError(f"{path} cannot be read: {error}") from error


def _pair(names: list[str], requested: ColumnNames, path: Path) -> tuple[str, str]:
    for name in requested:
        if name is not None and name not in names:
            raise CoordinateError(f"{path} has no column {name!r}; it has {', '.join(names[:10])}")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise CoordinateError(f"{path} has several columns called {', '.join(repeated[:5])}")
    lon, lat = requested
    if lon is not None and lat is not None:
        if lon == lat:
            raise CoordinateError(f"{lon!r} cannot be both longitude and latitude")
        return lon, lat
    if requested != (None, None):
        raise CoordinateError("give both coordinate columns, --lon and --lat, or neither")
    return coordinate_columns(names, str(path))


def _regrouped(batches: Any, batch_size: int) -> Iterator[pa.Table]:
    """Tables of `batch_size` rows from record batches of any length."""
    import pyarrow as pa

    pending: list[pa.RecordBatch] = []
    count = 0
    for record_batch in batches:
        pending.append(record_batch)
        count += len(record_batch)
        while count >= batch_size:
            table = pa.Table.from_batches(pending)
            yield table.slice(0, batch_size)
            rest = table.slice(batch_size)
            pending, count = rest.to_batches(), len(rest)
    if count:
        yield pa.Table.from_batches(pending)


def _tabular(tables: Iterator[pa.Table], pair: tuple[str, str]) -> Iterator[PointBatch]:
    for table in tables:
        columns = [table.column(name).to_numpy().astype(np.float64) for name in pair]
        yield PointBatch(np.stack(columns, axis=1), table)


def _geometric(
    tables: Iterator[pa.Table], column: str, crs: Any, path: Path
) -> Iterator[PointBatch]:
    import pyarrow as pa
    import pyproj
    import shapely

    if crs is None:
        raise CoordinateError(f"the points of {path} have no CRS: save the file again with one")
    if isinstance(crs, dict):
        crs = json.dumps(crs)
    transformer = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True)
    first = 0
    for table in tables:
        shapes = shapely.from_wkb(table.column(column).to_numpy())
        bad = np.flatnonzero(
            (shapely.get_type_id(shapes) != shapely.GeometryType.POINT) | shapely.is_empty(shapes)
        )
        if len(bad):
            raise CoordinateError(
                f"{path}: row {first + bad[0]} is not a point ({len(bad)} of the {len(shapes)} "
                f"rows starting at row {first} are not)"
            )
        lonlat = np.stack(
            transformer.transform(shapely.get_x(shapes), shapely.get_y(shapes)), axis=1
        )
        outside = np.flatnonzero(~np.isfinite(lonlat).all(axis=1))
        if len(outside):
            raise CoordinateError(
                f"{path}: row {first + outside[0]} has no longitude and latitude: it lies outside "
                "the area that the file's CRS covers"
            )
        columns = table.drop_columns([column])
        clashes = [n for n in columns.column_names if n.lower() in (*LONGITUDE, *LATITUDE)]
        if clashes:
            raise CoordinateError(
                f"{path} has both geometries and columns called {', '.join(clashes)}, which may "
                "contradict each other: rename or remove the columns"
            )
        for i, name in enumerate(("lon", "lat")):
            columns = columns.append_column(name, pa.array(lonlat[:, i]))
        yield PointBatch(lonlat, columns)
        first += len(table)
