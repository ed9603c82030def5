"""A board shows the versions of encoders and tables that were asked for, and no others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from satclip_bench.benchmarks.cli import main

QUICK = ("--splits", "random", "--probes", "linear", "--jobs", "1", "--out", "r")

MINE = """
import numpy as np
from pathlib import Path
from satclip_bench.encoders import Encoder, EncoderCard


class Mine(Encoder):
    card = EncoderCard(name="mine", title="Mine", dimension=2)

    def forward(self, lonlat):
        return FORWARD
"""

V1, V2 = "np.sin(np.radians(lonlat))", "np.cos(np.radians(lonlat))"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Figures take seconds, and no test here looks at them.
    for name in ("write_figures", "draw_split_maps"):
        monkeypatch.setattr(f"satclip_bench.benchmarks.report.figures.{name}", lambda *_: ())


def write_encoder(forward: str) -> None:
    Path("mine.py").write_text(MINE.replace("FORWARD", forward))


def run_mine(*arguments: str, tasks: str = "median_income") -> int:
    command = ["run", "--tasks", tasks, "--encoder", "mine.py:Mine", "--encoders", "wrap"]
    return main([*command, *QUICK, *(arguments or ("--seeds", "0"))])


def scores(encoder: str = "mine") -> dict[tuple[str, int], float]:
    """R² of an encoder by task and seed, as results.parquet has it."""
    frame = pd.read_parquet("r/results.parquet")
    rows = frame[(frame["encoder"] == encoder) & (frame["metric"] == "r2")]
    done = rows[rows["status"] == "done"]
    cells = zip(map(str, done["task"]), map(int, done["seed"]), strict=True)
    return dict(zip(cells, map(float, done["value"]), strict=True))


def test_going_back_to_an_earlier_version_shows_its_score(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = []
    for version in (V1, V2, V1):
        write_encoder(version)
        assert run_mine() == 0
        shown.append(scores())
    assert shown[0] == shown[2] != shown[1]
    captured = capsys.readouterr()
    assert "2 cells, 2 done, 0 to run" in captured.err
    assert "other versions: encoder mine (1 record)" in captured.err
    assert main(["leaderboard", "--out", "r"]) == 0
    captured = capsys.readouterr()
    assert f"{shown[0]['median_income', 0]:.3f}".lstrip("0") in captured.out
    assert "other versions: encoder mine (1 record)" in captured.err


def test_a_clock_that_was_ahead_decides_nothing() -> None:
    write_encoder(V1)
    assert run_mine() == 0
    (path,) = Path("r/records/median_income/mine").rglob("*.json")
    record = json.loads(path.read_text())
    record["provenance"]["finished"] = "2031-01-01T00:00:00+00:00"
    path.write_text(json.dumps(record))
    before = scores()
    write_encoder(V2)
    assert run_mine() == 0
    assert scores().keys() == before.keys()
    assert scores() != before


def test_two_versions_of_an_encoder_are_never_averaged() -> None:
    write_encoder(V1)
    assert run_mine("--seeds", "0-2", tasks="median_income,elevation") == 0
    assert len(scores()) == 6
    write_encoder(V2)
    assert run_mine("--seeds", "0") == 0
    assert set(scores()) == {("median_income", 0)}
    assert len(scores("wrap")) == 6


def test_a_folder_without_a_plan_does_not_guess(capsys: pytest.CaptureFixture[str]) -> None:
    for version in (V1, V2):
        write_encoder(version)
        assert run_mine() == 0
    Path("r/plan.json").unlink()
    capsys.readouterr()
    assert main(["leaderboard", "--out", "r"]) == 0
    captured = capsys.readouterr()
    assert "Wrap" in captured.out
    assert "Mine" not in captured.out
    assert "encoder mine (2 records). Run the same command again" in captured.err
    assert run_mine() == 0
    assert scores().keys() == {("median_income", 0)}


@pytest.mark.parametrize("change", ["weights", "class"])
def test_an_encoder_is_known_by_what_it_computes(change: str) -> None:
    write_encoder("np.sin(np.radians(lonlat)) * np.load('w.npy')")
    np.save("w.npy", np.ones(2))
    assert run_mine() == 0
    before = scores()
    if change == "weights":
        np.save("w.npy", np.array([1.0, 0.0]))
        assert run_mine() == 0
    else:
        # Two classes of one file, whose cards have the same name.
        write_encoder(V1)
        with Path("mine.py").open("a") as file:
            file.write("class Other(Mine):\n    def forward(self, x): return x / 90\n")
        assert run_mine() == 0
        arguments = ["run", "--tasks", "median_income", "--seeds", "0", *QUICK]
        assert main([*arguments, "--encoder", "mine.py:Other", "--encoders", "mine"]) == 0
    assert scores().keys() == before.keys()
    assert scores() != before


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        ("lonlat - lonlat.mean(0)", "with 7 points than with 256"),
        ("np.cumsum(lonlat, 0)", "in another order"),
        ("np.random.rand(*lonlat.shape)", "a second time"),
    ],
)
def test_an_encoder_that_depends_on_chance_or_batch_is_not_scored(
    capsys: pytest.CaptureFixture[str], forward: str, words: str
) -> None:
    write_encoder(forward)
    assert run_mine() == 1
    assert scores() == {}
    assert len(scores("wrap")) == 1
    message = " ".join(capsys.readouterr().err.split())
    assert words in message
    assert "model.eval()" in message


def write_table(folder: str, factor: float) -> str:
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(-180, 180, 200), rng.uniform(-60, 70, 200)
    path = Path(folder) / "farms.csv"
    path.parent.mkdir(exist_ok=True)
    frame = pd.DataFrame({"lon": lon, "lat": lat, "y": np.sin(np.radians(lat)) * factor + lon / 90})
    frame.to_csv(path, index=False)
    return str(path)


def run_table(path: str, encoders: str) -> int:
    table = ["--task-file", path, "--target", "y", "--tasks", "farms.y", "--seeds", "0"]
    return main(["run", *table, "--encoders", encoders, *QUICK])


def test_two_tables_of_one_name_never_share_a_column(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_table(write_table("A", 1), "wrap,direct") == 0
    assert run_table(write_table("B", 9), "wrap") == 0
    assert len(scores("wrap")) == 1
    assert scores("direct") == {}
    assert "other versions: task farms.y (2 records)" in capsys.readouterr().err


def test_a_brief_absence_of_a_table_does_not_hide_its_score() -> None:
    path = Path(write_table("A", 1))
    assert run_table(str(path), "wrap") == 0
    before = scores("wrap")
    path.rename("away.csv")
    again = ["run", "--tasks", "farms.y", "--encoders", "wrap", "--seeds", "0", *QUICK]
    assert main(again) == 1
    assert scores("wrap") == before
    Path("away.csv").rename(path)
    for command in (again, None):
        assert (main(command) if command else run_table(str(path), "wrap")) == 0
        assert scores("wrap") == before


def test_a_damaged_record_is_computed_again(capsys: pytest.CaptureFixture[str]) -> None:
    write_encoder(V1)
    assert run_mine() == 0
    before = scores("wrap")
    (path,) = Path("r/records/median_income/wrap").rglob("*.json")
    path.write_text(path.read_text()[:100])
    for command in (["leaderboard"], ["diagnose"], ["tables"]):
        assert main([*command, "--out", "r"]) == 0
        captured = capsys.readouterr()
        assert path.name in captured.err
        assert "Traceback" not in captured.err
    assert run_mine() == 0
    assert f"run again: {path}" in capsys.readouterr().err
    assert scores("wrap") == before
    assert main(["leaderboard", "--out", "r"]) == 0
    assert path.name not in capsys.readouterr().err


def test_reports_show_a_selection(capsys: pytest.CaptureFixture[str]) -> None:
    write_encoder(V1)
    assert run_mine("--seeds", "0,1", tasks="median_income,elevation") == 0
    capsys.readouterr()
    assert main(["leaderboard", "--out", "r", "--tasks", "elev*", "--encoders", "wrap"]) == 0
    shown = capsys.readouterr().out
    assert "Elevation" in shown
    assert "income" not in shown
    assert "Mine" not in shown
    assert main(["leaderboard", "--out", "r", "--seeds", "1"]) == 0
    assert "1 seed" in capsys.readouterr().out
    only = ["--tasks", "elevation", "--encoders", "mine,wrap", "--seeds", "0"]
    for command in ("tables", "diagnose"):
        assert main([command, "--out", "r", *only]) == 0
    assert main(["figures", "--out", "r", *only]) == 2
    assert "it needs 3 ranked encoders or baselines, and there are 2" in capsys.readouterr().err
    summary = pd.read_csv("r/diagnostics/random.linear/summary.csv")
    assert set(summary["task"]) == {"elevation"}
    assert set(summary["seeds"]) == {1}
    assert main(["tables", "--out", "r", "--encoders", "geoclip"]) == 2
    assert "no encoder of this run is called 'geoclip'" in capsys.readouterr().err
