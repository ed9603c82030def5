"""AlphaEarth Foundations: generated files of the documented layout, compared with plain loops.

The layout is that of the readme of gs://alphaearth_foundations: 64 bands of int8 in UTM, -128 where
masked, rows from the south. A released file has not been at hand: the card says `verified: false`.
"""

from __future__ import annotations

import hashlib
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pyproj import Transformer

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.files import CACHE_VARIABLE, sha256_file
from satclip_bench.encoders import get_encoder
from satclip_bench.encoders.alphaearth import AlphaEarth, dequantise
from satclip_bench.encoders.check import CORNERS, check_encoder
from satclip_bench.encoders.lookup import raster
from satclip_bench.encoders.lookup.partial import UncoveredPointsWarning
from satclip_bench.encoders.lookup.raster import Raster

UTM33 = "EPSG:32633"
WEST, SOUTH, PIXEL = 380_000.0, 5_800_000.0, 10.0
AXES = [f"A{i:02d}" for i in range(64)]


def quantised(rows: int, columns: int, bands: int = 64, seed: int = 0) -> NDArray[np.int8]:
    """Bytes of random unit vectors, `(bands, rows, columns)`."""
    vectors = np.random.default_rng(seed).normal(size=(bands, rows, columns))
    vectors /= np.linalg.norm(vectors, axis=0)
    return np.rint(np.sign(vectors) * np.sqrt(np.abs(vectors)) * 127.5).astype(np.int8)


VIRTUAL = f"""<VRTDataset rasterXSize="64" rasterYSize="64"><SRS>{UTM33}</SRS>
<GeoTransform>{WEST}, {PIXEL}, 0, {SOUTH}, 0, {PIXEL}</GeoTransform>
<VRTRasterBand dataType="Int8" band="1"><SimpleSource>
<SourceFilename relativeToVRT="1">other.tif</SourceFilename><SourceBand>1</SourceBand>
</SimpleSource></VRTRasterBand></VRTDataset>"""


def geotiff(
    path: Path,
    pixels: NDArray[Any],
    transform: tuple[float, ...] = (PIXEL, 0, WEST, 0, PIXEL, SOUTH),
    crs: str | None = UTM33,
    **options: Any,
) -> Path:
    rasterio = pytest.importorskip("rasterio", reason="the extra `encoders` is not installed")
    settings = {
        "driver": "GTiff",
        "count": pixels.shape[0],
        "height": pixels.shape[1],
        "width": pixels.shape[2],
        "dtype": pixels.dtype,
        "nodata": -128 if pixels.dtype == np.int8 else None,
        "tiled": True,
        "blockxsize": 64,
        "blockysize": 64,
        "compress": "deflate",
    } | options
    if crs is not None:
        settings |= {"crs": crs, "transform": rasterio.Affine(*transform)}
    with rasterio.open(path, "w", **settings) as file:
        file.write(pixels)
    return path


def lonlat_of(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    back = Transformer.from_crs(UTM33, "EPSG:4326", always_xy=True)
    return np.stack(back.transform(x, y), axis=1)


def restored(byte: int) -> float:
    """One component as described in the readme: divided, squared, with the sign kept."""
    return (byte / 127.5) ** 2 * (1 if byte > 0 else -1 if byte < 0 else 0)


def test_bytes_become_unit_vectors() -> None:
    every = np.arange(-127, 128).astype(np.int8)[:, None]
    expected = [restored(byte) for byte in range(-127, 128)]
    assert dequantise(every, "here")[:, 0] == pytest.approx(expected, abs=1e-7)
    vectors = dequantise(quantised(20, 20).reshape(64, -1).T, "here")
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=0.02)
    masked = np.array([[3, -128], [3, 4]], dtype=np.int8)
    assert np.isnan(dequantise(masked, "here")).all(axis=1).tolist() == [True, False]


@pytest.mark.parametrize("from_south", [True, False])
def test_pixels_of_a_raster_in_utm(
    from_south: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small tiles, so that there are edges between them.
    monkeypatch.setattr(raster, "TILE", 37)
    pixels = quantised(130, 90)
    step, start = (PIXEL, SOUTH) if from_south else (-PIXEL, SOUTH + 1300)
    path = geotiff(tmp_path / "t.tif", pixels, (PIXEL, 0, WEST, 0, step, start))
    rng = np.random.default_rng(2)
    column, row = rng.uniform(0.01, 89.99, 400), rng.uniform(0.01, 129.99, 400)
    points = lonlat_of(WEST + PIXEL * column, start + step * row)
    encoder = AlphaEarth(path)
    assert encoder.card.dimension == 64
    result = encoder.encode(points)
    for i in range(400):
        expected = [restored(int(b)) for b in pixels[:, int(row[i]), int(column[i])]]
        assert result[i] == pytest.approx(expected, abs=1e-6)
    assert np.array_equal(encoder.encode(points, batch_size=7), result)
    order = rng.permutation(400)
    assert np.array_equal(encoder.encode(points[order]), result[order])


def test_outside_and_masked_points_are_told(tmp_path: Path) -> None:
    pixels = quantised(64, 64)
    pixels[:, 10, 20] = -128
    path = geotiff(tmp_path / "t.tif", pixels)
    x = WEST + PIXEL * np.array([5.5, 20.5, -0.5, 64.5, 5.5])
    y = SOUTH + PIXEL * np.array([5.5, 10.5, 3.0, 3.0, 64.5])
    points = np.concatenate([lonlat_of(x, y), [[-165, 52], [15, -52], [0, 90]]])
    with pytest.warns(UncoveredPointsWarning, match=r"7 of 8 points \(row 1"):
        result = AlphaEarth(path).encode(points)
    assert result[0].any()
    assert not result[1:].any()
    with pytest.raises(EncoderError, match=r"7 of 8 points \(row 1"):
        AlphaEarth(path, uncovered="error").encode(points)


@pytest.mark.filterwarnings("ignore::satclip_bench.encoders.lookup.partial.UncoveredPointsWarning")
def test_nothing_of_the_world_but_the_raster_is_covered(tmp_path: Path) -> None:
    source = Raster(geotiff(tmp_path / "t.tif", quantised(64, 64)))
    rng = np.random.default_rng(0)
    world = np.stack([rng.uniform(-180, 180, 20000), rng.uniform(-90, 90, 20000)], axis=1)
    assert (source.tiles(np.concatenate([world, CORNERS])) == -1).all()
    check_encoder(AlphaEarth(tmp_path / "t.tif"), points=30)


def test_a_raster_of_the_whole_world(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).uniform(-1, 1, (3, 18, 36)).astype(np.float32)
    path = geotiff(tmp_path / "t.tiff", pixels, (10, 0, -180, 0, -10, 90), "EPSG:4326", tiled=False)
    encoder = AlphaEarth(path, uncovered="error")
    assert encoder.card.dimension == 3
    check_encoder(encoder)
    corners = np.array([[-180, 90], [180, -90], [180, 90], [0, 0], [-0.001, 0.001]])
    result = encoder.encode(corners)
    expected = [(0, 0), (17, 35), (0, 35), (9, 18), (8, 17)]
    assert np.array_equal(result, [pixels[:, row, column] for row, column in expected])


def test_a_raster_across_the_antimeridian(tmp_path: Path) -> None:
    # Zone 60 ends at 180 E, and its tiles reach beyond.
    pixels = quantised(64, 64)
    to_utm = Transformer.from_crs("EPSG:4326", "EPSG:32760", always_xy=True)
    x, y = to_utm.transform(180, -16.5)
    transform = (PIXEL, 0, x - 320, 0, PIXEL, y - 320)
    path = geotiff(tmp_path / "t.tif", pixels, transform, "EPSG:32760")
    points = np.array([[179.9985, -16.5], [-179.9985, -16.5], [180, -16.5], [-180, -16.5]])
    result = AlphaEarth(path, uncovered="error").encode(points)
    for point, embedding in zip(points, result, strict=True):
        column, row = (np.array(to_utm.transform(*point)) - (x - 320, y - 320)) / PIXEL
        expected = [restored(int(b)) for b in pixels[:, int(row), int(column)]]
        assert embedding == pytest.approx(expected, abs=1e-6)
    assert (result[0] != result[1]).any()


@pytest.mark.parametrize(
    ("crs", "west", "turn"),
    [
        *(("EPSG:4326", 0, 360), ("EPSG:4326", -5, 360), ("EPSG:4326", -185, 360)),
        # In grads from Paris.
        ("EPSG:4807", 0, 400),
    ],
)
def test_rasters_beyond_180_degrees(tmp_path: Path, crs: str, west: float, turn: float) -> None:
    pixels = np.random.default_rng(0).uniform(-1, 1, (2, 18, 36)).astype(np.float32)
    step = turn / 36
    transform = (step, 0, west, 0, -step, turn / 4)
    path = geotiff(tmp_path / "t.tif", pixels, transform, crs, tiled=False)
    rng = np.random.default_rng(1)
    points = np.stack([rng.uniform(-180, 180, 300), rng.uniform(-80, 80, 300)], axis=1)
    encoder = AlphaEarth(path, uncovered="error")
    check_encoder(encoder)
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(*points.T)
    column, row = np.mod(x - west, turn) // step, (turn / 4 - y) // step
    expected = pixels[:, row.astype(int), column.astype(int)].T
    assert np.array_equal(encoder.encode(points), expected)
    assert encoder.card.parameters["longitudes"] == "beyond 180 degrees"


@pytest.mark.parametrize("inside", [True, False])
def test_masks_of_a_raster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: bool) -> None:
    rasterio = pytest.importorskip("rasterio", reason="the extra `encoders` is not installed")
    monkeypatch.setattr(raster, "TILE", 37)
    pixels, mask = quantised(90, 80), np.random.default_rng(3).random((90, 80)) < 0.5
    path = geotiff(tmp_path / "t.tif", pixels, nodata=None)
    plain = AlphaEarth(path)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=inside), rasterio.open(path, "r+") as file:
        file.write_mask(mask)
    assert path.with_name("t.tif.msk").exists() != inside
    row, column = np.divmod(np.arange(90 * 80), 80)
    points = lonlat_of(WEST + PIXEL * (column + 0.5), SOUTH + PIXEL * (row + 0.5))
    encoder = AlphaEarth(path)
    with pytest.warns(UncoveredPointsWarning, match=f"{(~mask).sum()} of 7200 points"):
        result = encoder.encode(points, batch_size=1000)
    assert np.array_equal(result.any(axis=1), mask.ravel())
    # Records of a file that is read otherwise than before have another key, and no others.
    expected = {**plain.card.parameters, "masked": "by the mask of the file"}
    if not inside:
        beside = path.with_name("t.tif.msk").read_bytes()
        expected["mask_sha256"] = hashlib.sha256(beside).hexdigest()
    assert dict(encoder.card.parameters) == expected
    assert get_encoder("table.t", file=path).card.parameters["masked"]


def test_an_alpha_band_is_a_band(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).uniform(-1, 1, (4, 18, 36)).astype(np.float32)
    pixels[3, 5] = 0
    transform = (10, 0, -180, 0, -10, 90)
    options = {"photometric": "RGB", "alpha": "YES", "tiled": False}
    path = geotiff(tmp_path / "t.tif", pixels, transform, "EPSG:4326", **options)
    encoder = AlphaEarth(path, uncovered="error")
    assert encoder.encode([[5.0, 35.0]]) == pytest.approx(pixels[:, 5, 18][None])
    assert not {"masked", "longitudes"} & encoder.card.parameters.keys()


def test_masked_values_of_floating_point(tmp_path: Path) -> None:
    pixels = np.full((2, 18, 36), 0.5, dtype=np.float64)
    pixels[1, 0, 0], pixels[0, 0, 1] = np.nan, -9999
    path = geotiff(tmp_path / "t.tif", pixels, (10, 0, -180, 0, -10, 90), "EPSG:4326", nodata=-9999)
    with pytest.warns(UncoveredPointsWarning, match="2 of 3 points"):
        result = AlphaEarth(path).encode([[-175, 85], [-165, 85], [-155, 85]])
    assert result.tolist() == [[0, 0], [0, 0], [0.5, 0.5]]


def test_a_large_raster_is_read_in_small_windows(tmp_path: Path) -> None:
    pixels = np.zeros((8, 3000, 3000), dtype=np.int8)
    path = geotiff(tmp_path / "t.tif", pixels, blockxsize=256, blockysize=256)
    rng = np.random.default_rng(0)
    points = lonlat_of(*(np.array([[WEST], [SOUTH]]) + rng.uniform(0, 30_000, (2, 500))))
    encoder = AlphaEarth(path)
    encoder.encode(points[:1])
    tracemalloc.start()
    encoder.encode(points)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A window has 2 MiB, the raster 69 MiB.
    assert peak < 8 * 2**20


@pytest.mark.filterwarnings("ignore::Warning")
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("truncated", "damaged"),
        ("header", "damaged, or is not a GeoTIFF"),
        ("text", "damaged, or is not a GeoTIFF"),
        ("virtual", "damaged, or is not a GeoTIFF"),
        ("nowhere", "has no coordinate reference system"),
        ("int16", "holds int16"),
        ("bytes as floats", "Give them as int8"),
    ],
)
def test_bad_rasters_are_refused_by_name(fault: str, words: str, tmp_path: Path) -> None:
    path, pixels = tmp_path / "t.tif", quantised(64, 64)
    if fault == "int16":
        pixels = pixels.astype(np.int16)
    elif fault == "bytes as floats":
        pixels = pixels.astype(np.float32)
    geotiff(path, pixels, crs=None if fault == "nowhere" else UTM33)
    content = path.read_bytes()
    if fault == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif fault == "header":
        path.write_bytes(content[:60])
    elif fault == "text":
        path.write_text("not a raster")
    elif fault == "virtual":
        # GDAL would choose another driver for this file, which reads another file.
        path.rename(tmp_path / "other.tif")
        path.write_text(VIRTUAL)
    encoder = AlphaEarth(path)
    with pytest.raises(EncoderError) as caught:
        encoder.encode(
            lonlat_of(WEST + PIXEL * np.arange(1.5, 60), SOUTH + PIXEL * np.arange(1.5, 60))
        )
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def table(path: Path, values: NDArray[Any], lonlat: NDArray[np.float64]) -> Path:
    frame = pd.DataFrame(values, columns=AXES)
    frame["year"], frame["lon"], frame["lat"] = 2024, lonlat[:, 0], lonlat[:, 1]
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path)
    return path


def test_tables_of_bytes_and_of_floats_agree(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    lonlat = np.stack([rng.uniform(-180, 180, 50), rng.uniform(-60, 60, 50)], axis=1)
    values = quantised(1, 50).reshape(64, -1).T
    expected = np.array([[restored(int(b)) for b in row] for row in values])
    exact = AlphaEarth(table(tmp_path / "b.parquet", values, lonlat)).encode(lonlat)
    assert exact == pytest.approx(expected, abs=1e-6)
    for name in ("f.parquet", "f.csv"):
        floats = AlphaEarth(table(tmp_path / name, expected, lonlat))
        assert floats.card.dimension == 64
        assert floats.encode(lonlat) == pytest.approx(expected, abs=1e-6)
        near = lonlat + np.array([0, 0.0005])
        assert np.array_equal(floats.encode(near), floats.encode(lonlat))
    check_encoder(AlphaEarth(tmp_path / "b.parquet", max_km=None))


def test_masked_and_distant_rows_of_a_table(tmp_path: Path) -> None:
    lonlat = np.array([[10.0, 50.0], [11.0, 50.0]])
    values = quantised(1, 2).reshape(64, -1).T.copy()
    values[1] = -128
    encoder = AlphaEarth(table(tmp_path / "t.parquet", values, lonlat))
    with pytest.warns(UncoveredPointsWarning, match=r"2 of 3 points \(row 1: 11, 50; row 2"):
        result = encoder.encode(np.concatenate([lonlat, [[10.01, 50.0]]]))
    assert result.any(axis=1).tolist() == [True, False, False]


def test_bytes_that_are_not_said_to_be_bytes_are_refused(tmp_path: Path) -> None:
    lonlat = np.array([[10.0, 50.0], [11.0, 50.0]])
    values = quantised(1, 2).reshape(64, -1).T
    path = table(tmp_path / "t.csv", values, lonlat)
    with pytest.raises(EncoderError, match=r"t\.csv holds values up to .* Give them as int8"):
        AlphaEarth(path).encode(lonlat)


def test_the_card_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    card = AlphaEarth().card
    assert (card.name, card.dimension, card.verified) == ("alphaearth", 64, False)
    assert "elevation" in card.contaminates
    with pytest.raises(EncoderError, match=r"alphaearth\.parquet.*gs://alphaearth_foundations"):
        AlphaEarth().encode([[0, 0]])
    with pytest.raises(EncoderError, match="max_km"):
        AlphaEarth(max_km=0)


def test_the_card_is_that_of_the_file(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "t.tif", quantised(64, 64, bands=5))
    encoder = AlphaEarth(path)
    assert encoder.card.dimension == 5
    assert encoder.weights_sha256 == sha256_file(path)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    path = tmp_path / "t.tif"
    path.write_bytes(b"II*\x00")
    monkeypatch.setitem(sys.modules, "rasterio", None)
    encoder = AlphaEarth(path)
    assert encoder.card.dimension == 64
    with pytest.raises(EncoderError, match=r"rasterio is needed .*satclip-bench\[encoders\]"):
        encoder.encode([[0, 0]])
