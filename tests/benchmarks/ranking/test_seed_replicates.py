"""Bootstrap scores by task and seed, compared with scores that are computed one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from satclip_bench.benchmarks.metrics.replicates import Replicates, RunReplicates
from satclip_bench.benchmarks.ranking.seed_replicates import RankedReplicates

DRAWS = 6


@pytest.fixture
def made() -> RankedReplicates:
    """Three encoders; a task of two folds that are pooled, and one of two seeds with a fold each.

    The last encoder has no bootstrap scores of the second seed, and a replicate drew no point of
    the first fold.
    """
    rng = np.random.default_rng(0)
    score, loss, reference = rng.uniform(1, 2, (3, 12, DRAWS))
    for scores in (score, loss, reference):
        scores[0, 2] = np.nan
    reference[5, 3] = 0
    rows = rng.permutation(12).reshape(3, 4)
    rows[2, 3] = -1
    return RankedReplicates(
        cells=RunReplicates(Replicates(score), Replicates(loss), Replicates(reference)),
        rows=rows,
        folds=(np.array([0, 1]), np.array([2]), np.array([3])),
        pooled=np.array([True, False, False]),
        enough=np.array([True, True, True]),
        defined=slice(None),
    )


def one_by_one(made: RankedReplicates, encoder: int, column: int, draw: int) -> float:
    rows = made.rows[encoder, made.folds[column]]
    if (rows < 0).any():
        return np.nan
    score, loss, reference = (
        part.scores[rows, draw]
        for part in (made.cells.score, made.cells.loss, made.cells.reference)
    )
    if not made.pooled[column]:
        return float(np.nanmean(score)) if np.isfinite(score).any() else np.nan
    return float(1 - loss.sum() / reference.sum()) if reference.sum() > 0 else np.nan


def test_scores_are_those_computed_one_by_one(made: RankedReplicates) -> None:
    expected = np.array(
        [[[one_by_one(made, e, c, b) for b in range(DRAWS)] for c in range(3)] for e in range(3)]
    )
    assert made.shape == expected.shape
    np.testing.assert_allclose(made.of_columns(slice(None)), expected, rtol=1e-14)
    np.testing.assert_allclose(made.of_columns(slice(1, 3)), expected[:, 1:], rtol=1e-14)
    few = replace(made, enough=np.array([True, False, True])).of_columns(slice(None))
    assert np.isnan(few[:, 1]).all()
    np.testing.assert_allclose(few[:, [0, 2]], expected[:, [0, 2]], rtol=1e-14)
