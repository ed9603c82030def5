"""Lookup of TESSERA's embeddings in the tiles that geotessera downloads.

A tile covers 0.1 by 0.1 degrees and is called by its centre, such as grid_0.15_52.05. It is kept in
one of two layouts (README of github.com/ucam-eo/geotessera):

- `<tile>_<year>.tiff`: a GeoTIFF with 128 bands of float32;
- `<year>/<tile>/<tile>.npy`, `(height, width, 128)` int8, and `<tile>_scales.npy`, float32 of shape
  `(height, width)` or `(height, width, 128)`, whose product is the embedding; `<tile>.tiff`, a mask
  of land, has the coordinates of the pixels.

Feng et al. 2025, arXiv 2506.20380.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.files import sha256_bytes, sha256_file
from satclip_bench.core.npz import DAMAGE
from satclip_bench.encoders.lookup.raster import SUFFIXES, Raster
from satclip_bench.encoders.weights.files import first_line

Tile = tuple[int, int]
"""Column and row of a tile: longitude and latitude of its south-western corner in 0.1 degrees."""

_NAME = re.compile(r"grid_(-?\d+\.\d+)_(-?\d+\.\d+)(_scales|_\d{4})?")


class _Files(NamedTuple):
    """Files of one tile: a GeoTIFF of embeddings, or arrays and the mask of land."""

    raster: Path
    values: Path | None = None
    scales: Path | None = None


class TesseraTiles:
    """The tiles in a folder, for one year.

    Args:
        folder: folder with the tiles, in any of its subfolders.

    Raises:
        EncoderError: there are no tiles, a tile is there for several years, or one of its files is
            missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = _find(folder)

    def __len__(self) -> int:
        return len(self._files)

    @property
    def files(self) -> list[Path]:
        """All files that are read."""
        return [file for tile in self._files.values() for file in tile if file is not None]

    @property
    def sha256(self) -> str:
        """SHA-256 of the names and contents of all files."""
        lines = [f"{sha256_file(f)}  {f.relative_to(self._folder).as_posix()}" for f in self.files]
        return sha256_bytes("\n".join(sorted(lines)).encode())

    @cached_property
    def bands(self) -> int:
        """Number of columns of the embedding."""
        files = next(iter(self._files.values()))
        if files.values is None:
            return Raster(files.raster).bands
        return int(_array(files.values).shape[-1])

    def groups(self, lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
        """Number of the tile that a point lies in, `(n,)`: points of one tile are read together."""
        column, row = _tile_of(lonlat)
        return np.asarray(row * 10_000 + column, dtype=np.int64)

    def look_up(self, lonlat: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Embeddings of the pixels that contain the points.

        Args:
            lonlat: `(n, 2)` degrees, longitude first.

        Returns:
            Embeddings, `(n, D)`, and whether each point is covered, `(n,)`.

        Raises:
            EncoderError: a file is damaged, or the files of a tile do not belong together.
        """
        values = np.zeros((len(lonlat), self.bands), dtype=np.float32)
        covered = np.zeros(len(lonlat), dtype=np.bool_)
        column, row = _tile_of(lonlat)
        for tile in sorted({*zip(column.tolist(), row.tolist(), strict=True)} & {*self._files}):
            points = np.flatnonzero((column == tile[0]) & (row == tile[1]))
            values[points], covered[points] = _pixels(self._files[tile], lonlat[points])
        return values, covered


def _tile_of(lonlat: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Column and row of the tile that each point lies in."""
    # A point on an edge, such as 0.3, may be just below it in binary.
    corner = np.floor(lonlat * 10 + 1e-9).astype(np.int64)
    # 180 degrees east are in the tile that begins at 180 west.
    return np.where(corner[:, 0] == 1800, -1800, corner[:, 0]), corner[:, 1]


def _find(folder: Path) -> dict[Tile, _Files]:
    rasters, masks = _named(folder, SUFFIXES, "year"), _named(folder, SUFFIXES, "")
    values, scales = _named(folder, (".npy",), ""), _named(folder, (".npy",), "_scales")
    if values:
        missing = [tile for tile in values if tile not in scales or tile not in masks]
        if missing:
            name = values[missing[0]].name
            raise EncoderError(
                f"{folder} has {name}, but not its {name.removesuffix('.npy')}_scales.npy or its "
                f"mask of land {name.removesuffix('.npy')}.tiff; geotessera downloads all three"
            )
        return {tile: _Files(masks[tile], values[tile], scales[tile]) for tile in values}
    if not rasters:
        raise EncoderError(
            f"{folder} has no tiles of TESSERA, such as grid_0.15_52.05.npy or "
            "grid_0.15_52.05_2024.tiff"
        )
    return {tile: _Files(path) for tile, path in rasters.items()}


def _named(folder: Path, suffixes: tuple[str, ...], kind: str) -> dict[Tile, Path]:
    """Files of one kind by tile: with a year in the name, `_scales`, or nothing after the place."""
    found: dict[Tile, Path] = {}
    for path in sorted(folder.rglob("grid_*")):
        match = _NAME.fullmatch(path.stem)
        if match is None or path.suffix.lower() not in suffixes:
            continue
        ending = match[3] or ""
        if (ending[1:].isdigit() and kind == "year") or ending == kind:
            tile = round(float(match[1]) * 10 - 0.5), round(float(match[2]) * 10 - 0.5)
            if tile in found:
                raise EncoderError(
                    f"{folder} has {path.name} several times, in {found[tile].parent} and in "
                    f"{path.parent}: choose the folder of one year"
                    if path.name == found[tile].name
                    else f"{folder} has several years of a tile, {found[tile].name} and "
                    f"{path.name}: keep those of one year in a folder"
                )
            found[tile] = path
    return found


def _pixels(
    files: _Files, lonlat: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    raster = Raster(files.raster)
    if files.values is None or files.scales is None:
        values, covered = raster.look_up(lonlat)
        return values.astype(np.float32), covered
    quantised, scales = _array(files.values), _array(files.scales)
    shape = quantised.shape[:2]
    if quantised.ndim != 3 or quantised.dtype != np.int8 or raster.shape != shape:
        raise EncoderError(
            f"{files.values} is {quantised.dtype} of shape {quantised.shape}; it should be int8 of "
            f"shape {(*raster.shape, 128)}, like its mask of land {files.raster.name}"
        )
    if scales.shape not in (shape, quantised.shape) or scales.dtype.kind != "f":
        raise EncoderError(
            f"{files.scales} is {scales.dtype} of shape {scales.shape}; it should be "
            f"floating-point of shape {shape}"
        )
    row, column = raster.pixels(lonlat)
    inside = np.flatnonzero(row >= 0)
    factor = np.asarray(scales[row[inside], column[inside]], dtype=np.float32)
    factor = factor[:, None] if factor.ndim == 1 else factor
    out = np.zeros((len(lonlat), quantised.shape[2]), dtype=np.float32)
    out[inside] = quantised[row[inside], column[inside]].astype(np.float32) * factor
    covered = np.zeros(len(lonlat), dtype=np.bool_)
    covered[inside] = np.isfinite(out[inside]).all(axis=1)
    return out, covered


def _array(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except DAMAGE as error:
        raise EncoderError(
            f"{path} is damaged, or is not a .npy file: {first_line(error)}"
        ) from error
    return array
