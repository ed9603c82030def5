"""The folder that `species` writes: shown like a run, and as a column of another board."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import satclip_bench as sb
from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.commands.finished import read_finished
from satclip_bench.benchmarks.commands.species import evaluate_species
from satclip_bench.benchmarks.report.wording import number
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.species.cells import Request
from satclip_bench.benchmarks.species.column import species_column
from satclip_bench.benchmarks.species.evaluation import (
    WAYS,
    photos_of,
)
from satclip_bench.benchmarks.species.settings import TOP
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders.coordinates import Direct
from satclip_bench.tasks.inaturalist.competition import read_competition
from tests.benchmarks.species.photographs import QUICK, informative, write_features
from tests.tasks.inaturalist.competition_files import write_competition


@pytest.fixture
def small(tmp_path: Path) -> Request:
    """A request for two encoders on a few hundred photographs with features."""
    write_competition(tmp_path, rows=(400, 300), classes=10)
    photos = photos_of(read_competition(tmp_path))
    part = informative(photos)
    files = [
        write_features(
            tmp_path / f"{name}.parquet", photos.image_id[of], part.values[of], "features"
        )
        for name, of in (("train", photos.train), ("val", ~photos.train))
    ]
    return Request(["direct,wrap"], ["competition"], [0], tmp_path, files, None, tmp_path / "out")


def test_its_folder_is_shown_like_any_other_run(
    small: Request, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_species(small, QUICK) == 0
    store = Store(small.out)
    records = store.records()
    ways = {(r.settings.encoder, r.settings.probe) for r in records}
    of_encoders = {(e, w) for e in ("direct", "wrap") for w in WAYS if w != "image"}
    assert ways == {("baseline.image", "none")} | of_encoders
    for record in records:
        kept = store.predictions(record)
        assert (kept["rank"] == 0).equals(kept["prediction"] == kept["target"])
        for k in TOP:
            assert (kept["rank"] < k).mean() == record.scores[f"top{k}"]
    capsys.readouterr()
    board = ["leaderboard", "--out", str(small.out), "--split", "competition"]
    assert main([*board, "--probe", "product"]) == 0
    shown = capsys.readouterr().out
    assert "Image alone" in shown
    assert "top-1" in shown
    assert main(["tables", "--out", str(small.out)]) == 0
    assert (small.out / "tables" / "leaderboard.competition.location.md").is_file()


def test_files_that_are_read_are_not_overwritten(small: Request) -> None:
    small.out.mkdir()
    for name in ("species.parquet", "results.parquet"):
        train, val = small.features
        mine = train.rename(small.out / name)
        with pytest.raises(BenchError, match=f"{name} would overwrite a file of --image-features"):
            evaluate_species(replace(small, features=(mine, val)), QUICK)
        mine.rename(train)


def test_its_scores_are_a_column_beside_other_tasks(
    small: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_species(small, QUICK) == 0
    run = str(tmp_path / "run")
    tasks = ["median_income", "california_housing"]
    sb.evaluate(["wrap", "baseline.mean"], tasks=tasks, out=run, progress=False)
    capsys.readouterr()
    board = ["leaderboard", "--out", run, "--species", str(small.out)]
    scores = pd.read_parquet(small.out / "species.parquet").query("encoder == 'wrap'")
    top1 = {
        str(way): float(score) for way, score in zip(scores["way"], scores["top1"], strict=True)
    }
    for way in ("location", "concatenation"):
        assert main([*board, "--way", way]) == 0
        streams = capsys.readouterr()
        (row,) = (line for line in streams.out.splitlines() if line.startswith("Wrap "))
        assert row.split()[-1].lstrip("*†‡") == number(top1[way])
        notes = " ".join(streams.out.split())
        assert f"iNaturalist 2018: the competition's own split, and the way '{way}'" in notes
        assert "missing inaturalist (1 cell)" in notes, "the mean of the training set has no score"
        assert "scores of direct" in streams.err
    frame = read_finished(tmp_path / "run", species=species_column(small.out, "product")).frame
    rows = frame[frame["task"] == "inaturalist"]
    assert set(rows["metric"]) == {f"top{k}" for k in TOP}
    assert set(map(tuple, rows[["split", "probe", "encoder"]].to_numpy())) == {
        ("random", "linear", "wrap")
    }
    assert main(["tables", "--out", run, "--species", str(small.out)]) == 0
    table = (tmp_path / "run/tables/leaderboard.random.linear.md").read_text()
    assert "iNaturalist 2018" in table


def test_a_column_that_no_board_can_have_is_refused(
    small: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = replace(small, features=())
    assert evaluate_species(alone, QUICK) == 0
    run = str(tmp_path / "run")
    sb.evaluate(
        "wrap", tasks="median_income", splits=["random", "blocks.5"], out=run, progress=False
    )
    board = ["leaderboard", "--out", run, "--species", str(small.out)]
    for options, words in (
        (["--way", "product"], "has no scores of the way 'product'"),
        (["--split", "blocks.5"], "of split 'random' and probe 'linear' alone"),
        (["--species", str(tmp_path / "nothing")], "there are no records in"),
    ):
        assert main([*board, *options]) == 2
        assert words in capsys.readouterr().err
    assert main([*board[:1], "--out", str(small.out), *board[3:]]) == 2
    assert "the run has no board of split 'random'" in capsys.readouterr().err


def test_an_encoder_that_raises_costs_the_others_nothing(
    small: Request, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def raises(self: object, lonlat: object) -> None:
        raise BenchError("out of cheese")

    monkeypatch.setattr(Direct, "encode", raises)
    assert evaluate_species(small, QUICK) == 1
    assert "out of cheese" in " ".join(capsys.readouterr().err.split())
    records = Store(small.out).records()
    status = {(r.settings.encoder, r.status, r.reason) for r in records}
    assert status == {
        ("baseline.image", "done", ""),
        ("direct", "failed", "out of cheese"),
        ("wrap", "done", ""),
    }
    assert set(pd.read_parquet(small.out / "species.parquet")["encoder"]) == {"", "wrap"}
    monkeypatch.undo()
    assert evaluate_species(small, QUICK) == 0
