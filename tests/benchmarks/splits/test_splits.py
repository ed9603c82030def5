from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from satclip_bench.benchmarks.ranking.seeds import SHARED_SETS
from satclip_bench.benchmarks.splits import SplitInputs, get_split, list_splits, registry
from satclip_bench.benchmarks.splits.held_out_region import numbered, regions
from satclip_bench.benchmarks.splits.inner_folds import MIN_INNER_TRAIN_FRACTION, MIN_TEST
from satclip_bench.core.errors import BenchError, UnknownNameError
from satclip_bench.core.sphere import chord_to_km, equal_area_cells, km_to_chord


def points(n: int, seed: int = 0, names: int = 4) -> SplitInputs:
    rng = np.random.default_rng(seed)
    lonlat = uniform(n, rng)
    region = np.array([f"r{i}" for i in rng.integers(names, size=n)])
    target, domain = rng.normal(size=n), uniform(2000, rng)
    part = np.where(rng.random(n) < 0.7, "train", "test")
    return SplitInputs(lonlat, target, region, domain=domain, part=part)


def uniform(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    return np.stack([rng.uniform(-180, 180, n), lat], axis=1)


@pytest.mark.parametrize("name", list_splits())
def test_every_split_is_disjoint_ascending_and_repeatable(name: str) -> None:
    table = points(1000)
    split = get_split(name)
    assert split.card.name == name
    folds = split.folds(table, seed=3)
    assert len({fold.name for fold in folds}) == len(folds)
    for fold, again in zip(folds, get_split(name).folds(table, seed=3), strict=True):
        inner_sets = [rows for inner in fold.inner for rows in (inner.train, inner.validation)]
        for sets in (
            (fold.train, fold.validation, fold.test),
            *((inner.train, inner.validation) for inner in fold.inner),
        ):
            assert len(np.unique(np.concatenate(sets))) == sum(map(len, sets))
        for rows in (fold.train, fold.validation, fold.test, *inner_sets):
            assert rows.dtype == np.int64
            assert (np.diff(rows) > 0).all()
            assert not rows.flags.writeable
        assert set().union(*map(set, inner_sets)) <= set(fold.train)
        assert all(len(rows) for rows in inner_sets)
        assert len(fold.inner) >= 2 or len(fold.validation)
        assert fold.sha256 == again.sha256
    other = [fold.sha256 for fold in split.folds(table, seed=4)]
    if name in ("held-out-region", "latitude"):
        assert other == [fold.sha256 for fold in folds], "no seed enters"
    else:
        assert set(other).isdisjoint(fold.sha256 for fold in folds)


@pytest.mark.parametrize("name", list_splits())
def test_seeds_share_the_sets_of_the_splits_that_are_said_to(name: str) -> None:
    """Labels that two seeds learn from, and points that both test, as a share of their union."""

    def learned_and_tested(seed: int) -> list[tuple[set[int], set[int]]]:
        folds = get_split(name).folds(points(2000), seed)
        return [({*fold.train, *fold.validation}, set(fold.test)) for fold in folds]

    shares = [
        len(one & other) / len(one | other)
        for folds in zip(learned_and_tested(3), learned_and_tested(4), strict=True)
        for one, other in zip(*folds, strict=True)
    ]
    if name in SHARED_SETS:
        assert min(shares) > 0.95
    else:
        assert min(shares) < 0.8


@pytest.mark.parametrize("name", ["blocks.40", "buffered.40-100", "thinned.40-100"])
def test_seeds_share_the_test_sets_where_classes_are_spread_over_blocks(name: str) -> None:
    """As the docs say; with numbers as targets, seeds redraw them."""
    table = points(2000)
    classes = np.random.default_rng(0).choice(8, 2000, p=np.arange(1, 9) / 36)
    assert _common_test_rows(name, SplitInputs(table.lonlat, classes)) > 0.9
    assert _common_test_rows(name, table) < 0.8


def _common_test_rows(name: str, table: SplitInputs) -> float:
    """Least share of the rows of a test set that seed 3 and the most similar one of seed 4 have."""
    one, other = ([set(f.test) for f in get_split(name).folds(table, seed)] for seed in (3, 4))
    return min(max(len(a & b) / len(a | b) for b in other) for a in one)


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


def test_official_is_what_the_table_says() -> None:
    called = ["Train", "test ", "val", "TRAINING", "nan", "dev", "train", "test"]
    table = SplitInputs(np.zeros((8, 2)), np.zeros(8), part=np.array(called))
    (fold,) = get_split("official").folds(table, 0)
    assert fold.train.tolist() == [0, 3, 6]
    assert fold.validation.tolist() == [2, 5]
    assert fold.test.tolist() == [1, 7]


def test_official_chooses_on_training_rows_where_nothing_validates() -> None:
    table = points(1000)
    assert table.part is not None
    (fold,) = get_split("official").folds(table, 0)
    assert np.array_equal(fold.test, np.flatnonzero(table.part == "test"))
    trained = np.sort(np.concatenate([fold.train, fold.validation]))
    assert np.array_equal(trained, np.flatnonzero(table.part == "train"))
    assert len(fold.validation) == round(0.1 * len(trained))


@pytest.mark.parametrize("called", [["train", "a"], ["a", "test"], ["train", "test"]])
def test_official_says_what_the_column_holds(called: list[str]) -> None:
    """A single training row leaves nothing to choose on."""
    table = SplitInputs(np.zeros((2, 2)), np.zeros(2), part=np.array(called))
    with pytest.raises(BenchError, match=f"it has 1 '{min(called)}', 1 '{max(called)}'"):
        get_split("official").folds(table, 0)


def test_official_needs_the_column() -> None:
    with pytest.raises(BenchError, match="needs a column `split`"):
        get_split("official").folds(SplitInputs(np.zeros((2, 2)), np.zeros(2)), 0)


def test_held_out_region_tests_on_exactly_the_region() -> None:
    table = points(1000)
    assert table.region is not None
    folds = get_split("held-out-region").folds(table, 0)
    assert [f.name for f in folds] == ["r0", "r1", "r2", "r3"]
    for fold in folds:
        assert np.array_equal(fold.test, np.flatnonzero(table.region == fold.name))
        assert np.array_equal(fold.train, np.flatnonzero(table.region != fold.name))


def test_a_small_region_stays_in_training() -> None:
    table = points(1000)
    assert table.region is not None
    few = np.where(np.arange(1000) < MIN_TEST - 1, "small", table.region)
    folds = get_split("held-out-region").folds(SplitInputs(table.lonlat, table.target, few), 0)
    assert "small" not in [f.name for f in folds]
    for fold in folds:
        assert set(range(MIN_TEST - 1)) <= set(fold.train.tolist())
        with_small = [
            set(few[one.validation]) for one in fold.inner if "small" in few[one.validation]
        ]
        assert len(with_small) == 1, "held out once, with another region"
        assert len(with_small[0]) == 2


def test_one_region_cannot_be_held_out() -> None:
    with pytest.raises(BenchError, match="two regions"):
        get_split("held-out-region").folds(points(500, names=1), 0)


def test_blocks_stand_in_for_regions() -> None:
    rng = np.random.default_rng(0)
    lonlat = np.stack([rng.uniform(-124, -114, 5000), rng.uniform(32, 42, 5000)], axis=1)
    table = SplitInputs(lonlat, rng.normal(size=5000), block_degrees=4)
    folds = get_split("held-out-region").folds(table, 0)
    names = regions(table)
    assert 4 <= len(folds) <= 16
    for fold in folds:
        assert set(names[fold.test]) == {fold.name}
        assert fold.name not in set(names[fold.train])
        assert fold.name[-1] == "W"
    with pytest.raises(BenchError, match="neither"):
        get_split("held-out-region").folds(SplitInputs(lonlat, table.target), 0)


@pytest.mark.parametrize("side", [2.0, 0.1, 0.01])
@pytest.mark.parametrize("west", [13.0, 179.8])
def test_every_block_is_a_region_of_its_own(side: float, west: float) -> None:
    """Small blocks too, whose centres differ by less than a tenth of a degree."""
    rng = np.random.default_rng(0)
    lonlat = np.column_stack([rng.uniform(west, west + 0.4, 800), rng.uniform(52, 52.3, 800)])
    lonlat[:, 0] = (lonlat[:, 0] + 180) % 360 - 180
    names = regions(SplitInputs(lonlat, np.zeros(800), block_degrees=side))
    pairs = set(zip(names.tolist(), equal_area_cells(lonlat, side).tolist(), strict=True))
    assert len(pairs) == len({name for name, _ in pairs}) == len({cell for _, cell in pairs})


def test_a_block_at_the_antimeridian_has_its_centre_there() -> None:
    lonlat = np.array([[180.0, 0.5], [-179.0, 0.5], [179.5, 0.5]])
    names = regions(SplitInputs(lonlat, np.zeros(3), block_degrees=2.0))
    assert names.tolist() == ["0.5N 179.5W", "0.5N 179.5W", "0.5N 179.5E"]


@given(st.lists(st.sampled_from(["Asia", "Africa", "", "ärgerlich", "Asi"])), st.integers(1, 9))
def test_names_are_numbered_block_by_block(names: list[str], block: int) -> None:
    expected, inverse = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    different, number = numbered(np.array(names, dtype=np.str_), block)
    assert np.array_equal(different, expected)
    assert np.array_equal(number, inverse)
    assert number.dtype == np.int64


@pytest.mark.parametrize("name", ["blocks.2", "blocks.10", "blocks.40", "buffered.10-500"])
def test_a_cell_lies_in_one_part_as_a_whole(name: str) -> None:
    table = points(2000)
    degrees = int(name.partition(".")[2].partition("-")[0])
    cells = equal_area_cells(table.lonlat, degrees)
    folds = get_split(name).folds(table, 0)
    assert len(folds) == 5
    for fold in folds:
        assert not set(cells[fold.train]) & set(cells[fold.test])
        held_out = [set(cells[inner.validation]) for inner in fold.inner]
        for inner, blocks in zip(fold.inner, held_out, strict=True):
            assert not set(cells[inner.train]) & blocks
        assert sum(map(len, held_out)) == len(set().union(*held_out)) == len(set(cells[fold.train]))
    tested = np.concatenate([fold.test for fold in folds])
    assert np.array_equal(np.sort(tested), np.arange(len(table))), "every row is tested once"


def test_blocks_without_a_buffer_use_every_row() -> None:
    table = points(1500)
    for fold in get_split("blocks.20").folds(table, 1):
        assert len(fold.train) + len(fold.test) == len(table)
        for inner in fold.inner:
            assert len(inner.train) + len(inner.validation) == len(fold.train)
            assert 0.1 < len(inner.validation) / len(fold.train) < 0.4
        assert 0.1 < len(fold.test) / len(table) < 0.35


@pytest.mark.parametrize(("degrees", "km"), [(10, 200), (10, 1500), (3, 50)])
@pytest.mark.parametrize("seed", [0, 2])
def test_the_buffer_is_as_wide_as_it_says(degrees: int, km: int, seed: int) -> None:
    """By brute force, over points that hug the antimeridian and the poles as well."""
    rng = np.random.default_rng(seed)
    lonlat = points(700, seed).lonlat.copy()
    lonlat[:150, 0] = rng.choice([-180, 180, 179.9, -179.9], 150)
    lonlat[150:250, 1] = rng.choice([-90, 90, 89.9, -89.5], 100)
    table = SplitInputs(lonlat, rng.normal(size=700))
    apart = haversine_km(lonlat[:, None], lonlat[None])
    whole = get_split(f"blocks.{degrees}").folds(table, seed)
    for fold, block in zip(
        get_split(f"buffered.{degrees}-{km}").folds(table, seed), whole, strict=True
    ):
        assert np.array_equal(fold.test, block.test)
        far = block.train[apart[np.ix_(block.train, fold.test)].min(axis=1) > km]
        assert np.array_equal(fold.train, far), "nothing is left out without need"
        held_out = np.concatenate([inner.validation for inner in fold.inner])
        assert len(np.unique(held_out)) == len(held_out)
        for inner in fold.inner:
            rest = np.setdiff1d(fold.train, inner.validation)
            far = rest[apart[np.ix_(rest, inner.validation)].min(axis=1) > km]
            assert np.array_equal(inner.train, far)
            assert len(far) >= MIN_INNER_TRAIN_FRACTION * len(fold.train)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 999), st.integers(5, 40), st.integers(1, 3000), st.booleans())
def test_buffers_hold_for_any_points_or_the_reason_is_said(
    seed: int, degrees: int, km: int, classes: bool
) -> None:
    table = points(150, seed)
    if classes:
        rare = np.random.default_rng(seed).integers(0, 40, 150)
        table = SplitInputs(table.lonlat, rare)
    try:
        folds = get_split(f"buffered.{degrees}-{km}").folds(table, seed)
    except BenchError:
        return
    apart = haversine_km(table.lonlat[:, None], table.lonlat[None])
    for fold in folds:
        assert apart[np.ix_(fold.train, fold.test)].min() > km
        assert len(fold.train) >= 0.2 * len(table)
        for inner in fold.inner:
            assert apart[np.ix_(inner.train, inner.validation)].min() > km


def haversine_km(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    (lon1, lat1), (lon2, lat2) = (np.moveaxis(np.radians(p), -1, 0) for p in (a, b))
    h = (
        np.sin((lat2 - lat1) / 2) ** 2
        + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    )
    found: NDArray[np.float64] = 2 * 6371.0088 * np.arcsin(np.sqrt(np.clip(h, 0, 1)))
    return found


def test_classes_are_spread_over_the_folds() -> None:
    table = points(3000)
    rng = np.random.default_rng(1)
    classes = rng.choice(3, 3000, p=[0.7, 0.2, 0.1]).astype(np.int64)
    for fold in get_split("blocks.10").folds(SplitInputs(table.lonlat, classes), 0):
        share = np.bincount(classes[fold.test], minlength=3) / len(fold.test)
        assert np.abs(share - [0.7, 0.2, 0.1]).max() < 0.05


def test_too_few_cells_and_too_wide_a_buffer_are_said() -> None:
    near = SplitInputs(np.tile([10.0, 50.0], (100, 1)), np.arange(100.0))
    with pytest.raises(
        BenchError, match=r"blocks\.10 needs points in 6 blocks or more; .* in 1; choose another"
    ):
        get_split("blocks.10").folds(near, 0)
    with pytest.raises(
        BenchError, match=r"buffer of 9999 km leaves points .* choose buffered\.5-250"
    ):
        get_split("buffered.10-9999").folds(points(500), 0)


def test_latitude_bands_are_tested_one_by_one() -> None:
    table = points(3000)
    lat = table.lonlat[:, 1]
    folds = {fold.name: fold for fold in get_split("latitude").folds(table, 0)}
    assert list(folds) == [
        "-90 to -60",
        "-60 to -30",
        "-30 to 0",
        "0 to 30",
        "30 to 60",
        "60 to 90",
    ]
    for name, fold in folds.items():
        south, north = (int(edge) for edge in name.split(" to "))
        assert ((lat[fold.test] >= south) & (lat[fold.test] <= north)).all()
        assert not ((lat[fold.train] > south) & (lat[fold.train] < north)).any()
    pole = SplitInputs(np.concatenate([table.lonlat, [[0, 90]]]), np.zeros(3001))
    assert 3000 in {f.name: f for f in get_split("latitude").folds(pole, 0)}["60 to 90"].test


def test_the_checkerboard_alternates_everywhere() -> None:
    centres = np.array([(lon, lat) for lon in range(-175, 180, 10) for lat in range(-85, 90, 10)])
    table = SplitInputs(centres.astype(np.float64), np.zeros(len(centres)))
    black, white = get_split("checkerboard").folds(table, 0)
    assert (black.name, white.name) == ("black", "white")
    colour = np.zeros(len(centres), dtype=bool)
    colour[black.test] = True
    board = colour.reshape(36, 18)
    assert (board != np.roll(board, 1, axis=0)).all(), "across the antimeridian as well"
    assert (board[:, 1:] != board[:, :-1]).all()
    assert np.array_equal(black.train, white.test)


def test_a_whole_side_stays_a_whole_number_in_the_key() -> None:
    assert '"block_degrees":10,' in get_split("blocks.10").card.model_dump_json()
    assert '"block_degrees":0.5,' in get_split("blocks.0.5").card.model_dump_json()


def test_blocks_below_one_degree() -> None:
    rng = np.random.default_rng(0)
    lonlat = np.column_stack([rng.uniform(10, 14, 800), rng.uniform(40, 44, 800)])
    table = SplitInputs(lonlat, rng.normal(size=800))
    cells = equal_area_cells(lonlat, 0.5)
    assert len(np.unique(cells)) > 40
    for fold in get_split("blocks.0.5").folds(table, 0):
        assert not set(cells[fold.train]) & set(cells[fold.test])
    for fold in get_split("buffered.0.5-20").folds(table, 0):
        assert len(fold.train) + len(fold.test) < 800


def test_names_of_variants() -> None:
    assert get_split("blocks.5").card.name == "blocks.5"
    assert registry.match(["blocks.*,buffered.7-300"]) == (
        *("blocks.2", "blocks.10", "blocks.20", "blocks.40"),
        "buffered.7-300",
    )
    parts = ("blocks.0.5", "blocks.0.05", "blocks.0.25", "buffered.0.5-20")
    assert registry.match(parts) == parts
    assert [get_split(name).card.name for name in parts] == [*parts]
    wrong = ("blocks.0", "blocks.61", "blocks.x", "buffered.10", "buffered.10-0", "block.10")
    for name in (*wrong, "blocks.0.0", "blocks.0.50", "blocks.0.005", "blocks.1.5", "blocks.-1"):
        with pytest.raises(UnknownNameError):
            get_split(name)


def test_chords_and_kilometres_are_inverse() -> None:
    for km in (0.001, 1.0, 500.0, 12_000.0):
        assert chord_to_km(np.array([km_to_chord(km)]))[0] == pytest.approx(km, rel=1e-9)
    assert km_to_chord(1e9) == pytest.approx(2)
