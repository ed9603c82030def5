"""Reads files of points in batches: text tables, Parquet, GeoParquet and vector formats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.download.content import stand_in
from satclip_bench.core.errors import ASK_PERMISSION, BenchError, CoordinateError
from satclip_bench.core.files import missing_file
from satclip_bench.core.geometries import choose_layer, geometry_batches
from satclip_bench.core.points import coordinate_columns, require_precision, shown_names
from satclip_bench.core.read_options import AUTOMATIC, ReadOptions
from satclip_bench.core.text_tables import coordinate_values, not_utf8, text_format

if TYPE_CHECKING:
    import pyarrow as pa

CSV = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
PARQUET = (".parquet", ".geoparquet", ".pq")
VECTOR = (".gpkg", ".geojson", ".json", ".shp", ".fgb")
SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods")


class PointBatch(NamedTuple):
    """Consecutive rows of a file of points.

    Attributes:
        lonlat: `(N, 2)` float64 degrees, longitude first; not yet checked. NaN where a row has
            no place.
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
        decimal: decimal point of the numbers in a text file, `.` or `,`.
    """

    path: Path
    rows: int | None
    batches: Iterator[PointBatch]
    decimal: str = "."


@contextmanager
def open_points(
    path: Path,
    batch_size: int,
    lon: str | None = None,
    lat: str | None = None,
    *,
    sep: str | None = None,
    layer: str | None = None,
) -> Iterator[PointFile]:
    """Open a file of points, to be read in batches.

    Text files and Parquet need one longitude and one latitude column in degrees. GeoParquet,
    GeoPackage, GeoJSON, FlatGeobuf and Shapefile contain points in a CRS, which are reprojected.
    Columns of a text file other than the coordinates stay text, digit for digit.

    Args:
        path: path of the file; its suffix determines the format.
        batch_size: maximal number of rows in a batch.
        lon: name of the longitude column; by default the one with a usual name.
        lat: name of the latitude column; by default the one with a usual name.
        sep: separator of a text file; by default the one with which the header has coordinates.
        layer: layer of a vector file; by default the only one.

    Raises:
        BenchError: the file does not exist, has an unknown suffix, or is damaged, which may
            only show while batches are read.
        CoordinateError: the coordinate columns or the CRS are missing, or some geometries are not
            points.
    """
    openers = dict.fromkeys(CSV, _text) | dict.fromkeys(PARQUET, _parquet)
    openers |= dict.fromkeys(VECTOR, _vector)
    suffix = file_suffix(path)
    if suffix in SPREADSHEETS:
        raise BenchError(f"{path} is a spreadsheet: save the sheet with the points as CSV")
    if suffix == ".zip":
        raise BenchError(f"{path} is an archive: unpack it, and name the file of points in it")
    if suffix not in openers:
        raise BenchError(
            f"{path} is not a file of points: its name should end with {', '.join(openers)}"
        )
    if not path.is_file():
        raise BenchError(missing_file(path))
    if sep is not None and suffix not in CSV:
        raise BenchError(f"{path} is not a text file: leave out --sep")
    if layer is not None and suffix not in VECTOR:
        raise BenchError(f"{path} has no layers: leave out --layer")
    options = ReadOptions(lon=lon, lat=lat, sep=sep, layer=layer)
    try:
        with openers[suffix](path, batch_size, options) as opened:
            yield replace(opened, batches=_readable(opened.batches, path))
    except BenchError:
        raise
    except Exception as error:
        # The errors that Arrow, GDAL, GEOS and PROJ raise for a damaged file share no base class.
        raise _unreadable(path, error) from error


def _readable(batches: Iterator[PointBatch], path: Path) -> Iterator[PointBatch]:
    """The batches; an error of reading them is BenchError here, before a caller can see it.

    A caller that writes a file meanwhile would take an OSError for one of that file.
    """
    try:
        yield from batches
    except BenchError:
        raise
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> BenchError:
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if file_suffix(path) in CSV and "Empty CSV file" in reason:
        return BenchError(f"{path} has no rows below the names of its columns")
    if file_suffix(path) in CSV and "invalid UTF8" in reason:
        return BenchError(not_utf8(path))
    if isinstance(error, PermissionError):
        return BenchError(f"{path} cannot be read: {error.strerror}. {ASK_PERMISSION}")
    if what := stand_in(path):
        return BenchError(f"{path} cannot be read: {what}")
    return BenchError(f"{path} cannot be read: {reason}")


def file_suffix(path: Path) -> str:
    """Suffix in lower case that determines the format of a file: the last two for .gz.

    Examples:
        >>> file_suffix(Path("my.points.CSV.gz"))
        '.csv.gz'
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return "".join(suffixes[-2:]) if suffixes[-1:] == [".gz"] else "".join(suffixes[-1:])


def file_stem(path: Path) -> str:
    """Name of a file without the suffix that determines its format.

    Examples:
        >>> file_stem(Path("data/my.points.csv.gz"))
        'my.points'
    """
    return path.name[: len(path.name) - len(file_suffix(path))] or path.name


@contextmanager
def _text(path: Path, batch_size: int, options: ReadOptions) -> Iterator[PointFile]:
    import pyarrow as pa
    from pyarrow import csv as arrow

    form = text_format(path, options.sep, (options.lon, options.lat))
    try:
        pair = _pair(form.names, options, path)
    except CoordinateError as error:
        if options.sep is None and len(form.names) > 1:
            raise
        hint = "The first line should name the columns, separated by commas, semicolons, tabs or "
        raise CoordinateError(f"{error}. {hint}bars, or by what --sep names") from error
    with arrow.open_csv(
        path,
        # A value may be longer than Arrow's default block, and may have line breaks in quotes.
        read_options=arrow.ReadOptions(
            block_size=2**24, encoding=form.encoding, skip_rows=form.skipped
        ),
        parse_options=arrow.ParseOptions(
            delimiter=form.separator,
            quote_char='"' if form.quoted else False,
            newlines_in_values=form.quoted,
        ),
        convert_options=arrow.ConvertOptions(
            column_types=dict.fromkeys(form.names, pa.string()), strings_can_be_null=False
        ),
    ) as reader:
        tables = _regrouped(reader, batch_size)
        yield PointFile(path, None, _tabular(tables, pair, path, form.decimal), form.decimal)


@contextmanager
def _parquet(path: Path, batch_size: int, options: ReadOptions) -> Iterator[PointFile]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        tables = (pa.Table.from_batches([b]) for b in file.iter_batches(batch_size))
        geo = (file.schema_arrow.metadata or {}).get(b"geo")
        rows = file.metadata.num_rows
        if geo is not None and options == AUTOMATIC:
            column, crs = _geoparquet(geo, path)
            yield PointFile(path, rows, _geometric(tables, column, crs, path))
        else:
            pair = _pair(file.schema_arrow.names, options, path)
            yield PointFile(path, rows, _tabular(tables, pair, path))


def _geoparquet(metadata: bytes, path: Path) -> tuple[str, Any]:
    """Column of the geometries of a GeoParquet file, and its CRS."""
    try:
        description = json.loads(metadata)
        column = str(description["primary_column"])
        properties = description["columns"][column]
        encoding = properties.get("encoding", "WKB")
        # A GeoParquet file without a CRS has longitudes and latitudes, by its specification.
        crs = properties.get("crs", "OGC:CRS84")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchError(
            f"{path} has damaged GeoParquet metadata: save it again, or name its columns with "
            "--lon and --lat"
        ) from error
    if encoding != "WKB":
        raise BenchError(
            f"{path} has geometries in the encoding {encoding!r}, and only WKB is read: save it "
            "again, with geopandas by to_parquet(..., geometry_encoding='WKB')"
        )
    return column, crs


@contextmanager
def _vector(path: Path, batch_size: int, options: ReadOptions) -> Iterator[PointFile]:
    try:
        import pyogrio
        import pyogrio.errors
    except ImportError as error:
        raise BenchError(
            f"pyogrio is needed to read {path.suffix}: pip install 'satclip-bench[encoders]'"
        ) from error
    import pyarrow as pa

    if options.lon is not None or options.lat is not None:
        raise BenchError(f"{path} has geometries: leave out --lon and --lat")
    try:
        layer = choose_layer(path, options.layer)
        info = pyogrio.read_info(path, layer=layer, force_feature_count=True)
        with pyogrio.open_arrow(path, layer=layer, batch_size=batch_size, use_pyarrow=True) as (
            meta,
            reader,
        ):
            if not meta["geometry_type"]:
                raise BenchError(f"{path} has no geometries in its layer {layer!r}")
            column = meta["geometry_name"] or "wkb_geometry"
            rows = int(info["features"])
            tables = _complete((pa.Table.from_batches([b]) for b in reader), rows, path)
            batches = _geometric(tables, column, meta["crs"], path)
            yield PointFile(path, rows, batches)
    except pyogrio.errors.DataSourceError as error:
        # What follows is advice to name another format in the path, which is not possible here.
        reason = str(error).split("; It might help to specify")[0].rstrip(".")
        advice = ". GeoJSON has a FeatureCollection" if path.suffix in (".json", ".geojson") else ""
        raise BenchError(f"{path} cannot be read: {reason}{advice}") from error


def _pair(names: list[str], options: ReadOptions, path: Path) -> tuple[str, str]:
    lon, lat = options.lon, options.lat
    for name in (lon, lat):
        if name is not None and name not in names:
            raise CoordinateError(
                f"{path} has no column {name!r}; it has {shown_names(names, name, limit=10)}"
            )
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        listed = ", ".join(name or "''" for name in repeated[:5])
        raise CoordinateError(f"{path} has several columns called {listed}")
    if lon is not None and lat is not None:
        if lon == lat:
            raise CoordinateError(f"{lon!r} cannot be both longitude and latitude")
        return lon, lat
    if lon is not None or lat is not None:
        raise CoordinateError("give both coordinate columns, --lon and --lat, or neither")
    try:
        return coordinate_columns(names, str(path))
    except CoordinateError as error:
        raise CoordinateError(f"{error}. Name the right ones with --lon and --lat") from error


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


def _tabular(
    tables: Iterator[pa.Table], pair: tuple[str, str], path: Path, decimal: str = "."
) -> Iterator[PointBatch]:
    import pyarrow as pa

    first = 0
    for table in tables:
        columns = table
        values = []
        for name in pair:
            cells = table.column(name)
            require_precision(cells.type)
            numbers = coordinate_values(cells, name, first, path, decimal)
            values.append(numbers)
            if pa.types.is_string(cells.type):
                place = columns.column_names.index(name)
                columns = columns.set_column(place, name, pa.array(numbers))
        yield PointBatch(np.stack(values, axis=1), columns)
        first += len(table)


def _complete(tables: Iterator[pa.Table], rows: int, path: Path) -> Iterator[pa.Table]:
    """The tables, unless they have fewer rows than the file says: GDAL reads a damaged file so."""
    read = 0
    for table in tables:
        read += len(table)
        yield table
    if read < rows:
        raise BenchError(f"{path} is damaged: it has {rows:,} rows, of which {read:,} can be read")


def _geometric(
    tables: Iterator[pa.Table], column: str, crs: Any, path: Path
) -> Iterator[PointBatch]:
    for lonlat, columns in geometry_batches(tables, column, crs, path):
        yield PointBatch(lonlat, columns)
