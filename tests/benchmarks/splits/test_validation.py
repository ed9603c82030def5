"""Validation parts are held out as the test part is: whole regions, bands, squares or cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import LeaveOneGroupOut

from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.splits import SplitInputs, get_split
from satclip_bench.benchmarks.splits.held_out_region import regions
from satclip_bench.benchmarks.splits.validation import (
    FALLBACK_DEGREES,
    MAX_FRACTION,
    MIN_FALLBACK_BLOCKS,
    MIN_FRACTION,
    MIN_TEST,
    validation_choices,
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
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_validation_is_other_whole_regions(task: str, seed: int) -> None:
    region = region_of(task)
    for fold in make_folds(TaskSource(task), "held-out-region", seed):
        trained, chosen_on = set(region[fold.train]), set(region[fold.validation])
        assert not trained & chosen_on
        assert fold.name not in trained | chosen_on
        assert set(region[fold.test]) == {fold.name}
        rest = len(fold.train) + len(fold.validation)
        assert rest + len(fold.test) == len(region)
        assert max(MIN_TEST, MIN_FRACTION * rest) <= len(fold.validation) <= MAX_FRACTION * rest


def test_over_seeds_every_continent_validates_and_none_twice_for_one_seed_more() -> None:
    region = region_of("biomes")
    seen: dict[str, set[frozenset[str]]] = {}
    for seed in range(5):
        chosen = []
        for fold in make_folds(TaskSource("biomes"), "held-out-region", seed):
            chosen.append(frozenset(map(str, region[fold.validation])))
            seen.setdefault(fold.name, set()).add(chosen[-1])
        assert len(set(chosen)) >= 5, "one seed does not choose on one continent throughout"
    for name, sets in seen.items():
        assert len(sets) == 5
        assert set().union(*sets) == set(region) - {name}


def test_tests_are_those_of_leave_one_group_out() -> None:
    region = region_of("biomes")
    oracle = [test for _, test in LeaveOneGroupOut().split(region, groups=region)]
    folds = make_folds(TaskSource("biomes"), "held-out-region", 0)
    for fold, test in zip(folds, oracle, strict=True):
        assert np.array_equal(fold.test, test)


@given(st.lists(st.integers(0, 3000), min_size=2, max_size=12), st.data())
def test_choices_of_groups_hold_enough_and_leave_half(
    sizes: list[int], data: st.DataObject
) -> None:
    test = data.draw(st.integers(0, len(sizes) - 1))
    counts = np.array(sizes)
    rest = int(counts.sum() - counts[test])
    choices = validation_choices(counts, test)
    assert len(set(choices)) == len(choices)
    for choice in choices:
        assert test not in choice
        assert list(choice) == sorted(set(choice))
        held = int(counts[list(choice)].sum())
        assert max(MIN_TEST, MIN_FRACTION * rest) <= held <= MAX_FRACTION * rest
    for group, size in enumerate(sizes):
        if group != test and max(MIN_TEST, MIN_FRACTION * rest) <= size <= MAX_FRACTION * rest:
            assert (group,) in choices, "a region that serves alone is among them"


def test_small_regions_are_joined() -> None:
    sizes = np.array([500, 60, 70, 200, 300, 300])
    assert validation_choices(sizes, 0) == [(1, 2), (2, 3), (3,), (4,), (5,)]
    assert validation_choices(sizes, 3) == [(4,), (5,), (0,), (1, 2), (2, 4)]
    # The South takes more than half of what is not the Midwest: passed over.
    assert validation_choices(np.array([1053, 211, 1412, 409]), 0) == [(1,), (3,)]
    assert validation_choices(np.array([400, 400]), 0) == []


@pytest.mark.parametrize("seed", [0, 3])
def test_cells_stand_in_where_only_one_region_is_left(seed: int) -> None:
    table = scattered({"a": 900, "b": 700})
    assert table.region is not None
    for fold in get_split("held-out-region").folds(table, seed):
        rest = np.flatnonzero(table.region != fold.name)
        assert np.array_equal(np.sort(np.concatenate([fold.train, fold.validation])), rest)
        side = next(
            s
            for s in FALLBACK_DEGREES
            if len(np.unique(equal_area_cells(table.lonlat[rest], s))) >= MIN_FALLBACK_BLOCKS
        )
        cells = equal_area_cells(table.lonlat, side)
        assert not set(cells[fold.train]) & set(cells[fold.validation])
        assert 0.15 < len(fold.validation) / len(rest) < 0.35


def test_no_validation_part_is_an_error_that_says_so() -> None:
    near = SplitInputs(
        np.tile([10.5, 50.5], (400, 1)), np.zeros(400), np.repeat(np.array(["a", "b"]), 200)
    )
    with pytest.raises(BenchError, match="no validation set can be held out of the 200 points"):
        get_split("held-out-region").folds(near, 0)


def test_few_shot_gives_the_same_share_of_what_validates() -> None:
    table = scattered({"a": 2000, "b": 1500, "c": 1800, "d": 900})
    assert table.region is not None
    held = get_split("held-out-region").folds(table, 2)
    for fold, zero in zip(get_split("few-shot").folds(table, 2), held, strict=True):
        for part, whole in ((fold.test, zero.test), (fold.validation, zero.validation)):
            known = np.setdiff1d(whole, part)
            assert len(known) == round(0.01 * len(whole))
            assert set(known) <= set(fold.train)
            assert set(part) <= set(whole)
        assert len(fold.train) + len(fold.validation) + len(fold.test) == len(table)


def test_few_shot_draws_other_labels_for_other_seeds() -> None:
    table = scattered({"a": 2000, "b": 1500, "c": 1800, "d": 900})
    first, fourth = (get_split("few-shot").folds(table, seed)[0] for seed in (0, 3))
    assert set(first.test) != set(fourth.test), "the region that validates comes round, labels not"


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_latitude_validates_on_whole_bands(seed: int) -> None:
    table = scattered({"a": 4000})
    band = np.floor(table.lonlat[:, 1] / 30)
    for fold in get_split("latitude").folds(table, seed):
        south = int(fold.name.split(" to ")[0])
        assert set(band[fold.test]) == {south / 30}
        assert not set(band[fold.train]) & set(band[fold.validation])
        assert len(fold.train) + len(fold.validation) + len(fold.test) == len(table)


def test_two_bands_alone_leave_cells() -> None:
    table = scattered({"a": 600}, lat=(-20, 20))
    south, north = get_split("latitude").folds(table, 0)
    assert (south.name, north.name) == ("-30 to 0", "0 to 30")
    assert set(table.lonlat[north.train, 1] < 0) == {True}
    assert 0.15 < len(north.validation) / (len(north.train) + len(north.validation)) < 0.35


@pytest.mark.parametrize("classes", [False, True])
def test_checkerboard_validates_on_whole_squares(classes: bool) -> None:
    table = scattered({"a": 4000})
    if classes:
        target = (table.lonlat[:, 0] > 60).astype(np.int64)
        table = SplitInputs(table.lonlat, target)
    square = square_of(table.lonlat)
    for fold in get_split("checkerboard").folds(table, 1):
        parts = [set(square[part]) for part in (fold.train, fold.validation, fold.test)]
        assert not parts[0] & parts[1]
        assert not parts[2] & (parts[0] | parts[1])
        rest = len(fold.train) + len(fold.validation)
        assert len(fold.validation) == pytest.approx(rest / 4, rel=0.2)


def square_of(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.floor(lonlat[:, 1] / 10) * 1000 + np.floor(lonlat[:, 0] / 10)
    return found


def test_a_colour_of_one_square_is_parted_by_cells() -> None:
    """California lies on three squares of ten degrees."""
    lonlat = load_table(TaskSource("california_housing")).lonlat
    square = square_of(lonlat)
    black, white = make_folds(TaskSource("california_housing"), "checkerboard", 0)
    assert len(set(square[black.train]) | set(square[black.validation])) == 1
    assert 0.1 < len(black.validation) / (len(black.train) + len(black.validation)) < 0.4
    assert not set(square[white.train]) & set(square[white.validation])
    assert len(white.train) > len(white.validation), "of two squares the smaller validates"


def test_one_colour_is_no_checkerboard() -> None:
    with pytest.raises(BenchError, match="both colours"):
        get_split("checkerboard").folds(SplitInputs(np.full((50, 2), 5.0), np.zeros(50)), 0)


def test_what_gives_other_folds_says_so() -> None:
    for name in ("held-out-region", "few-shot", "latitude", "checkerboard"):
        assert get_split(name).card.version == 2
    for name in ("random", "blocks.10", "buffered.10-500"):
        assert get_split(name).card.version == 1


def test_squares_and_blocks_are_verdes() -> None:
    """verde is an independent implementation of spatial blocks, on a plane."""
    verde = pytest.importorskip("verde", reason="verde is not installed (extra dev)")
    from satclip_bench.benchmarks.splits.blocks import block_folds

    table = scattered({"a": 3000})
    coordinates = tuple(table.lonlat.T)
    label = verde.block_split(coordinates, spacing=10, region=(-180, 180, -90, 90))[1]
    for fold in get_split("checkerboard").folds(table, 0):
        for one, other in ((fold.train, fold.validation), (fold.train, fold.test)):
            assert not set(label[one]) & set(label[other])
        assert set(label[fold.test]) | set(label[fold.train]) | set(label[fold.validation]) == set(
            label
        )
    oracle = verde.BlockKFold(spacing=10, n_splits=5, shuffle=True, random_state=0, balance=False)
    blocks = verde.block_split(coordinates, spacing=10)[1]
    ours = [len(np.unique(blocks[f.test])) for f in block_folds(table, blocks, 0, "verde")]
    theirs = [len(np.unique(blocks[test])) for _, test in oracle.split(table.lonlat)]
    assert sorted(ours) == sorted(theirs), "folds have as many blocks"
