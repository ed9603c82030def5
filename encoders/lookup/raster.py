"""Lookup of GeoTIFF pixels by longitude and latitude, reading only small windows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.extras import missing_package
from satclip_bench.core.files import sha256_file

if TYPE_CHECKING:
    import rasterio
    from pyproj import Transformer

Float = NDArray[np.float64]

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
            self._masked = has_mask(file)
            beside = path.with_name(f"{path.name}.msk")
            self._mask_sha256 = sha256_file(beside) if self._masked and beside.is_file() else ""
            # A whole turn in the units of the CRS, if they are degrees or the like.
            self._turn = 2 * np.pi / file.crs.units_factor[1] if file.crs.is_geographic else 0.0
            beyond = max(abs(file.bounds.left), abs(file.bounds.right)) > 0.5000001 * self._turn
            self._beyond = bool(self._turn and beyond)
            self.bands = int(file.count)
            self.dtype = str(file.dtypes[0])

    @property
    def parameters(self) -> dict[str, str]:
        """How the file is read, for the card of its encoder: only what version 0.1.0 did not do."""
        masked = {"masked": "by the mask of the file"} if self._masked else {}
        if self._mask_sha256:
            # A mask beside the file is not part of the file's own hash.
            masked["mask_sha256"] = self._mask_sha256
        return masked | ({"longitudes": "beyond 180 degrees"} if self._beyond else {})

    def tiles(self, lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
        """Number of the tile that contains each point, `(n,)`; -1 outside the raster."""
        return self._tile_numbers(*self.pixels(lonlat))

    def look_up(self, lonlat: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values of the pixels that contain the points.

        Args:
            lonlat: `(n, 2)` degrees WGS84, longitude first.

        Returns:
            Values, `(n, bands)` in the data type of the file, and whether each point is covered,
            `(n,)`: it lies inside the raster, and its pixel is not NaN or the nodata value in any
            band, nor masked by the file's mask. An alpha band is a band like any other.

        Raises:
            EncoderError: the file is damaged.
        """
        row, column = self.pixels(lonlat)
        tile = self._tile_numbers(row, column)
        inside = tile >= 0
        with self._open() as file:
            values = np.zeros((len(lonlat), self.bands), dtype=file.dtypes[0])
            empty = np.zeros(len(lonlat), dtype=np.bool_)
            for number in np.unique(tile[inside]):
                points = np.flatnonzero(tile == number)
                top, left = row[points].min(), column[points].min()
                window = (
                    (int(top), int(row[points].max()) + 1),
                    (int(left), int(column[points].max()) + 1),
                )
                place = (slice(None), row[points] - top, column[points] - left)
                values[points] = self._read(file.read, window)[place].T
                if self._masked:
                    empty[points] = self._read(file.dataset_mask, window)[place[1:]] == 0
        empty |= np.isnan(values).any(axis=1)
        if self._nodata is not None:
            empty |= (values == self._nodata).any(axis=1)
        return values, inside & ~empty

    def pixels(self, lonlat: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of each point, `(n,)` each; -1 outside.

        The outer edges are part of the raster. Longitudes of a raster in degrees may go beyond 180.
        """
        x, y = self._transformer.transform(lonlat[:, 0], lonlat[:, 1])
        height, width = self.shape
        column, row, inside = self._position(x, y)
        for turn in (self._turn, -self._turn) if self._beyond else ():
            column_there, row_there, inside_there = self._position(x + turn, y)
            moved = inside_there & ~inside
            column, row = np.where(moved, column_there, column), np.where(moved, row_there, row)
            inside |= moved
        return (
            np.where(inside, np.minimum(row, height - 1), -1).astype(np.int64),
            np.where(inside, np.minimum(column, width - 1), -1).astype(np.int64),
        )

    def _position(self, x: Float, y: Float) -> tuple[Float, Float, NDArray[np.bool_]]:
        """Column and row of coordinates in the raster's CRS, and whether they are inside it."""
        a, b, c, d, e, f = self._inverse
        height, width = self.shape
        with np.errstate(invalid="ignore"):
            column, row = a * x + b * y + c, d * x + e * y + f
            return column, row, (column >= 0) & (column <= width) & (row >= 0) & (row <= height)

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

    def _read(
        self,
        read: Callable[..., NDArray[Any]],
        window: tuple[tuple[int, int], tuple[int, int]],
    ) -> NDArray[Any]:
        import rasterio

        try:
            return read(window=window)
        except rasterio.errors.RasterioError as error:
            raise EncoderError(f"{self.path} is damaged: {error}") from error


def has_mask(file: rasterio.DatasetReader) -> bool:
    """Whether a raster has a mask of its own, inside or beside the file, other than an alpha band.

    Args:
        file: open raster.
    """
    from rasterio.enums import MaskFlags

    flags = file.mask_flag_enums[0]
    return MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags
