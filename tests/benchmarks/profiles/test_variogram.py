"""Variograms of embeddings, against closed forms and a computation over all pairs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.spatial.distance import pdist
from scipy.special import eval_legendre

from satclip_bench.benchmarks.profiles.profile import EDGES_KM, profile
from satclip_bench.benchmarks.profiles.variogram import Variogram, pair_variogram, partners, sill
from satclip_bench.core.sphere import EARTH_RADIUS_KM, great_circle_km, lonlat_of, unit_vectors
from satclip_bench.encoders import get_encoder
from tests.benchmarks.profiles.small import SMALL


def harmonics_variogram(angle: float, degrees: int) -> float:
    """Semivariance over the sill of all harmonics below a degree: the addition theorem."""
    weight = 2 * np.arange(1, degrees) + 1
    legendre = eval_legendre(np.arange(1, degrees), np.cos(angle))
    return float(1 - (weight * legendre).sum() / weight.sum())


@given(st.floats(-180, 180), st.floats(-90, 90), st.floats(1, 20_000), st.integers(0, 99))
def test_partners_are_at_the_distance(lon: float, lat: float, km: float, seed: int) -> None:
    point = np.array([[lon, lat]])
    other = partners(point, km, np.random.default_rng(seed))
    # Near the antipode the chord hardly changes with the distance.
    assert great_circle_km(point, other)[0] == pytest.approx(km, rel=1e-6, abs=1e-3)


def test_variogram_of_harmonics_is_the_addition_theorem() -> None:
    area = profile(get_encoder("harmonics.l10"), sizes=SMALL).areas["sphere"]
    v = area.variogram
    expected = [harmonics_variogram(km / EARTH_RADIUS_KM, 10) for km in v.km]
    np.testing.assert_allclose(v.value, expected, rtol=0.01, atol=1e-4)
    half = EARTH_RADIUS_KM * brentq(lambda a: harmonics_variogram(a, 10) - 0.5, 1e-3, 0.3)
    assert area.half_sill_km == pytest.approx(half, rel=0.03)


def test_pairs_of_points_give_the_variogram_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(10, 12, 60), rng.uniform(40, 42, 60)])
    embedding = rng.normal(size=(60, 3)).astype(np.float32)
    edges = np.array([20.0, 100.0, 200.0])
    found = pair_variogram(points, embedding, edges, rng)
    i, j = np.triu_indices(60, 1)
    km = great_circle_km(points[i], points[j])
    half_squares = pdist(embedding.astype(np.float64), "sqeuclidean") / 2
    for number, (low, high) in enumerate(pairwise(edges)):
        members = (km >= low) & (km < high)
        assert found.pairs[number] == members.sum()
        expected = half_squares[members].mean() / sill(embedding)
        assert found.value[number] == pytest.approx(expected, rel=1e-6)


def test_variogram_of_unit_vectors_over_pairs() -> None:
    rng = np.random.default_rng(0)
    points = lonlat_of(rng.standard_normal((4000, 3)))
    found = pair_variogram(points, unit_vectors(points), EDGES_KM, rng)
    np.testing.assert_allclose(found.value, 1 - np.cos(found.km / EARTH_RADIUS_KM), rtol=0.03)
    # 1 - cos is one half at 60 degrees.
    assert found.half_sill_km == pytest.approx(EARTH_RADIUS_KM * np.pi / 3, rel=0.02)


@pytest.mark.parametrize(("values", "expected"), [([0.6, 0.9], 0), ([0.1, 0.4], float("inf"))])
def test_half_sill_outside_the_distances(values: list[float], expected: float) -> None:
    v = Variogram(np.array([1.0, 10.0]), np.array(values), np.array([9, 9]))
    assert v.half_sill_km == expected
