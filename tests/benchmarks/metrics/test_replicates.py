"""Bootstrap scores: labels, differences and intervals of many at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from satclip_bench.benchmarks.metrics.bootstrap import interval
from satclip_bench.benchmarks.metrics.replicates import Replicates

INDEX = pd.MultiIndex.from_tuples([("a", 0), ("a", 1), ("b", 0)], names=["task", "seed"])


def test_rows_are_selected_by_their_labels_and_unknown_ones_are_nan() -> None:
    replicates = Replicates(np.arange(6.0).reshape(3, 2), INDEX)
    labels = pd.MultiIndex.from_tuples([("b", 0), ("c", 0), ("a", 1)], names=["task", "seed"])
    rows = replicates.rows(labels)
    assert rows.tolist() == [2, -1, 1]
    selected = replicates.select(rows)
    assert selected.scores[[0, 2]].tolist() == [[4, 5], [2, 3]]
    assert np.isnan(selected.scores[1]).all()
    assert replicates.select(rows[:, None]).scores.shape == (3, 1, 2)
    with pytest.raises(ValueError, match="only labelled"):
        Replicates(replicates.scores).rows(labels)


def test_intervals_of_many_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(2, 3, 200))
    scores[1, 2, :30] = np.nan
    measured = rng.normal(size=(2, 3)) * 3
    low, high = Replicates(scores).interval(measured)
    for place in np.ndindex(2, 3):
        ends = interval(scores[place], float(measured[place])) or (np.nan, np.nan)
        assert (low[place], high[place]) == pytest.approx(ends, nan_ok=True)
    assert np.isnan(low[1, 2])
    plain, _ = Replicates(scores[0, 0]).interval()
    assert plain == interval(scores[0, 0])[0]  # type: ignore[index]


def test_a_difference_is_paired_and_the_replicates_can_lead() -> None:
    rng = np.random.default_rng(0)
    shared, noise = rng.normal(size=(1, 500)), 0.01 * rng.normal(size=(4, 500))
    replicates = Replicates(shared + noise)
    gaps = Replicates(replicates.scores[0]).minus(replicates)
    assert gaps.variance()[1:].max() < 0.001 < replicates.variance().min()
    assert replicates.leading.shape == (500, 4)
    assert np.array_equal(Replicates.from_leading(replicates.leading).scores, replicates.scores)
    assert Replicates(np.array([-3.0, 0.5])).clipped(-1.0).scores.tolist() == [-1, 0.5]
