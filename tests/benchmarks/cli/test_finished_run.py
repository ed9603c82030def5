"""A run that is finished is shown again without what made it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from satclip_bench.benchmarks.runs.kept_replicates import FILE
from tests.benchmarks.cli.program import ROOT, SMALL, bench

RUN = ("run", *SMALL, "--encoders", "wrap,direct,baseline.mean", "--out", "out")
CELLS = 3
COUNTED = """
import json, sys
from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.runs.record import Settings

key, keys = Settings.key.fget, []
Settings.key = property(lambda settings: keys.append(None) or key(settings))
code = main(sys.argv[1:])
print(json.dumps({"code": code, "keys": len(keys), "modules": [*sys.modules]}), file=sys.stderr)
"""


def contents(out: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_a_finished_run_computes_keys_twice_and_imports_no_heavy_library(tmp_path: Path) -> None:
    first = bench(*RUN, cwd=tmp_path)
    assert first.returncode == 0
    before = contents(tmp_path / "out")
    again = subprocess.run(
        [sys.executable, "-c", COUNTED, *RUN],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "130", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    # The intervals that decide ties come from the tables of the run.
    assert again.stdout == first.stdout
    assert contents(tmp_path / "out") == before
    said = json.loads(again.stderr.splitlines()[-1])
    assert said["code"] == 0
    # Once for the cell that is planned, once for the record that is read.
    assert said["keys"] == 2 * CELLS
    heavy = {"torch", "sklearn", "scipy", "lightgbm", "matplotlib", "pyarrow.dataset"}
    assert heavy.isdisjoint(said["modules"])


def test_bootstrap_scores_that_are_gone_are_kept_again(tmp_path: Path) -> None:
    first = bench(*RUN, cwd=tmp_path)
    before = contents(tmp_path / "out")
    (tmp_path / "out" / FILE).unlink()
    again = bench(*RUN, cwd=tmp_path)
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert contents(tmp_path / "out") == before
