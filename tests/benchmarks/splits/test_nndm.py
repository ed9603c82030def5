"""Nearest-neighbour-distance matching: distances, what is chosen, and the prediction domain."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.splits import SplitInputs, get_split, nndm
from satclip_bench.benchmarks.splits.domain import covered, prediction_domain
from satclip_bench.benchmarks.splits.nndm import (
    FOLDS,
    MAX_FOLD_FRACTION,
    Folding,
    assign_folds,
    best_folding,
    candidate_foldings,
    kmeans,
    training_distances,
)
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import EARTH_RADIUS_KM, unit_vectors
from satclip_bench.tasks import OPEN_TASKS
from tests.benchmarks.splits.test_splits import haversine_km, uniform

Float = NDArray[np.float64]


def clumped(seed: int = 0, clumps: int = 40, each: int = 30, spread: float = 0.01) -> SplitInputs:
    """Points in clumps some 60 km wide all over the globe, which is the domain."""
    rng = np.random.default_rng(seed)
    centres = unit_vectors(uniform(clumps, rng))
    lonlat = lonlat_of(np.repeat(centres, each, axis=0) + rng.normal(0, spread, (clumps * each, 3)))
    return SplitInputs(lonlat, np.zeros(len(lonlat)), domain=uniform(3000, rng))


def lonlat_of(vectors: Float) -> Float:
    x, y, z = vectors.T
    angles: Float = np.stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))], axis=1)
    return np.degrees(angles)


def nearest_in_the_same_fold(points: SplitInputs, fold: NDArray[np.int64]) -> float:
    apart = haversine_km(points.lonlat[:, None], points.lonlat[None])
    np.fill_diagonal(apart, np.inf)
    return float((fold[apart.argmin(axis=1)] == fold).mean())


def test_distances_are_great_circles_by_brute_force() -> None:
    """Over points that hug the antimeridian and the poles, and repeat."""
    rng = np.random.default_rng(0)
    lonlat = uniform(600, rng)
    lonlat[:100, 0] = rng.choice([-180, 180, 179.9, -179.9], 100)
    lonlat[100:160, 1] = rng.choice([-90, 90, 89.9, -89.5], 60)
    lonlat[160:200] = lonlat[200:240]
    fold = rng.integers(FOLDS, size=600)
    apart = haversine_km(lonlat[:, None], lonlat[None])
    expected = [apart[i, fold != fold[i]].min() for i in range(600)]
    assert training_distances(unit_vectors(lonlat), fold) == pytest.approx(expected, abs=1e-4)


def test_candidates_say_what_they_were_judged_by() -> None:
    points = clumped()
    assert points.domain is not None
    apart = haversine_km(points.domain[:, None], points.lonlat[None])
    for one in candidate_foldings(points, 0):
        assert one.domain_km == pytest.approx(np.sort(apart.min(axis=1)), abs=1e-4)
        assert np.array_equal(
            one.test_km, training_distances(unit_vectors(points.lonlat), one.fold)
        )
        assert one.wasserstein_km == pytest.approx(
            area_between(one.domain_km, one.test_km), rel=1e-9
        )


def area_between(a: Float, b: Float) -> float:
    """Between the cumulative curves of two samples, step by step."""
    steps = np.unique(np.concatenate([a, b]))
    total = 0.0
    for low, high in pairwise(steps):
        total += (high - low) * abs((a <= low).mean() - (b <= low).mean())
    return total


@pytest.mark.parametrize("seed", [0, 1])
def test_the_best_candidate_is_chosen(seed: int) -> None:
    points = clumped()
    all_of_them = candidate_foldings(points, seed)
    chosen = best_folding(points, seed)
    assert len(all_of_them) > 10
    assert [c.n_clusters for c in all_of_them][-1] == 0, "random folds are one of them"
    assert chosen.wasserstein_km == min(c.wasserstein_km for c in all_of_them)
    vectors = unit_vectors(points.lonlat)
    for other in range(20):
        at_random = np.random.default_rng(other).permutation(len(points)) % FOLDS
        assert chosen.wasserstein_km < area_between(
            chosen.domain_km, training_distances(vectors, at_random)
        )


def test_a_clustered_sample_of_the_globe_gives_spatial_folds() -> None:
    points = clumped()
    chosen = best_folding(points, 0)
    assert chosen.n_clusters > 0
    assert nearest_in_the_same_fold(points, chosen.fold) > 0.95
    at_random = candidate_foldings(points, 0)[-1]
    assert chosen.wasserstein_km < at_random.wasserstein_km / 3
    assert np.median(at_random.test_km) < 100 < np.median(chosen.test_km)


def test_a_uniform_sample_gives_random_folds() -> None:
    rng = np.random.default_rng(1)
    points = SplitInputs(uniform(1500, rng), np.zeros(1500), domain=uniform(3000, rng))
    (only,) = candidate_foldings(points, 0)
    assert only.n_clusters == 0
    assert set(np.bincount(only.fold)) == {300}
    assert nearest_in_the_same_fold(points, only.fold) == pytest.approx(0.2, abs=0.05)


def test_a_regular_sample_gives_random_folds() -> None:
    """Farther apart than the domain is from it: nothing is clustered."""
    lonlat = np.array([(lon, lat) for lon in range(20) for lat in range(-10, 10)], dtype=float)
    (only,) = candidate_foldings(
        SplitInputs(lonlat, np.zeros(400), domain=covered(lonlat, 2000)), 0
    )
    assert only.n_clusters == 0


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.floats(-180, 180))
def test_no_meridian_and_no_pole_is_special(seed: int, turn: float) -> None:
    """Turning the globe, about its axis or any other, changes neither distances nor folds."""
    points = clumped(clumps=12, each=12)
    assert points.domain is not None
    about_the_axis = Rotation.from_euler("z", turn, degrees=True)
    first = best_folding(points, 5)
    for turned in (about_the_axis, Rotation.random(rng=np.random.default_rng(seed))):
        moved = replace(
            points,
            lonlat=lonlat_of(turned.apply(unit_vectors(points.lonlat))),
            domain=lonlat_of(turned.apply(unit_vectors(points.domain))),
        )
        again = best_folding(moved, 5)
        assert again.domain_km == pytest.approx(first.domain_km, abs=1e-3)
        assert np.array_equal(again.fold, first.fold)
        assert again.test_km == pytest.approx(first.test_km, abs=1e-3)


def test_every_fold_tests_once_and_the_other_four_are_inner_folds() -> None:
    points = clumped(3)
    folds = get_split("nndm").folds(points, 0)
    assert [fold.name for fold in folds] == list("01234")
    assert np.array_equal(np.sort(np.concatenate([f.test for f in folds])), np.arange(len(points)))
    for fold in folds:
        assert len(fold.train) + len(fold.test) == len(points)
        assert len(fold.test) <= MAX_FOLD_FRACTION * len(points)
        others = [other for other in folds if other.name != fold.name]
        for inner, other in zip(fold.inner, others, strict=True):
            assert np.array_equal(inner.validation, other.test)
            assert np.array_equal(inner.train, np.setdiff1d(fold.train, other.test))


def test_seeds_give_other_folds_and_the_same_seed_the_same() -> None:
    points = clumped(2)
    hashes = [tuple(f.sha256 for f in get_split("nndm").folds(points, seed)) for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1]
    assert set(hashes[0]).isdisjoint(hashes[2])


@settings(max_examples=50, deadline=None)
@given(arrays(np.int64, st.integers(10, 200), elements=st.integers(0, 30)), st.integers(0, 99))
def test_clusters_are_dealt_whole_and_large_ones_alone(
    labels: NDArray[np.int64], seed: int
) -> None:
    label = np.unique(labels, return_inverse=True)[1]
    vectors = unit_vectors(uniform(len(label), np.random.default_rng(seed)))
    fold = assign_folds(vectors, label)
    counts = np.bincount(label)
    assert set(fold) <= set(range(FOLDS))
    assert len(set(fold)) == min(FOLDS, len(counts)) or (counts * FOLDS >= len(label)).any()
    home = {}
    for one in range(len(counts)):
        assert len(set(fold[label == one])) == 1
        home[one] = int(fold[label == one][0])
    for large in np.flatnonzero(counts * FOLDS >= len(label)):
        assert list(home.values()).count(home[int(large)]) == 1


@pytest.mark.parametrize("number", [5, 50, 300])
def test_clusters_are_compact(number: int) -> None:
    rng = np.random.default_rng(0)
    vectors = unit_vectors(uniform(3000, rng))
    label = kmeans(vectors, number, rng)
    assert np.array_equal(np.unique(label), np.arange(label.max() + 1))
    assert number * 0.9 <= label.max() + 1 <= number
    means = np.stack([np.bincount(label, axis) / np.bincount(label) for axis in vectors.T], axis=1)
    within = np.square(vectors - means[label]).sum(axis=1).mean()
    # A cap of a share 1/q of the sphere has a mean squared radius of about 2/q.
    assert within < 1.5 * 2 / number


@pytest.mark.parametrize(
    ("lonlat", "message"),
    [
        (np.array([[0.0, 0.0]]), "10 points or more in 5 different places; there are 1 in 1"),
        (uniform(9, np.random.default_rng(0)), "there are 9 in 9"),
        (np.tile([[3.0, 4.0], [5.0, 6.0]], (50, 1)), "there are 100 in 2"),
        (np.empty((0, 2)), "there are 0 in 0"),
    ],
)
def test_too_few_points_are_said(lonlat: Float, message: str) -> None:
    points = SplitInputs(
        lonlat, np.zeros(len(lonlat)), domain=uniform(50, np.random.default_rng(0))
    )
    with pytest.raises(BenchError, match=message):
        get_split("nndm").folds(points, 0)


def test_ten_points_and_five_places_are_enough() -> None:
    rng = np.random.default_rng(0)
    ten = SplitInputs(uniform(10, rng), np.zeros(10), domain=uniform(200, rng))
    assert len(get_split("nndm").folds(ten, 0)) == FOLDS
    five = SplitInputs(
        np.repeat(uniform(5, rng), 40, axis=0), np.zeros(200), domain=uniform(200, rng)
    )
    chosen = best_folding(five, 0)
    assert chosen.n_clusters > 0
    assert nearest_in_the_same_fold(five, chosen.fold) == 1


def test_without_a_domain_nothing_can_be_matched() -> None:
    points = clumped()
    for none in (None, np.empty((0, 2))):
        with pytest.raises(BenchError, match=r"SplitInputs\.domain"):
            get_split("nndm").folds(replace(points, domain=none), 0)


def test_california_is_clustered_and_its_counties_are_not() -> None:
    table = load_table(TaskSource("california_housing"))
    points = SplitInputs(table.lonlat, table.target, domain=prediction_domain(table))
    *spatial, at_random = candidate_foldings(points, 0)
    chosen = best_folding(points, 0)
    assert chosen.n_clusters in {c.n_clusters for c in spatial}
    assert chosen.wasserstein_km < at_random.wasserstein_km / 2
    first = make_folds(TaskSource("california_housing"), "nndm", 0)[0]
    assert np.array_equal(first.test, np.flatnonzero(chosen.fold == 0))
    for fold in make_folds(TaskSource("median_income"), "nndm", 0):
        assert len(fold.test) == 617, "random fifths"


@pytest.mark.parametrize("task", OPEN_TASKS)
def test_the_domain_is_not_the_sample(task: str) -> None:
    table = load_table(TaskSource(task))
    domain = prediction_domain(table)
    assert domain.shape == (10_000, 2)
    assert set(map(tuple, domain)).isdisjoint(map(tuple, table.lonlat))
    assert np.array_equal(domain, prediction_domain(table))


def test_an_inner_fold_trains_on_a_tenth_or_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clusters with nearly all points are two folds: without both, hardly a point is left."""
    fold = np.repeat(np.arange(FOLDS), [480, 480, 20, 10, 10])
    none = np.zeros(0)
    monkeypatch.setattr(nndm, "best_folding", lambda *_: Folding(2, fold, none, none, 0.0))
    folds = get_split("nndm").folds(clumped(each=25), 0)
    assert [len(made.inner) for made in folds] == [3, 3, 4, 4, 4]
    for made in folds:
        assert len(made.train) + len(made.test) == 1000
        assert all(len(inner.train) >= 0.1 * len(made.train) for inner in made.inner)


def test_a_global_table_at_sea_is_not_for_a_map_of_land() -> None:
    elevation = load_table(TaskSource("elevation"))
    anywhere = uniform(2000, np.random.default_rng(0))
    to_land = haversine_km(anywhere[:, None], elevation.lonlat[None, ::8]).min(axis=1)
    sea = anywhere[(to_land > 400) & (anywhere[:, 1] > -60)]
    rows = slice(len(sea))
    changed = {"lonlat": sea, "target": elevation.target[rows], "region": None, "features": {}}
    domain = prediction_domain(replace(elevation, **changed))
    apart = haversine_km(domain[:1000, None], sea[None]).min(axis=1)
    assert np.median(apart) < 400, "1,000 km and more from places on land"
    coast = np.concatenate([sea[: len(sea) // 2], elevation.lonlat[: len(sea) // 2 + 9]])
    mixed = {"lonlat": coast, "target": elevation.target[: len(coast)]}
    mostly_land = replace(elevation, **(changed | mixed))
    assert np.array_equal(prediction_domain(mostly_land), prediction_domain(elevation))


def test_a_covered_area_is_covered_evenly() -> None:
    """A square of ten degrees about a corner of the map: pole-less, but on the antimeridian."""
    rng = np.random.default_rng(0)
    lonlat = np.stack([rng.uniform(175, 185, 4000), rng.uniform(-5, 5, 4000)], axis=1)
    lonlat[:, 0] = (lonlat[:, 0] + 180) % 360 - 180
    lon, lat = covered(lonlat, 8000).T
    lon = lon % 360
    assert (lon > 175).all()
    assert (lon < 185).all()
    assert (np.abs(lat) < 5.05).all(), "a great circle between two points may bulge"
    counts = np.histogram2d(lon, lat, bins=5, range=[[175, 185], [-5, 5]])[0]
    assert np.abs(counts / 8000 * 25 - 1).max() < 0.25


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999), st.integers(30, 200))
def test_nothing_covered_is_lonelier_than_the_loneliest_point(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    pole = np.stack([rng.uniform(-180, 180, n), rng.uniform(60, 90, n)], axis=1)
    apart = haversine_km(pole[:, None], pole[None])
    np.fill_diagonal(apart, np.inf)
    places = covered(pole, 500)
    to_sample = haversine_km(places[:, None], pole[None]).min(axis=1)
    assert to_sample.max() <= apart.min(axis=1).max() * (1 + 1e-6)


def test_a_gap_is_not_covered() -> None:
    rng = np.random.default_rng(0)
    west, east = rng.uniform([0, 0], [5, 5], (300, 2)), rng.uniform([40, 0], [45, 5], (300, 2))
    lon = covered(np.concatenate([west, east]), 4000)[:, 0]
    assert not ((lon > 6) & (lon < 39)).any()
    assert 0.4 < (lon < 6).mean() < 0.6


def test_the_states_have_the_area_that_they_have() -> None:
    """By Monte Carlo: the share of places in a box of known area tells the area of the whole."""
    for task, box, known in (
        ("median_income", ((-105, -95), (36, 44)), 7.66e6),
        ("california_housing", ((-121.5, -119.5), (35.8, 38.5)), 0.404e6),
    ):
        (west, east), (south, north) = box
        places = prediction_domain(load_table(TaskSource(task)))
        inside = (places > [west, south]).all(axis=1) & (places < [east, north]).all(axis=1)
        width, (low, high) = np.radians(east - west), np.sin(np.radians([south, north]))
        area = EARTH_RADIUS_KM**2 * width * (high - low)
        assert area / inside.mean() == pytest.approx(known, rel=0.1)


@pytest.mark.parametrize(
    "lonlat",
    [
        np.zeros((20, 2)),
        np.array([[0.0, 0], [1, 0], [2, 0]]),
        np.stack([np.arange(20.0), np.zeros(20)], axis=1),
        np.array([[0.0, 0], [0.01, 0], [90, 0.2], [90.01, 0], [-120, 40], [-120, 40.01]]),
    ],
)
def test_what_covers_no_area_is_an_error(lonlat: Float) -> None:
    with pytest.raises(BenchError, match="area"):
        covered(lonlat)
