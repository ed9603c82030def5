"""Ratings, rank changes and ties with replicates, from synthetic runs."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from satclip_bench.benchmarks.metrics.replicates import Replicates, RunReplicates
from satclip_bench.benchmarks.ranking import bootstrap_ratings as in_parts
from satclip_bench.benchmarks.ranking import by_task, column_ranks
from satclip_bench.benchmarks.ranking.aggregates import improvement, mean_rank
from satclip_bench.benchmarks.ranking.ranking import rank
from satclip_bench.benchmarks.ranking.ratings import (
    MEASURES,
    column_weights,
    complete,
    rate,
    task_means,
)
from satclip_bench.benchmarks.ranking.shifts import rank_changes
from satclip_bench.benchmarks.ranking.significance import widened
from satclip_bench.benchmarks.ranking.ties import TIE_FLOOR
from satclip_bench.benchmarks.ranking.training_noise import TrainingNoise, with_training_noise
from satclip_bench.benchmarks.runs.columns import REPLICATE_KEY
from tests.benchmarks.frames import ENCODERS, METRICS, REGIONS, fail, frame, score

NOISE = 0.02


def replicates(
    table: pd.DataFrame, noise: float = NOISE, draws: int = 500, seed: int = 0
) -> RunReplicates:
    """Every main score with noise; the part that encoders have in common is drawn once per cell."""
    main = table[table["metric"] == table["task"].map(METRICS)]
    rng = np.random.default_rng(seed)
    places, place = np.unique(
        main[["task", "seed", "fold"]].astype(str).agg(" ".join, axis=1), return_inverse=True
    )
    shared = rng.normal(0, 0.1, (len(places), draws))[place]
    independent = rng.normal(0, noise, (len(main), draws))
    values = main["value"].to_numpy(dtype=np.float64)[:, None] + shared + independent
    scores = Replicates(values, pd.MultiIndex.from_frame(main[REPLICATE_KEY]))
    # In `with_losses`, a regression's skill is its R2, and that of classes its share above .25.
    reference = np.where(main["metric"] == "r2", 4.0, 0.75)[:, None] * np.ones_like(values)
    share = np.where(main["metric"].eq("r2").to_numpy()[:, None], values, (values - 0.25) / 0.75)
    loss, of_reference = (
        Replicates(1000 * part, scores.index) for part in (reference * (1 - share), reference)
    )
    return RunReplicates(scores, loss, of_reference)


def test_intervals_contain_the_means_and_narrow_with_folds() -> None:
    table = frame()
    ranking = rank(table, METRICS, "held-out-region", "linear", replicates(table))
    inside = (ranking.low < ranking.mean) & (ranking.mean < ranking.high)
    assert inside.all(axis=None)
    width = float((ranking.high - ranking.low).to_numpy().mean())
    single = rank(table, METRICS, "random", "linear", replicates(table))
    # Twelve cells against three, whose noise is independent in this frame.
    wider = float((single.high - single.low).to_numpy().mean())
    assert width == pytest.approx(wider / 2, rel=0.15)


def test_without_replicates_only_ranks_are_known() -> None:
    ratings = rate(rank(frame(), METRICS, "random", "linear"))
    assert ratings.low.isna().all(axis=None)
    assert ratings.on_these_tasks is None
    assert ratings.groups == ()
    assert ratings.values["rank"].tolist() == pytest.approx([1, 2, 3, 4, 5])
    assert ratings.values["borda"].tolist() == pytest.approx([4, 3, 2, 1, 0])
    assert list(ratings.values.columns) == list(MEASURES)


@pytest.mark.parametrize("undefined", [False, True])
def test_ratings_in_parts_are_those_of_all_scores_at_once(undefined: bool) -> None:
    table = frame()
    ranking = rank(table, METRICS, "random", "linear", replicates(table, draws=60))
    assert ranking.replicates is not None
    drawn = Replicates(ranking.replicates.of_columns(slice(None)))
    if undefined:
        drawn.scores[1, 2, 7] = np.nan
    noise = TrainingNoise(ranking.by_seed, ranking.rows, TIE_FLOOR)
    noisy = complete(with_training_noise(ranking.by_seed, drawn, ranking.rows, TIE_FLOOR))
    assert noisy.scores.shape[-1] == 60 - undefined
    columns, scores = ranking.by_seed.columns, ranking.by_seed.to_numpy()
    weights = column_weights(columns)
    expected = mean_rank(widened(scores, noisy.leading), weights)
    means = task_means(noisy.scores, columns)
    improvements = improvement(noisy.leading, noisy.leading[:, 0], weights)
    made = [in_parts.bootstrap_ratings(drawn, noise, weights, 0)]
    # Every task by itself, seven replicates at a time, and one encoder at a time for the noise.
    small = 7 * len(scores) * len(columns)
    with (
        patch.object(in_parts, "TOGETHER", 1),
        patch.object(column_ranks, "CHUNK", small),
        patch.object(by_task, "PIECE", 1),
    ):
        for threads in (1, 3):
            with threadpool_limits(threads, user_api="blas"):
                made.append(in_parts.bootstrap_ratings(drawn, noise, weights, 0))
    for ratings in made:
        np.testing.assert_allclose(ratings.mean_ranks, expected, rtol=1e-12)
        np.testing.assert_allclose(ratings.task_means, means, rtol=1e-12)
        np.testing.assert_allclose(ratings.improvements, improvements, rtol=1e-9, atol=1e-12)
    for one, other in zip(vars(made[1]).values(), vars(made[2]).values(), strict=True):
        assert np.array_equal(one, other)


def test_noise_decides_who_ties() -> None:
    """Neighbours are 0.1 apart; noise that encoders share does not affect their differences."""
    table = frame()
    clear = rate(rank(table, METRICS, "random", "linear", replicates(table, 0.01)))
    assert clear.groups == ()
    assert clear.on_these_tasks is not None
    off = clear.on_these_tasks.to_numpy()[np.triu_indices(5, 1)]
    assert (off < 0.05).all()
    blurred = rate(rank(table, METRICS, "random", "linear", replicates(table, 0.5)))
    assert len(blurred.groups[0]) > 2
    assert (blurred.high["rank"] - blurred.low["rank"]).min() > 1


def test_ties_need_both_noise_of_points_and_of_seeds_to_be_small() -> None:
    table = frame(lambda e, t, s, f: score(e, t, 0, f))
    quiet = rank(table, METRICS, "random", "linear", replicates(table, 0.001))
    assert quiet.tied.sum().tolist() == [1, 1, 1]
    loud = rank(table, METRICS, "random", "linear", replicates(table, 1.0))
    assert (loud.tied.sum() >= 3).all()
    one_seed = frame(seeds=[0])
    decided = rank(one_seed, METRICS, "random", "linear", replicates(one_seed, 0.001))
    assert decided.undecided == ()
    assert decided.tied.sum().tolist() == [1, 1, 1]


def test_differences_between_regions_are_not_noise() -> None:
    """The lead of the best differs from region to region, but it always leads."""
    table = frame(lambda e, t, s, f: score(e, t, 0, f) + (e == "geoclip") * (f == "Asia"))
    apart = rank(table, METRICS, "held-out-region", "linear", replicates(table, 0.001))
    assert apart.tied.sum().tolist() == [1, 1, 1]


def test_every_interval_contains_the_measured_value() -> None:
    table = frame()
    for noise in (0.01, 0.5):
        ratings = rate(rank(table, METRICS, "random", "linear", replicates(table, noise)))
        assert (ratings.low <= ratings.values).all(axis=None)
        assert (ratings.values <= ratings.high).all(axis=None)


def test_replicates_missing_for_some_encoder_are_not_used_for_ties() -> None:
    table = frame(seeds=[0])
    others = replicates(table[table["encoder"] != "geoclip"])
    ranking = rank(table, METRICS, "random", "linear", others)
    assert set(ranking.undecided) == set(METRICS)
    assert ranking.replicates is None
    assert ranking.low.loc["wrap"].notna().all()
    assert ranking.low.loc["geoclip"].isna().all()


def test_one_damaged_prediction_of_many_leaves_ranks_without_intervals() -> None:
    """Under one in ten bootstrap scores are missing, but no replicate has all of them."""
    table = frame()
    whole = replicates(table)
    assert whole.score.index is not None
    index = whole.score.index
    labels = index.to_frame()
    kept = ~((labels["encoder"] == "wrap") & (labels["task"] == "biomes")).to_numpy()
    parts = (
        Replicates(part.scores[kept], index[kept])
        for part in (whole.score, whole.loss, whole.reference)
    )
    others = RunReplicates(*parts)
    for split in ("random", "held-out-region"):
        ranking = rank(table, METRICS, split, "linear", others)
        assert ranking.replicates is None
        assert rate(ranking).low.isna().all(axis=None)
        assert ranking.gap_low["elevation"].notna().all()
        # Three seeds that draw the sets stand in for the bootstrap.
        assert ranking.gap_low["biomes"].notna().all() == (split == "random")
    changes = rank_changes(table, METRICS, ["random", "held-out-region"], "linear", others)
    assert changes is not None
    assert changes.low.isna().all(axis=None)


def test_a_test_set_of_few_blocks_has_no_interval_on_a_board() -> None:
    """Records of cells with fewer than ten points or blocks have no intervals."""
    table = frame(seeds=[0])
    few = table["task"] == "elevation"
    table.loc[few, ["low", "high"]] = np.nan
    random, regions = (
        rank(table, METRICS, split, "linear", replicates(table))
        for split in ("random", "held-out-region")
    )
    for ranking in (random, regions):
        assert ranking.low["elevation"].isna().all()
        assert ranking.undecided == ("elevation",)
        assert ranking.low["biomes"].notna().all()
        assert ranking.replicates is None
    # One region with enough of them, and the regions have enough together.
    table.loc[few & (table["fold"] == "Asia"), ["low", "high"]] = 0.0, 1.0
    regions = rank(table, METRICS, "held-out-region", "linear", replicates(table))
    assert regions.low["elevation"].notna().all()


def test_order_of_a_mean_rank_is_not_supported_by_gaps_the_other_way() -> None:
    """wrap wins every task by a hair but one, which it loses clearly on all seeds."""
    tasks = {f"t{i}": "r2" for i in range(8)}
    table = frame(seeds=[0], tasks=tuple(METRICS))
    base = table[(table["task"] == "elevation") & (table["metric"] == "r2")]

    def value(encoder: str, task: str) -> float:
        if encoder not in ("wrap", "geoclip"):
            return 0.1
        ahead = task in ("t0", "t1", "t2")
        return 0.5 + (0.2 * ahead if encoder == "geoclip" else 0.0005 * (not ahead))

    table = pd.concat([base.assign(task=task) for task in tasks], ignore_index=True)
    table["value"] = [
        value(e, t) for e, t in table[["encoder", "task"]].itertuples(index=False, name=None)
    ]
    with patch.dict(METRICS, tasks, clear=True):
        noise = replicates(table, noise=0.002)
    ratings = rate(rank(table, tasks, "random", "linear", noise))
    order = ratings.values["rank"]
    assert order["wrap"] < order["geoclip"]
    assert ratings.on_these_tasks is not None
    assert ratings.on_these_tasks.loc["wrap", "geoclip"] == 1
    assert ("wrap", "geoclip") in ratings.groups


def test_improvement_is_against_nearest_neighbours_and_absent_without() -> None:
    table = frame()
    values = rate(rank(table, METRICS, "random", "linear")).values["improvement"]
    assert values["baseline.knn"] == 0
    assert values["geoclip"] > 0 > values["baseline.mean"]
    alone = table[table["encoder"] != "baseline.knn"]
    assert rate(rank(alone, METRICS, "random", "linear")).values["improvement"].isna().all()


def test_missing_cells_are_not_rated() -> None:
    table = fail(frame(), "wrap", "biomes")
    ratings = rate(rank(table, METRICS, "random", "linear", replicates(table)))
    assert "wrap" not in ratings.values.index
    assert len(ratings.values) == len(ENCODERS) - 1


def _reversed_far_away(encoder: str, task: str, seed: int, fold: str) -> float:
    place = ENCODERS.index(encoder)
    if fold in REGIONS:
        place = len(ENCODERS) - 1 - place
    return 0.3 + 0.1 * place


def test_a_reversed_order_is_significant_and_an_unchanged_one_is_not() -> None:
    splits = ("random", "held-out-region")
    table = frame(_reversed_far_away)
    changes = rank_changes(table, METRICS, splits, "linear", replicates(table))
    assert changes is not None
    assert changes.tau.tolist() == pytest.approx([-1])
    moved = changes.p["held-out-region"] < 0.05
    # The one in the middle stays there.
    assert moved.drop("direct").all()
    assert not moved["direct"]
    assert changes.change["held-out-region"].tolist() == pytest.approx([4, 2, 0, -2, -4])

    table = frame()
    same = rank_changes(table, METRICS, splits, "linear", replicates(table))
    assert same is not None
    assert same.tau.tolist() == pytest.approx([1])
    assert (same.p >= 0.05).all(axis=None)
    assert same.tau_low.iloc[0] > 0.5


def test_changes_are_among_what_all_splits_have() -> None:
    table = frame()
    gone = (table["encoder"] == "wrap") & (table["split"] == "held-out-region")
    gone |= (table["task"] == "biomes") & (table["split"] == "random")
    changes = rank_changes(table[~gone], METRICS, ("random", "held-out-region"), "linear")
    assert changes is not None
    assert "wrap" not in changes.ranks.index
    assert set(changes.tasks) == set(METRICS) - {"biomes"}
    assert changes.p.isna().all(axis=None)


def test_one_encoder_has_no_order() -> None:
    table = frame(encoders=["wrap"])
    assert rank_changes(table, METRICS, ("random", "held-out-region"), "linear") is None


def test_a_board_on_which_everything_failed_ranks_no_encoder() -> None:
    table = frame()
    for encoder in ENCODERS:
        for task in METRICS:
            table = fail(table, encoder, task)
    ranking = rank(table, METRICS, "random", "linear", replicates(frame()))
    assert len(ranking.rank) == 0
    assert ranking.replicates is None
