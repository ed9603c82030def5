"""Executors: how many processes there are, and numbers that are not allowed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import satclip_bench as sb
from satclip_bench.benchmarks.runs.executors import InProcess, Processes, make_executor
from satclip_bench.core.cores import cores
from satclip_bench.core.errors import BenchError


@pytest.fixture
def one_core() -> Iterator[None]:
    """Have the system give this process a single core, as batch systems do."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("the system has no affinity of processes to cores")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.usefixtures("one_core")
def test_there_is_one_process_per_core_that_this_process_may_use() -> None:
    assert cores() == 1
    assert make_executor() == InProcess()
    assert make_executor(jobs=1000).processes == 2
    pytest.importorskip("distributed")
    assert make_executor(scheduler="local").processes == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 0}, "number of jobs is 0; it has to be a whole number of 1 or more"),
        ({"jobs": -1}, "number of jobs is -1; it has"),
        ({"jobs": 1.5}, "number of jobs is 1.5; it has"),
        (
            {"cell_timeout": 0},
            "time limit of a cell is 0; it has to be a number of seconds",
        ),
        ({"cell_timeout": -5}, "time limit of a cell is -5; it has"),
        ({"cell_timeout": float("nan")}, "time limit of a cell is nan; it has"),
        ({"cell_timeout": 1e12}, "up to 1e.09"),
        ({"cell_timeout": "60"}, "time limit of a cell is '60'; it has"),
    ],
)
def test_numbers_that_are_not_allowed_are_errors_before_anything_is_written(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BenchError, match=message):
        sb.evaluate("wrap", "median_income", out=tmp_path / "r", **options)
    assert not (tmp_path / "r").exists()


def test_numbers_of_numpy_are_numbers() -> None:
    options: dict[str, Any] = {"jobs": np.int64(2), "cell_timeout": np.float32(1.5)}
    assert make_executor(**options) == Processes(2, cell_timeout=1.5)
