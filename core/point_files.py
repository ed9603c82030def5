"""Files of points, read a part at a time."""

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
    """Some consecutive rows: coordinates as they are in the file, and the other columns."""

    lonlat: NDArray[np.float64]
    columns: pa.Table


@dataclass(frozen=True)
class PointFile:
    """A file of points.

    Attributes:
        path: where it lies.
        rows: how many points it has; None where only reading it tells.
        parts: the rows, at most `batch` at a time.
    """

    path: Path
    rows: int | None
    batches: Iterator[PointBatch]


@contextmanager
def open_points(
    path: Path, batch: int, lon: str | None = None, lat: str | None = None
) -> Iterator[PointFile]:
    """A file of points, to be read in parts.

    CSV and Parquet need columns of longitudes and latitudes in degrees; GeoParquet, GeoPackage,
    GeoJSON, FlatGeobuf and Shapefile hold points in a CRS, which are reprojected. Columns of a CSV
    other than the coordinates stay text, digit for digit.

    Args:
        path: of the file; its ending says what it is.
        batch: rows a part has at most.
        lon: column of longitudes; by default one called lon, longitude or lng.
        lat: column of latitudes; by default one called lat or latitude.

    Raises:
        BenchError: no such file, another ending, or damaged; also while parts are read.
        CoordinateError: no such columns, no CRS, or geometries that are not points.
    """
    suffix = path.suffix.lower()
    kinds = {**dict.fromkeys(CSV, _csv), **dict.fromkeys(PARQUET, _parquet)}
    kinds |= dict.fromkeys(VECTOR, _vector)
    if suffix not in kinds:
        raise BenchError(f"{path} is no file of points: it should end with {', '.join(kinds)}")
    if not path.is_file():
        raise BenchError(f"there is no file {path}")
    try:
        with kinds[suffix](path, batch, (lon, lat)) as opened:
            yield opened
    except BenchError:
        raise
    except Exception as error:
        # What a damaged file makes of Arrow, GDAL, GEOS and PROJ has no common ancestor.
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise BenchError(f"{path} cannot be read: {reason}") from error


Named = tuple[str | None, str | None]


@contextmanager
def _csv(path: Path, batch: int, named: Named) -> Iterator[PointFile]:
    import pyarrow as pa
    from pyarrow import csv as arrow

    with path.open(encoding="utf-8-sig", newline="") as stream:
        names = next(csv.reader(stream), [])
    pair = _pair(names, named, path)
    types = {name: pa.float64() if name in pair else pa.string() for name in names}
    with arrow.open_csv(
        path,
        # A cell may be longer than Arrow's usual block, and may hold line breaks in quotes.
        read_options=arrow.ReadOptions(block_size=2**24),
        parse_options=arrow.ParseOptions(newlines_in_values=True),
        convert_options=arrow.ConvertOptions(column_types=types, strings_can_be_null=False),
    ) as reader:
        yield PointFile(path, None, _tabular(_regrouped(reader, batch), pair))


@contextmanager
def _parquet(path: Path, batch: int, named: Named) -> Iterator[PointFile]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        tables = (pa.Table.from_batches([b]) for b in file.iter_batches(batch))
        geo = (file.schema_arrow.metadata or {}).get(b"geo")
        rows = file.metadata.num_rows
        if geo is not None and named == (None, None):
            description = json.loads(geo)
            column = description["primary_column"]
            # The default of GeoParquet, where nothing is said, is longitude and latitude.
            crs = description["columns"][column].get("crs", "OGC:CRS84")
            yield PointFile(path, rows, _geometric(tables, column, crs, path))
        else:
            pair = _pair(file.schema_arrow.names, named, path)
            yield PointFile(path, rows, _tabular(tables, pair))


@contextmanager
def _vector(path: Path, batch: int, named: Named) -> Iterator[PointFile]:
    try:
        import pyogrio
        import pyogrio.errors
    except ImportError as error:
        raise BenchError(
            f"pyogrio is needed to read {path.suffix}: pip install 'satclip-bench[encoders]'"
        ) from error
    import pyarrow as pa

    if named != (None, None):
        raise BenchError(f"{path} has geometries: columns of coordinates cannot be named")
    try:
        rows = int(pyogrio.read_info(path, force_feature_count=True)["features"])
        with pyogrio.open_arrow(path, batch_size=batch, use_pyarrow=True) as (meta, reader):
            column = meta["geometry_name"] or "wkb_geometry"
            tables = (pa.Table.from_batches([b]) for b in reader)
            yield PointFile(path, rows, _geometric(tables, column, meta["crs"], path))
    except pyogrio.errors.DataSourceError as error:
        raise BenchError(f"{path} cannot be read: {error}") from error


def _pair(names: list[str], named: Named, path: Path) -> tuple[str, str]:
    for name in named:
        if name is not None and name not in names:
            raise CoordinateError(f"{path} has no column {name!r}; it has {', '.join(names[:10])}")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise CoordinateError(f"{path} has several columns called {', '.join(repeated[:5])}")
    if named[0] is not None and named[1] is not None:
        if named[0] == named[1]:
            raise CoordinateError(f"{named[0]!r} cannot be both longitude and latitude")
        return named[0], named[1]
    if named != (None, None):
        raise CoordinateError("name both columns of coordinates, --lon and --lat, or neither")
    return coordinate_columns(names, str(path))


def _regrouped(batches: Any, batch: int) -> Iterator[pa.Table]:
    """Tables of `batch` rows out of record batches of any length."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    count = 0
    for part in batches:
        held.append(part)
        count += len(part)
        while count >= batch:
            table = pa.Table.from_batches(held)
            yield table.slice(0, batch)
            rest = table.slice(batch)
            held, count = rest.to_batches(), len(rest)
    if count:
        yield pa.Table.from_batches(held)


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
        raise CoordinateError(f"the points of {path} have no CRS: write the file again with one")
    if isinstance(crs, dict):
        crs = json.dumps(crs)
    there = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True)
    first = 0
    for table in tables:
        shapes = shapely.from_wkb(table.column(column).to_numpy())
        bad = np.flatnonzero(
            (shapely.get_type_id(shapes) != shapely.GeometryType.POINT) | shapely.is_empty(shapes)
        )
        if len(bad):
            raise CoordinateError(
                f"{path}: row {first + bad[0]} is no point, nor are {len(bad) - 1} others of the "
                f"{len(shapes)} rows from {first} on"
            )
        lonlat = np.stack(there.transform(shapely.get_x(shapes), shapely.get_y(shapes)), axis=1)
        outside = np.flatnonzero(~np.isfinite(lonlat).all(axis=1))
        if len(outside):
            raise CoordinateError(
                f"{path}: row {first + outside[0]} has no longitude and latitude: it lies outside "
                "of what the file's CRS covers"
            )
        kept = table.drop_columns([column])
        if own := [n for n in kept.column_names if n.lower() in (*LONGITUDE, *LATITUDE)]:
            raise CoordinateError(
                f"{path} has both geometries and columns called {', '.join(own)}, which may say "
                "something else: rename the columns or leave them out"
            )
        for i, name in enumerate(("lon", "lat")):
            kept = kept.append_column(name, pa.array(lonlat[:, i]))
        yield PointBatch(lonlat, kept)
        first += len(table)
