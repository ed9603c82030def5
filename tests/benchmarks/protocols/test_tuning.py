from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from satclip_bench.benchmarks.protocols.tuning import Choice, Grid, LogUniform, RandomSearch, choose
from satclip_bench.core.errors import BenchError


def search(draws: int, seed: int = 0) -> RandomSearch:
    return RandomSearch(
        space={"width": Choice(of=(16, 64, 256)), "step": LogUniform(low=1e-4, high=1e-1)},
        n_draws=draws,
        seed=seed,
        scored_on="the validation set",
    )


@given(st.integers(0, 50), st.integers(1, 8), st.integers(1, 8))
def test_more_draws_begin_with_the_same_ones(seed: int, few: int, more: int) -> None:
    many = search(few + more, seed).candidates()
    assert many[:few] == search(few, seed).candidates()
    for found in many:
        assert found["width"] in (16, 64, 256)
        assert 1e-4 <= float(str(found["step"])) <= 1e-1


def test_draws_are_spread_as_they_say() -> None:
    found = search(4000).candidates()
    widths = np.array([f["width"] for f in found])
    assert np.allclose([(widths == w).mean() for w in (16, 64, 256)], 1 / 3, atol=0.03)
    steps = np.log10([float(str(f["step"])) for f in found])
    assert np.quantile(steps, [0.25, 0.5, 0.75]) == pytest.approx([-3.25, -2.5, -1.75], abs=0.1)
    assert search(5, 1).candidates() != search(5, 2).candidates()


def test_a_grid_is_every_combination_the_last_name_fastest() -> None:
    grid = Grid(space={"a": (1, 2), "b": ("x", "y")}, scored_on="the validation set")
    assert [tuple(c.values()) for c in grid.candidates()] == [
        (1, "x"),
        (1, "y"),
        (2, "x"),
        (2, "y"),
    ]


def test_the_lowest_loss_wins_the_first_of_equals_and_never_nan() -> None:
    losses = {"a": np.nan, "b": 2.0, "c": 1.0, "d": 1.0, "e": -np.inf}
    best, all_of_them = choose(tuple(losses), losses.__getitem__)
    assert best == "c"
    assert all_of_them[1:4] == (2, 1, 1)
    with pytest.raises(BenchError, match="none of 2 candidate settings has a finite loss"):
        choose(("a", "e"), losses.__getitem__)


def test_ranges_are_ordered() -> None:
    with pytest.raises(ValidationError, match="low must be less than high"):
        LogUniform(low=1, high=1)
    with pytest.raises(ValidationError):
        LogUniform(low=0, high=1)
