"""Runs that are killed at random moments and continued: the study in its short form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.cli.program import ROOT


@pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="the study reads /proc, which Linux has"
)
def test_killed_runs_continue_to_the_same_files() -> None:
    """After a kill among the cells, one of the reports and one of a worker."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "studies" / "kill_test.py"), "--kills", "3"],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert "3 kills" in done.stdout
    assert lines[-1] == "all files are those of the undisturbed run"
    for kind in ("cells: ", "reports: ", "worker: the run went on to its end"):
        assert any(kind in line for line in lines), done.stdout
