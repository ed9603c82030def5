"""Mean scores, differences to a reference, and places."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_bench.benchmarks.ranking.overall import differences_to, mean_scores
from satclip_bench.benchmarks.ranking.places import task_places
from satclip_bench.benchmarks.ranking.ranking import rank
from tests.benchmarks.frames import METRICS, frame
from tests.benchmarks.ranking.test_ratings import replicates


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
    means = mean_scores(ranking)
    assert ((means["low"] < means["value"]) & (means["value"] < means["high"])).all()
    np.testing.assert_allclose(means["value"], ranking.mean.loc[means.index].mean(axis=1))
    alone = mean_scores(rank(table, METRICS, "random", "linear"))
    assert alone["low"].isna().all()
    assert alone["value"].tolist() == pytest.approx(means["value"].tolist())


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
