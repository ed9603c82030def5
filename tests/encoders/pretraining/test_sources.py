from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.stats import kstest

from satclip_bench.core.download.cards import PackageOrigin
from satclip_bench.core.download.packages import distributions_dir
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders.pretraining.config import S2, BlueMarble, Data, GeoTiffs, Table
from satclip_bench.encoders.pretraining.sources import read_pairs
from satclip_bench.encoders.pretraining.sources.bluemarble import (
    IMAGE,
    MASK,
    PACKAGE,
    blue_marble_pairs,
    crops,
    downsample,
    draw_land_points,
    read_mask,
)
from tests.encoders.pretraining.files import s2_folder, write_tiff

DISTRIBUTIONS = distributions_dir()
"""The user's folder of distributions, since tests have their own cache."""

GLOBE = np.random.default_rng(0).integers(0, 256, (18, 36, 3), dtype=np.uint8)
"""Pixels of ten degrees."""


def test_land_is_drawn_uniformly_and_only_there() -> None:
    everywhere = np.ones((180, 360), np.bool_)
    lonlat = draw_land_points(20_000, 0, everywhere)
    assert kstest(np.sin(np.radians(lonlat[:, 1])), "uniform", (-1, 2)).pvalue > 1e-3
    assert kstest(lonlat[:, 0], "uniform", (-180, 360)).pvalue > 1e-3
    east = np.zeros((180, 360), np.bool_)
    east[10:100, 180:] = True
    land = draw_land_points(3000, 1, east)
    assert (land[:, 0] >= 0).all()
    assert land[:, 1].min() == pytest.approx(-80, abs=0.5)
    assert land[:, 1].max() == pytest.approx(10, abs=0.5)
    assert np.array_equal(draw_land_points(100, 1, east), land[:100])
    assert draw_land_points(500, 1, everywhere, antarctica=False)[:, 1].min() > -60
    with pytest.raises(ValueError, match="the mask has no land"):
        draw_land_points(1, 0, np.zeros((180, 360), np.bool_))


def test_crops_pixel_by_pixel() -> None:
    lonlat = np.array([[0, 0], [179, 5], [-179.5, -40], [180, 12], [-180, 12], [33, 88], [9, -90]])
    data = BlueMarble(pixels=6, stretch=False)
    result = crops(GLOBE, lonlat.astype(np.float64), data)
    assert result.shape == (7, 3, 6, 6)
    for i, (lon, lat) in enumerate(lonlat):
        for r in range(6):
            for c in range(6):
                # Pixels of ten degrees, at their middles from the point on.
                north, east = lat - 10 * (r - 2.5), (lon + 10 * (c - 2.5) + 180) % 360
                row = int(np.clip((90 - north) // 10, 0, 17))
                assert result[i, :, r, c].tolist() == GLOBE[row, int(east // 10)].tolist()
    # Both longitudes of the antimeridian.
    assert np.array_equal(result[3], result[4])


def test_crops_are_as_wide_on_the_ground_everywhere() -> None:
    globe = np.zeros((180, 360, 3), np.uint8)
    globe[..., 0] = np.abs(np.arange(360) - 179.5)[None, :]
    lonlat = np.array([[0.0, 0], [0, 60], [0, 90], [180, 89.99]])
    result = crops(globe, lonlat, BlueMarble(pixels=8, stretch=True))[:, 0]
    plain = crops(globe, lonlat, BlueMarble(pixels=8, stretch=False))[:, 0]
    assert np.array_equal(result[0], plain[0])
    # At 60 degrees a degree of longitude is half as long.
    assert int(result[1, 0, 7]) == pytest.approx(2 * int(plain[0, 0, 7]), abs=1)
    assert np.array_equal(plain[1], plain[0])


def test_scales_add_bands_and_average() -> None:
    lonlat = np.array([[5.0, 5.0]])
    two = crops(GLOBE, lonlat, BlueMarble(pixels=4, scales=(1, 3), stretch=False))
    assert two.shape == (1, 6, 4, 4)
    one = crops(GLOBE, lonlat, BlueMarble(pixels=4, stretch=False))
    assert np.array_equal(two[:, :3], one)
    cells = downsample(GLOBE, 3, ("red", "green", "blue"))
    assert cells.shape == (6, 12, 3)
    assert cells[1, 2].tolist() == np.rint(GLOBE[3:6, 6:9].mean(axis=(0, 1))).tolist()


def test_texture_is_the_spread_of_luminance() -> None:
    light = GLOBE @ np.array([0.299, 0.587, 0.114])
    coarse = downsample(GLOBE // 8, 3, ("texture", "green"))
    assert coarse[0, 0, 0] == pytest.approx(4 * light_spread(GLOBE[:3, :3] // 8), abs=1)
    assert np.array_equal(coarse[..., 1], downsample(GLOBE // 8, 3, ("green",))[..., 0])
    fine = downsample(GLOBE, 1, ("texture",))[..., 0]
    around = light[4:7][:, [35, 0, 1]]
    assert fine[5, 0] == pytest.approx(min(4 * around.std(), 255), abs=1)


def light_spread(pixels: NDArray[np.uint8]) -> float:
    return float((pixels @ np.array([0.299, 0.587, 0.114])).std())


def test_the_blue_marble_comes_from_a_pinned_package() -> None:
    (origin,) = PACKAGE.origins
    assert isinstance(origin, PackageOrigin)
    assert PACKAGE.file.startswith(f"{origin.package.replace('-', '_')}-{origin.version}-")
    assert {IMAGE, MASK} == set(PACKAGE.members)


def test_the_real_blue_marble() -> None:
    folder = DISTRIBUTIONS
    if not (folder / PACKAGE.file).is_file():
        pytest.skip(f"{folder} does not have {PACKAGE.file}: make pretrain downloads it")
    land = read_mask(folder)
    assert [land[int((lat + 90) * 12), int((lon + 180) * 12)] for lon, lat in PLACES] == [
        1,
        1,
        0,
        0,
    ]
    data = BlueMarble(points=300, pixels=8, scales=(1, 4))
    pairs = blue_marble_pairs(data, 0)
    images = pairs.images.read(np.arange(300))
    assert images.shape == (300, 6, 8, 8)
    assert pairs.sha256 == blue_marble_pairs(data, 0).sha256
    # Forests are dark, deserts and ice bright; the sea of this image is blue.
    sahara, congo = (crop_mean(folder, *p) for p in ((23.0, 23.0), (22.0, 1.0)))
    assert sahara[0] > 2 * congo[0]
    assert congo[1] > congo[2]


PLACES = ((13.4, 52.5), (15.0, 13.2), (-150.0, 0.0), (-30.0, 40.0))


def crop_mean(folder: Path, lon: float, lat: float) -> NDArray[np.float64]:
    from satclip_bench.encoders.pretraining.sources.bluemarble import read_image

    crop = crops(read_image(folder), np.array([[lon, lat]]), BlueMarble(pixels=16))
    mean: NDArray[np.float64] = crop[0].mean(axis=(1, 2))
    return mean


def s2(folder: Path, **changes: Any) -> S2:
    return S2.model_validate({"folder": folder, "workers": 2} | changes)


def test_s2_from_a_folder_and_from_tars(tmp_path: Path) -> None:
    plain = read_pairs(s2(s2_folder(tmp_path / "a")), 0)
    packed = read_pairs(s2(s2_folder(tmp_path / "b", tar=True)), 0)
    rows = np.array([4, 0])
    images = plain.images.read(rows)
    assert images.shape == (2, 13, 256, 256)
    assert images.dtype == np.uint16
    assert (images[:, 10] == 0).all()
    assert np.array_equal(images, packed.images.read(rows))
    assert np.array_equal(plain.lonlat, packed.lonlat)
    index = pd.read_csv(tmp_path / "a" / "index.csv")
    assert np.array_equal(plain.lonlat, index[["lon", "lat"]].to_numpy())
    twelve = read_pairs(s2(tmp_path / "a", bands=12), 0).images.read(rows)
    assert np.array_equal(twelve, np.delete(images, 10, axis=1))


def test_bad_images_of_s2(tmp_path: Path) -> None:
    folder = s2_folder(tmp_path)
    size: dict[str, Any] = {"crs": "EPSG:32632", "degrees": 10}
    noise = np.random.default_rng(1).normal(size=(12, 256, 256)).astype(np.float32)
    write_tiff(folder / "images" / "patch_1.tif", np.full((12, 256, 256), 7, np.uint16), **size)
    noise[3, 5, 5] = np.nan
    write_tiff(folder / "images" / "patch_2.tif", noise, **size)
    with pytest.raises(
        BenchError, match=r"1 images have no usable data.*patch_2\.tif: 1 of its 786432"
    ):
        # A constant image compresses to less than the authors' ten thousand bytes.
        read_pairs(s2(folder), 0)
    with pytest.raises(BenchError, match=r"2 images.*patch_1\.tif: it is constant in every band"):
        read_pairs(s2(folder, smallest_bytes=0), 0)
    left = read_pairs(s2(folder, bad="skip"), 0)
    assert len(left) == 4
    assert "smaller than 10000 bytes" in left.notes[0]
    assert "patch_2.tif" in left.notes[1]
    unseen = read_pairs(s2(folder, scan=False), 0)
    with pytest.raises(BenchError, match=r"patch_2\.tif: 1 of its"):
        unseen.images.read(np.arange(5))
    few = np.random.default_rng(2).integers(0, 999, (10, 256, 256), dtype=np.uint16)
    write_tiff(folder / "images" / "patch_3.tif", few, **size)
    with pytest.raises(BenchError, match=r"patch_3\.tif has shape \(10, 256, 256\), not \(12,"):
        read_pairs(s2(folder, bad="skip"), 0)
    (folder / "images" / "patch_3.tif").write_bytes(b"no tiff" * 9999)
    with pytest.raises(BenchError, match=r"patch_3\.tif cannot be read"):
        read_pairs(s2(folder), 0)
    (folder / "images" / "patch_3.tif").unlink()
    with pytest.raises(
        BenchError, match=r"1 of 6 images in the index of .* missing, first patch_3\.tif"
    ):
        read_pairs(s2(folder), 0)


def test_folders_that_are_no_s2(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"index\.csv cannot be read"):
        read_pairs(s2(tmp_path), 0)
    (tmp_path / "index.csv").write_text("fn,lon\na,1\n")
    with pytest.raises(BenchError, match=r"columns are missing in .*: lat"):
        read_pairs(s2(tmp_path), 0)
    (tmp_path / "index.csv").write_text("fn,lon,lat\na,1,99\n")
    with pytest.raises(BenchError, match="neither a folder images/ nor tar shards"):
        read_pairs(s2(tmp_path), 0)
    (tmp_path / "x.tar").write_bytes(b"no tar" * 999)
    with pytest.raises(BenchError, match="not an uncompressed tar file"):
        read_pairs(s2(tmp_path), 0)
    images = np.random.default_rng(1).integers(0, 999, (12, 256, 256), dtype=np.uint16)
    write_tiff(tmp_path / "images" / "a", images)
    with pytest.raises(BenchError, match=r"index\.csv: .*beyond 90 degrees"):
        read_pairs(s2(tmp_path), 0)


def noise(bands: int = 3, rows: int = 20, columns: int = 30, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (bands, rows, columns), dtype=np.uint8)


def tiffs(folder: Path, **changes: Any) -> GeoTiffs:
    return GeoTiffs.model_validate({"folder": folder, "pixels": 10} | changes)


def test_tiles_of_geotiffs_and_their_places(tmp_path: Path) -> None:
    image = noise()
    write_tiff(tmp_path / "a.tif", image, (10.0, 50.0), degrees=0.1)
    utm = noise(seed=1)
    write_tiff(tmp_path / "deep" / "b.TIFF", utm, (6e5, 5e6), crs="EPSG:32632", degrees=100)
    pairs = read_pairs(tiffs(tmp_path), 0)
    assert len(pairs) == 12
    assert pairs.lonlat[:3] == pytest.approx(np.array([[10.5, 49.5], [11.5, 49.5], [12.5, 49.5]]))
    assert np.array_equal(pairs.images.read(np.array([4]))[0], image[:, 10:20, 10:20])
    to_lonlat = Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True)
    expected = to_lonlat.transform(6e5 + 2500, 5e6 - 1500)
    assert pairs.lonlat[6 + 5] == pytest.approx(np.array(expected))
    assert np.array_equal(pairs.images.read(np.array([11]))[0], utm[:, 10:, 20:])
    chosen = read_pairs(tiffs(tmp_path, bands=[3, 1]), 0).images.read(np.array([0]))[0]
    assert np.array_equal(chosen, image[[2, 0], :10, :10])


VIRTUAL = """<VRTDataset rasterXSize="30" rasterYSize="20">
<VRTRasterBand dataType="Byte" band="1"/></VRTDataset>"""


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: write_tiff(p / "a.tif", noise(), crs=None), r"a\.tif has no georeference \(CRS"),
        (lambda p: write_tiff(p / "a.tif", noise(4)), r"z\.tif has 3 bands.*have 4"),
        (lambda p: write_tiff(p / "a.tif", noise(rows=9)), "9 x 30 pixels, smaller than a tile"),
        (lambda p: write_tiff(p / "a.tif", noise() * 0), r"row 0, column 0: it is constant"),
        (lambda p: write_tiff(p / "a.tif", noise(), nodata=77), "values are not finite"),
        (lambda p: write_tiff(p / "a.tif", noise(), (500, 20)), "not on the Earth"),
        (lambda p: (p / "a.tif").write_bytes(b"?"), r"a\.tif is not a GeoTIFF"),
        (lambda p: (p / "a.tif").write_text(VIRTUAL), r"a\.tif is not a GeoTIFF"),
        (lambda p: write_tiff(p / "a.tif", noise(), masked=True), "values are not finite"),
    ],
)
def test_bad_geotiffs(tmp_path: Path, make: Any, words: str) -> None:
    write_tiff(tmp_path / "z.tif", noise(seed=3))
    make(tmp_path)
    with pytest.raises(BenchError, match=words):
        read_pairs(tiffs(tmp_path), 0)


def test_bad_tiles_can_be_left_out(tmp_path: Path) -> None:
    image = noise().astype(np.float32)
    image[1, 3, 3] = np.nan
    image[:, 10:, 20:] = 5
    write_tiff(tmp_path / "a.tif", image)
    pairs = read_pairs(tiffs(tmp_path, bad="skip"), 0)
    assert len(pairs) == 4
    assert "1 of its 300 values are not finite" in pairs.notes[0]
    assert "column 20: it is constant" in pairs.notes[0]
    with pytest.raises(BenchError, match=r"contains no \.tif"):
        read_pairs(tiffs(tmp_path / "none").model_copy(update={"folder": empty(tmp_path)}), 0)
    with pytest.raises(BenchError, match="there is no folder"):
        read_pairs(tiffs(tmp_path / "none"), 0)
    with pytest.raises(BenchError, match="asks for 7"):
        read_pairs(tiffs(tmp_path, bands=[7]), 0)


def empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def table(file: Path) -> Data:
    return Table(file=file)


def test_tables_of_embeddings_in_three_forms(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lonlat = np.stack([rng.uniform(-180, 180, 20), rng.uniform(-90, 90, 20)], axis=1)
    embedding = rng.normal(size=(20, 12)).astype(np.float32)
    np.savez(tmp_path / "a.npz", lonlat=lonlat, embedding=embedding)
    place = {"lon": lonlat[:, 0], "lat": lonlat[:, 1]}
    # Columns in the order of their names would mix e10 with e1.
    columns = {f"e{i}": embedding[:, i] for i in reversed(range(12))}
    pq.write_table(pa.table(place | columns), tmp_path / "b.parquet")
    pq.write_table(pa.table(place | {"embedding": list(embedding)}), tmp_path / "c.parquet")
    for name in ("a.npz", "b.parquet", "c.parquet"):
        pairs = read_pairs(table(tmp_path / name), 0)
        assert pairs.images.shape == (12,)
        assert np.array_equal(pairs.images.read(np.arange(20)), embedding), name
        assert np.array_equal(pairs.lonlat, lonlat), name


def test_bad_tables(tmp_path: Path) -> None:
    lonlat, good = np.zeros((3, 2)), np.arange(12.0).reshape(3, 4)
    bad = good.copy()
    bad[1, 2] = np.inf

    def npz(**arrays: NDArray[Any]) -> Data:
        np.savez(tmp_path / "x.npz", **arrays)  # type: ignore[arg-type]
        return table(tmp_path / "x.npz")

    for arrays, words in (
        ({"lonlat": lonlat, "embedding": bad}, "1 embeddings are not finite, first in row 1"),
        ({"lonlat": lonlat, "embedding": good[:2]}, r"3 points and embeddings of shape \(2, 4\)"),
        ({"lonlat": lonlat, "embedding": np.ones((3, 4))}, "all embeddings are the same"),
        ({"lonlat": lonlat + 400, "embedding": good}, "x.npz: 3 of 3 points"),
        ({"lonlat": lonlat}, "not an npz file with arrays lonlat and embedding"),
    ):
        with pytest.raises(BenchError, match=words):
            read_pairs(npz(**arrays), 0)
    frame = pd.DataFrame({"lon": [1.0], "lat": [2.0], "x": [3.0]})
    frame.to_parquet(tmp_path / "x.parquet")
    with pytest.raises(BenchError, match=r"has no embeddings \(columns e0"):
        read_pairs(table(tmp_path / "x.parquet"), 0)
    frame.drop(columns="lat").to_parquet(tmp_path / "x.parquet")
    with pytest.raises(BenchError, match="has no lat; its columns are lon, x"):
        read_pairs(table(tmp_path / "x.parquet"), 0)
    with pytest.raises(BenchError, match="there is no file"):
        read_pairs(table(tmp_path / "none.parquet"), 0)
