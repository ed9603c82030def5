from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from shapely import MultiPoint, Point, Polygon

from satclip_bench.core.errors import CoordinateError
from satclip_bench.core.point_files import open_points
from satclip_bench.core.sphere import check_lonlat
from satclip_bench.encoders import get_encoder

LONLAT = np.array([[13.4, 52.5], [-70.25, -33.5], [180, 0], [0, 90]])


def frame(lon: str = "lon", lat: str = "lat") -> pd.DataFrame:
    return pd.DataFrame({"id": ["a", "b", "c", "d"], lat: LONLAT[:, 1], lon: LONLAT[:, 0]})


def geoframe(rows: int = 4, crs: str | None = "EPSG:4326") -> gpd.GeoDataFrame:
    points = [Point(*row) for row in LONLAT[:rows]]
    return gpd.GeoDataFrame({"id": range(rows)}, geometry=points, crs=crs)


@pytest.mark.parametrize("names", [("lon", "lat"), ("Longitude", "LATITUDE"), ("lng", "Lat")])
def test_frames_are_read_by_name(names: tuple[str, str]) -> None:
    assert np.array_equal(check_lonlat(frame(*names)), LONLAT)


class LikePolars:
    """A frame with the part of Polars' interface that tells its columns."""

    def __init__(self, table: pa.Table) -> None:
        self.columns = table.column_names
        self.table = table.to_pandas()

    def __getitem__(self, name: str) -> Any:
        return self.table[name]

    def __array__(self, *_: object, **__: object) -> np.ndarray[Any, Any]:
        return np.asarray(self.table)


def test_frames_of_other_libraries_are_read_by_name() -> None:
    table = pa.Table.from_pandas(frame().drop(columns="id"))
    assert table.column_names == ["lat", "lon"]
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    for points in (table, chunked, chunked.combine_chunks().to_batches()[0], LikePolars(chunked)):
        assert np.array_equal(check_lonlat(points), LONLAT)
    for bad, words in (
        (
            table.rename_columns(["north", "east"]),
            "the data frame should have one column called lon",
        ),
        (table.set_column(0, "lat", pa.array([1, 2, None, 3])), r"not finite \(row 2"),
        (
            table.set_column(0, "lat", pa.array([np.float16(1)] * 4)),
            "type (half)?float(16)? are rounded",
        ),
        (table.set_column(0, "lat", pa.array(["a", "b", "c", "d"])), "must be numbers"),
    ):
        with pytest.raises(CoordinateError, match=words):
            check_lonlat(bad)
        with pytest.raises(CoordinateError, match=words):
            check_lonlat(LikePolars(bad))


def test_other_objects_with_columns_are_not_read_by_position() -> None:
    points = SimpleNamespace(columns=["lat", "lon"], __array__=lambda: LONLAT)
    with pytest.raises(CoordinateError, match="SimpleNamespace have named columns"):
        check_lonlat(points)


def test_every_input_type_gives_the_same_embedding() -> None:
    encoder = get_encoder("cartesian3d")
    expected = encoder.encode(LONLAT)
    geo = geoframe()
    for points in (
        LONLAT.tolist(),
        torch.from_numpy(LONLAT),
        torch.from_numpy(LONLAT).requires_grad_(),
        torch.from_numpy(LONLAT).to(torch.float32),
        frame(),
        geo,
        geo.geometry,
        frame().set_index("id"),
    ):
        assert np.abs(encoder.encode(points) - expected).max() < 1e-6


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:32633", "ESRI:54009", "EPSG:4258"])
def test_other_systems_are_reprojected(crs: str) -> None:
    projected = geoframe(1).to_crs(crs)
    assert np.abs(check_lonlat(projected) - LONLAT[:1]).max() < 1e-6


def test_geometry_comes_before_columns_that_contradict_it() -> None:
    both = geoframe().assign(lon=0.0, lat=0.0)
    assert np.array_equal(check_lonlat(both), LONLAT)


def test_no_crs_is_refused() -> None:
    with pytest.raises(CoordinateError, match=r"no CRS.*set_crs"):
        get_encoder("wrap").encode(geoframe(crs=None))


def test_geometries_that_are_not_points_are_refused_by_row() -> None:
    shapes = [Point(0, 0), None, Point(), Polygon([(0, 0), (1, 0), (1, 1)])]
    with pytest.raises(CoordinateError, match=r"2 of 4 geometries have no geometry \(rows 1, 2\)"):
        check_lonlat(gpd.GeoSeries(shapes, crs=4326))
    with pytest.raises(CoordinateError, match=r"1 of 2 .* are not points.*rows 1"):
        check_lonlat(gpd.GeoSeries([shapes[0], shapes[3]], crs=4326))


def test_multipoints_of_one_point_are_points() -> None:
    """Files that are saved by a GIS often have them; those of several points are refused."""
    mixed = [Point(1, 2), MultiPoint([(3, 4)]), MultiPoint([(-5.25, 60)])]
    for crs in ("EPSG:4326", "EPSG:3857"):
        series = gpd.GeoSeries(mixed, crs="EPSG:4326").to_crs(crs)
        expected = [[1, 2], [3, 4], [-5.25, 60]]
        for points in (series, gpd.GeoDataFrame({"n": range(3)}, geometry=series)):
            assert check_lonlat(points) == pytest.approx(np.array(expected), abs=1e-9)
    several = gpd.GeoSeries([*mixed, MultiPoint([(0, 0), (1, 1)])], crs=4326)
    with pytest.raises(CoordinateError, match=r"1 of 4 .* MultiPoints of several.*explode.*rows 3"):
        check_lonlat(several)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"x": [1.0], "y": [2.0]}, r"lon or longitude or lng; it has none\. .* columns are x, y"),
        ({"lon": [1.0]}, "lat or latitude; it has none"),
        ({"lon": [1.0], "lng": [1.0], "lat": [1.0]}, "it has lon, lng"),
        ({"lon": [100.0], "lat": [91.0]}, r"beyond 90 degrees of latitude \(row 0: 100, 91\)"),
        ({"lon": [1.0], "lat": [np.nan]}, "not finite"),
        ({"lon": ["east"], "lat": [1.0]}, "must be numbers"),
    ],
)
def test_bad_data_frames_are_refused(columns: dict[str, list[object]], words: str) -> None:
    with pytest.raises(CoordinateError, match=words):
        get_encoder("wrap").encode(pd.DataFrame(columns))


def test_masked_values_are_refused() -> None:
    masked = np.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], mask=[[False, True], [False, False]])
    with pytest.raises(CoordinateError, match=r"not finite \(row 0: 1, nan\)"):
        check_lonlat(masked)


@pytest.mark.parametrize("dtype", ["datetime64[s]", "timedelta64[s]", "bool", "complex128", "U3"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(CoordinateError, match="must be numbers"):
        check_lonlat(np.zeros((2, 2)).astype(dtype))


def test_the_error_of_a_missing_crs_has_no_prefix() -> None:
    with pytest.raises(CoordinateError, match=r"^these points have no CRS"):
        check_lonlat(geoframe(crs=None))


def test_an_empty_frame_gives_no_embeddings() -> None:
    assert get_encoder("wrap").encode(frame()[:0]).shape == (0, 4)
    assert get_encoder("wrap").encode(geoframe()[:0]).shape == (0, 4)


def test_messages_count_rows_from_first_row() -> None:
    with pytest.raises(CoordinateError, match="row 1001: 0, 91"):
        check_lonlat([[0, 0], [0, 91]], first_row=1000)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((1, 2), np.float16), r"type float16 are rounded to steps of up to 0.125°, or 14"),
        (torch.zeros(1, 2).half(), "type float16 are rounded"),
        (torch.zeros(1, 2).bfloat16(), "type bfloat16 are rounded to steps of up to 1°, or 111 km"),
        (torch.zeros(1, 2).to(torch.float8_e5m2), "type float8_e5m2 are rounded"),
        (pd.DataFrame({"lon": np.zeros(1, np.float16), "lat": [0.0]}), "type float16 are rounded"),
        (pd.DataFrame({"lon": [0.0], "lat": np.zeros(1, np.float16)}), "type float16 are rounded"),
        (np.zeros((1, 2), np.complex64), "must be numbers: their dtype is complex64"),
        (torch.zeros(1, 2, dtype=torch.complex64), "must be numbers: their dtype is complex64"),
    ],
)
def test_types_that_cannot_hold_coordinates_are_refused(points: Any, message: str) -> None:
    with pytest.raises(CoordinateError, match=message):
        check_lonlat(points)


def test_float32_and_integers_are_accepted() -> None:
    accepted: list[Any] = [torch.ones(1, 2), np.ones((1, 2), np.float32), torch.ones(1, 2).int()]
    for points in accepted:
        assert check_lonlat(points).tolist() == [[1.0, 1.0]]


def test_a_parquet_file_of_float16_is_refused(tmp_path: Path) -> None:
    half = pa.array(np.zeros(1, np.float16))
    pq.write_table(pa.table({"lon": half, "lat": half}), tmp_path / "p.parquet")
    with (
        open_points(tmp_path / "p.parquet", 10) as file,
        pytest.raises(CoordinateError, match="type halffloat are rounded"),
    ):
        next(file.batches)


def test_a_latitude_just_past_a_pole_is_shown_with_all_of_its_digits() -> None:
    with pytest.raises(CoordinateError) as caught:
        check_lonlat([[0.0, 90.0000001], [1.0, 45.0]])
    message = str(caught.value)
    assert "row 0: 0, 90.0000001" in message
    assert "perhaps by rounding: clip them to 90" in message
    assert "swapped" not in message
    with pytest.raises(CoordinateError, match=r"row 0: 360\.0000001, 0"):
        check_lonlat([[360.0000001, 0.0]])
    with pytest.raises(CoordinateError, match="swapped"):
        check_lonlat([[52.5, 113.4]])
