"""Mean scores, differences to a reference, and places."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_bench.benchmarks.ranking.overall import differences_to, mean_scores
from satclip_bench.benchmarks.ranking.places import task_places
from satclip_bench.benchmarks.ranking.ranking import rank
from satclip_bench.benchmarks.ranking.seeds import overlap_factor
from satclip_bench.benchmarks.ranking.significance import mean_gaps_p, score_gaps_p
from tests.benchmarks.frames import ENCODERS, METRICS, frame
from tests.benchmarks.ranking.test_ratings import replicates

SHIFTS = {
    "air_temperature": (0.3, -0.2, 0.0, 0.4, -0.3),
    "biomes": (-0.4, 0.3, 0.1, -0.2, 0.2),
    "elevation": (0.1, 0.3, -0.4, 0.2, -0.3),
}
"""What the training set of each seed does to the scores of all encoders on a task."""


def test_differences_to_the_best_are_those_of_the_ranking() -> None:
    table = frame()
    ranking = rank(table, METRICS, "random", "linear", replicates(table))
    # geoclip is the best of every task.
    differences = differences_to(ranking, "geoclip")
    others = [name for name in ranking.rank.index if name != "geoclip"]
    for own, expected in (
        (differences.gap, ranking.gap),
        (differences.low, ranking.gap_low),
        (differences.high, ranking.gap_high),
    ):
        np.testing.assert_allclose(own.loc[others], expected.loc[others], rtol=0, atol=1e-12)


def test_differences_change_their_sign_with_the_reference() -> None:
    table = frame()
    ranking = rank(table, METRICS, "random", "linear", replicates(table))
    to_wrap, to_direct = differences_to(ranking, "wrap"), differences_to(ranking, "direct")
    np.testing.assert_allclose(to_wrap.gap.loc["direct"], -to_direct.gap.loc["wrap"], atol=1e-12)
    assert (to_wrap.gap.loc["wrap"] == 0).all()
    assert differences_to(ranking, "gone").gap.isna().all(axis=None)


def test_mean_scores_lie_in_their_intervals_and_count_tasks_alike() -> None:
    table = frame()
    ranking = rank(table, METRICS, "random", "linear", replicates(table))
    means = mean_scores(ranking).values
    assert ((means["low"] < means["value"]) & (means["value"] < means["high"])).all()
    np.testing.assert_allclose(means["value"], ranking.mean.loc[means.index].mean(axis=1))
    alone = mean_scores(rank(table, METRICS, "random", "linear")).values
    assert alone["low"].isna().all()
    assert alone["value"].tolist() == pytest.approx(means["value"].tolist())


def test_mean_scores_count_what_a_training_set_does_to_all_encoders() -> None:
    """The interval of a mean score; that of a single encoder, too."""
    shift = {(task, seed): v for task, v5 in SHIFTS.items() for seed, v in enumerate(v5)}

    def value(encoder: str, task: str, seed: int, fold: str) -> float:
        return 0.3 + 0.1 * ENCODERS.index(encoder) + shift[task, seed]

    table = frame(value, seeds=range(5))
    ranking = rank(table, METRICS, "random", "linear", replicates(table, 0.001))
    means = mean_scores(ranking).values
    error = (means["high"] - means["low"]) / (2 * 1.96)
    factor = overlap_factor(5, 3000, 1000)
    # The common noise of points in `replicates` has .1 in each of five seeds of three tasks.
    points = 0.1**2 / 5 / 3
    of_seeds = np.mean([np.var(v, ddof=1) for v in SHIFTS.values()])
    expected = np.sqrt(points + factor * max(of_seeds - 0.1**2, 0) / 3)
    assert error.to_numpy() == pytest.approx(expected, rel=0.1)
    alone = rank(table[table["encoder"] == "wrap"], METRICS, "random", "linear", replicates(table))
    ends = mean_scores(alone).values
    assert float((ends["high"] - ends["low"]).iloc[0]) == pytest.approx(
        2 * 1.96 * expected, rel=0.1
    )


def test_places_of_mean_scores_are_by_their_own_differences() -> None:
    """A is ahead in the mean by one task, and behind on all others: neither is best alone."""
    values = np.array([[0.50] * 7 + [0.90], [0.53] * 7 + [0.30]])
    rng = np.random.default_rng(0)
    noise = np.array([0.002] * 7 + [0.5])[None, :, None]
    drawn = (values[..., None] + noise * rng.normal(size=(2, 8, 2000))).mean(axis=1)
    p = mean_gaps_p(values.mean(axis=1), drawn)
    assert p[0, 1] > 0.3
    assert p[0, 0] == 1
    gaps, ahead = score_gaps_p(
        values, np.moveaxis(values[..., None] + noise * rng.normal(size=(2, 8, 2000)), -1, 0)
    )
    assert gaps[0, 1] < 0.01
    assert ahead[0, 1] < 0
    clear = mean_gaps_p(np.array([0.5, 0.4]), np.array([[0.5, 0.51], [0.4, 0.41]]))
    assert clear[0, 1] == 0


def test_second_places_are_the_first_places_without_the_first() -> None:
    table = frame()
    noise = replicates(table, noise=0.03)
    ranking = rank(table, METRICS, "random", "linear", noise)
    places = task_places(ranking, "random", "linear", noise)
    for task in METRICS:
        first = [e for e in ranking.mean.index if places.get((e, task)) == "best"]
        assert first == list(ranking.tied.index[ranking.tied[task]])
        second = [e for e in ranking.mean.index if places.get((e, task)) == "second"]
        left = table[(table["task"] == task) & ~table["encoder"].isin(first)]
        probe = "linear" if (left["probe"] == "linear").any() else "none"
        tied = rank(left, {task: METRICS[task]}, "random", probe, noise).tied[task]
        assert second == list(tied.index[tied])
        assert second


def test_baselines_alone_can_have_the_second_place() -> None:
    table = frame(encoders=["baseline.mean", "geoclip"])
    ranking = rank(table, METRICS, "random", "linear")
    places = task_places(ranking, "random", "linear")
    assert places["geoclip", "biomes"] == "best"
    assert places["baseline.mean", "biomes"] == "second"
