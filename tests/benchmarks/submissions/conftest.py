"""The small suite that entries of these tests are of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from satclip_bench.benchmarks.runs import suites
from satclip_bench.benchmarks.submissions.suite_cells import suite_cells
from tests.benchmarks.submissions.entries import SUITE


@pytest.fixture(scope="module", autouse=True)
def _tiny_suite() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(suites, "SUITES", {**suites.SUITES, "tiny": SUITE})
    yield
    patch.undo()
    suite_cells.cache_clear()
