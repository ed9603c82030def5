"""The clock of functions on Dask workers: only those that had all their time are late."""

from __future__ import annotations

import math

from satclip_bench.benchmarks.runs.cluster_clock import Clock


def test_a_function_is_late_after_its_limit_and_the_time_for_a_report() -> None:
    clock = Clock(limit=10, grace=5)
    clock.start(1, 100, "a")
    assert clock.late({1, 2}, 114, {"a"}) == []
    assert clock.late({1, 2}, 115, {"a"}) == [1]
    assert not clock.is_late(1, 109)
    assert clock.is_late(1, 110)
    assert not clock.is_late(2, 1000), "it has not started"


def test_a_function_whose_worker_has_gone_is_late_only_if_its_time_was_up() -> None:
    clock = Clock(limit=10, grace=5)
    clock.start(1, 100, "a")
    clock.start(2, 108, "a")
    assert clock.late({1, 2}, 112, {"b"}) == [1]
    # The other one waits for a worker as long as it has to.
    assert clock.late({2}, 500, {"b"}) == []
    assert not clock.is_late(2, 500)
    clock.start(2, 600, "b")
    assert clock.late({2}, 609, {"b"}) == []
    assert clock.late({2}, 615, {"b"}) == [2]


def test_a_second_start_counts_unless_the_first_attempt_was_late() -> None:
    clock = Clock(limit=10, grace=5)
    clock.start(1, 100, "a")
    clock.start(1, 105, "b")
    assert not clock.is_late(1, 114)
    clock.start(1, 120, "c")
    assert clock.late({1}, 120, {"c"}) == [1]


def test_nothing_is_late_without_a_limit() -> None:
    clock = Clock(limit=math.inf, grace=5)
    clock.start(1, 0, "a")
    assert clock.late({1}, 1e12, {"a"}) == []
