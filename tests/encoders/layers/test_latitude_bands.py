"""First layer over spherical harmonics as series in latitude bands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import chebyshev

from satclip_bench.encoders.layers.harmonics_siren import HarmonicsSiren, Precision, satclip_basis
from satclip_bench.encoders.layers.latitude_bands import (
    TOLERANCES,
    WORTH,
    LatitudeBands,
    chebyshev_nodes,
    terms_needed,
)
from satclip_bench.encoders.layers.siren import random_siren
from satclip_bench.encoders.layers.spherical_harmonics import real_harmonics
from satclip_bench.encoders.layers.tiles import TILE


def _ordered(points: int, low: float, high: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    lat = np.sort(rng.uniform(low, high, points))
    return np.stack([rng.uniform(-180, 180, points), lat], axis=1)


@pytest.mark.parametrize(
    ("low", "high"), [(-0.5, 0.5), (50, 52), (87, 90), (-90, -88), (12, 12), (90, 90)]
)
# The sums have many terms; in float32, each is rounded.
@pytest.mark.parametrize(
    ("degrees", "dtype", "error"),
    [
        (20, "float32", 3e-6),
        (40, "float32", 3e-6),
        (100, "float32", 3e-6),
        (40, "float64", 1e-11),
        (100, "float64", 1e-11),
    ],
)
def test_a_band_sums_as_the_harmonics_do(
    low: float, high: float, degrees: int, dtype: str, error: float
) -> None:
    points = _ordered(TILE, low, high)
    weights = np.random.default_rng(1).standard_normal((16, degrees**2)).astype(dtype)
    result = LatitudeBands(weights, degrees).over(points).first_layer(0, TILE)
    assert result is not None
    assert result.dtype == dtype
    plain = real_harmonics(points, degrees) @ weights.astype(np.float64).T
    assert np.abs(result - plain).max() < error * np.abs(plain).max()


def test_weights_that_are_not_numbers_are_seen() -> None:
    weights = np.random.default_rng(1).standard_normal((4, 1600)).astype(np.float32)
    weights[2, 700] = np.nan
    sums = LatitudeBands(weights, 40).over(_ordered(TILE, 50, 52)).first_layer(0, TILE)
    assert sums is not None
    assert np.isnan(sums[:, 2]).all()


def test_wide_bands_and_few_points_are_left_to_the_harmonics() -> None:
    weights = np.zeros((2, 1600), np.float32)
    bands = LatitudeBands(weights, 40)
    assert bands.over(_ordered(TILE, -90, 90)).first_layer(0, TILE) is None
    assert bands.over(_ordered(8, 10, 11)).first_layer(0, 8) is None
    assert bands.over(_ordered(0, 0, 1)).first_layer(0, 0) is None
    few = LatitudeBands(np.zeros((2, 9), np.float32), 3)
    assert few.over(_ordered(TILE, 0, 5)).first_layer(0, TILE) is None


@given(st.integers(1, 99), st.floats(0, 0.4), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_the_terms_are_enough_for_any_trigonometric_polynomial(
    degree: int, half: float, seed: int
) -> None:
    terms = terms_needed(degree, half, 60, TOLERANCES["float32"])
    if terms > 60:
        return
    rng = np.random.default_rng(seed)
    # One wave of full amplitude is the worst case of Bernstein's inequality.
    phase, centre = rng.uniform(0, 2 * np.pi, 2)
    x = np.linspace(-1, 1, 501)
    nodes = chebyshev_nodes(terms)
    at_nodes, truth = (np.cos(degree * (centre + half * at) + phase) for at in (nodes, x))
    series = np.linalg.solve(chebyshev.chebvander(nodes, terms - 1), at_nodes)
    error = chebyshev.chebvander(x, terms - 1) @ series - truth
    assert np.abs(error).max() <= TOLERANCES["float32"] + 1e-12


def test_terms_grow_with_the_band_and_stop() -> None:
    counts = [terms_needed(39, half, 50, 1e-7) for half in (0, 0.001, 0.01, 0.05, 0.2)]
    assert counts == sorted(counts)
    assert counts[0] == 1
    assert terms_needed(39, 3.0, 16, 1e-7) == 17
    assert terms_needed(39, 0.05, 50, 1e-12) > counts[3]


@pytest.mark.parametrize("degrees", [10, 40])
@pytest.mark.parametrize(("precision", "error"), [("float32", 1e-5), ("float64", 1e-11)])
def test_order_and_number_of_points_change_nothing_beyond_rounding(
    degrees: int, precision: Precision, error: float
) -> None:
    network = random_siren((degrees**2, 64, 64, 32), seed=3)
    fast = HarmonicsSiren(network, degrees, precision)
    rng = np.random.default_rng(5)
    points = np.stack(
        [rng.uniform(-180, 180, 9000), np.degrees(np.arcsin(rng.uniform(-1, 1, 9000)))], axis=1
    )
    points[:4] = [[0, 90], [10, -90], [180, 0], [-180, 0]]
    whole = fast(points)
    exact = network.of_columns(satclip_basis(points, degrees).T)
    assert np.abs(whole - exact).max() < error
    backwards = fast(points[::-1])[::-1]
    assert np.abs(backwards - whole).max() < error
    alone = np.concatenate([fast(points[i : i + 1]) for i in range(50)])
    assert np.abs(alone - whole[:50]).max() < error
    assert np.array_equal(fast(points), whole)


def test_float32_has_narrower_bands_without_the_high_orders_near_the_poles() -> None:
    weights = np.random.default_rng(0).standard_normal((4, 1600))
    tropical, polar = (_ordered(TILE, low, low + 2) for low in (0, 87))
    single = LatitudeBands(weights.astype(np.float32), 40)
    shapes = [single.over(points).products(0, TILE) for points in (tropical, polar)]
    assert [rows for rows, _ in shapes[0]] == [256, 256, 256]
    assert max(columns for _, columns in shapes[1]) < min(columns for _, columns in shapes[0]) / 2
    exact = LatitudeBands(weights, 40)
    for points in (tropical, polar):
        ((rows, columns),) = exact.over(points).products(0, TILE)
        assert rows == TILE
        assert columns % 79 == 0, "all waves with all terms, on which committed boards depend"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_is_not_hidden(value: float) -> None:
    weights = np.ones((2, 1600), np.float32)
    weights[0, 1000] = value
    with np.errstate(invalid="ignore"):
        sums = LatitudeBands(weights, 40).over(_ordered(TILE, 10, 11)).first_layer(0, TILE)
    assert sums is not None
    assert not np.isfinite(sums[:, 0]).any()


@pytest.mark.parametrize("points", [100, 257, 300, TILE - 1])
def test_bands_have_equal_numbers_of_points(points: int) -> None:
    bands = LatitudeBands(np.zeros((2, 1600), np.float32), 40)
    rows = [rows for rows, _ in bands.over(_ordered(points, 10, 11)).products(0, points)]
    assert sum(rows) == points
    assert len(rows) == -(-points // 256)
    assert max(rows) - min(rows) <= 1


def test_forty_degrees_of_many_points_do_go_by_bands() -> None:
    weights = np.zeros((2, 1600), np.float32)
    rng = np.random.default_rng(0)
    points = np.stack([np.zeros(32_768), np.degrees(np.arcsin(rng.uniform(-1, 1, 32_768)))], 1)
    ordered = points[np.argsort(points[:, 1])]
    bands = LatitudeBands(weights, 40).over(ordered)
    starts = range(0, len(ordered), TILE)
    taken = [bands.first_layer(s, min(s + TILE, len(ordered))) is not None for s in starts]
    assert np.mean(taken) > 0.9
    assert 0 < WORTH < 1
