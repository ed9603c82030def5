"""The command `compare`: files that cannot be compared, tolerances, terminals and help."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from satclip_bench.benchmarks import cli
from satclip_bench.benchmarks.cli.compare import _add_options
from satclip_bench.benchmarks.probes import list_probes
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.tolerances import TOLERANCES
from tests.benchmarks.cli.program import bench
from tests.benchmarks.commands.compared_runs import CELLS, run, scores


def damaged(path: Path, reference: Path) -> None:
    content = (reference / "results.parquet").read_bytes()
    path.write_bytes(content[: len(content) // 2])


def empty(path: Path, reference: Path) -> None:
    path.write_bytes(b"")


def text(path: Path, reference: Path) -> None:
    path.write_text("task,encoder\n")


def other_table(path: Path, reference: Path) -> None:
    pd.DataFrame({"lon": [1.0], "lat": [2.0]}).to_parquet(path)


def without_rows(path: Path, reference: Path) -> None:
    pd.read_parquet(reference / "results.parquet")[:0].to_parquet(path)


def folder_without_results(path: Path, reference: Path) -> None:
    path.mkdir()


def nothing(path: Path, reference: Path) -> None:
    pass


def folder_of_a_damaged_table(path: Path, reference: Path) -> None:
    path.mkdir()
    damaged(path / "results.parquet", reference)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (damaged, "cannot be read as a Parquet file"),
        (empty, "cannot be read as a Parquet file"),
        (text, "cannot be read as a Parquet file"),
        (folder_of_a_damaged_table, "cannot be read as a Parquet file"),
        (other_table, "has no columns edition, encoder"),
        (without_rows, "has no scores"),
        (folder_without_results, "there are no records in"),
        (nothing, "there is no file or folder"),
    ],
)
def test_paths_that_cannot_be_compared(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Any, message: str
) -> None:
    path = tmp_path / "odd"
    make(path, reference)
    for sides in ((path, reference), (reference, path)):
        assert cli.main(["compare", *map(str, sides)]) == 2
        captured = capsys.readouterr()
        assert message in captured.err
        assert str(path) in captured.err
        assert captured.out == ""


@pytest.mark.parametrize("given", ["x", "mlp=", "=0.1", "-1", "nan", "inf", "mlp=x"])
def test_nonsense_tolerances(
    reference: Path, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["compare", str(reference), str(reference), f"--tolerance={given}"])
    assert stopped.value.code == 2
    assert "is not a tolerance such as 0.01" in capsys.readouterr().err


def test_a_tolerance_of_an_unknown_probe(
    reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", *[str(reference)] * 2, "--tolerance", "mpl=0.1"]) == 2
    assert "mlp" in capsys.readouterr().err


def test_a_damaged_record_is_named_and_is_a_missing_cell(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(reference, tmp_path / "copy"))
    path = Store(copy).path(CELLS[0])
    path.write_bytes(path.read_bytes()[:-30])
    assert cli.main(["compare", str(copy), str(reference)]) == 1
    captured = capsys.readouterr()
    assert str(path) in captured.err.replace("\n", "")
    assert "1 only in reference" in " ".join(captured.out.split())


def test_a_narrow_terminal_and_a_pipe(reference: Path, tmp_path: Path) -> None:
    moved = run(tmp_path / "run", {0: scores(r2=0.7)}, left_out=(5,))
    for width in ("38", "80", "200"):
        done = bench("compare", str(moved), str(reference), cwd=tmp_path, COLUMNS=width)
        assert done.returncode == 1, done.stderr
        assert max(map(len, done.stdout.splitlines())) <= int(width)
        words = " ".join(done.stdout.split())
        assert "0.7" in words
        assert "The runs differ: of 15 scores in 5 cells" in words
    assert "\x1b" not in done.stdout


def test_every_probe_has_a_tolerance_and_the_help_states_it() -> None:
    import argparse

    assert {"none", *list_probes()} <= set(TOLERANCES)
    parser = argparse.ArgumentParser()
    _add_options(parser)
    shown = " ".join(parser.format_help().split())
    for probe, tolerance in TOLERANCES.items():
        name = "baselines" if probe == "none" else probe
        assert name in shown
        assert f"{tolerance:g}".replace("1e-09", "1e-9") in shown
