"""Differences to the best: the Studentized range, moderated variances, level and power."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import polygamma
from scipy.stats import f as f_distribution
from scipy.stats import studentized_range, t, tukey_hsd

from satclip_bench.benchmarks.metrics.replicates import Replicates
from satclip_bench.benchmarks.ranking.seeds import (
    drawn_sizes,
    inverse_trigamma,
    moderated,
    overlap_factor,
    point_variance,
    training_variance,
)
from satclip_bench.benchmarks.ranking.shifts import MAX_HALVES, _halves, noise_floor
from satclip_bench.benchmarks.ranking.significance import kendall
from satclip_bench.benchmarks.ranking.studentized import (
    range_cdf,
    range_p,
    range_quantile,
    rounded_freedom,
)
from satclip_bench.benchmarks.ranking.ties import TIE_FLOOR, differences_to_best
from satclip_bench.benchmarks.ranking.training_noise import with_training_noise


@pytest.mark.parametrize("means", [2, 12, 25])
@pytest.mark.parametrize("freedom", [2.0, 7.5, 1e3, np.inf])
def test_the_range_is_scipys(means: int, freedom: float) -> None:
    for statistic in (1.0, 3.5, 6.0):
        ours = range_cdf(np.array([statistic]), means, np.array([freedom]))[0]
        assert ours == pytest.approx(studentized_range.cdf(statistic, means, freedom), abs=2e-6)


def test_quantiles_and_p_are_scipys() -> None:
    assert range_quantile(12, np.array([9.87]))[0] == pytest.approx(
        studentized_range.ppf(0.95, 12, 9.8), abs=1e-4
    )
    # Two means: Student's t.
    p = range_p(np.array([0.3, 0.0, 0.2, 0.0]), np.array([0.01, 0.01, 0, 0]), 2, np.full(4, 6.0))
    assert p[0] == pytest.approx(2 * t.sf(3, 6), abs=1e-6)
    assert p[1:].tolist() == [1, 0, 1]
    samples = np.random.default_rng(0).normal(size=(4, 6)) + np.arange(4)[:, None]
    pooled = samples.var(axis=1, ddof=1).mean() / 6
    gaps = samples.mean(axis=1) - samples.mean(axis=1)[0]
    expected = tukey_hsd(*samples).pvalue[0]
    ours = range_p(gaps, np.full(4, 2 * pooled), 4, np.full(4, 20.0))
    assert ours == pytest.approx(expected, abs=1e-5)


def test_freedom_is_rounded_down_and_finite_for_every_error() -> None:
    freedom = np.array([0.2, 1.0, 3.19, 15.7, 9_999.0, 1e12, np.inf])
    assert rounded_freedom(freedom).tolist() == [1, 1, 3.1, 15, 9900, np.inf, np.inf]
    assert np.isfinite(range_quantile(5, freedom)).all()
    once = rounded_freedom(np.arange(10, 1000) / 100)
    assert np.array_equal(rounded_freedom(once), once)
    assert rounded_freedom(np.array([1.2, 1.9, 2.3, 2.4])).tolist() == [1.2, 1.9, 2.3, 2.4]


@given(st.floats(1e-6, 1e6))
@settings(max_examples=50, deadline=None)
def test_trigamma_is_inverted(value: float) -> None:
    assert polygamma(1, inverse_trigamma(value)) == pytest.approx(value, rel=1e-6)


def test_the_prior_has_the_moments_of_log_variances() -> None:
    """s^2 is s0^2 F(d, d0): log moments by quadrature of scipy's density."""
    variances, freedom = np.array([0.5, 1.0, 3.0, 8.0, 0.2, 1.5]), 4
    result = moderated(variances, freedom)
    d0, s0 = result.prior_freedom, result.prior

    def moment(power: int, centre: float) -> float:
        # On the scale of the logarithm, where the density has no pole.
        return float(
            quad(
                lambda u: (
                    (u - centre) ** power
                    * f_distribution.pdf(np.exp(u) / s0, freedom, d0)
                    * np.exp(u)
                    / s0
                ),
                -25,
                25,
                limit=300,
                points=[-2, 0, 2],
            )[0]
        )

    mean = moment(1, 0.0)
    assert mean == pytest.approx(np.log(variances).mean(), abs=1e-5)
    assert moment(2, mean) == pytest.approx(np.log(variances).var(ddof=1), abs=1e-5)
    expected = (d0 * s0 + freedom * variances) / (d0 + freedom)
    assert result.variance == pytest.approx(expected)
    assert result.freedom == pytest.approx(d0 + freedom)


def test_moderation_finds_the_prior_and_needs_several_variances() -> None:
    rng = np.random.default_rng(0)
    true = 2.0 * 6 / rng.chisquare(6, 4000)
    result = moderated(true * rng.chisquare(4, 4000) / 4, 4)
    assert result.prior_freedom == pytest.approx(6, rel=0.2)
    assert result.prior == pytest.approx(2, rel=0.1)
    alone = moderated(np.array([0.3]), 4)
    assert (alone.variance.tolist(), alone.freedom) == ([0.3], 4)
    # An encoder whose scores do not vary takes no part in the estimate, but is moderated too.
    constant = moderated(np.array([0.0, 1.0, 2.0, 1.5]), 4)
    rest = moderated(np.array([1.0, 2.0, 1.5]), 4)
    assert constant.prior == rest.prior
    assert constant.variance[0] > 0


def test_noise_of_redrawn_test_points_is_not_counted_twice() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(0, 0.2, (40, 10))
    scores = 0.5 + points
    replicates = scores[..., None] + rng.normal(0, 0.2, (40, 10, 500))
    assert point_variance(replicates, scores) == pytest.approx(np.full(40, 0.04), rel=0.15)
    error, uncertain, freedom = training_variance(scores, point_variance(replicates, scores), 0.5)
    # All of the variance over seeds is that of the points.
    assert error.mean() < 0.1 * uncertain.mean()
    assert freedom > 9
    # Seeds that share their points have the noise of points in common.
    same = scores[..., None] + rng.normal(0, 0.2, (40, 1, 500))
    assert point_variance(same, scores) == pytest.approx(np.zeros(40), abs=1e-12)
    assert training_variance(scores, point_variance(same, scores), 0.5)[0] == pytest.approx(
        uncertain
    )


def test_one_seed_says_nothing_about_the_training_set() -> None:
    error, uncertain, freedom = training_variance(np.ones((3, 1)), 0.0, 1.0)
    assert (error.tolist(), uncertain.tolist(), freedom) == ([0, 0, 0], [0, 0, 0], np.inf)


def _task(
    scores: np.ndarray, replicates: np.ndarray | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Replicates | None]:
    """Scores `(E, S)` and bootstrap scores of one task, as `differences_to_best` takes them."""
    columns = pd.MultiIndex.from_product([["a"], range(scores.shape[1])], names=["task", "seed"])
    cell = {"task": "a", "split": "random", "seed": 0, "fold": "0", "status": "done"}
    rows = pd.DataFrame([{**cell, "n_train": 3, "n_test": 6}])
    by_seed = pd.DataFrame(scores, columns=columns)
    mean = by_seed.T.groupby(level="task").mean().T
    return by_seed, mean, rows, None if replicates is None else Replicates(replicates)


def test_an_encoder_ties_as_long_as_its_interval_holds_zero() -> None:
    rng = np.random.default_rng(1)
    scores = np.linspace(0.5, 0.9, 9)[:, None] + rng.normal(0, 0.05, (9, 5))
    replicates = scores[..., None] + rng.normal(0, 0.05, (9, 1, 400))
    result = differences_to_best(*_task(scores, replicates))
    gap, low, high, p, tied = (
        frame["a"].to_numpy()
        for frame in (result.gap, result.low, result.high, result.p, result.tied)
    )
    best = int(scores.mean(axis=1).argmax())
    assert gap[best] == low[best] == high[best] == 0
    assert tied[best]
    assert 1 < tied.sum() < 9
    assert (tied == (high >= 0)).all()
    assert (tied == (p >= 0.05)).all()
    assert gap == pytest.approx(scores.mean(axis=1) - scores.mean(axis=1).max())
    assert gap - low == pytest.approx(high - gap)


def test_a_single_seed_has_the_noise_of_points_alone() -> None:
    rng = np.random.default_rng(2)
    scores = np.array([[0.9], [0.8], [0.1]])
    replicates = scores[..., None] + rng.normal(0, 0.03, (3, 1, 4000))
    result = differences_to_best(*_task(scores, replicates))
    width = studentized_range.ppf(0.95, 3, np.inf) * 0.03
    assert result.high["a"][1] - result.gap["a"][1] == pytest.approx(width, rel=0.05)
    undecided = differences_to_best(*_task(scores))
    assert undecided.low["a"].isna().all()
    assert not undecided.tied["a"].any()
    assert undecided.gap["a"].tolist() == pytest.approx([0, -0.1, -0.8])


def test_gaps_count_down_to_the_floor() -> None:
    scores = np.array([[0.9, 0.8, 0.85], [0.5, -1000, 0.4]])
    result = differences_to_best(*_task(scores))
    assert result.gap["a"][1] == pytest.approx((0.5 + TIE_FLOOR + 0.4) / 3 - 0.85)


def test_the_training_sets_noise_is_that_of_the_seeds() -> None:
    rng = np.random.default_rng(3)
    scores = rng.normal(0, 0.1, (40, 5)) + rng.normal(0, 1, 5)
    by_seed, _, rows, replicates = _task(scores, np.repeat(scores[..., None], 2000, axis=2))
    assert replicates is not None
    noisy = with_training_noise(by_seed, replicates, rows, floor=-100)
    added = noisy.scores - replicates.scores
    # All seeds of a task alike, and what a seed does to all encoders is not counted.
    assert np.ptp(added, axis=1) == pytest.approx(0, abs=1e-12)
    factor = overlap_factor(5, 3, 6)
    assert added[:, 0].var(axis=1).mean() == pytest.approx(factor * 0.01, rel=0.15)
    assert np.abs(np.asarray(np.corrcoef(added[:5, 0]))[0, 1:]).max() < 0.1
    again = with_training_noise(by_seed, replicates, rows, floor=-100)
    assert np.array_equal(noisy.scores, again.scores)
    one = by_seed.loc[:, by_seed.columns.get_level_values("seed") == 0]
    single = Replicates(replicates.scores[:, :1])
    unchanged = with_training_noise(one, single, rows, floor=-100)
    assert np.array_equal(unchanged.scores, single.scores)


def test_the_noise_floor_compares_halves_of_the_seeds() -> None:
    columns = pd.MultiIndex.from_product([["a", "b"], range(4)], names=["task", "seed"])
    same = pd.DataFrame(np.repeat([[0.1], [0.5], [0.9]], 8, axis=1), columns=columns)
    assert noise_floor(same) == (1.0, 0.0)
    # Two seeds for one order and two for the other.
    turned = same.copy()
    turned.loc[:, columns.get_level_values("seed") >= 2] = same.to_numpy()[::-1, :4]
    tau, change = noise_floor(turned)
    assert change == 2
    assert tau < 1
    one_seed = same.loc[:, columns.get_level_values("seed") == 0]
    assert np.isnan(noise_floor(one_seed)).all()
    # Tasks with other seeds have no halves in common.
    apart = pd.MultiIndex.from_tuples([("a", 0), ("a", 1), ("b", 2), ("b", 3)], names=columns.names)
    assert np.isnan(noise_floor(same.iloc[:, :4].set_axis(apart, axis=1))).all()


def test_many_seeds_are_halved_at_random() -> None:
    halves = _halves(range(12))
    assert len(halves) == MAX_HALVES
    assert {len(set(half)) for half in halves} == {6}
    counts = np.bincount(np.concatenate(halves))
    # Every seed is in half of them, within four standard deviations.
    assert np.abs(counts - 100).max() < 4 * np.sqrt(200 / 4)
    together = np.mean([{0, 1, 2} <= set(half) or not {0, 1, 2} & set(half) for half in halves])
    assert together == pytest.approx(2 / 11, abs=0.1)


def test_seeds_that_test_every_row_draw_no_training_set() -> None:
    cells = [
        {"task": "a", "split": "blocks.10", "seed": seed, "fold": str(fold), "status": "done"}
        for seed in range(3)
        for fold in range(5)
    ]
    rows = pd.DataFrame(cells).assign(n_train=80, n_test=20)
    assert drawn_sizes(rows).to_numpy().tolist() == [[0, 20]]
    one_fold = rows[rows["fold"] == "0"].assign(split="random")
    assert drawn_sizes(one_fold).to_numpy().tolist() == [[80, 20]]


def test_equal_ranks_tie_however_they_were_summed() -> None:
    a = np.array([1.0, 2.0, 3.0, 4.0])
    assert kendall(a, np.array([1.0, 2.1, 2.1 + 4e-16, 4.0])) == kendall(a, np.array([1, 2, 2, 4]))


@pytest.mark.parametrize("ratio", [0.3, 2.7])
def test_level_and_power_with_five_seeds(ratio: float) -> None:
    """A short version of docs/studies/ties.py: equal encoders tie, gaps of ten sds do not."""
    rng = np.random.default_rng(4)
    trials, false, true = 60, 0, 0
    unit = np.sqrt(2 * (0.4 + 0.7 * ratio**2))
    for _ in range(trials):
        truth = np.array([0, 0, -10, -40, -60, -80])

        def noise(share: float, *more: int) -> np.ndarray:
            common = rng.standard_normal((6, 1, *more))
            own = rng.standard_normal((6, 5, *more))
            return np.asarray(np.sqrt(share) * common + np.sqrt(1 - share) * own)

        scores = 1000 + truth[:, None] + (noise(0.6) + ratio * noise(0.3)) / unit
        replicates = scores[..., None] + noise(0.6, 200) / unit
        tied = differences_to_best(*_task(scores, replicates)).tied["a"]
        false += not tied[:2].all()
        true += not tied[2]
    # Five standard errors above the nominal 5 %.
    assert false / trials < 0.19
    assert true / trials > 0.9
