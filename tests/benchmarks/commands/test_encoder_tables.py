"""`--encoder-table`: precomputed embeddings in `run`, `embed`, `info` and `diagnose`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import satclip_bench as sb
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks import get_task
from tests.benchmarks.cli.program import SMALL, bench


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Embeddings of three quarters of a task's points, a few metres away from them."""
    lonlat = get_task("median_income").load().lonlat
    rng = np.random.default_rng(0)
    near = lonlat[: len(lonlat) * 3 // 4] + rng.normal(size=(len(lonlat) * 3 // 4, 2)) * 1e-4
    waves = np.sin(near @ rng.normal(size=(2, 8)) * 0.1)
    frame = pd.DataFrame(waves, columns=[f"e{i}" for i in range(8)])
    path = tmp_path_factory.mktemp("tables") / "my farms.parquet"
    frame.assign(x=near[:, 0], y=near[:, 1]).to_parquet(path)
    return path


COLUMNS = ("--table-lon", "x", "--table-lat", "y")


@pytest.mark.filterwarnings("ignore::satclip_bench.encoders.lookup.partial.UncoveredPointsWarning")
def test_a_table_runs_beside_other_encoders(table: Path, tmp_path: Path) -> None:
    args = ("run", *SMALL, "--encoders", "wrap", "--out", "out", *COLUMNS)
    args += ("--encoder-table", str(table))
    done = bench(*args, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = len(get_task("median_income").load())
    share = rows * 3 // 4 / rows
    notice = "table.my-farms covers only a share of the points, and the others have an embedding "
    assert f"{notice}of zeros: {share:.1%} of median_income" in done.stderr
    records = [json.loads(p.read_text()) for p in (tmp_path / "out").rglob("records/**/*.json")]
    coverage = {r["settings"]["encoder"]: r["coverage"] for r in records}
    assert coverage == {"wrap": None, "table.my-farms": pytest.approx(share)}
    assert "2 cells, 2 done" in bench(*args, "--dry-run", cwd=tmp_path).stdout
    # Another option is another encoder, and `diagnose` needs no table.
    other = bench(*args, "--dry-run", "--table-columns", "e0,e1,e2", cwd=tmp_path)
    assert "2 cells, 1 done" in other.stdout
    diagnosed = bench("diagnose", "--out", "out", cwd=tmp_path)
    assert diagnosed.returncode == 0
    assert "Table my-farms" in diagnosed.stdout


@pytest.mark.filterwarnings("ignore::satclip_bench.encoders.lookup.partial.UncoveredPointsWarning")
def test_a_table_that_covers_no_point_fails_its_cells(table: Path, tmp_path: Path) -> None:
    away = pd.read_parquet(table)
    away["y"] = -away["y"]
    away.to_parquet(tmp_path / "away.parquet")
    encoder = sb.get_encoder("table.away", file=tmp_path / "away.parquet", lon="x", lat="y")
    with pytest.warns(UserWarning, match="1 of 1 cells failed"):
        scores = sb.evaluate(encoder, tasks="median_income", progress=False)
    assert set(scores["status"]) == {"failed"}
    (reason,) = set(scores["reason"])
    assert "table.away covers none of the 3,085 points of 'median_income'. The nearest" in reason


@pytest.mark.parametrize("option", ["--encoder-table", "--table-locations", "--task-file"])
def test_files_that_are_read_are_not_overwritten(table: Path, tmp_path: Path, option: str) -> None:
    mine = tmp_path / "results.parquet"
    shutil.copy(table, mine)
    named = {"--encoder-table": table, option: mine}
    files = [str(word) for pair in named.items() for word in pair]
    commands = [("run", *SMALL, "--target", "e0", "--out", ".")]
    if option != "--task-file":
        commands += [
            ("embed", "--points", str(table), "--out", "results.parquet"),
            ("submit", "--submitter", "A", "--out", "results.parquet"),
        ]
    for command in commands:
        done = bench(*command, *files, cwd=tmp_path)
        assert done.returncode == 2
        assert f"results.parquet would overwrite a file of {option}: choose" in done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["results.parquet"]
    with pytest.raises(BenchError, match="would overwrite a file of tasks"):
        sb.evaluate("wrap", tasks=[(mine, "e0")], out=tmp_path)
    assert mine.read_bytes() == table.read_bytes()


def test_embed_counts_uncovered_points(table: Path, tmp_path: Path) -> None:
    points = pd.DataFrame(get_task("median_income").load().lonlat, columns=["lon", "lat"])
    points.to_csv(tmp_path / "p.csv", index=False)
    args = ("embed", "--points", "p.csv", "--out", "e.npy", "--encoder-table", str(table))
    done = bench(*args, *COLUMNS, "--table-name", "farms", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = len(points) * 3 // 4
    assert f"table.farms does not cover {len(points) - rows:,} of 3,085 points" in done.stderr
    expected = pd.read_parquet(table).filter(like="e").to_numpy(np.float32)
    assert np.array_equal(np.load(tmp_path / "e.npy")[:rows], expected)

    none = bench(*args, *COLUMNS, "--table-match", "exact", cwd=tmp_path)
    assert none.returncode == 2
    assert "covers none of the points of p.csv. The nearest row is" in none.stderr
    for wrong in (("--encoder", "wrap"), ("--encoder-table", table)):
        assert bench(*args, *COLUMNS, *wrong, cwd=tmp_path).returncode == 2
    assert "name one encoder" in bench(*args[:5], cwd=tmp_path).stderr
    assert "has no weights" in bench(*args, *COLUMNS, "--weights", "w", cwd=tmp_path).stderr


def test_info_shows_the_card(table: Path, tmp_path: Path) -> None:
    done = bench("info", "--encoder-table", table, *COLUMNS, "--json", cwd=tmp_path)
    card = json.loads(done.stdout)
    assert (card["name"], card["dimension"]) == ("table.my-farms", 8)
    assert "columns e0 to e7" in card["description"]
    two = bench("info", "wrap", "--encoder-table", table, *COLUMNS, cwd=tmp_path)
    assert "join them with a plus, as wrap+table.my-farms" in two.stderr
    assert "give one NAME" in bench("info", cwd=tmp_path).stderr
    assert "'city' is not one of task, encoder" in bench("info", "city", "x", cwd=tmp_path).stderr
    assert bench("info", "encoder", "wrap", cwd=tmp_path).returncode == 0


JOINED = "wrap+table.my-farms"


@pytest.mark.filterwarnings("ignore::satclip_bench.encoders.lookup.partial.UncoveredPointsWarning")
def test_a_table_is_combined_with_a_listed_encoder(table: Path, tmp_path: Path) -> None:
    options = (*COLUMNS, "--encoder-table", str(table))
    args = ("run", *SMALL, "--encoders", f"wrap,{JOINED}", "--out", "out", *options)
    done = bench(*args, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{JOINED} covers only a share" in done.stderr
    records = [json.loads(p.read_text()) for p in (tmp_path / "out").rglob("records/**/*.json")]
    by_name = {r["settings"]["encoder"]: r for r in records}
    assert set(by_name) == {"wrap", "table.my-farms", JOINED}
    assert by_name[JOINED]["coverage"] == by_name["table.my-farms"]["coverage"]
    scores = {name: record["scores"]["r2"] for name, record in by_name.items()}
    assert scores[JOINED] > max(scores["wrap"], scores["table.my-farms"])
    assert "3 cells, 3 done" in bench(*args, "--dry-run", cwd=tmp_path).stdout
    assert "Wrap + Table my-farms" in bench("leaderboard", "--out", "out", cwd=tmp_path).stdout

    card = json.loads(bench("info", JOINED, *options, "--json", cwd=tmp_path).stdout)
    assert card["dimension"] == 12
    points = pd.DataFrame(get_task("median_income").load().lonlat, columns=["lon", "lat"])
    points.to_csv(tmp_path / "p.csv", index=False)
    embed = ("embed", "--points", "p.csv", "--out", "e.npy", *options, "--encoder")
    done = bench(*embed, JOINED, cwd=tmp_path)
    assert f"table.my-farms does not cover {len(points) - len(points) * 3 // 4:,}" in done.stderr
    embedding = np.load(tmp_path / "e.npy")
    own = pd.read_parquet(table).filter(like="e").to_numpy(np.float64)
    sample = own[::2]
    length = np.sqrt(((sample - sample.mean(axis=0)) ** 2).sum(axis=1).mean())
    expected = (own - sample.mean(axis=0)) / length
    assert embedding[: len(own), 4:] == pytest.approx(expected, abs=1e-5)

    for name, words in (
        (
            "wrap+table.my-farm",
            "no encoder is called 'table.my-farm'. Did you mean 'table.my-farms'",
        ),
        ("wrp+table.my-farms", "no encoder is called 'wrp'. Did you mean 'wrap'"),
        ("table.my-farms+table.my-farms", "give two or more different encoders"),
    ):
        for wrong in (
            bench("run", *SMALL, "--encoders", name, "--dry-run", *options, cwd=tmp_path),
            bench("info", name, *options, cwd=tmp_path),
            bench(*embed, name, cwd=tmp_path),
        ):
            assert wrong.returncode == 2
            assert words in wrong.stderr.replace("\n", " ")
    for alone in (("run", *SMALL, "--encoders", JOINED), ("info", JOINED)):
        assert "is made from a file: give --encoder-table" in bench(*alone, cwd=tmp_path).stderr


def test_a_combination_whose_table_covers_no_point_fails(table: Path, tmp_path: Path) -> None:
    away = pd.read_parquet(table)
    away["y"] = -away["y"]
    away.to_parquet(tmp_path / "away.parquet")
    options = (*COLUMNS, "--encoder-table", "away.parquet")
    args = ("run", *SMALL, "--encoders", "wrap+table.away", "--out", "out", *options)
    done = bench(*args, cwd=tmp_path)
    assert done.returncode == 1
    assert "median_income wrap+table.away" in done.stderr
    assert "table.away covers none of the 3,085 points of 'median_income'" in done.stderr
    points = pd.DataFrame(get_task("median_income").load().lonlat, columns=["lon", "lat"])
    points.to_csv(tmp_path / "p.csv", index=False)
    embed = ("embed", "--points", "p.csv", "--out", "e.npy", "--encoder", "wrap+table.away")
    done = bench(*embed, *options, cwd=tmp_path)
    assert done.returncode == 2
    assert "table.away covers none of the points of p.csv" in done.stderr
    assert not (tmp_path / "e.npy").exists()


@pytest.mark.filterwarnings("ignore::satclip_bench.encoders.lookup.partial.UncoveredPointsWarning")
def test_python_combines_an_object_by_its_name(table: Path) -> None:
    encoder = sb.get_encoder("table.farms", file=table, lon="x", lat="y")
    scores = sb.evaluate([encoder, "wrap+table.farms"], tasks="median_income", progress=False)
    assert set(scores["encoder"]) == {"table.farms", "wrap+table.farms"}
    assert set(scores["status"]) == {"done"}


def test_wrong_options_are_refused(table: Path, tmp_path: Path) -> None:
    run = ("run", *SMALL, "--encoder-table", str(table), "--dry-run")
    for options, words in (
        ((), "--table-lon and --table-lat"),
        ((*COLUMNS, "--table-max-km", "-1"), "is not a distance in kilometres above 0, or none"),
        ((*COLUMNS, "--table-name", "a", "--table-name", "b"), "do not match"),
        ((*COLUMNS, "--encoder-table", str(table)), "another custom encoder of this run is: give"),
    ):
        done = bench(*run, *options, cwd=tmp_path)
        assert done.returncode == 2
        assert words in done.stderr.replace("\n", " ")
