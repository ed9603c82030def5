"""Pairs from a folder of GeoTIFFs cut into tiles, each located at its centre."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError, CoordinateError
from satclip_bench.core.extras import missing_package
from satclip_bench.core.sphere import check_lonlat
from satclip_bench.encoders.lookup.raster import has_mask
from satclip_bench.encoders.pretraining.config import GeoTiffs
from satclip_bench.encoders.pretraining.sources.base import (
    Float,
    InMemory,
    Pairs,
    check_faults,
    fingerprint,
    image_fault,
)
from satclip_bench.encoders.weights.files import first_line

if TYPE_CHECKING:
    import rasterio


def geotiff_pairs(data: GeoTiffs) -> Pairs:
    """Read all whole tiles of all GeoTIFFs under a folder into memory.

    Args:
        data: folder, side of a tile, and bands.

    Raises:
        BenchError: the folder does not exist or has no GeoTIFF; a file has no georeference, has
            other bands than the first, is smaller than a tile, or is damaged; or tiles are constant
            or not finite. The message names the file.
    """
    folder = data.folder.expanduser()
    if not folder.is_dir():
        raise BenchError(f"there is no folder {folder} (data.folder of the config)")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".tif", ".tiff"))
    if not paths:
        raise BenchError(f"{folder} contains no .tif or .tiff")
    tiles: list[NDArray[Any]] = []
    places: list[Float] = []
    faults: list[tuple[str, str]] = []
    for path in paths:
        for tile, lonlat, where in _tiles(path, data):
            if what := image_fault(tile):
                faults.append((where, what))
                continue
            if tiles and (len(tile), tile.dtype) != (len(tiles[0]), tiles[0].dtype):
                raise BenchError(
                    f"{path} has {len(tile)} bands of {tile.dtype}; the files before it, from "
                    f"{paths[0]} on, have {len(tiles[0])} of {tiles[0].dtype}. Select bands with "
                    "data.bands, or give files with the same bands"
                )
            tiles.append(tile)
            places.append(lonlat)
    notes = check_faults(faults, skip=data.bad == "skip")
    if not tiles:
        raise BenchError(f"no tile of {folder} has usable data")
    array, lonlat = np.stack(tiles), np.array(places)
    return Pairs(
        lonlat=lonlat,
        images=InMemory(array),
        divide_by=data.divide_by,
        training_data=f"{len(array):,} tiles of {data.pixels} pixels out of {len(paths):,} "
        "GeoTIFFs",
        licence="the user's own",
        sha256=fingerprint(lonlat, array),
        notes=notes,
    )


def _tiles(path: Path, data: GeoTiffs) -> Iterator[tuple[NDArray[Any], Float, str]]:
    """The tiles of a file, their locations, and their names in messages."""
    try:
        import rasterio
        from rasterio.windows import Window
    except ImportError as error:
        raise missing_package("rasterio", "to read GeoTIFF") from error
    with open_raster(path) as source:
        if source.crs is None or source.transform.is_identity:
            raise BenchError(
                f"{path} has no georeference ({'CRS' if source.crs is None else 'transform'} "
                "missing), so its location is unknown"
            )
        bands = list(data.bands or range(1, source.count + 1))
        if max(bands) > source.count:
            raise BenchError(f"{path} has {source.count} bands; data.bands asks for {max(bands)}")
        side = data.pixels
        if min(source.height, source.width) < side:
            raise BenchError(
                f"{path} is {source.height} x {source.width} pixels, smaller than a tile of "
                f"{side}: lower data.pixels"
            )
        for row in range(0, source.height - side + 1, side):
            for column in range(0, source.width - side + 1, side):
                where = f"{path} at row {row}, column {column}"
                try:
                    window = Window(column, row, side, side)
                    tile: NDArray[Any] = source.read(bands, window=window)
                    mask = source.dataset_mask(window=window) if has_mask(source) else None
                except rasterio.errors.RasterioError as error:
                    raise BenchError(f"{where} cannot be read: {first_line(error)}") from error
                if source.nodata is not None and (empty := tile == source.nodata).any():
                    # No-data values are treated as not finite. A fourth band of bytes, which GDAL
                    # interprets as transparency, does not mark no-data values.
                    tile = np.where(empty, np.nan, tile)
                if mask is not None and not mask.all():
                    tile = np.where(mask == 0, np.nan, tile)
                yield tile, _place(source, row + side / 2, column + side / 2), where


def _place(source: rasterio.DatasetReader, row: float, column: float) -> Float:
    """Longitude and latitude of a point of a raster."""
    from rasterio.warp import transform

    a = source.transform
    x, y = a.a * column + a.b * row + a.c, a.d * column + a.e * row + a.f
    try:
        (lon,), (lat,) = transform(source.crs, "EPSG:4326", [x], [y])[:2]
        lonlat: Float = check_lonlat(np.array([[lon, lat]]))[0]
    except CoordinateError as error:
        raise BenchError(f"{source.name}: its georeference is not on the Earth: {error}") from error
    return lonlat


def open_raster(path: Path) -> rasterio.DatasetReader:
    """Open a GeoTIFF, without a warning if it has no georeference.

    Raises:
        BenchError: the file cannot be opened.
    """
    import warnings

    try:
        import rasterio
    except ImportError as error:
        raise missing_package("rasterio", "to read GeoTIFF") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        try:
            # Only this driver, since others can read other files or open network addresses.
            return rasterio.open(path, driver="GTiff")
        except rasterio.errors.RasterioError as error:
            raise BenchError(f"{path} is not a GeoTIFF: {first_line(error)}") from error
