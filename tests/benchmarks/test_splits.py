from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.splits import Points, get_split, list_splits
from benchmarks.splits.base import Fold
from benchmarks.splits.held_out_region import MIN_TEST, regions
from core.errors import BenchError


def points(n: int, seed: int = 0, names: int = 4) -> Points:
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    lonlat = np.stack([rng.uniform(-180, 180, n), lat], axis=1)
    region = np.array([f"r{i}" for i in rng.integers(names, size=n)])
    return Points(lonlat, rng.normal(size=n), region)


@pytest.mark.parametrize("name", list_splits())
def test_every_split_is_disjoint_ascending_and_repeatable(name: str) -> None:
    table = points(1000)
    split = get_split(name)
    assert split.card.name == name
    folds = split.folds(table, seed=3)
    assert len({fold.name for fold in folds}) == len(folds)
    for fold, again in zip(folds, get_split(name).folds(table, seed=3), strict=True):
        parts = (fold.train, fold.validation, fold.test)
        assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
        for part in parts:
            assert part.dtype == np.int64
            assert (np.diff(part) > 0).all()
            assert not part.flags.writeable
        assert fold.sha256 == again.sha256
    other = split.folds(table, seed=4)
    assert {f.sha256 for f in other}.isdisjoint(f.sha256 for f in folds)


@settings(max_examples=30, deadline=None)
@given(st.integers(10, 3000), st.integers(0, 5))
def test_random_uses_every_row_in_the_papers_shares(n: int, seed: int) -> None:
    (fold,) = get_split("random").folds(points(n), seed)
    parts = (fold.train, fold.validation, fold.test)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(n))
    for part, share in zip(parts, (0.3, 0.1, 0.6), strict=True):
        assert abs(len(part) - share * n) <= 1.5


def test_random_needs_a_few_points() -> None:
    with pytest.raises(BenchError, match="at least 10"):
        get_split("random").folds(points(9), 0)


def test_held_out_region_tests_on_exactly_the_region() -> None:
    table = points(1000)
    assert table.region is not None
    folds = get_split("held-out-region").folds(table, 0)
    assert [f.name for f in folds] == ["r0", "r1", "r2", "r3"]
    for fold in folds:
        assert np.array_equal(fold.test, np.flatnonzero(table.region == fold.name))
        rest = len(table) - len(fold.test)
        assert len(fold.train) + len(fold.validation) == rest
        assert len(fold.validation) == pytest.approx(rest / 4, abs=1)


def test_a_small_region_stays_in_training() -> None:
    table = points(1000)
    assert table.region is not None
    few = table.region.copy()
    few[:] = np.where(np.arange(1000) < MIN_TEST - 1, "small", few)
    folds = get_split("held-out-region").folds(Points(table.lonlat, table.target, few), 0)
    assert "small" not in [f.name for f in folds]
    for fold in folds:
        used = np.concatenate([fold.train, fold.validation])
        assert set(range(MIN_TEST - 1)) <= set(used.tolist())


def test_one_region_cannot_be_held_out() -> None:
    with pytest.raises(BenchError, match="two regions"):
        get_split("held-out-region").folds(points(500, names=1), 0)


def test_blocks_stand_in_for_regions() -> None:
    rng = np.random.default_rng(0)
    lonlat = np.stack([rng.uniform(-124, -114, 5000), rng.uniform(32, 42, 5000)], axis=1)
    table = Points(lonlat, rng.normal(size=5000), block_degrees=4)
    folds = get_split("held-out-region").folds(table, 0)
    names = regions(table)
    assert 4 <= len(folds) <= 16
    for fold in folds:
        assert set(names[fold.test]) == {fold.name}
        assert fold.name not in set(names[fold.train])
        assert fold.name[-1] == "W"
    with pytest.raises(BenchError, match="neither"):
        get_split("held-out-region").folds(Points(lonlat, table.target), 0)


def test_a_fold_refuses_a_row_in_two_parts_and_an_empty_part() -> None:
    a, b, none = np.array([0, 1]), np.array([2]), np.array([], dtype=np.int64)
    with pytest.raises(BenchError, match="more than one"):
        Fold("x", a, b, np.array([1]))
    with pytest.raises(BenchError, match="validation part of fold 'x' is empty"):
        Fold("x", a, none, b)


def test_the_hash_tells_parts_apart() -> None:
    a, b, c = np.array([0, 1]), np.array([2]), np.array([3])
    assert Fold("x", a, b, c).sha256 != Fold("x", a, c, b).sha256
    assert Fold("x", a, b, c).sha256 == Fold("y", a, b, c).sha256
