"""A finished run reads each of its records once, and makes nothing again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from satclip_bench.benchmarks import cli
from satclip_bench.benchmarks.runs.record import Record
from satclip_bench.benchmarks.runs.record_files import read_record


def arguments(out: Path) -> list[str]:
    chosen = ["--tasks", "median_income", "--encoders", "wrap,direct", "--probes", "ridge"]
    return ["run", *chosen, "--splits", "random", "--seeds", "0", "--out", str(out), "--jobs", "1"]


def test_records_of_a_finished_run_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert cli.main(arguments(out)) == 0
    first = capsys.readouterr().out
    times = {path: path.stat().st_mtime_ns for path in (out / "tables").iterdir()}
    reads: Counter[Path] = Counter()

    def counted(path: Path) -> Record:
        reads[path] += 1
        return read_record(path)

    monkeypatch.setattr("satclip_bench.benchmarks.runs.store.read_record", counted)
    assert cli.main(arguments(out)) == 0
    records = set((out / "records").glob("*/*/*/*.json"))
    assert len(records) == 2
    assert reads == dict.fromkeys(records, 1)
    assert {path: path.stat().st_mtime_ns for path in (out / "tables").iterdir()} == times
    assert capsys.readouterr().out == first
    for command in (["leaderboard"], ["tables"]):
        reads.clear()
        assert cli.main([*command, "--out", str(out)]) == 0
        assert reads == dict.fromkeys(records, 1)
