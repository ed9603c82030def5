"""The Python interface, as a user meets it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from typing_extensions import override

import satclip_bench as sb
from satclip_bench.core.errors import BenchError, UnknownNameError
from tests.benchmarks.frames import ENCODERS, fail, frame, with_losses

FILE = """
import numpy as np
import satclip_bench as sb


class Waves(sb.Encoder):
    card = sb.EncoderCard(name="waves", title="My waves", dimension=4)

    def forward(self, lonlat):
        angle = np.radians(lonlat * 2)
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
"""


class Tilt(sb.Encoder):
    card = sb.EncoderCard(name="tilt", title="Tilt", dimension=2)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([lonlat[:, 0] - lonlat[:, 1], lonlat.sum(axis=1)], axis=1)


def read_results(folder: Path) -> pd.DataFrame:
    """The table of a run. pandas reads a nullable column that has no null as a plain one."""
    return pd.read_parquet(folder / "results.parquet").astype({"converged": "boolean"})


def test_the_import_is_quick_and_light() -> None:
    code = (
        "import sys, time; start = time.perf_counter(); import satclip_bench as sb\n"
        "print(time.perf_counter() - start)\n"
        "print([m for m in ('torch', 'pandas', 'numpy', 'sklearn') if m in sys.modules])\n"
        "print('get_encoder' in dir(sb))"
    )
    times = []
    for _ in range(3):
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        seconds, heavy, listed = run.stdout.splitlines()
        times.append(float(seconds))
        assert heavy == "[]"
        assert listed == "True"
    assert min(times) < 0.1


def test_every_exported_name_is_there(repository: Path) -> None:
    assert dir(sb) == sorted(sb.__all__)
    for name in sb.__all__:
        assert getattr(sb, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        _ = sb.evaluat  # type: ignore[attr-defined]
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    assert sb.__version__ == project["version"]


def test_names_objects_and_files_are_evaluated_together(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    frame = sb.evaluate(
        ["wrap", Tilt(), f"{path}:Waves", "baseline.mean"],
        tasks=["median_income"],
        out=tmp_path / "run",
        progress=False,
    )
    assert set(frame["encoder"]) == {"wrap", "tilt", "waves", "baseline.mean"}
    assert (frame["status"] == "done").all()
    pd.testing.assert_frame_equal(read_results(tmp_path / "run"), frame)

    board = sb.leaderboard(frame)
    assert board["rank"].tolist() == [1, 2, 3, 4]
    assert board["value"].is_monotonic_decreasing
    assert (board["low"] < board["value"]).all()
    assert (board["value"] < board["high"]).all()
    assert board["best"].tolist() == [True, False, False, False]

    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "run" / "records").rglob("*.json")}
    one = sb.evaluate("wrap", "median_income", out=tmp_path / "run", progress=False)
    # What was asked for, not all that the folder holds; and nothing was computed again.
    assert set(one["encoder"]) == {"wrap"}
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "run" / "records").rglob("*.json")} == kept


def test_the_same_as_the_command_line(tmp_path: Path) -> None:
    from satclip_bench.benchmarks.cli import main

    frame = sb.evaluate("wrap", "median_income", splits="held-out-region", progress=False)
    options = ["--tasks", "median_income", "--encoders", "wrap", "--splits", "held-out-region"]
    assert main(["run", *options, "--probes", "linear", "--out", str(tmp_path), "--jobs", "1"]) == 0
    of_run = read_results(tmp_path)
    pd.testing.assert_frame_equal(of_run[of_run["seed"] == 0].reset_index(drop=True), frame)


def test_a_user_table_is_a_task(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(-180, 180, 600), rng.uniform(-60, 60, 600)
    path = tmp_path / "warmth.csv"
    pd.DataFrame({"lon": lon, "lat": lat, "warmth": 30 - 0.5 * np.abs(lat)}).to_csv(path)
    frame = sb.evaluate("cartesian3d", [(path, "warmth")], probes="knn", progress=False)
    assert len(set(frame["task"])) == 1
    assert frame.loc[frame["metric"] == "r2", "value"].item() > 0.9


def test_failures_are_rows_with_a_reason_and_a_warning() -> None:
    class Broken(Tilt):
        card = sb.EncoderCard(name="broken", title="Broken", dimension=2)

        @override
        def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
            raise RuntimeError("out of cheese")

    with pytest.warns(UserWarning, match="1 of 2 cells failed"):
        frame = sb.evaluate([Broken(), "direct"], "median_income", progress=False)
    failed = frame[frame["status"] == "failed"]
    assert failed["encoder"].tolist() == ["broken"]
    assert "out of cheese" in failed["reason"].item()
    board = sb.leaderboard(frame).set_index("encoder")
    assert board.loc["direct", "rank"] == 1
    assert np.isnan(float(str(board.loc["broken", "rank"])))
    assert "out of cheese" in str(board.loc["broken", "reason"])


def test_mistakes_are_said() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'wrap'"):
        sb.evaluate("wrpa", progress=False)
    with pytest.raises(UnknownNameError, match="Did you mean 'biomes'"):
        sb.evaluate("wrap", "biome", progress=False)

    class Taken(Tilt):
        card = sb.EncoderCard(name="wrap", title="Not the suite's", dimension=2)

    with pytest.raises(BenchError, match="'wrap', a name that is taken"):
        sb.evaluate(Taken(), "median_income", progress=False)
    with pytest.raises(BenchError, match="no columns encoder"):
        sb.leaderboard(pd.DataFrame({"task": ["biomes"]}))


def test_a_board_of_the_committed_run(repository: Path) -> None:
    frame = pd.read_parquet(repository / "results" / "leaderboard" / "results.parquet")
    board = sb.leaderboard(frame)
    assert board["task"].nunique() == 8
    assert board["rank"].is_monotonic_increasing
    assert set(board["encoder"]) == set(frame["encoder"])
    # A table written before the columns were renamed is ranked the same.
    old = frame.rename(columns={"task_type": "kind"})
    pd.testing.assert_frame_equal(sb.leaderboard(old), board)
    with pytest.raises(BenchError, match="split 'held-out-region' with probe 'linear'"):
        sb.leaderboard(frame, "held-out-region", "mlp")


def test_a_spatial_board_leads_with_pooled_skill() -> None:
    table = with_losses(frame())
    board = sb.leaderboard(table, "held-out-region")
    assert set(board["metric"]) == {"skill"}
    own = sb.leaderboard(table, "held-out-region", score="task")
    assert set(own["metric"]) == {"r2", "accuracy"}
    assert set(sb.leaderboard(table)["metric"]) == {"r2", "accuracy"}
    with pytest.raises(BenchError, match="have no skill"):
        sb.leaderboard(frame(), score="skill")


def test_a_task_that_failed_for_all_is_left_out_with_a_warning() -> None:
    table = frame()
    for encoder in ENCODERS:
        table = fail(table, encoder, "biomes", "no such regions")
    with pytest.warns(UserWarning, match="biomes is left out, .*: no such regions"):
        board = sb.leaderboard(table)
    assert set(board["task"]) == {"air_temperature", "elevation"}


def test_progress_is_shown_unless_it_is_unwanted(capsys: pytest.CaptureFixture[str]) -> None:
    sb.evaluate("baseline.mean", "median_income")
    assert "cells: 1 of 1" in capsys.readouterr().err
    sb.evaluate("baseline.mean", "median_income", progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_device_that_does_not_exist_is_an_error_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="a device is auto, cpu, cuda or cuda:N, not 'gpu'"):
        sb.evaluate("wrap", "median_income", device="gpu", out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"encoder": Tilt}, r"Tilt is a class, and an encoder is one of its objects: Tilt\(\)"),
        ({"encoder": 5}, "an object of int is not an encoder: it needs a `card`"),
        ({"encoder": ["wrap", None]}, "an object of NoneType is not an encoder"),
        ({"encoder": []}, "nothing to evaluate: no encoder was given"),
        ({"tasks": []}, "nothing to evaluate: no task was given"),
        ({"tasks": 5}, "a task is a name .* but one is an object of the type int"),
        ({"tasks": (pd.DataFrame(), "y")}, r"one is \(DataFrame, str\). Save a data frame"),
        ({"tasks": ("a.csv", "y", "z")}, r"one is \(str, str, str\)"),
        ({"seeds": 3}, r"seeds=3: give a list of whole numbers .* such as \(0, 1, 2\)"),
        ({"seeds": [-1]}, r"seeds=\[-1\]: give a list"),
        ({"seeds": [0.5]}, r"seeds=\[0.5\]: give a list"),
        ({"seeds": "0-2"}, r"seeds='0-2': give a list"),
        ({"seeds": []}, r"seeds=\[\]: give a list"),
    ],
    ids=str,
)
def test_arguments_of_another_kind_are_errors_that_say_what_to_give(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(BenchError, match=message):
        sb.evaluate(**{"encoder": "wrap", "tasks": "median_income"} | arguments)


def test_other_objects_than_encoders_and_tables_are_refused() -> None:
    for given, message in ((Tilt, "Tilt is a class"), ("wrap", "'wrap' is not an encoder")):
        with pytest.raises(BenchError, match=message):
            sb.check_encoder(cast(Any, given))
    with pytest.raises(BenchError, match=r"the table is 'out'; it should be a data frame"):
        sb.leaderboard(cast(Any, "out"))
    for score in ("r2", "SKILL", ""):
        with pytest.raises(BenchError, match=f"no score is called '{score}': choose `skill`"):
            sb.leaderboard(frame(), score=cast(Any, score))
