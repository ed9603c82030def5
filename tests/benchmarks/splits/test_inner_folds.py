"""Inner folds hold out what the test set holds out: whole regions, bands, squares or blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import LeaveOneGroupOut

from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.splits import SplitInputs, get_split
from satclip_bench.benchmarks.splits.held_out_region import regions
from satclip_bench.benchmarks.splits.inner_folds import (
    FALLBACK_DEGREES,
    MIN_FALLBACK_BLOCKS,
    MIN_INNER_FRACTION,
    MIN_INNER_TRAIN_FRACTION,
    MIN_TEST,
    inner_regions,
    join_small,
    large_enough,
)
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import equal_area_cells

REGIONAL = ("biomes", "median_income", "california_housing")


def scattered(
    sizes: dict[str, int], seed: int = 0, lat: tuple[float, float] = (-90, 90)
) -> SplitInputs:
    rng = np.random.default_rng(seed)
    n = sum(sizes.values())
    region = rng.permutation(np.repeat(list(sizes), list(sizes.values())))
    low, high = np.sin(np.radians(lat))
    lats = np.degrees(np.arcsin(rng.uniform(low, high, n)))
    lonlat = np.stack([rng.uniform(-180, 180, n), lats], axis=1)
    return SplitInputs(lonlat, rng.normal(size=n), region)


def region_of(task: str) -> NDArray[np.str_]:
    table = load_table(TaskSource(task))
    return regions(SplitInputs(table.lonlat, table.target, table.region, table.card.block_degrees))


@pytest.mark.parametrize("task", REGIONAL)
def test_inner_folds_hold_out_every_other_region_once_and_whole(task: str) -> None:
    region = region_of(task)
    for fold in make_folds(TaskSource(task), "held-out-region", 0):
        assert set(region[fold.test]) == {fold.name}
        assert np.array_equal(fold.train, np.flatnonzero(region != fold.name))
        held_out = [set(region[inner.validation]) for inner in fold.inner]
        assert sum(map(len, held_out)) == len(set().union(*held_out))
        assert set().union(*held_out) == set(region) - {fold.name}
        for inner, regions_out in zip(fold.inner, held_out, strict=True):
            assert np.array_equal(inner.train, np.setdiff1d(fold.train, inner.validation))
            assert not regions_out & set(region[inner.train])
            assert len(inner.validation) >= max(MIN_TEST, MIN_INNER_FRACTION * len(fold.train))


def test_inner_folds_of_continents_are_leave_one_group_out() -> None:
    """All continents of the open tables are large enough to be held out alone."""
    region = region_of("biomes")
    for fold in make_folds(TaskSource("biomes"), "held-out-region", 0):
        groups = region[fold.train]
        expected = {
            groups[out[0]]: fold.train[out]
            for _, out in LeaveOneGroupOut().split(groups, groups=groups)
        }
        assert len(fold.inner) == len(expected) == 5
        for inner in fold.inner:
            assert np.array_equal(inner.validation, expected[region[inner.validation[0]]])


@pytest.mark.parametrize("split", ["held-out-region", "latitude"])
@pytest.mark.parametrize("table", ["six regions", "two regions", "biomes"])
def test_no_seed_enters_where_regions_are_held_out(split: str, table: str) -> None:
    if table == "biomes":
        of_seed = [make_folds(TaskSource("biomes"), split, seed) for seed in range(5)]
    else:
        names = "abcdef"[: {"six": 6, "two": 2}[table.split()[0]]]
        points = scattered(dict.fromkeys(names, 500), lat=(-28, 28))
        of_seed = [get_split(split).folds(points, seed) for seed in range(5)]
    for folds in of_seed:
        assert [f.sha256 for f in folds] == [f.sha256 for f in of_seed[0]]


def test_tests_are_those_of_leave_one_group_out() -> None:
    region = region_of("biomes")
    oracle = [test for _, test in LeaveOneGroupOut().split(region, groups=region)]
    folds = make_folds(TaskSource("biomes"), "held-out-region", 0)
    for fold, test in zip(folds, oracle, strict=True):
        assert np.array_equal(fold.test, test)


@given(st.lists(st.integers(0, 3000), min_size=2, max_size=12), st.data())
def test_joined_groups_are_large_enough_and_hold_every_group_once(
    sizes: list[int], data: st.DataObject
) -> None:
    test = data.draw(st.integers(0, len(sizes) - 1))
    counts = np.array(sizes)
    joined = join_small(counts, test)
    others = [group for group, size in enumerate(sizes) if size and group != test]
    assert sorted(group for groups in joined for group in groups) == others
    minimum = max(MIN_TEST, MIN_INNER_FRACTION * (counts.sum() - counts[test]))
    if len(joined) > 1:
        assert all(counts[list(groups)].sum() >= minimum for groups in joined)
    if others and (counts[others] >= minimum).all():
        assert all(len(groups) == 1 for groups in joined), "none is joined without need"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=2, max_size=9), st.integers(0, 99), st.data())
def test_inner_regions_are_whole_and_train_on_enough(
    sizes: list[int], seed: int, data: st.DataObject
) -> None:
    points = scattered({f"r{number}": size for number, size in enumerate(sizes)}, seed)
    assert points.region is not None
    group = np.unique(points.region, return_inverse=True)[1]
    test = data.draw(st.integers(0, len(sizes) - 1))
    try:
        train, inner = inner_regions(points, group, test)
    except BenchError:
        assert sum(sizes) - sizes[test] < 100, "too few points for eight blocks"
        return
    assert np.array_equal(train, np.flatnonzero(group != test))
    assert len(inner) >= 2
    whole = all(not set(group[fold.train]) & set(group[fold.validation]) for fold in inner)
    assert whole or len(join_small(np.array(sizes), test)) < 2 or max(sizes) > 0.9 * len(train)
    for fold in inner:
        assert not set(fold.train) & set(fold.validation)
        assert len(fold.train) >= MIN_INNER_TRAIN_FRACTION * len(train)


def test_small_regions_are_joined() -> None:
    sizes = np.array([500, 60, 70, 200, 300, 300])
    assert join_small(sizes, 0) == [(1, 2), (3,), (4,), (5,)]
    assert join_small(sizes, 3) == [(4,), (5,), (0,), (1, 2)]
    # Northeast, South, West of the United States, if the Midwest is tested.
    assert join_small(np.array([1053, 211, 1412, 409]), 0) == [(1,), (2,), (3,)]
    # What is left at the end joins the group before it.
    assert join_small(np.array([400, 400, 400, 30]), 0) == [(1,), (2, 3)]
    assert join_small(np.array([400, 400]), 0) == [(1,)]
    assert join_small(np.array([400, 40]), 0) == [(1,)]


def test_an_inner_fold_that_trains_on_little_is_not_used() -> None:
    """One region holds more than nine tenths of the training set: blocks are used instead."""
    table = scattered({"a": 2000, "b": 3000, "c": 200})
    assert table.region is not None
    fold = get_split("held-out-region").folds(table, 0)[0]
    assert fold.name == "a"
    for inner in fold.inner:
        assert set(table.region[inner.validation]) == {"b", "c"}
    rows = np.arange(1000)
    folds = [(rows[:50], rows[50:]), (rows[500:], rows[:500]), (rows[:500], rows[500:])]
    assert [len(inner.train) for inner in large_enough(folds, rows)] == [500, 500]
    assert large_enough(folds[:2], rows) == ()


def test_blocks_are_used_where_only_one_region_is_left() -> None:
    table = scattered({"a": 900, "b": 700})
    assert table.region is not None
    for fold in get_split("held-out-region").folds(table, 0):
        assert np.array_equal(fold.train, np.flatnonzero(table.region != fold.name))
        side = next(
            s
            for s in FALLBACK_DEGREES
            if len(np.unique(equal_area_cells(table.lonlat[fold.train], s))) >= MIN_FALLBACK_BLOCKS
        )
        cells = equal_area_cells(table.lonlat, side)
        assert len(fold.inner) == 4
        for inner in fold.inner:
            assert not set(cells[inner.train]) & set(cells[inner.validation])
            assert 0.1 < len(inner.validation) / len(fold.train) < 0.4


def test_too_few_blocks_for_inner_folds_are_an_error() -> None:
    near = SplitInputs(
        np.tile([10.5, 50.5], (400, 1)), np.zeros(400), np.repeat(np.array(["a", "b"]), 200)
    )
    with pytest.raises(BenchError, match="no inner folds can be made of the 200 points"):
        get_split("held-out-region").folds(near, 0)


def test_few_shot_trains_on_the_same_share_in_every_inner_fold() -> None:
    table = scattered({"a": 2000, "b": 1500, "c": 1800, "d": 900})
    assert table.region is not None
    held = get_split("held-out-region").folds(table, 2)
    for fold, zero in zip(get_split("few-shot").folds(table, 2), held, strict=True):
        known = np.setdiff1d(zero.test, fold.test)
        assert len(known) == round(0.01 * len(zero.test))
        assert np.array_equal(fold.train, np.union1d(zero.train, known))
        assert set(fold.test) <= set(zero.test)
        for inner, whole in zip(fold.inner, zero.inner, strict=True):
            few = np.setdiff1d(whole.validation, inner.validation)
            assert len(few) == round(0.01 * len(whole.validation))
            assert set(inner.validation) <= set(whole.validation)
            assert np.array_equal(inner.train, np.unique(np.concatenate([whole.train, known, few])))


def test_few_shot_draws_other_labels_for_other_seeds() -> None:
    table = scattered({"a": 2000, "b": 1500, "c": 1800, "d": 900})
    first, second = (get_split("few-shot").folds(table, seed)[0] for seed in (0, 1))
    assert set(first.test) != set(second.test)
    for inner, other in zip(first.inner, second.inner, strict=True):
        assert set(inner.validation) != set(other.validation)


def test_inner_folds_of_latitude_are_whole_bands() -> None:
    table = scattered({"a": 4000})
    band = np.floor(table.lonlat[:, 1] / 30)
    for fold in get_split("latitude").folds(table, 0):
        south = int(fold.name.split(" to ")[0])
        assert set(band[fold.test]) == {south / 30}
        assert np.array_equal(fold.train, np.flatnonzero(band != south / 30))
        assert [len(set(band[inner.validation])) for inner in fold.inner] == [1] * 5
        for inner in fold.inner:
            assert np.array_equal(inner.train, np.setdiff1d(fold.train, inner.validation))


def test_two_bands_alone_leave_blocks() -> None:
    table = scattered({"a": 600}, lat=(-20, 20))
    south, north = get_split("latitude").folds(table, 0)
    assert (south.name, north.name) == ("-30 to 0", "0 to 30")
    assert set(table.lonlat[north.train, 1] < 0) == {True}
    assert len(north.inner) == 4


@pytest.mark.parametrize("classes", [False, True])
def test_inner_folds_of_the_checkerboard_are_whole_squares(classes: bool) -> None:
    table = scattered({"a": 4000})
    if classes:
        target = (table.lonlat[:, 0] > 60).astype(np.int64)
        table = SplitInputs(table.lonlat, target)
    square = square_of(table.lonlat)
    for fold in get_split("checkerboard").folds(table, 1):
        assert not set(square[fold.test]) & set(square[fold.train])
        assert len(fold.train) + len(fold.test) == len(table)
        for inner in fold.inner:
            assert not set(square[inner.train]) & set(square[inner.validation])
            assert len(inner.validation) == pytest.approx(len(fold.train) / 4, rel=0.25)


def square_of(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.floor(lonlat[:, 1] / 10) * 1000 + np.floor(lonlat[:, 0] / 10)
    return found


def test_squares_that_are_too_few_or_too_unequal_are_replaced_by_blocks() -> None:
    """California is on three squares of ten degrees, two of one colour: 97 % are on one of them."""
    lonlat = load_table(TaskSource("california_housing")).lonlat
    square = square_of(lonlat)
    black, white = make_folds(TaskSource("california_housing"), "checkerboard", 0)
    assert len(set(square[black.train])) == 1
    assert len(set(square[white.train])) == 2
    for fold in (black, white):
        assert len(fold.inner) == 4
        for inner in fold.inner:
            assert len(inner.train) >= MIN_INNER_TRAIN_FRACTION * len(fold.train)


def test_one_colour_is_no_checkerboard() -> None:
    with pytest.raises(BenchError, match="both colours"):
        get_split("checkerboard").folds(SplitInputs(np.full((50, 2), 5.0), np.zeros(50)), 0)


def test_versions_are_raised_with_the_folds() -> None:
    versions = {
        **dict.fromkeys(("held-out-region", "few-shot", "latitude", "checkerboard"), 3),
        **dict.fromkeys(("nndm", "blocks.10", "buffered.10-500"), 2),
        **dict.fromkeys(("random", "random-grouped", "official"), 1),
    }
    assert {name: get_split(name).card.version for name in versions} == versions


def test_squares_and_blocks_are_verdes() -> None:
    """verde is an independent implementation of spatial blocks, on a plane."""
    verde = pytest.importorskip("verde", reason="verde is not installed (extra dev)")
    from satclip_bench.benchmarks.splits.blocks import block_folds

    table = scattered({"a": 3000})
    coordinates = tuple(table.lonlat.T)
    label = verde.block_split(coordinates, spacing=10, region=(-180, 180, -90, 90))[1]
    for fold in get_split("checkerboard").folds(table, 0):
        pairs = [(fold.train, fold.test), *((i.train, i.validation) for i in fold.inner)]
        for one, other in pairs:
            assert not set(label[one]) & set(label[other])
        assert set(label[fold.test]) | set(label[fold.train]) == set(label)
    oracle = verde.BlockKFold(spacing=10, n_splits=5, shuffle=True, random_state=0, balance=False)
    blocks = verde.block_split(coordinates, spacing=10)[1]
    ours = [len(np.unique(blocks[f.test])) for f in block_folds(table, blocks, 0, "verde")]
    theirs = [len(np.unique(blocks[test])) for _, test in oracle.split(table.lonlat)]
    assert sorted(ours) == sorted(theirs), "folds have as many blocks"
