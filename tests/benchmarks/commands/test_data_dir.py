"""The folder of the papers' tables: workers on other machines get its whole path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import satclip_bench as sb
from satclip_bench.benchmarks.cli import main
from satclip_bench.core.errors import BenchError


def run(out: str) -> None:
    options = ["--tasks", "elevation", "--edition", "paper", "--data-dir", "data", "--out", out]
    main(["run", *options])


def reproduce(out: str) -> None:
    main(["reproduce", "--paper", "range", "--data-dir", "data", "--out", out, "--jobs", "1"])


def evaluate(out: str) -> None:
    with pytest.raises(BenchError, match="no more is needed"):
        sb.evaluate("wrap", "elevation", edition="paper", data_dir="data", out=out)


@pytest.mark.parametrize(
    ("command", "function"),
    [(run, "run.make_plan"), (reproduce, "reproduce.reproduce"), (evaluate, "api.make_cells")],
)
def test_a_relative_data_dir_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[[str], None], function: str
) -> None:
    folders: list[Path] = []

    def note(_: object, second: Any, *__: object) -> None:
        folders.append(second if isinstance(second, Path) else second.data_dir)
        raise BenchError("no more is needed")

    monkeypatch.setattr(f"satclip_bench.benchmarks.commands.{function}", note)
    monkeypatch.chdir(tmp_path)
    command("out")
    assert folders == [tmp_path / "data"]
