"""The option --device: what it accepts, and that it reaches what is computed."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from satclip_bench.core.device import DEVICE_VARIABLE
from tests.benchmarks.cli.program import SMALL, bench

POINTS = ("--encoder", "siren.l3", "--points", "p.csv", "--out", "e.npy")
COMMANDS = {
    "run": ("run", *SMALL, "--encoders", "siren.l3", "--out", "r"),
    "embed": ("embed", *POINTS),
    "speed": ("speed", "--encoders", "direct", "--points", "5", "--rounds", "1", "--out", "s.json"),
    "pretrain": ("pretrain", "--out", "t"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pd.DataFrame({"lon": [1.0, 2.0], "lat": [3.0, 4.0]}).to_csv(tmp_path / "p.csv", index=False)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_a_device_that_does_not_exist_is_an_error(folder: Path, command: str) -> None:
    for options, env in (
        (("--device", "cuda:99"), {}),
        ((), {DEVICE_VARIABLE: "cuda:99"}),
    ):
        done = bench(*COMMANDS[command], *options, cwd=folder, **env)
        assert done.returncode == 2
        assert "there is no device 'cuda:99'" in done.stderr
    assert {path.name for path in folder.iterdir()} <= {"p.csv", "t"}


def test_the_option_has_precedence_over_the_environment(folder: Path) -> None:
    done = bench(*COMMANDS["embed"], "--device", "cpu", cwd=folder, **{DEVICE_VARIABLE: "x"})
    assert done.returncode == 0, done.stderr
    assert (folder / "e.npy").is_file()


def test_results_name_the_device(folder: Path) -> None:
    for command in ("run", "speed"):
        done = bench(*COMMANDS[command], "--device", "cpu", cwd=folder)
        assert done.returncode == 0, done.stderr
    (record,) = (folder / "r" / "records").rglob("*.json")
    assert json.loads(record.read_text())["provenance"]["device"] == "cpu"
    assert json.loads((folder / "s.json").read_text())["device"] == "cpu"
