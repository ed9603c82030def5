"""Ranks, Borda, wins, Elo and improvement against their definitions and other implementations."""

from __future__ import annotations

from unittest.mock import patch

import choix
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import rankdata

from satclip_bench.benchmarks.ranking import aggregates as ag
from satclip_bench.benchmarks.ranking import column_ranks as cr

Float = NDArray[np.float64]


def _scores(encoders: int, columns: int, seed: int = 0, levels: int | None = None) -> Float:
    rng = np.random.default_rng(seed)
    if levels is not None:
        return rng.integers(0, levels, (encoders, columns)) / levels
    return rng.normal(0.5, 0.2, (encoders, columns))


def _even(columns: int) -> Float:
    return np.full(columns, 1 / columns)


def test_mean_ranks_do_not_depend_on_the_order_of_their_sums() -> None:
    """Processors add in different orders, and a rank of 8.25 has one decimal on a board."""
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((200, 9, 40))
    order = rng.permutation(40)
    assert np.array_equal(
        ag.mean_rank(scores, _even(40)), ag.mean_rank(scores[..., order], _even(40))
    )
    with patch.object(ag, "DECIMALS", 20):
        one, other = (ag.mean_rank(part, _even(40)) for part in (scores, scores[..., order]))
    assert not np.array_equal(one, other)


def test_equal_scores_share_the_mean_rank() -> None:
    scores = np.array([[0.9], [0.5], [0.9], [0.1]])
    assert cr.ranks(scores)[:, 0].tolist() == [1.5, 3.0, 1.5, 4.0]


@pytest.mark.parametrize("levels", [None, 1, 2, 7])
def test_ranks_are_scipys(levels: int | None) -> None:
    scores = np.stack([_scores(9, 40, seed, levels) for seed in range(3)])
    assert np.array_equal(cr.ranks(scores), rankdata(-scores, axis=1))
    assert ag.mean_rank(scores[:0], _even(40)).shape == (0, 9)


@pytest.mark.parametrize("encoders", [2, 12, 200, 300])
def test_ranks_of_scores_that_a_coarse_scale_cannot_tell_apart_are_scipys(encoders: int) -> None:
    rng = np.random.default_rng(0)
    near = 0.5 + 1e-9 * rng.integers(0, 3 * encoders, (encoders, 40))
    outlier = near.copy()
    outlier[0] = -1e5
    wide = rng.standard_normal((encoders, 40)) * 10.0 ** rng.integers(-8, 4, (encoders, 40))
    infinite = np.where(rng.random((encoders, 40)) < 0.1, -np.inf, near)
    for scores in np.stack([near, outlier, wide, infinite]).astype(np.float64):
        rounded = np.round(scores, cr.DIGITS)
        assert np.array_equal(cr.ranks(scores), rankdata(-rounded, axis=0))


def test_without_columns_all_are_level_and_without_encoders_there_are_no_ranks() -> None:
    level = ag.mean_rank(np.empty((3, 0)), np.empty(0))
    assert level.tolist() == [2, 2, 2]
    assert ag.win_rate(level).tolist() == [0.5, 0.5, 0.5]
    assert np.allclose(ag.elo(level), ag.ELO_CENTRE)
    assert ag.mean_rank(np.empty((0, 3)), _even(3)).shape == (0,)
    assert ag.mean_rank(np.empty((2, 0, 3)), _even(3)).shape == (2, 0)


def test_replicates_are_ranked_in_parts_that_fit_into_memory() -> None:
    scores = np.random.default_rng(0).normal(size=(7, 5, 11))
    with patch.object(cr, "CHUNK", 120):
        parts = list(cr.chunks(scores))
        assert [len(part) for part in parts] == [2, 2, 2, 1]
        in_parts = ag.mean_rank(scores, _even(11))
    assert np.array_equal(np.concatenate(parts), scores)
    assert np.array_equal(in_parts, ag.mean_rank(scores, _even(11)))


@given(st.integers(2, 6), st.integers(1, 8), st.integers(0, 1000), st.integers(2, 5))
@settings(max_examples=50, deadline=None)
def test_borda_counts_the_encoders_beaten_and_the_win_rate_is_its_share(
    encoders: int, columns: int, seed: int, levels: int
) -> None:
    scores, weights = _scores(encoders, columns, seed, levels), _even(columns)
    mean_ranks = ag.mean_rank(scores, weights)
    points = ag.borda(mean_ranks)
    assert np.allclose(points, ag.win_rate(mean_ranks) * (encoders - 1))
    ahead = (scores[:, None] > scores[None]).sum(axis=1) + (scores[:, None] == scores[None]).sum(
        axis=1
    ) / 2
    assert np.allclose(points, (ahead - 0.5).mean(axis=1))
    assert np.isclose(points.sum(), encoders * (encoders - 1) / 2)


@given(st.integers(2, 6), st.integers(1, 8), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_nothing_depends_on_the_order_of_encoders_or_on_the_scale_of_a_column(
    encoders: int, columns: int, seed: int
) -> None:
    scores, weights = _scores(encoders, columns, seed), _even(columns)
    order = np.random.default_rng(seed).permutation(encoders)
    for of in (np.asarray, ag.borda, ag.win_rate, ag.elo):
        plain = of(ag.mean_rank(scores, weights))
        turned, scaled = (ag.mean_rank(s, weights) for s in (scores[order], np.exp(3 * scores)))
        assert np.allclose(of(turned), plain[order], atol=1e-5)
        assert np.allclose(of(scaled), plain, atol=1e-5)


def test_elo_is_the_bradley_terry_model_of_an_independent_package() -> None:
    scores, columns = _scores(6, 40, seed=3), 40
    rating = ag.elo(ag.mean_rank(scores, _even(columns)))
    # Every game as often as its weight, and the draws beforehand as half a win for either.
    wins = (scores[:, None] > scores[None]).mean(axis=-1)
    beats = ag.GAMES * wins + ag.PRIOR_GAMES / 2 * (1 - np.eye(6))
    strength = choix.ilsr_pairwise_dense(beats, max_iter=1000, tol=1e-10)
    expected = ag.ELO_CENTRE + ag.ELO_SCALE * (strength - strength.mean()) / np.log(10)
    assert np.allclose(rating, expected, atol=1e-4)
    assert np.isclose(rating.mean(), ag.ELO_CENTRE)


def test_elo_is_finite_for_an_encoder_that_wins_all_and_ten_to_one_is_400() -> None:
    always = ag.elo(np.array([1.0, 2.0]))
    assert np.isfinite(always).all()
    odds = 10 ** ((always[0] - always[1]) / ag.ELO_SCALE)
    assert np.isclose(odds, (ag.GAMES + ag.PRIOR_GAMES / 2) / (ag.PRIOR_GAMES / 2))
    assert np.allclose(ag.elo(np.full(3, 2.0)), ag.ELO_CENTRE)


def test_elo_of_replicates_far_from_their_mean_is_what_each_gives_alone() -> None:
    far = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0], [2.0, 2.0, 2.0], *[[1.0, 2.0, 3.0]] * 30])
    alone = np.stack([ag.elo(one) for one in far])
    assert np.allclose(ag.elo(far), alone, atol=1e-5)
    assert ag.elo(far[:0]).shape == (0, 3)


def test_replicates_are_what_each_gives_alone() -> None:
    several = np.stack([_scores(5, 7, seed) for seed in range(4)])
    weights = np.random.default_rng(0).dirichlet(np.ones(7))
    for of in (np.asarray, ag.borda, ag.win_rate, ag.elo):
        alone = np.stack([of(ag.mean_rank(one, weights)) for one in several])
        assert np.allclose(of(ag.mean_rank(several, weights)), alone, atol=1e-5)


def test_improvement_is_the_share_of_error_removed() -> None:
    target = np.random.default_rng(0).normal(size=500)
    near, far = target + 0.1, target + 0.5
    r2 = [1 - ((target - p) ** 2).mean() / target.var() for p in (near, far)]
    expected = 1 - ((target - near) ** 2).mean() / ((target - far) ** 2).mean()
    found = ag.improvement(np.array([[r2[0]], [r2[1]]]), np.array([r2[1]]), np.ones(1))
    assert np.allclose(found, [expected, 0])


def test_improvement_has_a_floor() -> None:
    found = ag.improvement(np.array([[-1000.0, 0.9]]), np.array([0.5, 0.5]), _even(2))
    assert np.isclose(found[0], (ag.IMPROVEMENT_FLOOR + 0.8) / 2)


def test_a_single_encoder_has_no_win_rate() -> None:
    assert np.isnan(ag.win_rate(np.ones(1))).all()
    assert ag.borda(np.ones(1)).tolist() == [0]
