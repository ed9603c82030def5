from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest
from shapely.geometry import box

import satclip_bench.tasks.builder.distributions as dist
from satclip_bench.core.download.cards import PackageOrigin, RemoteFile
from satclip_bench.core.errors import BenchError, IntegrityError
from satclip_bench.core.files import sha256_bytes, sha256_file
from satclip_bench.core.sphere import great_circle_km
from satclip_bench.tasks.builder.build import table_bytes
from satclip_bench.tasks.builder.points import containing, draw_land, uniform_on_sphere
from satclip_bench.tasks.builder.population import BANDWIDTH_KM, density_at
from satclip_bench.tasks.builder.rasters import altitude_at, era5_at


def test_points_are_uniform_on_the_sphere() -> None:
    lon, lat = uniform_on_sphere(50_000, np.random.default_rng(0)).T
    assert kstest(np.sin(np.radians(lat)), "uniform", (-1, 2)).pvalue > 1e-3
    assert kstest(lon, "uniform", (-180, 360)).pvalue > 1e-3
    assert np.array_equal(lon, np.round(lon, 4))


WORLD = gpd.GeoDataFrame(
    {"ADM0_A3": ["AAA", "BBB"], "CONTINENT": ["Asia", "Africa"]},
    geometry=[box(-180, -10, 0, 30), box(0, -10, 180, 30)],
    crs="EPSG:4326",
)


def test_land_points_are_distinct_on_land_and_kept() -> None:
    land = draw_land(WORLD, 3000, 7, lambda points: points.lonlat[:, 1] > 0)
    assert land.lonlat.shape == (3000, 2)
    assert len(np.unique(land.lonlat, axis=0)) == 3000
    assert (land.lonlat[:, 1] > 0).all()
    assert (land.lonlat[:, 1] < 30).all()
    assert ((land.lonlat[:, 0] < 0) == (land.country == "AAA")).all()
    again = draw_land(WORLD, 3000, 7, lambda points: points.lonlat[:, 1] > 0)
    assert np.array_equal(land.lonlat, again.lonlat)
    # A shorter table is the beginning of a longer one: any prefix is a random sample.
    fewer = draw_land(WORLD, 100, 7, lambda points: points.lonlat[:, 1] > 0)
    assert np.array_equal(fewer.lonlat, land.lonlat[:100])


def test_a_point_in_two_polygons_goes_to_the_first() -> None:
    twice = gpd.GeoDataFrame(geometry=[box(5, 5, 6, 6), box(0, 0, 10, 10), box(0, 0, 10, 10)])
    points = np.array([[1.0, 1], [5.5, 5.5], [20, 20]])
    assert containing(points, twice).tolist() == [1, 0, -1]


def test_altitude_reads_the_cell_around_a_point() -> None:
    grid = np.arange(18 * 36, dtype=np.int64).reshape(18, 36) % 250
    coded = grid.astype(np.uint8)
    coded[0, 0] = 255
    points = np.array([[-180.0, 90], [-175, 85], [-170, 80], [179.9, -89.9], [180, -90], [0, 0]])
    altitude = altitude_at(coded, points)
    assert np.isnan(altitude[:2]).all()
    codes = [grid[1, 1], grid[17, 35], grid[17, 0], grid[9, 18]]
    assert altitude[2:] == pytest.approx(np.array(codes) * 28.0 - 450)


def test_temperature_is_bilinear_and_closed() -> None:
    lat, lon = np.linspace(90, -90, 721), np.arange(1440) * 0.25
    field = lat[:, None] + np.cos(np.radians(lon))[None, :]
    grid_points = np.array([[0.0, 90], [-0.25, 10], [180, -45], [-180, -45], [13.25, 52.5]])
    expected = grid_points[:, 1] + np.cos(np.radians(grid_points[:, 0]))
    assert era5_at(field, grid_points) == pytest.approx(expected)
    between = np.array([[359.875 - 360, 10.125]])
    corners = field[[319, 320]][:, [1439, 0]].mean()
    assert era5_at(field, between) == pytest.approx([corners])


def test_density_by_brute_force() -> None:
    rng = np.random.default_rng(0)
    places = np.stack([rng.uniform(178, 182, 300), rng.uniform(-80, -76, 300)], axis=1)
    places[:, 0] = np.where(places[:, 0] > 180, places[:, 0] - 360, places[:, 0])
    people = rng.integers(500, 100_000, 300).astype(np.float64)
    points = np.array([[179.9, -78.0], [-179.9, -78], [0, 0], [180, -79]])
    density = density_at(places, people, points)
    for row, point in enumerate(points):
        km = great_circle_km(places, np.tile(point, (300, 1)))
        expected = (people * np.exp(-0.5 * (km / BANDWIDTH_KM) ** 2)).sum()
        expected /= 2 * np.pi * BANDWIDTH_KM**2
        assert density[row] == pytest.approx(expected, rel=1e-4, abs=1e-12)
    assert density[2] == 0


def test_density_conserves_people() -> None:
    rng = np.random.default_rng(1)
    area = (300.0 * 2) ** 2
    # One place on the equator, seen from points uniform over a square of 600 km around it.
    around = np.degrees(rng.uniform(-300, 300, (100_000, 2)) / 6371.0088)
    density = density_at(np.zeros((1, 2)), np.array([1e6]), around)
    assert density.mean() * area == pytest.approx(1e6, rel=0.03)


def test_the_same_table_gives_the_same_bytes() -> None:
    table = pd.DataFrame({"lon": [1.0, 2], "lat": [3.0, 4], "target": ["b", "a"]})
    assert table_bytes(table) == table_bytes(table.copy())
    back = pd.read_parquet(io.BytesIO(table_bytes(table)))
    assert back["target"].astype(str).tolist() == ["b", "a"]


@pytest.fixture
def _toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "toy-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("toy/data.txt", "wheel")
    with tarfile.open(tmp_path / "Toys-2.0.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("Toys-2.0/toys/data.txt")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"sdist"))
    with zipfile.ZipFile(tmp_path / "zipped-3.0.zip", "w") as sdist:
        sdist.writestr("zipped-3.0/toys/data.txt", "zipped sdist")
    table = {
        name: RemoteFile(file=file, sha256=sha256_file(tmp_path / file) if good else "0" * 64)
        for name, file, good in (
            ("toy", "toy-1.0-py3-none-any.whl", True),
            ("toys", "Toys-2.0.tar.gz", True),
            ("zipped", "zipped-3.0.zip", True),
            ("bad", "Toys-2.0.tar.gz", False),
        )
    }
    table["gone"] = RemoteFile(
        file="gone-1.0.whl",
        sha256=sha256_bytes(b""),
        origins=(PackageOrigin(package="gone", version="1.0"),),
    )
    monkeypatch.setattr(dist, "DISTRIBUTIONS", table)


@pytest.mark.usefixtures("_toy")
def test_members_are_read_out_of_wheels_and_source_distributions(tmp_path: Path) -> None:
    assert dist.read_member("toy", "toy/data.txt", tmp_path) == b"wheel"
    assert dist.read_member("toys", "toys/data.txt", tmp_path) == b"sdist"
    assert dist.read_member("zipped", "toys/data.txt", tmp_path) == b"zipped sdist"
    for name, member in (("toy", "toy/none"), ("toys", "toys/none"), ("zipped", "toys/none")):
        with pytest.raises(BenchError, match="has no file"):
            dist.read_member(name, member, tmp_path)


@pytest.mark.usefixtures("_toy")
def test_a_package_with_another_hash_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"Toys-2\.0\.tar\.gz is not the file"):
        dist.read_member("bad", "toys/data.txt", tmp_path)


@pytest.mark.usefixtures("_toy")
def test_the_error_of_a_failed_download_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    monkeypatch.setattr(
        subprocess,
        "run",
        lambda command, **_: subprocess.CompletedProcess(command, 1, "", "no route"),
    )
    with pytest.raises(
        BenchError, match=r"could not be downloaded from .*gone==1\.0: no route.*by hand"
    ):
        dist.obtain("gone", tmp_path)
    assert "gone-1.0.whl" in dist.missing_distributions(tmp_path)
