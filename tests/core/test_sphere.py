from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from satclip_bench.core.errors import CoordinateError
from satclip_bench.core.sphere import (
    EARTH_RADIUS_KM,
    SwappedCoordinatesWarning,
    check_lonlat,
    equal_area_bands,
    equal_area_cells,
    great_circle_km,
    longitude_span,
    place_numbers,
    unit_vectors,
)

lons = st.floats(-180, 180)
lats = st.floats(-90, 90)


def uniform(n: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    return np.stack([rng.uniform(-180, 180, n), lat], axis=1)


def test_longitudes_to_360_are_wrapped_and_the_input_is_left_alone() -> None:
    given_points = np.array([[0.0, 0], [180, 1], [181, 2], [359.5, 3], [360, 4], [-180, 5]])
    before = given_points.copy()
    assert check_lonlat(given_points)[:, 0].tolist() == [0, 180, -179, -0.5, 0, -180]
    assert np.array_equal(given_points, before)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([[0, 0], [np.nan, 0]], ["1 of 2", "row 1", "not finite"]),
        ([[0, np.inf]], ["row 0", "not finite"]),
        ([[0, 0], [100, -90.001]], ["row 1", "beyond 90"]),
        ([[-180.5, 0]], ["row 0", "-180 to 360"]),
        ([[360.5, 0]], ["row 0"]),
        ([[40.7, -100.0], [40.8, -99.0]], ["swapped", "longitude comes first"]),
        ([[0, 0, 0]], ["(N, 2)", "(1, 3)"]),
        ([0, 0], ["(N, 2)"]),
        ([["a", "b"]], ["numbers"]),
        ([[0, 0], [1]], ["numbers"]),
    ],
)
def test_bad_points_are_refused_by_row(points: object, words: list[str]) -> None:
    with pytest.raises(CoordinateError) as caught:
        check_lonlat(points)  # type: ignore[arg-type]
    for word in words:
        assert word in str(caught.value)


def test_many_bad_rows_are_counted_not_listed() -> None:
    with pytest.raises(CoordinateError, match=r"100 of 100.*and 97 more"):
        check_lonlat(np.full((100, 2), np.nan))


@given(st.lists(lons, min_size=1, max_size=8), st.floats(-360, 360))
def test_the_span_of_longitudes_is_the_shortest_arc(given_lons: list[float], turn: float) -> None:
    lon = np.array(given_lons)
    # The arc begins at one of the points and goes eastwards to the farthest one from there.
    expected = np.mod(lon - lon[:, None], 360).max(axis=1).min()
    assert longitude_span(lon) == pytest.approx(expected, abs=1e-9)
    assert longitude_span(lon + turn) == pytest.approx(expected, abs=1e-9)


def test_swapped_columns_warn() -> None:
    india = np.stack([np.linspace(68, 89, 50), np.linspace(8, 35, 50)], axis=1)
    check_lonlat(india)
    with pytest.warns(SwappedCoordinatesWarning, match="Longitude comes first"):
        check_lonlat(india[:, ::-1])


def test_an_empty_array_is_valid() -> None:
    assert check_lonlat(np.empty((0, 2))).shape == (0, 2)


@given(lons, lats, lons, lats)
def test_great_circles_agree_with_proj(lon1: float, lat1: float, lon2: float, lat2: float) -> None:
    sphere = Geod(a=EARTH_RADIUS_KM * 1000, b=EARTH_RADIUS_KM * 1000)
    expected = sphere.inv(lon1, lat1, lon2, lat2)[2] / 1000
    distance = great_circle_km(np.array([[lon1, lat1]]), np.array([[lon2, lat2]]))[0]
    # A chord loses half of its digits at the antipodes: 1e-8 of a radian.
    assert distance == pytest.approx(expected, abs=5e-4)


@given(lons, lats)
def test_unit_vectors_have_length_one(lon: float, lat: float) -> None:
    assert np.linalg.norm(unit_vectors(np.array([[lon, lat]]))) == pytest.approx(1)


@pytest.mark.parametrize("degrees", [2, 7.3, 20, 40, 180])
def test_cells_have_equal_areas(degrees: float) -> None:
    edges, counts = equal_area_bands(degrees)
    assert edges[0] == 1
    assert edges[-1] == pytest.approx(-1)
    areas = -np.diff(edges) / counts
    assert areas == pytest.approx(np.full(len(counts), 2 / counts.sum()))


def test_cells_hold_equal_shares_of_uniform_points() -> None:
    from scipy.stats import chisquare

    cells = equal_area_cells(uniform(200_000), 20)
    counts = np.bincount(cells, minlength=int(equal_area_bands(20)[1].sum()))
    assert chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("degrees", [2, 10, 40])
def test_cells_are_about_square_and_as_wide_as_asked(degrees: float) -> None:
    points = uniform(20_000, seed=1)
    cells = equal_area_cells(points, degrees)
    for cell in np.unique(cells)[:: max(1, len(np.unique(cells)) // 50)]:
        xyz = unit_vectors(points[cells == cell])
        centre = xyz.mean(axis=0)
        reach = np.degrees(np.arccos(np.clip(xyz @ (centre / np.linalg.norm(centre)), -1, 1)))
        assert reach.max() < 1.6 * degrees


def test_poles_and_the_antimeridian_have_cells() -> None:
    corners = np.array(
        [[-180.0, 90], [180, 90], [180, -90], [-180, -90], [180, 0], [-180, 0], [179.9, -90]]
    )
    cells = equal_area_cells(corners, 10)
    total = int(equal_area_bands(10)[1].sum())
    assert cells.min() >= 0
    assert cells.max() == total - 1
    # 180 and -180 are the same meridian.
    assert cells[4] == cells[5]


@pytest.mark.parametrize("degrees", [0, -1, 181, float("nan")])
def test_the_side_of_a_cell_must_be_in_range(degrees: float) -> None:
    with pytest.raises(ValueError, match="side of a cell"):
        equal_area_cells(np.zeros((1, 2)), degrees)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([-180.0, 180.0, -0.0, 0.0, 1e-300, 12.5]),
            st.sampled_from([-90.0, 90.0, -0.0, 0.0, 89.99999999999999]),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_places_are_numbered_as_by_a_loop(points: list[tuple[float, float]]) -> None:
    places = [
        (0.0 if abs(lat) == 90 else 180.0 if lon == -180 else lon, lat) for lon, lat in points
    ]
    expected = [sorted(set(places)).index(place) for place in places]
    numbers = place_numbers(np.array(points))
    assert numbers.dtype == np.int64
    assert numbers.tolist() == expected
