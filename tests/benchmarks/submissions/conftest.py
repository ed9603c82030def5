"""The small suite that entries of these tests are of, and a run of it with an entry."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from satclip_bench.benchmarks.runs import suites
from satclip_bench.benchmarks.submissions.suite_cells import suite_cells
from tests.benchmarks.cli.program import bench
from tests.benchmarks.submissions.entries import SUITE, Made, submit, write_encoder


@pytest.fixture(scope="package", autouse=True)
def _tiny_suite() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(suites, "SUITES", {**suites.SUITES, "tiny": SUITE})
    yield
    patch.undo()
    suite_cells.cache_clear()


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("made")
    run, spec = root / "run", write_encoder(root)
    finished = bench(
        *("run", "--suite", "tiny", "--jobs", "1", "--encoder", spec, "--out", run), cwd=root
    )
    assert finished.returncode == 0, finished.stderr
    entry = root / "mine.parquet"
    finished = submit(run, spec, entry)
    assert finished.returncode == 0, finished.stderr
    board = root / "board"
    board.mkdir()
    frame = pd.read_parquet(run / "results.parquet")
    frame[frame["encoder"] != "mine"].to_parquet(board / "results.parquet", index=False)
    return Made(run, spec, entry, board)


@pytest.fixture
def board(made: Made, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.board, tmp_path / "board"))
