"""Dimensions of an embedding, against scikit-learn, scipy and known shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import svdvals
from scipy.spatial.distance import cdist
from scipy.stats import entropy, ortho_group
from sklearn.decomposition import PCA

from satclip_bench.benchmarks.profiles.dimension import (
    effective_rank,
    participation_ratio,
    two_nearest_neighbours,
    variances,
)
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import get_encoder
from satclip_bench.encoders.combine import fibonacci_lattice


@pytest.mark.parametrize("shape", [(60, 5), (20, 50)])
def test_variances_and_effective_rank_are_those_of_scipy_and_sklearn(
    shape: tuple[int, int],
) -> None:
    rows = np.random.default_rng(0).normal(size=shape) * np.arange(1, shape[1] + 1) + 7
    variance = variances(rows)
    expected = PCA(svd_solver="full").fit(rows).explained_variance_ * (1 - 1 / shape[0])
    np.testing.assert_allclose(variance, expected, rtol=1e-9, atol=1e-9)
    singular = svdvals(rows - rows.mean(axis=0))
    assert effective_rank(variance) == pytest.approx(np.exp(entropy(singular)), rel=1e-6)


def test_harmonics_fill_all_of_their_columns_but_the_constant_one() -> None:
    variance = variances(get_encoder("harmonics.l10").encode(fibonacci_lattice(4096)))
    assert participation_ratio(variance) == pytest.approx(99, rel=1e-3)
    assert effective_rank(variance) == pytest.approx(99, rel=1e-3)


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_no_turn_shift_or_factor_changes_a_dimension(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(40, 4)) * [1, 2, 3, 4]
    moved = factor * rows @ ortho_group.rvs(4, random_state=rng) + rng.normal(size=4)
    for measure in (participation_ratio, effective_rank):
        assert measure(variances(moved)) == pytest.approx(measure(variances(rows)), rel=1e-6)
    assert two_nearest_neighbours(moved) == pytest.approx(two_nearest_neighbours(rows), rel=1e-6)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_two_nearest_neighbours_find_the_dimension_of_a_cube_in_a_larger_space(
    dimension: int,
) -> None:
    rng = np.random.default_rng(0)
    rows = rng.uniform(size=(3000, dimension)) @ rng.normal(size=(dimension, 20))
    assert two_nearest_neighbours(rows) == pytest.approx(dimension, rel=0.08)


def test_two_nearest_neighbours_are_the_fit_of_the_paper() -> None:
    rows = np.random.default_rng(1).normal(size=(200, 3))
    distance = np.sort(cdist(rows, rows), axis=1)
    ratio = np.sort(distance[:, 2] / distance[:, 1])[:180]
    share = np.arange(1, 181) / 200
    slope = np.linalg.lstsq(np.log(ratio)[:, None], -np.log(1 - share), rcond=None)[0][0]
    assert two_nearest_neighbours(rows) == pytest.approx(slope, rel=1e-9)
    assert two_nearest_neighbours(np.repeat(rows, 2, axis=0)) == pytest.approx(slope, rel=1e-9)


def test_an_embedding_without_variance_has_no_dimension() -> None:
    with pytest.raises(BenchError, match="the same everywhere"):
        participation_ratio(variances(np.ones((20, 3))))
    with pytest.raises(BenchError, match="1 different values"):
        two_nearest_neighbours(np.ones((20, 3)))
    with pytest.raises(BenchError, match="equally far"):
        two_nearest_neighbours(np.stack(np.meshgrid(range(5), range(5)), -1).reshape(-1, 2))
