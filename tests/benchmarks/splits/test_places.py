"""Points at the same coordinates: counted across the sets of a fold, or kept together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.benchmarks.splits import Fold, InnerFold, SplitInputs, get_split
from satclip_bench.benchmarks.splits.base import nested_fold
from satclip_bench.benchmarks.splits.places import shared_places
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import place_numbers


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=4, max_size=40))
def test_shared_places_are_those_of_a_loop(pairs: list[tuple[int, int]]) -> None:
    lonlat = np.array(pairs, dtype=np.float64)
    rows = np.arange(len(pairs))
    fold = Fold("0", rows[::4], rows[1::4], np.concatenate([rows[2::4], rows[3::4]]))
    known = {pairs[row] for row in (*fold.train, *fold.validation)}
    expected = sum(pairs[row] in known for row in fold.test)
    assert shared_places(lonlat, fold) == expected
    train = np.concatenate([fold.train, fold.validation])
    nested = nested_fold("0", train, fold.test, [InnerFold(fold.train, fold.validation)])
    assert shared_places(lonlat, nested) == expected
    assert place_numbers(lonlat).tolist() == [sorted(set(pairs)).index(pair) for pair in pairs]


@pytest.mark.parametrize(("seed", "expected"), [(0, 4682), (1, 4696), (2, 4631)])
def test_california_repeats_places_and_the_grouped_split_keeps_them(
    seed: int, expected: int
) -> None:
    source = TaskSource("california_housing")
    lonlat = load_table(source).lonlat
    (fold,) = make_folds(source, "random", seed)
    (grouped,) = make_folds(source, "random-grouped", seed)
    places = list(map(tuple, lonlat.tolist()))
    known = {places[row] for row in np.concatenate([fold.train, fold.validation])}
    count = shared_places(lonlat, fold)
    assert count == sum(places[row] in known for row in fold.test)
    assert count == expected
    assert shared_places(lonlat, grouped) == 0
    for name in ("train", "validation", "test"):
        of_points, of_places = len(getattr(fold, name)), len(getattr(grouped, name))
        assert abs(of_points - of_places) < 0.002 * len(lonlat)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=30, max_size=120), st.integers(0, 5))
def test_grouped_sets_are_whole_places_in_the_papers_shares(counts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    lonlat = np.repeat(rng.uniform(-80, 80, (len(counts), 2)), counts, axis=0)
    points = SplitInputs(lonlat, np.zeros(len(lonlat)))
    (fold,) = get_split("random-grouped").folds(points, seed)
    sets = (fold.train, fold.validation, fold.test)
    assert np.array_equal(np.sort(np.concatenate(sets)), np.arange(len(lonlat)))
    assert shared_places(lonlat, fold) == 0
    place = place_numbers(lonlat)
    assert not set(place[fold.train]) & set(place[fold.validation])
    for rows, share in zip(sets, (0.3, 0.1, 0.6), strict=True):
        assert abs(len(rows) - share * len(lonlat)) <= max(counts)


def test_too_few_places_are_an_error() -> None:
    few = SplitInputs(np.repeat(np.arange(18.0).reshape(9, 2), 10, axis=0), np.zeros(90))
    with pytest.raises(BenchError, match="10 places or more, and the table has 9"):
        get_split("random-grouped").folds(few, 0)
    counts = [1000, *[1] * 9]
    lonlat = np.repeat(np.arange(20.0).reshape(10, 2), counts, axis=0)
    with pytest.raises(BenchError, match=r"one place has 1,000 of the 1,009 points"):
        get_split("random-grouped").folds(SplitInputs(lonlat, np.zeros(1009)), 0)
