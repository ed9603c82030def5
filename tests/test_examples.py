"""The example package, installed as a user would do it, and the code in the documentation."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from satclip_bench.encoders import check_encoder, encoder_card, encoder_from_file, list_encoders
from tests.benchmarks.cli.program import SMALL


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder into which the example is installed; it is built outside the repository."""
    root = Path(__file__).parent.parent
    source = tmp_path_factory.mktemp("source") / "daylight-encoder"
    shutil.copytree(root / "examples" / "daylight-encoder", source)
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--target", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return target


def bench(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parent.parent
    return subprocess.run(
        [sys.executable, str(root / "run_benchmarks.py"), *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(installed), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_example_is_found_and_run(installed: Path, tmp_path: Path) -> None:
    assert "daylight" in bench(installed, tmp_path, "list", "encoders").stdout
    options = [*SMALL, "--encoders", "daylight", "--out", str(tmp_path / "out")]
    done = bench(installed, tmp_path, "run", *options)
    assert done.returncode == 0, done.stderr
    assert "Daylight" in done.stdout


def test_the_example_passes_its_own_tests(installed: Path, tmp_path: Path) -> None:
    root = Path(__file__).parent.parent
    tests = shutil.copytree(root / "examples" / "daylight-encoder" / "tests", tmp_path / "tests")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_without_the_package_its_name_is_unknown(tmp_path: Path) -> None:
    done = bench(tmp_path, tmp_path, "info", "daylight")
    assert done.returncode == 2
    assert "daylight" in done.stderr


def test_every_encoder_is_documented() -> None:
    text = (Path(__file__).parent.parent / "docs" / "encoders.md").read_text()
    table = [line for line in text.splitlines() if line.count("|") == 5]
    for name in list_encoders():
        family = name.partition(".")[0]
        card = encoder_card(name)
        row = next((line for line in table if re.search(rf"`{family}[`.]", line)), "no row")
        expected = "none needed" if card.weights is None else "**yes**" if card.verified else "no"
        assert row.endswith(f"| {expected} |"), (name, row)


def test_the_class_of_the_documentation_passes(tmp_path: Path) -> None:
    text = (Path(__file__).parent.parent / "docs" / "add-an-encoder.md").read_text()
    block = re.search(r"```python\n(import numpy.*?)```", text, re.DOTALL)
    assert block is not None
    (tmp_path / "tilt.py").write_text(block[1])
    check_encoder(encoder_from_file(f"{tmp_path / 'tilt.py'}:Tilt"))


EXAMPLES = Path(__file__).parent.parent / "examples"


def test_a_table_of_points_is_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = runpy.run_path(str(EXAMPLES / "task_file.py"))
    assert example["day_length"](np.array([0.0, 90.0, -90.0])).tolist() == [12, 24, 0]
    example["main"](tmp_path)
    random, blocks = capsys.readouterr().out.split("blocks.20")
    for printed in (random, blocks):
        # The hours are nearly a line of the latitude, which `direct` has as it is.
        assert re.search(r"^0 +1\.0 +direct ", printed, re.MULTILINE)


def test_the_table_for_a_paper_marks_the_best_of_each_column() -> None:
    example = runpy.run_path(str(EXAMPLES / "paper_table.py"))
    table = example["scores"](pd.read_parquet(example["RESULTS"]))
    assert table.shape == (5, 6)
    text = example["latex"](table)
    for best in table.max():
        assert rf"\textbf{{{best:.3f}}}" in text
    assert text.count(r"\textbf") == 6
    assert text.count(r"\underline") == 6
    assert example["marks"](pd.Series([0.1, 0.3001, 0.3, 0.2])) == [
        "",
        "textbf:--rwrap;",
        "textbf:--rwrap;",
        "",
    ]
