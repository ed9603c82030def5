"""Folds of whole groups, with and without classes to spread."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from satclip_bench.benchmarks.splits import SplitInputs, get_split
from satclip_bench.benchmarks.splits.group_folds import group_folds
from tests.benchmarks.splits.test_splits import points


@pytest.mark.parametrize("classes", [1, 3, 100])
@pytest.mark.parametrize("name", ["blocks.20", "checkerboard", "buffered.20-100"])
def test_rare_classes_alone_are_not_spread(name: str, classes: int) -> None:
    """Stratified folds cannot be made if every class has fewer rows than there are folds."""
    table = points(100)
    target = (np.arange(100) % classes if classes > 1 else np.arange(100)).astype(np.int64)
    folds = get_split(name).folds(SplitInputs(table.lonlat, target), 0)
    assert all(len(fold.inner) >= 2 for fold in folds)
    if classes == 1:
        numbers = SplitInputs(table.lonlat, target.astype(np.float64))
        expected = get_split(name).folds(numbers, 0)
        assert [f.sha256 for f in folds] == [f.sha256 for f in expected]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 4)), min_size=2, max_size=40),
    st.integers(2, 6),
    st.integers(0, 9),
)
def test_group_folds_are_whole_and_never_empty(
    rows: list[tuple[int, int]], n_folds: int, seed: int
) -> None:
    groups, target = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    assume(len(set(groups)) > 1)
    table = SplitInputs(np.zeros((len(rows), 2)), target)
    folds = group_folds(table, np.arange(len(rows)), groups, n_folds, seed)
    assert len(folds) == min(n_folds, len(set(groups)))
    inside = np.concatenate([held_out for _, held_out in folds])
    assert np.array_equal(np.sort(inside), np.arange(len(rows)))
    for outside, held_out in folds:
        assert len(outside)
        assert len(held_out)
        assert not set(groups[outside]) & set(groups[held_out])
