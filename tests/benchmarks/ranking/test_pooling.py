"""Skill pooled over folds, against sums over single points."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satclip_bench.benchmarks.ranking.pooling import (
    SKILL,
    default_score,
    pooled_skill,
    ranked_metrics,
    skill_rows,
)
from satclip_bench.benchmarks.ranking.ranking import rank
from satclip_bench.core.errors import BenchError
from tests.benchmarks.frames import ENCODERS, METRICS, REGIONS, fail, frame, with_losses

SKILLS = dict.fromkeys(METRICS, SKILL)


def of_folds(
    folds: dict[str, tuple[np.ndarray, np.ndarray, float]], task: str = "elevation"
) -> pd.DataFrame:
    """A frame of one encoder from its targets, predictions and training mean in each fold."""
    base = frame(tasks=[task], encoders=["wrap"], seeds=[0])
    base = base[(base["split"] == "held-out-region") & (base["metric"] == "other")]
    parts = []
    for name, (y, predicted, mean) in folds.items():
        cell = base[base["fold"] == name].assign(n_test=len(y))
        if METRICS[task] == "r2":
            values = {
                "rmse": np.sqrt(np.mean((y - predicted) ** 2)),
                "reference_rmse": np.sqrt(np.mean((y - mean) ** 2)),
            }
        else:
            values = {
                "accuracy": np.mean(y == predicted),
                "reference_accuracy": np.mean(y == mean),
            }
        parts += [cell.assign(metric=metric, value=value) for metric, value in values.items()]
    return pd.concat(parts, ignore_index=True)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_pooled_skill_is_that_of_all_points(seed: int) -> None:
    rng = np.random.default_rng(seed)
    folds = {}
    for region in REGIONS:
        y = rng.normal(rng.normal(0, 5), 1, rng.integers(2, 40))
        folds[region] = (y, y + rng.normal(0, 1, len(y)), float(rng.normal()))
    loss = sum(float(np.sum((y - q) ** 2)) for y, q, _ in folds.values())
    reference = sum(float(np.sum((y - m) ** 2)) for y, _, m in folds.values())
    ranking = rank(of_folds(folds), SKILLS, "held-out-region", "linear")
    assert ranking.mean.loc["wrap", "elevation"] == pytest.approx(1 - loss / reference, abs=1e-8)
    for region, (y, q, m) in folds.items():
        expected = float(1 - np.sum((y - q) ** 2) / np.sum((y - m) ** 2))
        assert ranking.by_fold.loc["wrap", ("elevation", region)] == pytest.approx(expected)


def test_pooled_skill_of_classes_is_over_the_errors_of_the_majority() -> None:
    rng = np.random.default_rng(0)
    folds = {}
    for region in REGIONS:
        y = rng.integers(0, 4, rng.integers(20, 60))
        folds[region] = (y, np.where(rng.random(len(y)) < 0.6, y, 9), 2.0)
    errors = sum((y != q).sum() for y, q, _ in folds.values())
    majority = sum((y != m).sum() for y, _, m in folds.values())
    ranking = rank(of_folds(folds, "biomes"), SKILLS, "held-out-region", "linear")
    assert ranking.mean.loc["wrap", "biomes"] == pytest.approx(1 - errors / majority, abs=1e-8)


def test_a_missing_fold_is_not_a_loss_of_zero() -> None:
    table = with_losses(frame())
    gone = (table["encoder"] == "wrap") & (table["seed"] == 0) & (table["fold"] == "Asia")
    ranking = rank(table[~gone], SKILLS, "held-out-region", "linear")
    assert "wrap" not in ranking.rank.index
    assert {(m.task, m.seed, m.fold) for m in ranking.missing["wrap"]} == {
        (task, 0, "Asia") for task in METRICS
    }
    # The mean is over the two seeds that have all folds.
    full = rank(table[table["seed"] > 0], SKILLS, "held-out-region", "linear")
    pair = [one.mean.loc[["wrap"]].to_numpy(dtype=np.float64) for one in (ranking, full)]
    np.testing.assert_allclose(pair[0], pair[1])


def test_failed_cells_are_missing_with_their_reasons() -> None:
    table = with_losses(fail(frame(), "geoclip", "biomes"))
    ranking = rank(table, SKILLS, "held-out-region", "linear")
    assert {m.reason for m in ranking.missing["geoclip"]} == {"it raised RuntimeError"}
    assert len(ranking.rank) == len(ENCODERS) - 1


def test_a_cell_without_its_reference_is_missing() -> None:
    """As beside records of an earlier version, which have losses but no references."""
    table = with_losses(frame())
    own = (table["encoder"] == "geoclip") & (table["task"] == "elevation")
    ranking = rank(
        table[~(own & (table["metric"] == "reference_rmse"))], SKILLS, "held-out-region", "linear"
    )
    assert "geoclip" not in ranking.rank.index
    assert {(gap.task, gap.reason) for gap in ranking.missing["geoclip"]} == {
        ("elevation", "the score is not a number")
    }


def test_a_reference_without_errors_leaves_the_skill_undefined() -> None:
    table = with_losses(frame())
    perfect = (table["task"] == "biomes") & (table["metric"] == "reference_accuracy")
    table.loc[perfect, "value"] = 1.0
    ranking = rank(table, SKILLS, "held-out-region", "linear")
    assert {(u.task, u.reason) for u in ranking.undefined} == {
        ("biomes", "the reference makes no error")
    }
    assert ranking.missing == {}
    assert "biomes" not in ranking.mean.columns
    # In one region alone it leaves only that region without a skill of its own.
    table = with_losses(frame())
    table.loc[perfect & (table["fold"] == "Asia"), "value"] = 1.0
    ranking = rank(table, SKILLS, "held-out-region", "linear")
    assert ranking.undefined == ()
    assert bool(ranking.mean["biomes"].notna().all())
    of_regions = pd.DataFrame(ranking.by_fold.xs("biomes", axis=1, level="task"))
    assert [name for name in REGIONS if bool(of_regions[name].isna().all())] == ["Asia"]


def test_under_one_fold_skill_and_r2_give_the_same_ranks() -> None:
    table = with_losses(frame())
    own = rank(table, METRICS, "random", "linear")
    pooled = rank(table, SKILLS, "random", "linear")
    assert own.rank.to_dict() == pooled.rank.to_dict()


def test_sums_keep_missing_folds_missing() -> None:
    columns = pd.MultiIndex.from_tuples(
        [("t", 0, "a"), ("t", 0, "b"), ("u", 0, "a")], names=["task", "seed", "fold"]
    )
    loss = pd.DataFrame([[1.0, np.nan, 1.0]], ["wrap"], columns)
    pooled = pooled_skill(loss, loss * 0 + 4.0)
    assert pooled.columns.to_frame().to_numpy().tolist() == [["t", 0], ["u", 0]]
    np.testing.assert_equal(pooled.to_numpy(), [[np.nan, 0.75]])


def test_random_leads_with_the_tasks_own_scores_and_other_splits_with_skill() -> None:
    table = with_losses(frame())
    assert default_score(table, "random") == "task"
    assert default_score(table, "held-out-region") == "skill"
    assert ranked_metrics(table, METRICS, "random") == METRICS
    assert ranked_metrics(table, METRICS, "random", "skill") == SKILLS
    assert ranked_metrics(table, METRICS, "held-out-region") == SKILLS
    assert ranked_metrics(table, METRICS, "held-out-region", "task") == METRICS


def test_records_from_before_skill_keep_their_scores() -> None:
    assert default_score(frame(), "held-out-region") == "task"
    with pytest.raises(BenchError, match="have no skill: they were made by an earlier version"):
        ranked_metrics(frame(), METRICS, "held-out-region", "skill")


def test_float_noise_decides_no_rank() -> None:
    def value(encoder: str, task: str, seed: int, fold: str) -> float:
        return 0.5 + 1e-13 * ENCODERS.index(encoder)

    for metrics in (METRICS, SKILLS):
        ranking = rank(with_losses(frame(value)), metrics, "held-out-region", "linear")
        assert ranking.rank.tolist() == [3] * 5
        assert ranking.best.all(axis=None)


def test_rows_without_losses_have_no_skill() -> None:
    rows = frame(tasks=["elevation"], encoders=["wrap"], seeds=[0])
    assert skill_rows(rows)["value"].isna().all()


def test_a_cell_with_a_loss_twice_is_refused() -> None:
    rows = with_losses(frame(tasks=["elevation"], encoders=["wrap"], seeds=[0]))
    with pytest.raises(ValueError, match="'rmse' twice"):
        skill_rows(pd.concat([rows, rows]))
