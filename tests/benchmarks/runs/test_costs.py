"""Expected durations and the order of cells."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from satclip_bench.benchmarks.baselines import list_baselines
from satclip_bench.benchmarks.probes import list_probes
from satclip_bench.benchmarks.runs.callbacks import Callbacks
from satclip_bench.benchmarks.runs.costs import COSTS, CellSize, expected_seconds, longest_first
from satclip_bench.benchmarks.runs.engine import evaluate
from satclip_bench.benchmarks.runs.plan import Selection, make_plan
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import get_suite


def test_every_probe_and_baseline_has_a_cost() -> None:
    assert set(COSTS) == {*list_probes(), *list_baselines()}


@pytest.mark.parametrize("method", COSTS)
def test_a_larger_cell_is_not_expected_to_take_less(method: str) -> None:
    size = CellSize(train=1000, test=2000, columns=64, classes=10, fits=2)
    for change in ("train", "test", "columns", "classes", "fits"):
        larger = replace(size, **{change: 2 * getattr(size, change)})
        assert expected_seconds(method, larger) >= expected_seconds(method, size) > 0


@given(st.lists(st.floats(0, 1e6)))
def test_longest_first_is_a_stable_order_within_a_factor_of_two(seconds: list[float]) -> None:
    order = longest_first(range(len(seconds)), seconds.__getitem__)
    assert sorted(order) == list(range(len(seconds)))
    for before, after in pairwise(order):
        assert max(seconds[after], 1) < 2 * max(seconds[before], 1)
        if seconds[before] == seconds[after]:
            assert before < after


def test_a_plan_knows_what_takes_long_and_the_engine_starts_with_it(tmp_path: Path) -> None:
    selection = Selection(
        ["median_income"], ["wrap", "harmonics.l10", "baseline.mean"], ["random"], ["linear"], [0]
    )
    cells = make_plan(get_suite("open"), selection)
    expected = {cell.encoder: cell.expected_seconds for cell in cells}
    assert expected["harmonics.l10"] > expected["wrap"] > 0 < expected[""]

    started: list[str] = []
    slow = [replace(c, expected_seconds=8.0 if c.encoder == "wrap" else 0.0) for c in cells]

    class Log(Callbacks):
        @override
        def advance(self, stage: str, title: str) -> None:
            started.extend([title] if stage == "cells" else [])

    outcomes = evaluate(slow, Store(tmp_path), callbacks=Log())
    assert started[0] == "median_income wrap random linear"
    assert [outcome.unit for outcome in outcomes] == slow
