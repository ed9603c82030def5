"""Splits with a part of the labels: nested, stratified, and with one test set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from satclip_bench.benchmarks.splits import SplitInputs, get_split
from satclip_bench.benchmarks.splits.labels import nested_order
from satclip_bench.core.errors import BenchError, UnknownNameError

RNG = np.random.default_rng(0)
LONLAT = np.column_stack([RNG.uniform(-180, 180, 5000), RNG.uniform(-60, 60, 5000)])
CLASSES = SplitInputs(LONLAT, RNG.choice(4, 5000, p=[0.6, 0.3, 0.08, 0.02]).astype(np.int64))
NUMBERS = SplitInputs(LONLAT, RNG.normal(size=5000))


@pytest.mark.parametrize("points", [CLASSES, NUMBERS], ids=["classes", "numbers"])
def test_percentages_are_nested_and_share_the_test_set(points: SplitInputs) -> None:
    (full,) = get_split("random").folds(points, 3)
    larger = full
    for percent in (100, 60, 25, 5, 2):
        (fold,) = get_split(f"labels.{percent}").folds(points, 3)
        assert np.array_equal(fold.test, full.test)
        assert len(fold.train) == round(percent / 100 * len(full.train))
        assert len(fold.validation) == round(percent / 100 * len(full.validation))
        assert set(fold.train) <= set(larger.train)
        assert set(fold.validation) <= set(larger.validation)
        larger = fold
    (all_rows,) = get_split("labels.100").folds(points, 3)
    assert all_rows.sha256 == full.sha256


@pytest.mark.parametrize("percent", [2, 10, 50])
def test_classes_keep_their_shares(percent: int) -> None:
    (full,) = get_split("random").folds(CLASSES, 0)
    (fold,) = get_split(f"labels.{percent}").folds(CLASSES, 0)
    counts = np.bincount(CLASSES.target[fold.train], minlength=4)
    expected = np.bincount(CLASSES.target[full.train]) * percent / 100
    assert (np.abs(counts - expected) <= 2).all()


@given(st.lists(st.integers(1, 30), min_size=2, max_size=5), st.integers(0, 2**32 - 1))
def test_every_beginning_has_the_shares_of_the_classes(counts: list[int], seed: int) -> None:
    target = np.repeat(np.arange(len(counts)), counts)
    order = nested_order(target, np.arange(len(target)), np.random.default_rng(seed))
    assert sorted(order) == list(range(len(target)))
    for n in range(1, len(order)):
        share = np.bincount(target[order[:n]], minlength=len(counts)) / counts
        # All classes have come equally far, up to one row of theirs.
        row = 1 / np.array(counts)
        assert (share - row).max() <= (share + row).min() + 1e-9


def test_too_few_labels_are_an_error() -> None:
    few = SplitInputs(LONLAT[:1000], NUMBERS.target[:1000])
    with pytest.raises(BenchError, match=r"leaves 3 rows for training .* larger percentage"):
        get_split("labels.1").folds(few, 0)
    rare = SplitInputs(LONLAT, (np.arange(5000) == 7).astype(np.int64))
    with pytest.raises(BenchError, match="one class only"):
        get_split("labels.1").folds(rare, 0)


@pytest.mark.parametrize("name", ["labels.0", "labels.101", "labels.05", "labels.2.5", "labels.x"])
def test_other_percentages_have_no_split(name: str) -> None:
    with pytest.raises(UnknownNameError, match="percentage of the labels"):
        get_split(name)
