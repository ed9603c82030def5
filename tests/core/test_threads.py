"""Results of functions in threads: their order, their errors, and one BLAS thread for each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from satclip_bench.core.threads import in_threads, one_blas_thread


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


def test_products_are_the_same_with_any_number_of_blas_threads() -> None:
    matrix = np.random.default_rng(0).random((300, 300))

    @one_blas_thread()
    def inverse() -> np.ndarray:
        return np.asarray(np.linalg.inv(matrix))

    made = []
    for count in (1, 2):
        with threadpool_limits(count, user_api="blas"):
            made.append(inverse())
            assert blas_threads(0) == {count}
    assert np.array_equal(made[0], made[1])


def test_functions_have_as_many_threads_as_without_the_limit() -> None:
    barrier = Barrier(2, timeout=60)
    with threadpool_limits(2, user_api="blas"), one_blas_thread(), one_blas_thread():
        assert blas_threads(0) == {1}
        assert sorted(in_threads(lambda item: barrier.wait(), range(2))) == [0, 1]
        assert blas_threads(0) == {1}


LATER = """
import os
import sys
import numpy
from threadpoolctl import threadpool_info
from satclip_bench.core.threads import one_blas_thread
def threads():
    return {lib["filepath"]: lib["num_threads"] for lib in threadpool_info()}
before = threads()
try:
    with one_blas_thread():
        import scipy.linalg
        assert "torch" not in sys.modules
        print(*set(threads().values()))
        raise KeyError
except KeyError:
    print(*set(threads().values()), len(set(threads()) - set(before)) > 0)
print(os.environ.get("OPENBLAS_NUM_THREADS"))
"""


@pytest.mark.parametrize("variable", ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"])
def test_libraries_that_are_loaded_later_are_limited_and_then_let_go(
    repository: Path, variable: str
) -> None:
    if any("mkl" in library["internal_api"] for library in threadpool_info()):
        pytest.skip("NumPy and SciPy share a BLAS")
    inherited = {k: v for k, v in os.environ.items() if "NUM_THREADS" not in k}
    done = subprocess.run(
        [sys.executable, "-c", LATER],
        env=inherited | {variable: "2", "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=False,
    )
    kept = "2" if variable == "OPENBLAS_NUM_THREADS" else "None"
    assert done.stdout.split() == ["1", "2", "True", kept], done.stderr
