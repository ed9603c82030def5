"""The control of buffered splits: the same test sets and as many training rows, near or far."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from satclip_bench.benchmarks.splits import SplitInputs, get_split
from satclip_bench.benchmarks.splits.blocks import beyond
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


def test_what_cannot_be_buffered_has_no_control() -> None:
    points = SplitInputs(LONLAT / 20, RNG.normal(size=1500))
    with pytest.raises(BenchError, match=r"as many rows as buffered.10-500, which cannot"):
        get_split("thinned.10-500").folds(points, 0)
    with pytest.raises(UnknownNameError, match=r"'thinned.10-0'"):
        get_split("thinned.10-0")
