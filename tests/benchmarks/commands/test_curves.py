"""The commands `diagnose --curves` and `diagnose --combinations` on a small run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.benchmarks.cli.program import bench


def test_curves_and_combinations_of_a_run(tmp_path: Path) -> None:
    run = ["--tasks", "median_income", "--probes", "ridge", "--seeds", "0", "--jobs", "1"]
    run += ["--encoders", "wrap,direct,wrap+direct", "--splits", "random,labels.10,labels.50"]
    assert bench("run", *run, "--out", "r", cwd=tmp_path).returncode == 0
    shown = bench("diagnose", "--curves", "--combinations", "--out", "r", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "skill by percent of the labels" in shown.stdout
    assert "wrap+direct" in shown.stdout
    folder = tmp_path / "r" / "diagnostics"
    curves = pd.read_csv(folder / "curves.csv")
    assert curves["x"].tolist() == [10, 50, 100] * 3
    assert (folder / "label-efficiency.ridge.png").read_bytes().startswith(b"\x89PNG")
    assert "## label-efficiency.ridge\n" in (folder / "captions.md").read_text()
    assert not (folder / "block-size.ridge.png").exists()
    assert len(pd.read_csv(folder / "combinations.csv")) == 3
    drawn = ["figures", "--kind", "label-efficiency", "--format", "svg", "--out", "r"]
    shown = bench(*drawn, "--encoders", "wrap", "--split", "labels.*", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    svg = (tmp_path / "r" / "figures" / "label-efficiency.ridge.svg").read_text()
    assert "labels.10, labels.50)" in (tmp_path / "r" / "figures" / "captions.md").read_text()
    assert svg.startswith("<?xml")
    none = bench(*drawn, "--split", "random", cwd=tmp_path)
    assert none.returncode == 2
    assert "run --suite open-labels" in none.stderr
    none = bench(*drawn, "--probe", "linear", cwd=tmp_path)
    assert none.returncode == 2
    assert "no probe of this run is called 'linear'" in none.stderr
    none = bench("diagnose", "--curves", "--split", "random", "--out", "r", cwd=tmp_path)
    assert none.returncode == 2
    assert "--splits labels.1,labels.10,random" in none.stderr
