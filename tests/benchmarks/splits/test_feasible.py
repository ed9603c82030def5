"""Splits that make no sense for a table are refused, and smaller ones are suggested."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.splits import SplitInputs, get_split
from satclip_bench.benchmarks.splits.feasible import MIN_TRAIN_FRACTION
from satclip_bench.core.errors import BenchError


@pytest.mark.parametrize(
    ("task", "split", "message"),
    [
        ("median_income", "buffered.10-500", r"would train on .* choose buffered\.5-250 or"),
        ("median_income", "latitude", r"train on 113 of 3,085 points, .* choose blocks\.10 or"),
        ("california_housing", "buffered.10-500", r"in 4; choose buffered\.1-50 or another"),
        ("california_housing", "buffered.3-150", r"choose buffered\.1-50 or another split"),
        ("california_housing", "blocks.10", r"in 4; choose blocks\.5 or another split"),
    ],
)
def test_a_split_that_makes_no_sense_says_so_and_suggests_one_that_does(
    task: str, split: str, message: str
) -> None:
    with pytest.raises(BenchError, match=message) as raised:
        make_folds(TaskSource(task), split, 0)
    suggested = str(raised.value).split("choose ")[1].split()[0]
    rows = len(load_table(TaskSource(task)))
    for fold in make_folds(TaskSource(task), suggested, 0):
        assert len(fold.train) >= MIN_TRAIN_FRACTION * rows


@pytest.mark.parametrize("name", ["held-out-region", "few-shot", "checkerboard", "blocks.10"])
def test_a_test_set_of_nearly_everything_is_refused(name: str) -> None:
    rng = np.random.default_rng(0)
    near, far = rng.uniform(0.5, 8.5, (900, 2)), rng.uniform(12, 60, (150, 2)) * [1, 0.1]
    region = np.repeat(np.array(["near", "far"]), [900, 150])
    table = SplitInputs(np.concatenate([near, far]), np.zeros(1050), region)
    with pytest.raises(BenchError, match=r"would train on .* needs 20% of them or more"):
        get_split(name).folds(table, 0)
