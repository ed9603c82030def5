"""Results of functions in threads: their order, their errors, and one BLAS thread for each."""

from __future__ import annotations

from threading import Barrier

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from satclip_bench.core.threads import in_threads


def blas_threads(item: int) -> set[int]:
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}


@pytest.mark.parametrize("count", [1, 2, 3, 20])
def test_results_come_in_the_order_of_the_items_with_any_number_of_threads(count: int) -> None:
    with threadpool_limits(count, user_api="blas"):
        assert in_threads(lambda item: item**2, range(10)) == [i**2 for i in range(10)]
        assert in_threads(str, []) == []
        assert in_threads(blas_threads, range(3)) == [{1}] * 3


def test_items_are_computed_at_the_same_time() -> None:
    barrier = Barrier(2, timeout=60)
    with threadpool_limits(2, user_api="blas"):
        # Each waits for the other: one after the other they would never pass.
        assert sorted(in_threads(lambda item: barrier.wait(), range(2))) == [0, 1]


@pytest.mark.parametrize("count", [1, 2])
def test_errors_are_raised(count: int) -> None:
    with threadpool_limits(count, user_api="blas"), pytest.raises(ZeroDivisionError):
        in_threads(lambda item: 1 // item, [1, 0])
