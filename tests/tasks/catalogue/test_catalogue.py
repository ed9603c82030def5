"""Tables of CoordBench and USAVars by name, with made-up files of the described layouts.

None of the real files was ever read.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from satclip_bench import evaluate
from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.commands.download import items_of
from satclip_bench.benchmarks.runs.suites import get_suite
from satclip_bench.benchmarks.runs.wildcards import edition_of, match_tasks, skipped_tasks
from satclip_bench.core.download.cards import HubOrigin
from satclip_bench.core.errors import BenchError, IntegrityError, TaskError, UnknownNameError
from satclip_bench.core.files import CACHE_VARIABLE
from satclip_bench.tasks import (
    CATALOGUES,
    Task,
    TaskCard,
    check_task,
    get_task,
    list_tasks,
    selectable_tasks,
    task_card,
)
from satclip_bench.tasks.catalogue.entries import read_catalogue
from tests.rehearsal import hub_path, redirect, serving
from tests.tasks.catalogue.made_up import ROWS, write_coordbench, write_usavars

EVERY = tuple(name for catalogue in CATALOGUES for name in list_tasks(catalogue))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with made-up files of all tables."""
    made = tmp_path_factory.mktemp("data")
    for name, write in (("coordbench", write_coordbench), ("usavars", write_usavars)):
        (made / name).mkdir()
        write(made / name)
    return made


def place(folder: Path, file: str, frame: pd.DataFrame) -> None:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)


# --- cards ------------------------------------------------------------------------------------


def test_the_numbers_of_coordbench_are_those_of_its_page() -> None:
    """33 tables, 52 data sets (36 with numbers, 16 with classes), 78 targets."""
    tables = read_catalogue("coordbench").tables
    assert len(tables) == len({table.file for table in tables}) == 33
    assert len(list_tasks("coordbench")) == len(set(list_tasks("coordbench"))) == 78
    pdfm, *others = tables
    assert (pdfm.file, pdfm.task_type, len(pdfm.targets)) == ("pdfm_conus27", "regression", 27)
    sets = ["regression", *(table.task_type for table in others for _ in table.targets)]
    assert (sets.count("regression"), sets.count("classification")) == (36, 16)


def test_every_card_has_terms_a_citation_and_a_place() -> None:
    for name in EVERY:
        card = task_card(name)
        assert card.name == name
        assert card.citation
        (edition,) = card.editions.values()
        (source,) = edition.sources
        assert source.licence
        (variant,) = edition.variants
        for file in variant.files:
            assert file.origins, name
            assert file.by_hand, name
            assert ("unclear" in file.licence) == bool(source.licence_unclear), name
        assert (card.metric == "accuracy") == (card.task_type == "classification")
        assert (card.region == "equal-area block") == (card.block_degrees is not None), name


def test_tables_of_unclear_licence_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    unclear = {table.file for table in read_catalogue("coordbench").tables if table.licence_unclear}
    assert unclear == {
        *("pdfm_conus27", "air_temp", "worldclim_bio", "sustainbench", "satclip_country"),
        *("satclip_ecoregion", "satclip_population", "satclip_elevation"),
    }
    assert main(["list", "tasks", "coordbench.soil*,coordbench.worldclim-bio1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if " ? " in line] == ["coordbench.worldclim-bio1"]
    assert main(["info", "coordbench.worldclim-bio1"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "WorldClim: non-commercial use" in shown
    assert "licence unclear passing the values on needs the permission" in shown


# --- names ------------------------------------------------------------------------------------


def test_catalogues_are_listed_in_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "tasks"]) == 0
    shown = capsys.readouterr().out
    assert "coordbench.*: 78 more" in shown
    assert shown.count("coordbench") == 2
    assert main(["list", "tasks", "usavars.*"]) == 0
    assert capsys.readouterr().out.count("usavars.") == 7
    assert main(["info", "coordbench.dm-glanse"]) == 2
    assert "Did you mean 'coordbench.dm-glance'" in capsys.readouterr().err


def test_a_wildcard_selects_tables_of_a_catalogue_only_by_its_name() -> None:
    assert not set(EVERY) & set(selectable_tasks(["*", "b*"]))
    assert len(match_tasks(["coordbench.dm-*"], "paper")) == 15
    assert match_tasks(["usavars.roads,biomes"], "paper") == ("usavars.roads", "biomes")
    assert match_tasks(["coordbench.*,biomes"], "open") == ("biomes",)
    assert len(set(skipped_tasks(["coordbench.*,biomes"], "open").values())) == 1
    assert edition_of([], "open") == edition_of(["biomes,usavars.*"], "open") == "open"
    with pytest.raises(UnknownNameError, match=r"Did you mean 'coordbench.air-temp'"):
        get_task("coordbench.air-tmp", "paper")
    with pytest.raises(TaskError, match="--edition paper"):
        get_task("coordbench.air-temp")


def test_the_suite_has_the_splits_that_a_table_can_be_split_by() -> None:
    blocks = get_suite("coordbench").blocks
    by_split = {block.splits[0]: set(block.tasks) for block in blocks}
    assert by_split["random"] == set(list_tasks("coordbench"))
    assert by_split["random"] - by_split["held-out-region"] == {
        "coordbench.satclip-country",
        "coordbench.satclip-ecoregion",
    }
    assert "coordbench.dm-ethiopia-crops" not in by_split["blocks.10"]
    assert "coordbench.dm-lcmap-lc" in by_split["blocks.10"]


def test_no_entry_is_read_to_start() -> None:
    code = (
        "import sys; from satclip_bench.benchmarks.cli.parser import make_parser; make_parser();"
        "import satclip_bench.tasks, satclip_bench.benchmarks.runs.suites;"
        "sys.exit('satclip_bench.tasks.catalogue.entries' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- tables -----------------------------------------------------------------------------------


def without_rows(name: str) -> TaskCard:
    """The card of a task without its published number of rows."""
    card = task_card(name)
    edition = card.editions["paper"]
    (variant,) = edition.variants
    variants = (variant.model_copy(update={"rows": None}),)
    changed = edition.model_copy(update={"rows": None, "variants": variants})
    return card.model_copy(update={"editions": {"paper": changed}})


def test_every_table_passes_the_contract_of_tasks(folder: Path) -> None:
    for name in EVERY:
        task = Task(without_rows(name), "paper", folder)
        check_task(task)
        (target,) = (
            target
            for table in read_catalogue(name.partition(".")[0]).tables
            for target in table.targets
            if target.name == name.partition(".")[2]
        )
        assert len(task.load()) == ROWS - (target.missing is not None), name


def test_another_number_of_rows_than_the_published_one_is_refused(folder: Path) -> None:
    with pytest.raises(IntegrityError, match="gives 60 rows instead of the expected 3,076"):
        get_task("coordbench.air-temp", "paper", folder).load()


def load(task: str, folder: Path) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    table = get_task(task, "paper", folder).load()
    return table.lonlat, table.target, table.notes


def test_values_are_those_of_the_columns(tmp_path: Path) -> None:
    lonlat = np.array([[-100.0, 40.0], [-90.0, 35.0], [-80.0, 42.0], [-110.0, 33.0]])
    frame = pd.DataFrame(
        {
            "lon": lonlat[:, 0],
            "lat": lonlat[:, 1],
            "Lon": 0.0,
            "population": [-999.0, 0.0, 9.0, np.nan],
        }
    )
    place(tmp_path, "coordbench/usavars_population.parquet", frame)
    points, target, notes = load("coordbench.mosaiks-population", tmp_path)
    assert np.array_equal(points, lonlat[1:3])
    assert target.tolist() == [0.0, pytest.approx(np.log(10))]
    assert notes == ("2 rows without a value left out",)
    place(tmp_path, "usavars/population.csv", frame.drop(columns="Lon"))
    assert load("usavars.population", tmp_path)[1].tolist() == target.tolist()
    names = ("coordbench.mosaiks-population", "usavars.population")
    hashes = {get_task(name, "paper", tmp_path).load().sha256 for name in names}
    assert len(hashes) == 2


def test_classes_are_numbers_and_the_sea_is_left_out(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"lon": [10.0, 100, 20, 30], "lat": [50.0, 60, 5, 0], "label": [10, 2, np.nan, 2]}
    )
    place(tmp_path, "coordbench/dm_glance.parquet", frame)
    table = get_task("coordbench.dm-glance", "paper", tmp_path).load()
    assert table.classes == ("0002", "0010")
    assert table.target.tolist() == [1, 0, 0]
    assert table.notes[-1] == "1 rows without a class left out"
    frame["label"] = [1.5, 2, 3, 4]
    place(tmp_path, "coordbench/dm_glance.parquet", frame)
    with pytest.raises(TaskError, match=r"whole numbers for classes; it has 1\.5"):
        get_task("coordbench.dm-glance", "paper", tmp_path).load()


def test_tables_without_places_take_them_by_id(tmp_path: Path) -> None:
    ids = ["1,1", "1,2", "2,1", "9,9"]
    homes = pd.DataFrame({"ID": ids, "price_per_sqft": [np.exp(1), 1.0, 0.0, 5.0]})
    place(tmp_path, "usavars/housing.csv", homes)
    lights = pd.DataFrame({"ID": ids[:2], "lon": [-100.0, -90], "lat": [40.0, 35], "y": 0})
    roads = pd.DataFrame({"ID": ids[1:3], "lon": [-90.0, -85], "lat": [35.0, 36], "y": 0})
    place(tmp_path, "usavars/nightlights.csv", lights)
    place(tmp_path, "usavars/roads.csv", roads)
    points, target, notes = load("usavars.housing", tmp_path)
    assert points.tolist() == [[-100, 40], [-90, 35]]
    assert target.tolist() == pytest.approx([1, 0])
    assert notes == (
        "1 rows without coordinates left out",
        "1 rows whose value has no logarithm left out",
    )


def test_ids_that_are_numbers_are_joined_as_their_text(tmp_path: Path) -> None:
    # The blank turns the other numbers into floats.
    homes = pd.DataFrame({"ID": [3.0, np.nan, 1], "price_per_sqft": [np.exp(1), 1.0, 1.0]})
    place(tmp_path, "usavars/housing.csv", homes)
    lights = pd.DataFrame({"ID": [1, 3], "lon": [-100.0, -90], "lat": [40.0, 35], "y": 0})
    blank = pd.DataFrame({"ID": ["", "five"], "lon": [-80.0, -70], "lat": [40.0, 35], "y": 0})
    place(tmp_path, "usavars/nightlights.csv", lights)
    place(tmp_path, "usavars/roads.csv", blank)
    points, target, notes = load("usavars.housing", tmp_path)
    assert points.tolist() == [[-90, 35], [-100, 40]]
    assert target.tolist() == pytest.approx([1, 0])
    assert notes == ("1 rows without coordinates left out",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.rename(columns={"meanT": "temperature"}), "should have a column called meanT"),
        (lambda f: f.assign(meanT="warm"), "column 'meanT'"),
        (lambda f: f.drop(columns="lon"), "should have one column called lon"),
        (lambda f: f.assign(lat=[95.0, 1.0]), "latitude"),
        (lambda f: f[:0], "no usable rows"),
    ],
)
def test_tables_that_are_not_as_described_are_refused(
    change: Callable[[pd.DataFrame], pd.DataFrame], words: str, tmp_path: Path
) -> None:
    frame = pd.DataFrame({"lon": [10.0, 20], "lat": [50.0, 5], "meanT": [9.0, 27]})
    place(tmp_path, "coordbench/air_temp.parquet", change(frame))
    with pytest.raises(BenchError, match=words):
        get_task("coordbench.air-temp", "paper", tmp_path).load()


# --- from a hub on this machine to a board ------------------------------------------------------


def test_tables_are_downloaded_verified_and_run(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    names = ["coordbench.dm-lcmap-*", "coordbench.places-asthma", "usavars.income"]
    data = tmp_path / "tables"
    run = ["run", "--tasks", ",".join(names), "--encoders", "wrap", "--data-dir", str(data)]
    assert main([*run, "--out", str(tmp_path / "out")]) == 2
    assert "download coordbench.places-asthma coordbench.dm-lcmap-lc " in capsys.readouterr().err
    with serving() as server:
        redirect(server, monkeypatch)
        items = items_of(names, data)
        assert len(items) == 4 + 1 + 3
        for number, item in enumerate(items):
            # The hub of CoordBench knows the commit, or only the newest revision.
            origin = item.card.origins[-(number % 2)]
            assert isinstance(origin, HubOrigin)
            server.served[hub_path(origin)] = folder / item.card.file
        assert main(["download", *names, "--data-dir", str(data), "--yes"]) == 0
    shown = capsys.readouterr().out
    assert "CC-BY-4.0" in shown
    assert "cite: Brown et al. 2025" in shown
    assert main(["verify", *names, "--data-dir", str(data)]) == 0
    assert "8 good" in capsys.readouterr().out
    frame = evaluate(
        "wrap", tasks=names, data_dir=data, out=tmp_path / "out", progress=False, seeds=(0,)
    )
    assert set(frame["task"]) == set(match_tasks(names, "paper"))
    assert set(frame["edition"]) == {"paper"}
    assert set(frame["status"]) == {"done"}
    assert main(["leaderboard", "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "tables of coordbench · random · probe linear" in shown
    assert "tables of usavars" in shown
