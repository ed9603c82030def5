"""The control of buffered splits: the same test sets and as many training rows, near or far."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from satclip_bench.benchmarks.splits import Fold, InnerFold, SplitInputs, get_split
from satclip_bench.benchmarks.splits.base import nested_fold
from satclip_bench.benchmarks.splits.blocks import BufferedSplit, beyond
from satclip_bench.benchmarks.splits.thinned import ThinnedSplit
from satclip_bench.core.errors import BenchError, UnknownNameError
from satclip_bench.core.sphere import equal_area_cells

RNG = np.random.default_rng(0)
LONLAT = np.column_stack([RNG.uniform(-180, 180, 1500), RNG.uniform(-60, 60, 1500)])


@pytest.mark.parametrize(
    "target",
    [RNG.normal(size=1500), RNG.integers(3, size=1500)],
    ids=["numbers", "classes"],
)
def test_sizes_and_test_sets_are_those_with_the_buffer(
    target: NDArray[np.float64] | NDArray[np.int64],
) -> None:
    points = SplitInputs(LONLAT, target)
    blocks = equal_area_cells(LONLAT, 10)
    for fold, buffered in zip(
        get_split("thinned.10-500").folds(points, 1),
        get_split("buffered.10-500").folds(points, 1),
        strict=True,
    ):
        assert np.array_equal(fold.test, buffered.test)
        assert len(fold.train) == len(buffered.train)
        assert [len(i.train) for i in fold.inner] == [len(i.train) for i in buffered.inner]
        for inner in fold.inner:
            assert not set(blocks[inner.train]) & set(blocks[inner.validation])
        assert len(beyond(LONLAT, fold.train, fold.test, 500)) < 0.9 * len(fold.train)


def test_an_inner_fold_that_holds_out_much_trains_on_all_others() -> None:
    """A third of the points in one block: buffered and thinned folds hold it out at other times."""
    lonlat = np.concatenate([LONLAT, RNG.uniform(2, 4, (700, 2))])
    points = SplitInputs(lonlat, RNG.normal(size=len(lonlat)))
    fewer = 0
    for seed in range(4):
        pairs = zip(
            get_split("thinned.10-500").folds(points, seed),
            get_split("buffered.10-500").folds(points, seed),
            strict=True,
        )
        for fold, buffered in pairs:
            assert len(fold.train) == len(buffered.train)
            for inner, other in zip(fold.inner, buffered.inner, strict=True):
                outside = len(fold.train) - len(inner.validation)
                assert len(inner.train) == min(len(other.train), outside)
                fewer += outside < len(other.train)
    assert fewer


def test_one_block_with_nearly_all_points_is_said() -> None:
    """48 of 50 training points: one of the two inner folds would train on the other two."""
    rows = np.arange(100)
    halves = InnerFold(rows[:25], rows[25:50]), InnerFold(rows[25:50], rows[:25])

    class Made(BufferedSplit):
        def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
            return (nested_fold("0", rows[:50], rows[50:], halves),)

    lonlat = np.where(rows[:, None] < 48, [1.0, 1.0], [90.0, 0.0]) + rows[:, None] / 1e4
    with pytest.raises(BenchError, match="nearly all of the 50 training points of fold 0 are in"):
        ThinnedSplit(Made(10, 500)).folds(SplitInputs(lonlat, RNG.normal(size=100)), 0)


def test_what_cannot_be_buffered_has_no_control() -> None:
    points = SplitInputs(LONLAT / 20, RNG.normal(size=1500))
    with pytest.raises(BenchError, match=r"as many rows as buffered.10-500, which cannot"):
        get_split("thinned.10-500").folds(points, 0)
    with pytest.raises(UnknownNameError, match=r"'thinned.10-0'"):
        get_split("thinned.10-0")
