"""Geo-bias scores against the equations, point by point, with haversines and no matrices."""

from __future__ import annotations

from math import asin, atan2, ceil, cos, degrees, exp, log, pi, radians, sin, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm

from satclip_bench.benchmarks.diagnostics.geo_bias import (
    GeoBias,
    geo_bias,
    marks,
    moments,
    relative_information,
    self_information,
)
from satclip_bench.benchmarks.diagnostics.neighbourhood import (
    Surroundings,
    background,
    direction_sectors,
    distance_lags,
    grid_cells,
    nearest_others,
)
from satclip_bench.core.sphere import EARTH_RADIUS_KM, unit_vectors

Float = NDArray[np.float64]
Place = tuple[float, float]

RADIUS = 600.0


def scattered(n: int, centre: Place, spread: float, seed: int) -> Float:
    """Points around a centre, also across a pole or the antimeridian."""
    rng = np.random.default_rng(seed)
    vectors = unit_vectors(np.array([centre])) + rng.normal(0, spread, (n, 3))
    return lonlat_of(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def lonlat_of(vectors: Float) -> Float:
    x, y, z = vectors.T
    angles = np.stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))], axis=1)
    return np.asarray(np.degrees(angles))


def km(a: Place, b: Place) -> float:
    (lon, lat), (lon2, lat2) = ((radians(v) for v in p) for p in (a, b))
    h = sin((lat2 - lat) / 2) ** 2 + cos(lat) * cos(lat2) * sin((lon2 - lon) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(h)))


def bearing(a: Place, b: Place) -> float:
    """Bearing in degrees, clockwise from north."""
    (lon, lat), (lon2, lat2) = ((radians(v) for v in p) for p in (a, b))
    east = sin(lon2 - lon) * cos(lat2)
    north = cos(lat) * sin(lat2) - sin(lat) * cos(lat2) * cos(lon2 - lon)
    return degrees(atan2(east, north)) % 360


def naive_ssi(values: list[float], links: list[list[int]]) -> float:
    """-ln of the normal density of the unscaled Moran's I (Wang et al. 2024), in loops."""
    mean = sum(values) / len(values)
    statistic = sum(
        (values[i] - mean) * (values[j] - mean) for i, others in enumerate(links) for j in others
    )
    return -log(norm.pdf(statistic, *naive_moments(values, len(links[0]))) + 1e-256)


def check_nearest(places: list[Place], links: list[list[int]]) -> None:
    """Links go to the nearest others; on regular rings several can be equally near."""
    for i, others in enumerate(links):
        distance = sorted(km(places[i], places[j]) for j in range(len(places)) if j != i)
        found = sorted(km(places[i], places[j]) for j in others)
        assert i not in others
        assert found == pytest.approx(distance[: len(others)], abs=1e-5)


def naive_moments(values: list[float], k: int) -> tuple[float, float]:
    n, mean = len(values), sum(values) / len(values)
    levels = sorted(set(values))
    count = {c: values.count(c) for c in levels}
    common = max(levels, key=lambda c: count[c])
    mu = variance = 0.0
    for p in levels:
        for q in levels:
            a, b = count[p], count[q]
            links = k * a * b / n if p != q else k * a * (a - 1) / n - 1
            mu += (p - mean) * (q - mean) * links
            if common in (p, q):
                continue
            if p == q:
                spread = 2 * (a - 1) * k * a / n * (1 - k * (2 * a - 1) / (3 * n))
                effect = (p - common) ** 2
            else:
                share = k * max(a, b) / n
                spread = min(a, b) * share * (1 - share)
                effect = (p - mean) * (q - mean) - 2 * (p - mean) * (common - mean)
                effect += (common - mean) ** 2
            variance += effect**2 * spread
    return mu, sqrt(variance)


def naive_sri(good: list[bool], patch: list[int], least: int = 20) -> float:
    total = 0.0
    whole = sum(good) / len(good)
    for name in set(patch):
        marks_of_patch = [g for g, p in zip(good, patch, strict=True) if p == name]
        if len(marks_of_patch) < least:
            continue
        share = sum(marks_of_patch) / len(marks_of_patch)
        for p, q in ((whole, share), (1 - whole, 1 - share)):
            if p > 0:
                total += len(marks_of_patch) / len(good) * p * log(p / (q + 1e-8))
    return total


CENTRES = [(10.0, 45.0), (179.9, -17.0), (30.0, 89.5), (0.0, -90.0), (-100.0, 0.0)]


@pytest.mark.parametrize("centre", CENTRES)
def test_ssi_and_sri_of_one_neighbourhood_are_the_equations(centre: Place) -> None:
    lonlat = scattered(130, centre, 0.06, seed=1)
    marked = np.where(np.random.default_rng(2).random(130) < 0.7, 1.0, -1.0)
    focus = (float(lonlat[0, 0]), float(lonlat[0, 1]))
    places = [(float(lon), float(lat)) for lon, lat in lonlat]
    around = Surroundings(lonlat).of(0, RADIUS)
    near = [i for i in range(130) if km(focus, places[i]) <= RADIUS]
    assert sorted(around.member.tolist()) == near
    assert around.member[0] == 0
    assert around.km == pytest.approx([km(focus, places[i]) for i in around.member], abs=1e-6)

    empty = lonlat_of(background(around))
    values = [*marked[around.member], *[0.0] * len(empty)]
    everywhere = [places[i] for i in around.member] + [(float(x), float(y)) for x, y in empty]
    links = nearest_others(unit_vectors(np.array(everywhere)), 4)
    found = self_information(np.array(values)[:, None], links)
    check_nearest(everywhere, links.tolist())
    assert found[0] == pytest.approx(naive_ssi(values, links.tolist()), rel=1e-9)

    good = [bool(marked[i] > 0) for i in around.member]
    lag = [int(km(focus, places[i]) // 120) for i in around.member]
    sector = [int(bearing(focus, places[i]) // 45) % 8 if i else 0 for i in around.member.tolist()]
    assert distance_lags(around, 120).tolist() == lag
    assert direction_sectors(around, 8).tolist() == sector
    for patch in (lag, sector, grid_cells(around, 300).tolist()):
        scored = relative_information(np.array(good)[:, None], np.array(patch))
        assert scored[0] == pytest.approx(naive_sri(good, patch), abs=1e-9)


@pytest.mark.parametrize("centre", CENTRES)
def test_background_fills_the_disc_with_five_points_for_each_observed_one(centre: Place) -> None:
    lonlat = scattered(200, centre, 0.04, seed=3)
    around = Surroundings(lonlat).of(0, 400)
    empty = [(float(x), float(y)) for x, y in lonlat_of(background(around))]
    focus = (float(lonlat[0, 0]), float(lonlat[0, 1]))
    distance = sorted(km(focus, p) for p in empty)
    step = distance[0]
    rings = ceil(400 / step)
    assert len(empty) == sum(ceil(2 * pi * i) for i in range(1, rings + 1))
    assert distance[-1] == pytest.approx(rings * step, rel=1e-6)
    # Five for each point of the disc, and the last ring lies up to a step beyond it.
    density = len(empty) / (rings * step) ** 2 / (5 * len(around.member) / 400**2)
    assert 1 - 0.1 < density < 1 + 1.6 / rings


def test_squares_have_one_area_at_any_latitude() -> None:
    """Uniform points fall into whole squares in equal numbers, also far from the focus."""
    for latitude in (0.0, 60.0, 85.0):
        rng = np.random.default_rng(4)
        z = rng.uniform(0.6, 1, 60_000)
        turn = rng.uniform(0, 2 * pi, 60_000)
        r = np.sqrt(1 - z**2)
        tilt = radians(90 - latitude)
        x, y = r * np.cos(turn), r * np.sin(turn)
        vectors = np.stack([x * cos(tilt) + z * sin(tilt), y, z * cos(tilt) - x * sin(tilt)], 1)
        lonlat = np.concatenate([[[0.0, latitude]], lonlat_of(vectors)])
        around = Surroundings(lonlat).of(0, 4000)
        counts = np.bincount(grid_cells(around, 1000))
        whole = np.sort(counts)[-24:]
        assert whole.std() / whole.mean() < 0.06


def test_moments_are_near_those_of_shuffled_values() -> None:
    """Accuracy of the approximation of Wang et al. on 100 points and their background."""
    lonlat = scattered(100, (20.0, 50.0), 0.05, seed=5)
    around = Surroundings(lonlat).of(0, 2000)
    points = np.concatenate([around.vectors, background(around)])
    links = nearest_others(points, 4)
    rng = np.random.default_rng(6)
    values = np.zeros(len(points))
    values[:100] = np.where(rng.random(100) < 0.5, 1, -1)
    drawn = np.stack([rng.permutation(values) for _ in range(2000)], axis=1)
    drawn -= drawn.mean(axis=0)
    statistic = (drawn * drawn[links].sum(axis=1)).sum(axis=0)
    counts = np.array([[(values == level).sum()] for level in (0, -1, 1)])
    mean, variance = moments(np.array([0.0, -1.0, 1.0]), counts, 4)
    assert abs(mean[0] - statistic.mean()) < 0.5 * statistic.std()
    assert 0.6 < np.sqrt(variance[0]) / statistic.std() < 1.1


def test_sri_by_hand() -> None:
    """Two patches of 20, all good and all bad: each is 1/2 of 1/2 ln(1/2 / 1e-8), about."""
    good = np.repeat([True, False], 20)[:, None]
    patch = np.repeat([0, 1], 20)
    half = 0.5 * log(0.5 / 1e-8) + 0.5 * log(0.5 / (1 + 1e-8))
    assert relative_information(good, patch)[0] == pytest.approx(half, rel=1e-12)
    assert relative_information(good, patch * 0)[0] == pytest.approx(0, abs=1e-7)
    assert relative_information(good[1:], patch[1:])[0] < half
    assert relative_information(good, np.arange(40) // 19)[0] == 0


def test_a_score_has_a_ceiling() -> None:
    """A density of 0 would be infinitely surprising; the released tables end at 589.46."""
    n = 4000
    lonlat = np.stack([np.linspace(0, 90, n), np.zeros(n)], axis=1)
    values = np.where(np.arange(n) < 600, 1.0, 0.0)
    found = self_information(values[:, None], nearest_others(unit_vectors(lonlat), 4))
    assert found[0] == pytest.approx(-log(1e-256))
    assert exp(-found[0]) == pytest.approx(1e-256)


def whole(lonlat: Float, marked: Float, **options: float) -> GeoBias:
    return geo_bias(lonlat, marked, **{"seed": 0, **options})  # type: ignore[arg-type]


def test_errors_in_one_half_score_higher_than_errors_anywhere() -> None:
    lonlat = scattered(1500, (100.0, 20.0), 0.1, seed=7)
    west = np.where(lonlat[:, 0] < 100, 1.0, -1.0)
    anywhere = np.random.default_rng(8).permutation(west)
    found = whole(lonlat, np.stack([west, anywhere], axis=1))
    for name in ("ssi", "sri_grid", "sri_lag", "sri_sector"):
        halves, mixed = found.scores[name]
        assert halves > 1.5 * mixed, name
    assert found.scores["ssi_unmarked"][0] == found.scores["ssi_unmarked"][1]
    assert found.foci == 500


def test_columns_are_independent() -> None:
    lonlat = scattered(150, (100.0, 20.0), 0.1, seed=9)
    marked = np.where(np.random.default_rng(10).random((150, 3)) < 0.6, 1.0, -1.0)
    together = whole(lonlat, marked)
    for column in range(3):
        alone = whole(lonlat, marked[:, [column]])
        for name, scores in together.scores.items():
            assert scores[column] == alone.scores[name][0]


@given(turn=st.floats(-180, 180), seed=st.integers(0, 5))
@settings(max_examples=6, deadline=None)
def test_turning_the_globe_changes_nothing(turn: float, seed: int) -> None:
    """Also across the antimeridian. Sectors and squares refer to north, which does not turn."""
    lonlat = scattered(100, (0.0, 70.0), 0.1, seed)
    marked = np.where(np.random.default_rng(seed).random((100, 1)) < 0.6, 1.0, -1.0)
    turned = lonlat.copy()
    turned[:, 0] = (turned[:, 0] + turn + 180) % 360 - 180
    before, after = whole(lonlat, marked), whole(turned, marked)
    assert after.ssi_km == pytest.approx(before.ssi_km)
    assert np.isfinite(before.scores["ssi"]).all()
    for name, scores in before.scores.items():
        # Rings are regular: where two neighbours are equally near, rounding chooses.
        assert after.scores[name] == pytest.approx(scores, rel=0.1, nan_ok=True)


def test_few_or_coincident_points_have_no_score() -> None:
    few = whole(scattered(12, (0.0, 0.0), 0.1, seed=11), np.ones((12, 2)))
    assert all(np.isnan(scores).all() for scores in few.scores.values())
    same = np.tile([[5.0, 5.0]], (50, 1))
    one_place = whole(same, np.where(np.arange(50) % 2, 1.0, -1.0)[:, None])
    assert np.isfinite(one_place.scores["sri_lag"]).all()


def test_a_radius_must_fit_on_a_hemisphere() -> None:
    lonlat = scattered(50, (0.0, 0.0), 0.1, seed=12)
    for radius in (0.0, -1.0, 2501.0):
        with pytest.raises(ValueError, match="radius"):
            geo_bias(lonlat, np.ones((50, 1)), radius_km=radius)
    assert geo_bias(lonlat, np.ones((50, 1)), radius_km=300).sri_km == 600


def test_marks() -> None:
    assert marks(np.array([0.0, 1.0, 0.0]), "classification").tolist() == [1, -1, 1]
    assert marks(np.array([5.0, 1.0, 2.0, 9.0]), "regression").tolist() == [-1, 1, 1, -1]


def test_nearest_others_leave_a_point_out_of_its_own() -> None:
    vectors = unit_vectors(np.array([[0.0, 0.0]] * 6 + [[1.0, 0.0], [2.0, 0.0]]))
    found = nearest_others(vectors, 3)
    assert found.shape == (8, 3)
    assert all(i not in found[i].tolist() for i in range(8))
    assert found[7, 0] == 6
