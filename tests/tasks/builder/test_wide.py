"""Tests of the builder of the tasks outside the paper, with small made-up packages."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from PIL import Image
from shapely.geometry import box

import satclip_bench.tasks.builder.distributions as dist
from satclip_bench.core.download.cards import RemoteFile
from satclip_bench.core.files import sha256_file
from satclip_bench.core.sphere import equal_area_cells
from satclip_bench.tasks.builder import airports, census, rasters, wide
from satclip_bench.tasks.builder.points import LandPoints
from satclip_bench.tasks.development import development_frame

POINTS = np.array([[-179.9, 89.9], [0.1, 0.1], [179.9, -89.9], [180.0, -90.0]])
LAND = LandPoints(POINTS, np.array(["Asia"] * 4), np.array(["AAA"] * 4))

WORLD = gpd.GeoDataFrame(
    {"ADM0_A3": ["AAA", "BBB"], "CONTINENT": ["Asia", "Africa"]},
    geometry=[box(-180, -90, 0, 90), box(0, -90, 180, 90)],
    crs="EPSG:4326",
)


def image_bytes(grid: np.ndarray, form: str) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(grid.astype(np.uint8)).save(sink, form)
    return sink.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels with an image of zones, one of land cover, and a list of airports."""
    grid = np.ones((18, 36))
    grid[9:, :] = 2
    grid[0, 0] = 3
    far = development_frame()[["lon", "lat"]].to_numpy()[0]
    rows = [
        *("B,100,10,10.1", "C,1000,60.00004,-20.2", "A,0,10.001,10.101"),
        f"D,500,{far[1] + 0.01},{far[0]}",
    ]
    members = {
        wide.KOPPEN: image_bytes(grid, "PNG"),
        wide.KOPPEN_NAMES: b",kg_zone,zoneNum\n1,Af,1\n2,Cfb,2\n3,Ocean,3\n",
        wide.LAND_COVER: image_bytes(np.where(grid == 3, 0, grid), "TIFF"),
        airports.AIRPORTS: "\n".join(["icao,elevation,lat,lon", *rows]).encode(),
    }
    fakes = {}
    for name in {name for name, _ in members}:
        path = tmp_path / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for (owner, member), content in members.items():
                if owner == name:
                    wheel.writestr(member, content)
        fakes[name] = RemoteFile(file=path.name, sha256=sha256_file(path))
    monkeypatch.setattr(dist, "DISTRIBUTIONS", fakes)
    return tmp_path


def test_a_cell_contains_its_points() -> None:
    grid = np.arange(18 * 36, dtype=np.int64).reshape(18, 36).astype(np.uint8)
    assert rasters.cell_values(grid, POINTS).tolist() == [
        grid[0, 0],
        grid[8, 18],
        grid[17, 35],
        grid[17, 0],
    ]


def test_points_whose_class_is_unknown_are_left_out(folder: Path) -> None:
    zones = wide.grid_table("koppen_geiger", folder, LAND)
    assert zones["target"].tolist() == ["Af", "Cfb", "Cfb"]
    assert zones[["lon", "lat"]].to_numpy().tolist() == POINTS[1:].tolist()
    cover = wide.grid_table("land_cover", folder, LAND)
    assert cover["target"].tolist() == [
        "Evergreen needleleaf forests",
        *["Evergreen broadleaf forests"] * 2,
    ]


def test_points_whose_number_is_unknown_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"toy": lambda folder, lonlat: np.array([np.nan, 1.5, 2.5, np.nan])}
    monkeypatch.setattr(wide, "GRIDS", numbers)
    table = wide.grid_table("toy", Path(), LAND)
    assert table["target"].tolist() == [1.5, 2.5]
    assert table["lon"].tolist() == [0.1, 179.9]


def test_precipitation_is_the_logarithm_of_the_annual_sum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    months = np.full((12, 721, 1440), 50.0)
    months[0] = 450.0
    monkeypatch.setattr(rasters, "_read_months", lambda folder, variable: months)
    assert wide.precipitation(Path(), POINTS) == pytest.approx(np.log1p([1000.0] * 4), abs=1e-4)


def test_airports_are_in_metres_and_on_their_continent(folder: Path) -> None:
    table = airports.airport_elevation(folder, WORLD)
    # The airport of unknown elevation and the one beside a development point are left out.
    rows = {(lon, lat): (m, c) for lon, lat, m, c in table.itertuples(index=False)}
    assert rows == {(10.1, 10.0): (30.5, "Africa"), (-20.2, 60.0): (304.8, "Asia")}


def test_thinning_keeps_one_point_per_cell() -> None:
    rng = np.random.default_rng(0)
    lonlat = np.stack([rng.uniform(0, 5, 2000), rng.uniform(40, 45, 2000)], axis=1)
    rows = airports.thinned(lonlat)
    cells = equal_area_cells(lonlat, airports.CELL_DEGREES)
    assert sorted(cells[rows]) == sorted(set(cells.tolist()))
    # Neither the first nor the last of a cell: a random one.
    first = {cell: row for row, cell in reversed(list(enumerate(cells.tolist())))}
    assert 0 < np.mean([first[cells[row]] == row for row in rows]) < 0.5


def test_columns_of_counties_are_converted() -> None:
    nat = gpd.GeoDataFrame({"MFIL89": np.log([20_000.4]), "DNL90": np.log([259.0])})
    income, density = (
        np.asarray(census.COUNTY_COLUMNS[task](nat)) for task in ("median_income", "county_density")
    )
    assert income == pytest.approx([20.0])
    # 259 people per square mile are 100 per square kilometre.
    assert density == pytest.approx([np.log(100)], abs=1e-3)
