"""Fixtures of the tests of commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.commands.compared_runs import CELLS, record, write


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """Folder of a run of `CELLS`."""
    return write(tmp_path / "reference", *map(record, CELLS))
