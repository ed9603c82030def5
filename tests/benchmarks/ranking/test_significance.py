"""Paired tests, corrections and tie groups against scipy, enumeration and printed tables."""

from __future__ import annotations

import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from satclip_bench.benchmarks.ranking import significance as co
from satclip_bench.benchmarks.ranking.aggregates import mean_rank


@pytest.mark.parametrize(("encoders", "q"), [(3, 2.343), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_has_the_printed_constants(encoders: int, q: float) -> None:
    scores = np.random.default_rng(0).normal(size=(encoders, 8))
    found = co.friedman(scores)
    assert found is not None
    # Demsar 2006, table 5(a).
    expected = q * np.sqrt(encoders * (encoders + 1) / (6 * 8))
    assert np.isclose(found.critical_difference, expected, rtol=5e-4)
    assert np.isclose(found.p, stats.friedmanchisquare(*scores).pvalue)


def test_equal_encoders_do_not_differ_by_friedman() -> None:
    found = co.friedman(np.tile([0.1, 0.5, 0.5, 0.9], (5, 1)))
    assert found is not None
    assert (found.statistic, found.p) == (0, 1)


def test_friedman_needs_three_of_either() -> None:
    assert co.friedman(np.zeros((2, 9))) is None
    assert co.friedman(np.zeros((9, 2))) is None


def _closed_testing(p: np.ndarray) -> np.ndarray:
    """Holm by its definition: the closure of Bonferroni's test over all intersections."""
    adjusted = np.zeros(len(p))
    for size in range(1, len(p) + 1):
        for chosen in combinations(range(len(p)), size):
            together = min(1.0, size * p[list(chosen)].min())
            for i in chosen:
                adjusted[i] = max(adjusted[i], together)
    return adjusted


@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
@settings(max_examples=100, deadline=None)
def test_holm_is_the_closure_of_bonferroni(values: list[float]) -> None:
    p = np.array(values)
    assert np.allclose(co.holm(p), _closed_testing(p))


def test_signed_rank_is_scipys_and_needs_enough_tasks() -> None:
    scores = np.random.default_rng(1).normal(size=(4, 9))
    p = co.signed_rank(scores)
    assert np.isclose(p[2, 0], stats.wilcoxon(scores[2], scores[0]).pvalue)
    assert np.array_equal(p, p.T)
    assert (np.diag(p) == 1).all()
    assert (co.signed_rank(scores[:, :4]) == 1).all()
    assert (co.signed_rank(np.ones((3, 8))) == 1).all()


@pytest.mark.parametrize(("encoders", "tasks"), [(9, 5), (7, 8), (3, 11), (9, 14), (9, 30)])
def test_signed_rank_of_rounded_scores_is_scipys(encoders: int, tasks: int) -> None:
    scores = np.random.default_rng(tasks).normal(size=(encoders, tasks)).round(1)
    scores[1] = scores[0]
    p = co.signed_rank(scores)
    for i, j in combinations(range(encoders), 2):
        gaps = scores[i] - scores[j]
        expected = stats.wilcoxon(gaps).pvalue if gaps.any() else 1.0
        assert p[i, j] == pytest.approx(expected, rel=1e-12)
        assert p[i, j] == p[j, i]


def test_signed_rank_of_many_rounded_scores_takes_a_moment() -> None:
    scores = np.random.default_rng(0).normal(size=(90, 12)).round(2)
    start = time.process_time()
    p = co.signed_rank(scores)
    assert time.process_time() - start < 10
    assert 0 < p.min() < 0.05
    assert p.max() == 1


def test_bootstrap_p_is_uniform_where_nothing_differs() -> None:
    rng = np.random.default_rng(0)
    observed = rng.normal(size=2000)
    replicates = observed + rng.normal(size=(400, 2000))
    p = co.bootstrap_p(observed, replicates)
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_bootstrap_p_of_what_never_varies() -> None:
    still = np.tile([0.0, 1.0], (50, 1))
    assert co.bootstrap_p(np.array([0.0, 1.0]), still).tolist() == [1.0, 0.0]


def test_tie_groups_are_the_largest_and_none_lies_in_another() -> None:
    ranks = np.array([1.0, 2.0, 3.0, 4.0])
    p = np.ones((4, 4))
    for i, j in ((0, 2), (0, 3), (1, 3)):
        p[i, j] = p[j, i] = 0.01
    assert co.tie_groups(ranks, p) == ((0, 1), (1, 2), (2, 3))
    p[0, 2] = p[2, 0] = 0.5
    assert co.tie_groups(ranks, p) == ((0, 1, 2), (2, 3))
    assert co.tie_groups(ranks, np.zeros((4, 4))) == ()
    assert co.tie_groups(ranks[::-1], np.ones((4, 4))) == ((3, 2, 1, 0),)


@given(st.integers(2, 8), st.integers(0, 500))
@settings(max_examples=50, deadline=None)
def test_kendall_is_scipys(encoders: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 6, (2, encoders)).astype(float)
    expected = stats.kendalltau(a, b).statistic
    assert np.allclose(co.kendall(a, b), expected, equal_nan=True)


def test_holm_over_pairs_is_symmetric_and_counts_each_pair_once() -> None:
    p = np.array([[1.0, 0.01, 0.02], [0.01, 1.0, 0.04], [0.02, 0.04, 1.0]])
    found = co.holm_pairs(p)
    assert np.allclose(found[np.triu_indices(3, 1)], [0.03, 0.04, 0.04])
    assert np.array_equal(found, found.T)


def _claims(factor: float, spread: float, runs: int = 150) -> float:
    """Share of runs in which a change of mean rank is claimed although no score has changed."""
    rng = np.random.default_rng(0)
    truth = spread * np.repeat(np.arange(5), 2)[:, None] * np.ones((10, 8))
    weights, claimed = np.full(8, 1 / 8), 0
    for _ in range(runs):
        one, other = truth + rng.normal(size=(2, 10, 8))
        drawn = [
            mean_rank(s + factor * rng.normal(size=(200, 10, 8)), weights) for s in (one, other)
        ]
        change = mean_rank(other, weights) - mean_rank(one, weights)
        claimed += bool((co.holm(co.bootstrap_p(change, drawn[1] - drawn[0])) < co.ALPHA).any())
    return claimed / runs


def test_false_claims_of_rank_changes_are_rare_with_widened_noise() -> None:
    assert _claims(co.WIDER, spread=0) < 0.15
    assert _claims(co.WIDER, spread=2) < 0.05
    # The plain bootstrap claims too many changes.
    assert _claims(1.0, spread=0) > 0.2


def test_false_positives_of_pairs_are_at_their_nominal_rate() -> None:
    rng = np.random.default_rng(0)
    one = families = 0.0
    for _ in range(200):
        scores = rng.normal(size=(8, 6))
        p = co.score_gaps_p(scores, scores + rng.normal(size=(300, 8, 6)))[0]
        upper = p[np.triu_indices(8, 1)]
        one += (upper < co.ALPHA).mean() / 200
        families += bool((co.holm(upper) < co.ALPHA).any()) / 200
    assert 0.03 < one < 0.07
    assert families < 0.09


def test_clear_wins_are_significant_even_with_few_replicates() -> None:
    rng = np.random.default_rng(0)
    scores = np.array([[1.0] * 8, [0.0] * 8])
    p, ahead = co.score_gaps_p(scores, scores + 0.01 * rng.normal(size=(50, 2, 8)))
    assert p[0, 1] < 1e-6
    assert p[0, 0] == 1
    assert ahead[0, 1] == -ahead[1, 0] > 0
    # One task lost by a mile does not outweigh seven that are won clearly.
    mixed = np.array([[1.0] * 7 + [-100.0], [0.0] * 8])
    noise = 0.01 * rng.normal(size=(200, 2, 8))
    assert co.score_gaps_p(mixed, mixed + noise)[0][0, 1] < 0.01
    still, _ = co.score_gaps_p(scores, np.tile(scores, (20, 1, 1)))
    assert still[0, 1] == 0
    assert still[0, 0] == 1


def test_widening_leaves_the_middle_and_doubles_the_spread() -> None:
    scores = np.array([[0.5, 0.1]])
    drawn = scores + np.random.default_rng(0).normal(size=(400, 1, 2))
    wide = co.widened(scores, drawn)
    assert np.allclose(wide.std(axis=0), co.WIDER * drawn.std(axis=0))
    assert np.allclose(wide.mean(axis=0) - scores, co.WIDER * (drawn.mean(axis=0) - scores))
