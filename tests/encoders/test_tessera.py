"""TESSERA's tiles: generated folders of geotessera's two layouts, compared with plain indexing.

A released tile has not been available.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import Transformer

from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders import check_encoder
from satclip_bench.encoders.lookup.partial import UncoveredPointsWarning
from satclip_bench.encoders.lookup.tessera import TesseraTiles
from satclip_bench.encoders.table import TableEncoder
from tests.encoders.test_alphaearth import geotiff, lonlat_of

PIXEL, SIZE = 100.0, 60
WEST, NORTH = 388_000.0, 5_812_000.0
"""Corner of the raster in UTM zone 33, so that the tile of 13.45, 52.45 lies in it."""

TILE = "grid_13.45_52.45"


def transform() -> tuple[float, ...]:
    return (PIXEL, 0, WEST, 0, -PIXEL, NORTH)


def points(rows: int = 30) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Points in the tile's 0.1 degrees, and their pixels."""
    rng = np.random.default_rng(0)
    column, row = rng.integers(0, SIZE, 400), rng.integers(0, SIZE, 400)
    x, y = WEST + PIXEL * (column + 0.5), NORTH - PIXEL * (row + 0.5)
    lonlat = lonlat_of(x.astype(np.float64), y.astype(np.float64))
    inside = (np.floor(lonlat * 10) == [134, 524]).all(axis=1)
    assert inside.sum() >= rows
    return lonlat[inside][:rows], row[inside][:rows], column[inside][:rows]


def arrays(folder: Path, per_channel: bool = False) -> tuple[Path, NDArray[np.float32]]:
    """A folder as `geotessera download --format npy` leaves it, and its embeddings."""
    rng = np.random.default_rng(1)
    tile = folder / "global_0.1_degree_representation" / "2024" / TILE
    tile.mkdir(parents=True)
    values = rng.integers(-127, 128, (SIZE, SIZE, 128)).astype(np.int8)
    shape = (SIZE, SIZE, 128) if per_channel else (SIZE, SIZE)
    scales = rng.uniform(0.01, 0.2, shape).astype(np.float32)
    np.save(tile / f"{TILE}.npy", values)
    np.save(tile / f"{TILE}_scales.npy", scales)
    mask = folder / "global_0.1_degree_tiff_all"
    mask.mkdir()
    geotiff(mask / f"{TILE}.tiff", np.ones((1, SIZE, SIZE), np.uint8), transform())
    factors = scales if per_channel else scales[:, :, None]
    return folder, values.astype(np.float32) * factors


@pytest.mark.parametrize("per_channel", [False, True])
def test_pixels_of_quantised_tiles(per_channel: bool, tmp_path: Path) -> None:
    folder, embedding = arrays(tmp_path, per_channel)
    encoder = TableEncoder("tessera", folder)
    lonlat, row, column = points()
    assert encoder.card.dimension == 128
    assert encoder.encode(lonlat) == pytest.approx(embedding[row, column])
    # A point of the raster beyond the tile's 0.1 degrees belongs to the next tile.
    outside = np.array([[13.51, 52.45], [0.0, 0.0]])
    with pytest.warns(UncoveredPointsWarning, match="2 of 2"):
        assert not encoder.encode(outside).any()


@pytest.mark.filterwarnings("ignore::satclip_bench.encoders.lookup.partial.UncoveredPointsWarning")
def test_tiles_of_floats_and_the_contract(tmp_path: Path) -> None:
    folder, embedding = arrays(tmp_path / "npy")
    tile = tmp_path / "tiff" / "global_0.1_degree_representation" / "2024" / TILE
    tile.mkdir(parents=True)
    geotiff(tile / f"{TILE}_2024.tiff", embedding.transpose(2, 0, 1), transform())
    encoder = TableEncoder("tessera", tmp_path / "tiff")
    lonlat, *_ = points()
    assert np.array_equal(encoder.encode(lonlat), TableEncoder("npy", folder).encode(lonlat))
    check_encoder(encoder)


def test_pixels_without_a_scale_are_not_covered(tmp_path: Path) -> None:
    folder, _ = arrays(tmp_path)
    (path,) = folder.rglob("*_scales.npy")
    scales = np.load(path)
    lonlat, row, column = points()
    scales[row[0], column[0]] = np.nan
    np.save(path, scales)
    before = TesseraTiles(folder).sha256
    with pytest.warns(UncoveredPointsWarning, match=r"1 of 30 points \(row 0"):
        assert not TableEncoder("tessera", folder).encode(lonlat)[0].any()
    scales[row[0], column[0]] = 1
    np.save(path, scales)
    assert TesseraTiles(folder).sha256 != before


def test_both_longitudes_of_the_antimeridian_are_in_the_tile_east_of_it(tmp_path: Path) -> None:
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32701", always_xy=True).transform(180, -16.75)
    corner = (PIXEL, 0, x - 30 * PIXEL, 0, -PIXEL, y + 30 * PIXEL)
    pixels = np.random.default_rng(0).normal(size=(4, SIZE, SIZE)).astype(np.float32)
    geotiff(tmp_path / "grid_-179.95_-16.75_2024.tiff", pixels, corner, "EPSG:32701")
    result = TableEncoder("tessera", tmp_path).encode([[180.0, -16.75], [-180.0, -16.75]])
    assert result[0].any()
    assert np.array_equal(result[0], result[1])


def test_incomplete_and_ambiguous_folders(tmp_path: Path) -> None:
    folder, _ = arrays(tmp_path / "a")
    (mask,) = folder.rglob("*.tiff")
    other = tmp_path / "b"
    other.mkdir()
    for year in (2023, 2024):
        (other / f"{TILE}_{year}.tiff").write_bytes(mask.read_bytes())
    with pytest.raises(EncoderError, match=f"several years of a tile, {TILE}_2023.tiff and"):
        TableEncoder("tessera", other)
    (values,) = (path for path in folder.rglob("*.npy") if "scales" not in path.name)
    np.save(values, np.zeros((3, 4, 128), np.int8))
    with pytest.raises(EncoderError, match=r"int8 of shape \(3, 4, 128\); it should be int8 of"):
        TableEncoder("tessera", folder).encode(points()[0])
    mask.unlink()
    with pytest.raises(EncoderError, match=f"not its {TILE}_scales.npy or its mask of land"):
        TableEncoder("tessera", folder)
