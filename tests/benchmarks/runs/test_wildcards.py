"""Wildcards select the tasks that `run` can evaluate."""

from __future__ import annotations

from pathlib import Path

import pytest

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.runs.wildcards import match_tasks, skipped_tasks
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import OPEN_TASKS, SHIPPED_TASKS, WIDE_TASKS


def test_a_wildcard_leaves_out_what_cannot_be_run_and_a_name_does_not() -> None:
    assert match_tasks(["*"], "open") == SHIPPED_TASKS
    assert match_tasks(["*"], "paper") == OPEN_TASKS
    assert match_tasks(["inaturalist"], "open") == ("inaturalist",)
    assert match_tasks(["*,inaturalist"], "open") == (
        *OPEN_TASKS,
        "inaturalist",
        *WIDE_TASKS,
    )
    assert "species` evaluates it" in skipped_tasks(["*"], "open")["inaturalist"]
    with pytest.raises(BenchError, match="species"):
        match_tasks(["inat*"], "open")
    assert match_tasks([], "open") == ()


def test_run_says_what_a_wildcard_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "--tasks", "*", "--encoders", "wrap", "--seeds", "0", "--dry-run"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    streams = capsys.readouterr()
    assert streams.err.count("inaturalist") == 1
    assert "species" in streams.err
    assert "inaturalist" not in streams.out
