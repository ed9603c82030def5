"""One thread for every test here, as cells are run: on a busy machine more are slower."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from satclip_bench.benchmarks.runs.threads import thread_limit


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with thread_limit(1):
        yield
