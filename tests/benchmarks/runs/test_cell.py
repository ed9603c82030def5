"""Scores of a single cell."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_bench.benchmarks.runs import cell
from satclip_bench.benchmarks.targets import Range
from satclip_bench.core.errors import BenchError


class Overflowing:
    """A regressor whose first prediction is not finite."""

    target_range_ = Range(0.0, 1.0)

    def __init__(self, value: float) -> None:
        self.value = value

    def unclipped(self, X: np.ndarray) -> np.ndarray:
        return np.where(np.arange(len(X)) == 0, self.value, 0.5)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_prediction_that_is_not_finite_is_an_error_and_not_clipped(value: float) -> None:
    rows = np.arange(20)
    y = rows / 19
    test = cell._TestSet(rows[:, None].astype(np.float32), y, rows, rows, y)
    with pytest.raises(BenchError, match="not finite for 1 point"):
        cell._score_numbers(Overflowing(value), test)
    assert cell._score_numbers(Overflowing(0.5), test).clipped == 0
