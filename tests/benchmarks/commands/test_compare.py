"""The command `compare`, through the command line: scores, cells and settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from satclip_bench.benchmarks import cli
from satclip_bench.benchmarks.runs.remembered import RunRequest
from satclip_bench.benchmarks.runs.store import Store
from tests.benchmarks.commands.compared_runs import CELLS, compare, record, run, scores, write


def test_the_same_run_agrees_with_itself(
    reference: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for side in (reference, reference / "results.parquet"):
        code, text, document = compare(capsys, side, reference)
        assert code == 0
        assert "The runs agree: of 18 scores in 6 cells, 18 equal" in text
        assert document["cells"]["equal"] == 6
        assert document["unequal_scores"] == []
        assert set(document["cells_by_probe"]) == {"mlp", "linear", "none"}


@pytest.mark.parametrize(
    ("cell", "inside", "outside"),
    [
        (0, scores(r2=0.519), scores(r2=0.521)),
        (0, scores(rmse=203.9), scores(rmse=204.1)),
        (2, scores(r2=0.4991), scores(r2=0.4989)),
        (4, scores(r2=0.5 + 5e-10), scores(r2=0.5 + 2e-9)),
    ],
)
def test_a_value_inside_and_outside_its_tolerance(
    reference: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    cell: int,
    inside: dict[str, Any],
    outside: dict[str, Any],
) -> None:
    code, text, document = compare(capsys, run(tmp_path / "in", {cell: inside}), reference)
    assert (code, document["cells"]["within"], document["cells"]["different"]) == (0, 1, 0)
    assert "17 equal, 1 within tolerance, 0 outside tolerance" in text
    moved = run(tmp_path / "out", {cell: outside, 1: scores(r2=0.501)})
    code, text, document = compare(capsys, moved, reference)
    assert (code, document["cells"]["within"], document["cells"]["different"]) == (1, 1, 1)
    assert "The runs differ" in text
    worst, other = document["unequal_scores"]
    assert (worst["probe"], worst["state"], other["state"]) == (
        CELLS[cell].probe,
        "different",
        "within",
    )
    assert worst["difference"] == pytest.approx(worst["run"] - worst["reference"])
    assert abs(worst["difference"]) > worst["tolerance"]
    # Both sides are one to the other.
    assert compare(capsys, reference, moved)[0] == 1


def test_what_the_search_of_a_cell_outside_tolerance_chose(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = {"best_params": {"depth": 2, "steps": 60}}
    other = {"best_params": {"depth": 3, "steps": 60, "width": 8}}
    expected = run(tmp_path / "ref", dict.fromkeys((0, 1, 2, 3), chosen))
    # One cell is outside with other settings, one within, one outside with the same settings, and
    # one outside with settings that only one of the two has.
    changes = {0: scores(r2=-2.0) | other, 1: scores(r2=0.51) | other, 2: scores(r2=0.9) | chosen}
    moved = run(tmp_path / "moved", {**changes, 3: scores(r2=0.9)})
    code, text, document = compare(capsys, moved, expected)
    assert code == 1
    assert "In 2 of the 3 cells outside tolerance, the searches chose other settings." in text
    assert "depth 3 in place of 2, width 8 in place of -" in " ".join(text.split())
    assert [
        (cell["probe"], cell["seed"], cell["why"]) for cell in document["cells_chose_otherwise"]
    ] == [
        ("linear", 1, "depth - in place of 2, steps - in place of 60"),
        ("mlp", 0, "depth 3 in place of 2, width 8 in place of -"),
    ]
    assert compare(capsys, reference, reference)[2]["cells_chose_otherwise"] == []
    tables = (moved / "results.parquet", expected / "results.parquet")
    assert len(compare(capsys, *tables)[2]["cells_chose_otherwise"]) == 2
    frame = pd.read_parquet(tables[0])
    for damaged in (frame.assign(best_params="no {json"), frame.drop(columns="best_params")):
        damaged.to_parquet(tables[0])
        assert compare(capsys, *tables)[0] == 1


def test_tolerances_can_be_given(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = run(tmp_path / "run", {0: scores(r2=0.54), 2: scores(r2=0.51)})
    assert compare(capsys, moved, reference)[2]["cells"]["different"] == 2
    assert compare(capsys, moved, reference, "--tolerance", "0.05")[0] == 0
    code, _, document = compare(capsys, moved, reference, "--tolerance", "mlp=0.05")
    assert (code, document["cells"]["different"], document["cells"]["within"]) == (1, 1, 1)
    both = ("--tolerance", "mlp=0.05", "--tolerance", "linear=0.02")
    assert compare(capsys, moved, reference, *both)[0] == 0
    assert compare(capsys, moved, reference, "--tolerance", "0")[0] == 1
    assert compare(capsys, moved, reference, "--metrics", "rm*")[0] == 0
    assert compare(capsys, moved, reference, "--metrics", "r2,rmse")[0] == 1


def test_r2_far_below_zero_has_a_relative_tolerance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    low = run(tmp_path / "low", {0: scores(r2=-32.0)})
    near, far = (run(tmp_path / f"{r2}", {0: scores(r2=r2)}) for r2 in (-32.6, -32.7))
    assert compare(capsys, near, low)[0] == 0
    assert compare(capsys, far, low)[0] == 1


def test_a_score_that_only_one_has_is_a_difference(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text, document = compare(
        capsys, run(tmp_path / "run", {0: scores(skill=0.3)}), reference, "--tolerance", "9"
    )
    assert code == 1
    (score,) = document["unequal_scores"]
    assert (score["metric"], score["reference"], score["difference"]) == ("skill", None, None)
    assert "skill" in text


def test_cells_that_only_one_has(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = run(tmp_path / "part", {}, left_out=(1, 3, 5))
    code, text, document = compare(capsys, part, reference)
    assert (code, document["cells"]["only in reference"]) == (1, 3)
    assert "cells: 3 only in reference" in text
    assert "elevation wrap, random, mlp, seed 1" in text
    assert compare(capsys, part, reference, "--partial")[0] == 0
    code, _, document = compare(capsys, reference, part, "--partial")
    assert (code, document["cells"]["only in run"]) == (0, 3)
    assert len(document["cells_not_compared"]) == 3
    wrong = run(tmp_path / "wrong", {0: scores(r2=0.9)}, left_out=(1, 3, 5))
    assert compare(capsys, wrong, reference, "--partial")[0] == 1
    other = run(tmp_path / "other", {}, left_out=(0, 2, 4))
    code, text, _ = compare(capsys, part, other, "--partial")
    assert code == 2
    assert "no cell in common" in text


def test_cells_that_failed(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = {"status": "failed", "reason": "it raised [ValueError]", "scores": {}}
    broken = run(tmp_path / "run", {0: failed})
    code, text, document = compare(capsys, broken, reference)
    assert (code, document["cells"]["failed in run"]) == (1, 1)
    assert "it raised [ValueError]" in text
    (cell,) = document["cells_not_compared"]
    assert cell["why"] == "it raised [ValueError]"
    code, _, document = compare(capsys, reference, broken)
    assert (code, document["cells"]["failed in reference"]) == (1, 1)
    code, text, document = compare(capsys, broken, broken)
    assert (code, document["cells"]["failed in both"]) == (0, 1)
    assert "cells: 1 failed in both" in text


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"protocol": "satclip-bench/1"}, "protocol"),
        ({"probe_version": 2}, "probe_version"),
        ({"data_sha256": "e" * 64}, "data_sha256"),
        ({"fold_sha256": "e" * 64, "split_version": 3}, "fold_sha256, split_version"),
    ],
)
def test_other_settings_are_named(
    reference: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Any],
    named: str,
) -> None:
    cells = [record(cell.model_copy(update=change)) for cell in CELLS]
    other = write(tmp_path / "run", *cells)
    # The settings come from the records of both, or else from the columns of the tables.
    for sides in ((other, reference), (other / "results.parquet", reference / "results.parquet")):
        code, text, document = compare(capsys, *sides)
        assert code == 2
        assert "The runs cannot be compared: 6 of 6 cells" in text
        assert ", ".join(sorted(document["differing_settings"])) == named
        assert document["cells"]["other settings"] == 6


def test_settings_that_only_records_name(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [record(cell.model_copy(update={"probe_settings": {"tol": 1}})) for cell in CELLS]
    other = write(tmp_path / "run", *cells)
    assert compare(capsys, other, reference)[2]["differing_settings"] == {"probe_settings": 6}
    code, text, _ = compare(capsys, other, reference / "results.parquet")
    assert code == 2
    assert "settings that only records name" in text


def test_the_rounding_of_a_custom_encoder_is_not_another_setting(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = (
        write(
            tmp_path / digest,
            *(
                record(c.model_copy(update={"encoder_embedding_sha256": digest * 64}))
                for c in CELLS
            ),
        )
        for digest in "ab"
    )
    assert compare(capsys, here, there)[0] == 0
    assert compare(capsys, here, reference)[0] == 0


def test_versions_of_a_protocol_are_never_mixed(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = record(CELLS[0].model_copy(update={"protocol": "satclip-bench/1", "seed": 7}))
    write(tmp_path / "old", old)
    paths = (reference / "results.parquet", tmp_path / "old" / "results.parquet")
    frame = pd.concat([pd.read_parquet(path) for path in paths])
    mixed = tmp_path / "mixed.parquet"
    frame.to_parquet(mixed)
    assert cli.main(["compare", str(mixed), str(reference)]) == 2
    message = capsys.readouterr().err
    assert "several versions of the protocol 'satclip-bench'" in message
    assert "satclip-bench/1, satclip-bench/2" in message
    twice = tmp_path / "twice.parquet"
    pd.concat([pd.read_parquet(reference / "results.parquet")] * 2).to_parquet(twice)
    assert cli.main(["compare", str(twice), str(reference)]) == 2
    assert "two scores of one cell" in capsys.readouterr().err


def test_a_table_of_records_that_are_not_shown_is_not_compared(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = run(tmp_path / "damaged", {})
    for path in here.rglob("*.json"):
        path.write_text("{")
    other = run(tmp_path / "other", {}, left_out=(4, 5))
    newer = CELLS[0].model_copy(update={"encoder_version": 2})
    Store(other).remember({newer.key: newer}, RunRequest())
    for folder, words in ((here, "is not a record"), (other, "asked for other versions")):
        assert cli.main(["compare", str(folder), str(reference)]) == 2
        assert words in capsys.readouterr().err
        assert cli.main(["compare", str(reference), str(folder)]) == 2
    for path in here.rglob("*.json"):
        path.unlink()
    assert cli.main(["compare", str(here), str(reference)]) == 0, "a table without records"


def test_the_committed_results_are_a_reference(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    committed = repository / "results" / "leaderboard"
    assert cli.main(["compare", str(committed), str(committed)]) == 0
    assert "The runs agree" in capsys.readouterr().out
