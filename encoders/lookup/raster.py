"""Lookup of GeoTIFF pixels by longitude and latitude, reading only small windows."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.extras import missing_package

if TYPE_CHECKING:
    from pyproj import Transformer

SUFFIXES = (".tif", ".tiff")

TILE = 512
"""Maximum number of rows and columns read at a time: 16 MiB for 64 bands of one byte."""


class Raster:
    """A GeoTIFF whose pixels can be looked up. The file is open only during each call.

    Args:
        path: GeoTIFF in any coordinate reference system, with rows from north or from south.

    Raises:
        EncoderError: the file is not a GeoTIFF, is damaged, or has no coordinate reference system.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as file:
            if file.crs is None:
                raise EncoderError(f"{path} has no coordinate reference system")
            inverse = ~file.transform
            self._crs = str(file.crs.to_wkt())
            self._inverse = (inverse.a, inverse.b, inverse.c, inverse.d, inverse.e, inverse.f)
            self.shape = (int(file.height), int(file.width))
            self._nodata = file.nodata
            self.bands = int(file.count)
            self.dtype = str(file.dtypes[0])

    def tiles(self, lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
        """Number of the tile that contains each point, `(n,)`; -1 outside the raster."""
        return self._tile_numbers(*self.pixels(lonlat))

    def look_up(self, lonlat: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values of the pixels that contain the points.

        Args:
            lonlat: `(n, 2)` degrees WGS84, longitude first.

        Returns:
            Values, `(n, bands)` in the data type of the file, and whether each point is covered,
            `(n,)`: it lies inside the raster and its pixel is not masked in any band.

        Raises:
            EncoderError: the file is damaged.
        """
        row, column = self.pixels(lonlat)
        tile = self._tile_numbers(row, column)
        inside = tile >= 0
        with self._open() as file:
            values = np.zeros((len(lonlat), self.bands), dtype=file.dtypes[0])
            for number in np.unique(tile[inside]):
                points = np.flatnonzero(tile == number)
                top, left = row[points].min(), column[points].min()
                window = (
                    (int(top), int(row[points].max()) + 1),
                    (int(left), int(column[points].max()) + 1),
                )
                pixels = self._read(file, window)
                values[points] = pixels[:, row[points] - top, column[points] - left].T
        empty = np.isnan(values).any(axis=1)
        if self._nodata is not None:
            empty |= (values == self._nodata).any(axis=1)
        return values, inside & ~empty

    def pixels(self, lonlat: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of each point, `(n,)` each; -1 outside.

        The outer edges are part of the raster.
        """
        x, y = self._transformer.transform(lonlat[:, 0], lonlat[:, 1])
        a, b, c, d, e, f = self._inverse
        height, width = self.shape
        with np.errstate(invalid="ignore"):
            column, row = a * x + b * y + c, d * x + e * y + f
            inside = (column >= 0) & (column <= width) & (row >= 0) & (row <= height)
        return (
            np.where(inside, np.minimum(row, height - 1), -1).astype(np.int64),
            np.where(inside, np.minimum(column, width - 1), -1).astype(np.int64),
        )

    def _tile_numbers(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int64]:
        across = -(-self.shape[1] // TILE)
        return np.where(row < 0, -1, row // TILE * across + column // TILE)

    @cached_property
    def _transformer(self) -> Transformer:
        try:
            from pyproj import Transformer
        except ImportError as error:
            raise missing_package("pyproj", "to project onto rasters") from error
        return Transformer.from_crs("EPSG:4326", self._crs, always_xy=True)

    def _open(self) -> Any:
        try:
            import rasterio
        except ImportError as error:
            raise missing_package("rasterio", f"to read {self.path}") from error
        try:
            # Only this driver, since others can read other files or open network addresses.
            return rasterio.open(self.path, driver="GTiff")
        except rasterio.errors.RasterioError as error:
            raise EncoderError(f"{self.path} is damaged, or is not a GeoTIFF: {error}") from error

    def _read(self, file: Any, window: tuple[tuple[int, int], tuple[int, int]]) -> NDArray[Any]:
        import rasterio

        try:
            pixels: NDArray[Any] = file.read(window=window)
        except rasterio.errors.RasterioError as error:
            raise EncoderError(f"{self.path} is damaged: {error}") from error
        return pixels
