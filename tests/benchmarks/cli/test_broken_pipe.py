"""Output whose reader goes away, as in `... | head -1`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize("command", [["list", "tasks"], ["info", "biomes"]])
def test_a_reader_that_goes_away_is_not_a_failed_cell(command: list[str]) -> None:
    code = "import sys; from satclip_bench.benchmarks.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *command],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    # The reader is gone before anything is written.
    process.stdout.close()
    _, message = process.communicate(timeout=300)
    assert process.returncode == 141
    assert message == b""
