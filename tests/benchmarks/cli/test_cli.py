"""The command line, as a user meets it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

from satclip_bench.benchmarks.runs.threads import one_thread
from satclip_bench.tasks import PAPER_TASKS, WIDE_TASKS
from tests.benchmarks.cli.program import SMALL, bench, command_line


def results(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "results.parquet")


def outcomes(frame: pd.DataFrame, column: str, name: str) -> tuple[set[str], str]:
    """Statuses and reasons of failure in the rows of one encoder or task."""
    rows = frame[frame[column] == name]
    return set(rows["status"]), " ".join(rows["reason"])


def test_lists_as_json(tmp_path: Path) -> None:
    tasks = json.loads(bench("list", "tasks", "--json", cwd=tmp_path).stdout)
    assert [task["name"] for task in tasks] == [*PAPER_TASKS, *WIDE_TASKS]
    assert all(task["citation"] and task["unit"] for task in tasks)
    encoders = json.loads(bench("list", "encoders", "--json", cwd=tmp_path).stdout)
    assert {"direct", "geoclip", "baseline.knn"} <= {encoder["name"] for encoder in encoders}
    for what in ("splits", "probes", "suites"):
        assert json.loads(bench("list", what, "--json", cwd=tmp_path).stdout)


@pytest.mark.parametrize("what", ["tasks", "encoders", "splits", "probes", "suites"])
def test_lists_for_people(tmp_path: Path, what: str) -> None:
    done = bench("list", what, cwd=tmp_path, COLUMNS="80")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= 80
    # One line per name, whose first word is the name.
    names = [
        card["name"] for card in json.loads(bench("list", what, "--json", cwd=tmp_path).stdout)
    ]
    assert [line.split()[0] for line in lines[1 : len(names) + 1]] == names


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("elevation", "pvlib==0.16.1"),
        ("inaturalist", "train2018.json"),
        ("geoclip", "MP-16"),
        ("harmonics.l7", "49"),
        ("baseline.idw", "Shepard"),
        ("held-out-region", "extrapolation"),
        ("lightgbm", "bound"),
        ("open", "laptop"),
    ],
)
def test_cards_are_shown(tmp_path: Path, name: str, word: str) -> None:
    done = bench("info", name, cwd=tmp_path)
    assert done.returncode == 0
    assert word in done.stdout
    assert isinstance(json.loads(bench("info", name, "--json", cwd=tmp_path).stdout), dict)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], "no command is called 'rnu'. Did you mean 'run'"),
        (["info", "geclip"], "Did you mean 'geoclip'"),
        (["--suite", "opne"], "Did you mean 'open'"),
        (["run", "--tasks", "elevaton"], "Did you mean 'elevation'"),
        (["run", "--encoders", "nothing*"], "no encoder is called 'nothing*'"),
        (["run", "--seeds", "a"], "not a list of seeds"),
        (["list"], "the following arguments are required: what\n"),
        (["info", "wrap", "--profile", "--seed", "-1"], "'-1' is not one seed, a whole number"),
        (["run", "--jobs", "0"], "1 or more"),
        (["run", "--encoder", "nothing.py:X"], "there is no file"),
        (["leaderboard", "--out", "nowhere"], "no records in nowhere"),
        (["leaderboard", "--out", "x" * 300], "cannot be read: File name too long"),
        (["run", "--encoders", ""], "--encoders has an empty value"),
        (["run", "--tasks", " , "], "--tasks has an empty value"),
        (["--out=", "--dry-run"], "--out has an empty value"),
        (["run", "--encoder", ""], "--encoder has an empty value"),
    ],
)
def test_errors_are_explained(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = bench(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = bench("run", *SMALL, "--out", "file/run", cwd=tmp_path)
    assert done.returncode == 2
    assert "file/run cannot be written" in done.stderr


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    done = bench("run", *SMALL, "--encoders", "wrap", "--dry-run", "--out", "x", cwd=tmp_path)
    assert done.returncode == 0
    assert "median_income wrap random 0 linear seed 0: to run" in done.stdout
    assert "1 cell, 0 done, 1 to run" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_run_leaves_everything_and_a_second_finds_it_done(tmp_path: Path) -> None:
    baselines = "baseline.mean,baseline.idw,baseline.knn"
    arguments = ["run", "--tasks", "median_income", "--encoders", f"wrap,{baselines}"]
    arguments += ["--probes", "linear", "--seeds", "0", "--out", "r", "--jobs", "1"]
    done = bench(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Wrap" in done.stdout
    assert "not the paper's tables" in done.stdout.replace("\n", "")
    folder = tmp_path / "r"
    frame = results(folder)
    assert {
        *("task", "edition", "encoder", "split", "fold", "probe", "seed", "metric", "value"),
        "status",
    } <= set(frame.columns)
    # 4 encoders and baselines, one fold at random and 4 census regions.
    metrics = frame["metric"].nunique()
    assert metrics >= 3
    assert len(frame) == 4 * (1 + 4) * metrics
    assert (frame["status"] == "done").all()
    for name in ("tables/leaderboard.random.linear.md", "tables/leaderboard.random.linear.tex"):
        assert "not the paper's tables" in (folder / name).read_text()
    assert (folder / "tables/regions.linear.md").is_file()
    for name in ("scores.linear.png", "gap.linear.png", "maps/median_income.png"):
        assert (folder / "figures" / name).stat().st_size > 10_000
    records = sorted((folder / "records").rglob("*.json"))
    assert len(records) == 4 * (1 + 4)
    assert len(sorted((folder / "records").rglob("*.parquet"))) == len(records)

    before = {p: p.stat().st_mtime_ns for p in records}
    table = (folder / "results.parquet").read_bytes()
    start = time.process_time()
    again = bench(*arguments, cwd=tmp_path)
    assert time.process_time() - start < 5
    assert again.returncode == 0
    assert "20 done, 0 to run" in again.stderr
    assert {p: p.stat().st_mtime_ns for p in records} == before
    assert (folder / "results.parquet").read_bytes() == table
    assert again.stdout == done.stdout


def test_one_process_and_two_give_the_same_bytes(tmp_path: Path) -> None:
    arguments = ["run", "--tasks", "median_income", "--splits", "random", "--seeds", "0"]
    arguments += ["--encoders", "harmonics.l10", "--probes", "linear,knn,mlp,lightgbm"]
    # In a process of its own, since threads are set when libraries are loaded.
    two_threads = dict.fromkeys(one_thread(), "2")
    command = command_line(*arguments, "--jobs", "1", "--out", "1")
    environment = os.environ | two_threads
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    done = bench(*arguments, "--jobs", "2", "--out", "2", cwd=tmp_path, **two_threads)
    assert done.returncode == 0, done.stderr
    one, two = (tmp_path / jobs for jobs in ("1", "2"))
    assert (one / "results.parquet").read_bytes() == (two / "results.parquet").read_bytes()
    files = [p.relative_to(one) for p in (one / "records").rglob("*.parquet")]
    assert len(files) == 4
    for name in files:
        assert (one / name).read_bytes() == (two / name).read_bytes()


MINE = """
import numpy as np
from satclip_bench.encoders import Encoder, EncoderCard


class Waves(Encoder):
    card = EncoderCard(name="waves", title="My waves", dimension=4)

    def forward(self, lonlat):
        angle = np.radians(lonlat * 2)
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
"""


def test_a_ten_line_encoder_from_outside_is_on_the_leaderboard(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    own = ["--encoder", f"{path}:Waves", "--out", "r"]
    done = bench("run", *SMALL, "--encoders", "wrap", *own, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "My waves" in done.stdout
    assert set(results(tmp_path / "r")["encoder"]) == {"wrap", "waves"}

    # Another content of the file is another encoder: its cell is run again, and no other.
    path.write_text(MINE.replace("* 2", "* 3"))
    done = bench("run", *SMALL, "--encoders", "wrap", *own, cwd=tmp_path)
    assert "1 done, 1 to run" in done.stderr
    assert len(results(tmp_path / "r")) == 2 * len(("r2", "rmse", "mae", "skill", "reference_rmse"))


FAULTS = """
import sys
import numpy as np
from satclip_bench.encoders import Encoder, EncoderCard


class Base:
    def encode(self, lonlat, batch_size=1):
        return self.give(np.asarray(lonlat, dtype=np.float32))


def fault(name, give):
    card = EncoderCard(name=name, title=name, dimension=2)
    return type(name, (Base,), {"card": card, "give": staticmethod(give)})


def fail(x):
    raise RuntimeError("out of cheese")


def leave(x):
    sys.exit("bye")


Raises = fault("raises", fail)
Exits = fault("exits", leave)
Later = fault("later", lambda x: x if len(x) <= 256 else leave(x))
NaN = fault("nan", lambda x: x * np.nan)
Rows = fault("rows", lambda x: x[:-1])
Double = fault("double", lambda x: x.astype(np.float64))
"""


def test_faulty_encoders_fail_alone_and_everything_else_is_kept(tmp_path: Path) -> None:
    (tmp_path / "faults.py").write_text(FAULTS)
    own = [
        a
        for name in ("Raises", "Exits", "Later", "NaN", "Rows", "Double")
        for a in ("--encoder", f"faults.py:{name}")
    ]
    done = bench("run", *SMALL, "--encoders", "wrap", *own, "--out", "r", cwd=tmp_path)
    assert done.returncode == 1
    assert "6 of 7 cells failed" in done.stderr
    assert "Traceback" not in done.stderr
    frame = results(tmp_path / "r")
    assert outcomes(frame, "encoder", "wrap")[0] == {"done"}
    for name, words in (
        ("raises", "before it is run: out of cheese"),
        ("exits", "raised SystemExit on 256 fixed points"),
        ("later", "raised SystemExit on the points of 'median_income': bye"),
        ("nan", "not finite"),
        ("rows", "(255, 2) for 256 points"),
        ("double", "float64"),
    ):
        statuses, reason = outcomes(frame, "encoder", name)
        assert statuses == {"failed"}
        assert words in reason
        assert words in " ".join(done.stderr.split())
    assert "is not ranked" in done.stdout
    # Failed cells are tried again, the others are not.
    again = bench("run", *SMALL, "--encoders", "wrap", *own, "--out", "r", cwd=tmp_path)
    assert again.returncode == 1
    assert "1 done, 6 to run" in again.stderr


def test_weights_with_the_wrong_hash_fail_alone(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (cache / "weights").mkdir(parents=True)
    (cache / "weights" / "geoclip-1.3.0-location_encoder_weights.pth").write_bytes(b"nonsense")
    done = bench(
        *("run", *SMALL, "--encoders", "wrap,geoclip", "--out", "r"),
        cwd=tmp_path,
        SATCLIP_BENCH_CACHE=str(cache),
    )
    assert done.returncode == 1
    frame = results(tmp_path / "r")
    assert outcomes(frame, "encoder", "wrap")[0] == {"done"}
    assert "download geoclip" in outcomes(frame, "encoder", "geoclip")[1]


def test_a_task_without_data_fails_alone(tmp_path: Path) -> None:
    done = bench(
        *("run", "--tasks", "median_income,inaturalist", "--encoders", "wrap"),
        *("--splits", "random", "--probes", "linear", "--seeds", "0", "--out", "r", "--jobs", "1"),
        cwd=tmp_path,
    )
    assert done.returncode == 1
    frame = results(tmp_path / "r")
    assert outcomes(frame, "task", "median_income")[0] == {"done"}
    assert "train2018.json" in outcomes(frame, "task", "inaturalist")[1]


def test_the_papers_stations_run_from_a_folder(tmp_path: Path, shared_data: Path) -> None:
    done = bench(
        *("run", "--tasks", "air_temperature", "--edition", "paper", "--data-dir", shared_data),
        *("--splits", "random", "--encoders", "wrap", "--probes", "knn", "--seeds", "0"),
        *("--out", "r", "--jobs", "1"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    frame = results(tmp_path / "r")
    assert set(frame["edition"]) == {"paper"}
    assert frame.loc[frame["metric"] == "r2", "value"].item() > 0.8


def test_tables_figures_and_leaderboard_of_an_old_run(tmp_path: Path) -> None:
    assert bench("run", *SMALL, "--encoders", "wrap", "--out", "r", cwd=tmp_path).returncode == 0
    for command in ("tables", "figures", "leaderboard"):
        done = bench(command, "--out", "r", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout
    done = bench("leaderboard", "--out", "r", "--probe", "mlp", cwd=tmp_path)
    assert done.returncode == 2
    assert "--split random --probe linear" in done.stderr


def test_the_suite_paper_runs_what_is_there(tmp_path: Path, shared_data: Path) -> None:
    """Each missing table is named once, with what to do; tables with other rows are marked."""
    done = bench(
        *("run", "--suite", "paper", "--tasks", "median_income,biomes,inaturalist"),
        *("--encoders", "wrap,baseline.mean", "--probes", "linear", "--jobs", "1"),
        *("--data-dir", shared_data, "--out", "p"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    for missing in ("biomes", "inaturalist"):
        assert done.stderr.count(f"not run {missing}") == 1
    assert "download biomes" in done.stderr
    frame = results(tmp_path / "p")
    assert set(frame["task"]) == {"median_income"}
    assert set(frame["edition"]) == {"paper"}
    note = "Median income: counties at the centroids of the open edition"
    assert note in (tmp_path / "p/tables/leaderboard.random.linear.md").read_text()
    nothing = bench("run", "--suite", "paper", "--tasks", "biomes", "--out", "q", cwd=tmp_path)
    assert nothing.returncode == 2
    assert "no table is available" in nothing.stderr
