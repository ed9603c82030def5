from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import studentized_range

from satclip_bench.benchmarks.ranking.cells import LeftOut, select
from satclip_bench.benchmarks.ranking.ranking import rank
from satclip_bench.core.errors import BenchError
from tests.benchmarks.frames import ENCODERS, METRICS, REGIONS, fail, frame, score


def test_means_spreads_and_ranks_by_hand() -> None:
    ranking = rank(frame(), METRICS, "random", "linear")
    assert list(ranking.rank.index) == list(ENCODERS[::-1])
    assert ranking.rank.tolist() == [1, 2, 3, 4, 5]
    assert ranking.rank_std.tolist() == [0] * 5
    assert ranking.mean.loc["wrap", "biomes"] == pytest.approx(0.65 + 0.01)
    assert ranking.std.loc["wrap", "biomes"] == pytest.approx(0.01)
    assert ranking.missing == {}
    assert ranking.seeds == 3


def test_folds_are_averaged_before_seeds() -> None:
    ranking = rank(frame(), METRICS, "held-out-region", "linear")
    shift = 0.02 * np.mean(range(len(REGIONS)))
    assert ranking.mean.loc["direct", "elevation"] == pytest.approx(0.5 + 0.01 + shift)
    assert ranking.std.loc["direct", "elevation"] == pytest.approx(0.01)


def test_one_seed_has_no_spread() -> None:
    ranking = rank(frame(seeds=[0]), METRICS, "random", "linear")
    assert ranking.std.isna().all(axis=None)
    assert ranking.rank_std.isna().all()


def test_an_encoder_with_a_gap_is_not_ranked_and_nothing_is_imputed() -> None:
    ranking = rank(fail(frame(), "geoclip", "biomes"), METRICS, "random", "linear")
    assert "geoclip" not in ranking.rank.index
    assert ranking.rank.tolist() == [1, 2, 3, 4]
    assert bool(ranking.mean.isna().loc["geoclip", "biomes"])
    assert ranking.mean.loc["geoclip", "elevation"] == pytest.approx(0.71)
    gaps = ranking.missing["geoclip"]
    assert {(g.task, g.seed, g.reason) for g in gaps} == {
        ("biomes", seed, "it raised RuntimeError") for seed in range(3)
    }


def test_a_seed_that_was_not_run_is_a_gap_too() -> None:
    table = frame()
    table = table[~((table["encoder"] == "wrap") & (table["seed"] == 2))]
    ranking = rank(table, METRICS, "random", "linear")
    assert {g.reason for g in ranking.missing["wrap"]} == {"not run"}
    assert "wrap" not in ranking.rank.index
    # Its score on the task is over the seeds it has; it is shown, not ranked.
    assert ranking.mean.loc["wrap", "elevation"] == pytest.approx(
        score("wrap", "e", 0, "0") + 0.005
    )


def test_a_missing_fold_excludes_its_seed_and_no_other() -> None:
    table = frame()
    gone = (table["encoder"] == "wrap") & (table["seed"] == 0) & (table["fold"] == "Asia")
    ranking = rank(table[~gone], METRICS, "held-out-region", "linear")
    expected = np.mean([score("wrap", "elevation", s, f) for s in (1, 2) for f in REGIONS])
    assert ranking.mean.loc["wrap", "elevation"] == pytest.approx(expected)


def test_baselines_count_only_where_the_probe_was_run() -> None:
    """The probe has one seed and the baselines three; the probe's encoders are still complete."""
    table = frame()
    table = table[(table["probe"] == "none") | (table["seed"] == 0)]
    ranking = rank(table, METRICS, "random", "linear")
    assert ranking.missing == {}
    assert ranking.seeds == 1
    assert set(select(table, "random", "linear")["seed"]) == {0}
    alone = rank(table, METRICS, "random", "none")
    assert set(alone.rank.index) == {"baseline.mean", "baseline.knn"}
    assert alone.seeds == 3


def test_equal_scores_share_their_rank() -> None:
    ranking = rank(frame(lambda *_: 0.5), METRICS, "random", "linear")
    assert ranking.rank.tolist() == [3] * 5
    assert ranking.tied.all(axis=None)


def test_ties_are_differences_within_noise() -> None:
    """se^2 = (1/3 + n_test/n_train) var over 3 seeds.

    Scores are tied up to the range of five means. The gaps of the others do not vary, so that no
    prior is estimated from them.
    """
    noise = np.array([0.03, -0.1, 0.07])
    error = np.sqrt((1 / 3 + 1000 / 3000) * np.var(noise, ddof=1))

    def value(gap: float) -> object:
        def of(encoder: str, task: str, seed: int, fold: str) -> float:
            if encoder == "geoclip":
                return 0.9
            return float(0.9 - gap - noise[seed]) if encoder == "wrap" else 0.1

        return of

    critical = error * studentized_range.ppf(0.95, 5, 2) / np.sqrt(2)
    for gap, tied in ((0.99 * critical, True), (1.01 * critical, False)):
        table = frame(value(gap))  # type: ignore[arg-type]
        ranking = rank(table, METRICS, "random", "linear")
        assert bool(ranking.tied.loc["wrap"].all()) is tied
        assert bool(ranking.tied.loc["wrap"].any()) is tied
        assert ranking.tied.loc["geoclip"].all()
        assert not ranking.tied.loc["direct"].any()
        # Seeds of held-out regions share their test points, and do not show what others would do.
        shared = rank(table, METRICS, "held-out-region", "linear")
        assert set(shared.undecided) == set(METRICS)
        assert shared.gap_low.isna().all(axis=None)


def test_too_few_pairs_claim_no_tie() -> None:
    ranking = rank(frame(lambda *_: 0.5, seeds=[0, 1]), METRICS, "random", "linear")
    assert not ranking.tied.any(axis=None)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(-5, 5))
def test_ranks_depend_on_the_order_alone(seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    values = {
        key: float(rng.choice([0.1, 0.2, 0.3, 0.7]))
        for key in ((e, t, s) for e in ENCODERS for t in METRICS for s in range(2))
    }
    table = frame(lambda e, t, s, _: values[e, t, s], seeds=[0, 1])
    ranking = rank(table, METRICS, "random", "linear")
    assert ranking.rank.mean() == pytest.approx((len(ENCODERS) + 1) / 2)
    assert (ranking.rank.diff().dropna() >= 0).all()
    shuffled = table.sample(frac=1, random_state=seed)
    moved = table.copy()
    moved.loc[moved["task"] == "biomes", "value"] += shift
    for other in (shuffled, moved):
        again = rank(other, METRICS, "random", "linear")
        assert again.rank.sort_index().tolist() == pytest.approx(ranking.rank.sort_index().tolist())


def test_ranking_needs_no_torch() -> None:
    code = "import sys, satclip_bench.benchmarks.ranking.ranking; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_collapsed_seed_does_not_make_the_worst_a_tie() -> None:
    """Without a floor, one R2 of -1e5 would have a standard error as wide as its mean."""

    def value(encoder: str, task: str, seed: int, fold: str) -> float:
        return 0.9 if encoder == "geoclip" else -1e5 if seed == 1 else -5.0

    ranking = rank(frame(value), METRICS, "random", "linear")
    assert ranking.tied.loc["geoclip"].all()
    assert not ranking.tied.drop(index="geoclip").any(axis=None)
    assert ranking.mean.loc["wrap", "elevation"] == pytest.approx((-1e5 - 10) / 3)


def test_the_best_is_not_decided_by_one_collapsed_seed() -> None:
    def value(encoder: str, task: str, seed: int, fold: str) -> float:
        if encoder == "geoclip":
            return -1000 if seed == 0 else 0.9
        return 0.2 if encoder == "wrap" else -0.5

    ranking = rank(frame(value, seeds=range(5)), METRICS, "random", "linear")
    assert ranking.mean.loc["geoclip"].max() < -100
    assert ranking.best.loc["geoclip"].all()
    assert ranking.best.sum().tolist() == [1, 1, 1]
    assert (ranking.gap <= 0).all(axis=None)


def test_below_the_floor_the_best_is_the_least_bad() -> None:
    ranking = rank(frame(lambda e, *_: -3.0 if e == "wrap" else -4.0), METRICS, "random", "linear")
    assert ranking.best.loc["wrap"].all()
    assert ranking.best.sum().tolist() == [1, 1, 1]
    assert ranking.tied.all(axis=None)


def test_the_best_has_every_cell_of_its_task() -> None:
    table = frame()
    table = table[~((table["encoder"] == "geoclip") & (table["seed"] == 2))]
    ranking = rank(table, METRICS, "random", "linear")
    assert ranking.best.sum().tolist() == [1, 1, 1]
    assert ranking.best.loc["wrap"].all()
    assert not ranking.tied.loc["geoclip"].any()


def test_undefined_scores_are_left_out_for_all() -> None:
    table = frame()
    table.loc[(table["task"] == "elevation") & (table["fold"] == "Asia"), "value"] = np.nan
    ranking = rank(table, METRICS, "held-out-region", "linear")
    assert {(u.task, u.fold) for u in ranking.undefined} == {("elevation", "Asia")}
    assert ranking.missing == {}
    table.loc[(table["encoder"] == "wrap") & (table["fold"] == "Europe"), "value"] = -np.inf
    ranking = rank(table, METRICS, "held-out-region", "linear")
    assert {m.reason for m in ranking.missing["wrap"]} == {"the score is not a number"}


def test_a_task_that_failed_for_all_is_left_out_and_takes_no_ranks() -> None:
    table = frame()
    for encoder in ENCODERS:
        table = fail(table, encoder, "biomes", "no such split")
    ranking = rank(table, METRICS, "random", "linear")
    assert ranking.left_out == (LeftOut("biomes", "no such split"),)
    assert ranking.missing == {}
    assert ranking.rank.tolist() == [1, 2, 3, 4, 5]
    assert set(ranking.mean.columns) == {"air_temperature", "elevation"}
    assert ranking.undefined == ()


def test_a_fold_that_failed_for_all_leaves_its_task_out() -> None:
    table = frame()
    gone = (table["task"] == "biomes") & (table["fold"] == "Asia")
    table.loc[gone, "value"] = np.nan
    table.loc[gone, "status"] = "failed"
    table.loc[gone, "reason"] = "the fold has changed"
    ranking = rank(table, METRICS, "held-out-region", "linear")
    assert ranking.left_out == (LeftOut("biomes", "the fold has changed"),)
    assert len(ranking.rank) == len(ENCODERS)


def test_if_every_task_failed_all_encoders_miss_their_cells() -> None:
    table = frame(tasks=["biomes"])
    for encoder in ENCODERS:
        table = fail(table, encoder, "biomes", "no such split")
    ranking = rank(table, METRICS, "random", "linear")
    assert set(ranking.missing) == set(ENCODERS)
    assert ranking.rank.empty
    assert ranking.left_out == ()


def test_too_few_pairs_are_named() -> None:
    assert rank(frame(seeds=[0]), METRICS, "random", "linear").undecided == tuple(sorted(METRICS))
    assert rank(frame(), METRICS, "random", "linear").undecided == ()


def test_a_cell_that_occurs_twice_is_refused() -> None:
    twice = pd.concat([frame(), frame().assign(edition="paper")])
    with pytest.raises(BenchError, match=r"two scores.*open, paper"):
        rank(twice, METRICS, "random", "linear")


def test_nothing_to_rank_is_refused() -> None:
    with pytest.raises(BenchError, match="nothing to rank for split 'random' and probe 'mlp'"):
        rank(frame(), METRICS, "random", "mlp")


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_an_encoder_with_a_missing_cell_is_never_ranked(data: st.DataObject) -> None:
    table = frame(seeds=[0, 1])
    rows = table.index[(table["split"] == "random") & (table["metric"] != "other")]
    gone = data.draw(st.lists(st.sampled_from(rows.tolist()), max_size=8, unique=True))
    kept = table.drop(index=gone)
    ranking = rank(kept, METRICS, "random", "linear")
    primary = kept[(kept["split"] == "random") & (kept["metric"] != "other")]
    cells = set(zip(primary["task"], primary["seed"], strict=True))
    for encoder, rows_of in primary.groupby("encoder"):
        whole = set(zip(rows_of["task"], rows_of["seed"], strict=True)) == cells
        assert (encoder in ranking.rank.index) is whole
        assert (encoder in ranking.missing) is not whole
    if len(ranking.rank):
        assert ranking.rank.mean() == pytest.approx((len(ranking.rank) + 1) / 2)


def test_scores_of_two_versions_of_a_protocol_are_never_ranked_together() -> None:
    table = frame()
    one = table.assign(protocol="satclip-bench/1")
    two = table.assign(protocol="satclip-bench/2")
    # An encoder, or a whole split, of the other version is refused; no cell occurs twice.
    for other in (table["encoder"] == "geoclip", table["split"] == "held-out-region"):
        mixed = pd.concat([one[~other], two[other]], ignore_index=True)
        with pytest.raises(BenchError, match="satclip-bench/1 and satclip-bench/2"):
            rank(mixed, METRICS, "random", "linear")
    kept = pd.concat([one, two[two["encoder"] == "geoclip"]])
    kept = kept[kept["protocol"] == "satclip-bench/1"]
    assert len(rank(kept, METRICS, "random", "linear").rank) == len(ENCODERS)
    # Another protocol on another split does not matter.
    species = two.assign(protocol="species/1", split="official")
    assert len(rank(pd.concat([one, species]), METRICS, "random", "linear").rank) == len(ENCODERS)
