"""User tables as tasks: every file format, the card that is made, and edited cards."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from satclip_bench.benchmarks.splits import get_split
from satclip_bench.benchmarks.splits.base import SplitInputs
from satclip_bench.core.errors import BenchError, CoordinateError, IntegrityError, TaskError
from satclip_bench.tasks import check_task, get_task, list_tasks, registry, task_card
from satclip_bench.tasks.open_edition.tables import OPEN_EDITION
from satclip_bench.tasks.user_tables.task import MissingTableTask, UserTable, UserTableTask


def points(rows: int = 800, seed: int = 0) -> pd.DataFrame:
    """A table in CoordBench's schema, in central Europe."""
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(5, 15, rows), rng.uniform(45, 55, rows)
    return pd.DataFrame(
        {
            "lon": lon,
            "lat": lat,
            "split": np.where(rng.random(rows) < 0.8, "train", "test"),
            "yield": np.sin(lon) + lat / 10,
            "crop": np.where(lat > 50, "rye", "maize"),
            "code": (lat > 50).astype(int) + 3,
        }
    )


def write(frame: pd.DataFrame, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        places = gpd.points_from_xy(frame["lon"], frame["lat"], crs="EPSG:4326")
        whole = gpd.GeoDataFrame(frame.drop(columns=["lon", "lat"]), geometry=places)
        # GeoJSON has longitudes and latitudes; a GeoPackage may have any CRS.
        (whole if path.suffix == ".geojson" else whole.to_crs("EPSG:3035")).to_file(path)
    return path


@pytest.mark.parametrize("suffix", ["parquet", "csv", "gpkg", "geojson"])
@pytest.mark.parametrize("target", ["yield", "crop", "code"])
def test_every_format_gives_the_same_table(tmp_path: Path, suffix: str, target: str) -> None:
    frame = points()
    task = UserTableTask(UserTable(write(frame, tmp_path / f"farms.{suffix}"), target))
    check_task(task)
    table = task.load()
    assert table.lonlat == pytest.approx(frame[["lon", "lat"]].to_numpy(), abs=1e-7)
    assert table.features["split"].tolist() == frame["split"].tolist()
    assert table.card.name == f"farms.{target}"
    if target == "yield":
        assert table.target == pytest.approx(frame["yield"].to_numpy(), abs=1e-12)
    else:
        assert table.classes == (("maize", "rye") if target == "crop" else ("3", "4"))
        assert np.array_equal(table.target, frame["lat"].to_numpy() > 50)


def test_the_card_is_made_once_and_may_be_edited(tmp_path: Path) -> None:
    file = UserTable(write(points(), tmp_path / "farms.parquet"), "code")
    first = UserTableTask(file)
    assert first.made
    assert file.card_path == tmp_path / "farms.code.card.json"
    before = first.load()
    entries = json.loads(file.card_path.read_bytes())
    assert entries["task_type"] == "classification"
    entries |= {"task_type": "regression", "unit": "tons", "title": "Tons", "licence": "CC0-1.0"}
    file.card_path.write_text(json.dumps(entries))
    again = UserTableTask(file)
    assert not again.made
    check_task(again)
    table = again.load()
    assert (table.card.task_type, table.card.unit, table.card.title) == (
        "regression",
        "tons",
        "Tons",
    )
    assert table.card.editions["open"].sources[0].licence == "CC0-1.0"
    assert table.target.tolist() == points()["code"].tolist()
    assert table.sha256 != before.sha256, "another target is another task"
    file.card_path.write_text(json.dumps(entries | {"colour": "red"}))
    with pytest.raises(TaskError, match=r"is not a valid card of a user table.*colour"):
        UserTableTask(file)


def test_a_card_that_says_kind_is_still_read(tmp_path: Path) -> None:
    """Cards written by earlier versions call the task type `kind`."""
    file = UserTable(write(points(), tmp_path / "farms.csv"), "code")
    before = UserTableTask(file).load()
    card = json.loads(file.card_path.read_bytes())
    assert "kind" not in card
    earlier = {("kind" if name == "task_type" else name): value for name, value in card.items()}
    file.card_path.write_text(json.dumps(earlier))
    task = UserTableTask(file)
    check_task(task)
    assert task.card.task_type == "classification"
    assert task.load().sha256 == before.sha256, "it is the same task"
    file.card_path.write_text(json.dumps(card | {"kind": "regression"}))
    with pytest.raises(TaskError, match="kind: Extra inputs are not permitted"):
        UserTableTask(file)


def test_a_changed_file_is_refused_until_its_card_is_deleted(tmp_path: Path) -> None:
    file = UserTable(write(points(), tmp_path / "farms.csv"), "yield")
    UserTableTask(file).load()
    write(points(seed=1), file.path)
    with pytest.raises(IntegrityError, match="Delete the card to have a new one made"):
        UserTableTask(file).load()
    file.card_path.unlink()
    check_task(UserTableTask(file))


def test_no_data_and_blanks_are_left_out_and_counted(tmp_path: Path) -> None:
    frame = points()
    frame.loc[:4, "yield"] = np.nan
    frame.loc[5:9, "yield"] = -999.0
    task = UserTableTask(UserTable(write(frame, tmp_path / "farms.csv"), "yield"))
    assert task.table_card.no_data == (-999.0,)
    assert len(task.load()) == len(frame) - 10
    assert task.load().notes == (
        "5 rows without a target left out",
        "5 rows with -999, which the card takes for no value, left out",
    )
    check_task(task)
    blanks = frame.assign(code=frame["code"].where(frame.index > 3))
    codes = UserTableTask(UserTable(write(blanks, tmp_path / "blanks.csv"), "code")).load()
    assert codes.classes == ("3", "4"), (
        "class names stay whole numbers although blanks make the column float"
    )


def test_regions_are_a_column_continents_or_blocks(tmp_path: Path) -> None:
    blocks = UserTableTask(UserTable(write(points(), tmp_path / "a.parquet"), "yield"))
    assert blocks.card.region == "equal-area block"
    assert blocks.card.extent == "regional"
    assert blocks.card.block_degrees is not None
    assert blocks.card.block_degrees >= 2
    named = points().assign(region=lambda f: np.where(f["lon"] < 10, "west", "east"))
    column = UserTableTask(UserTable(write(named, tmp_path / "b.parquet"), "yield")).load()
    assert column.region is not None
    assert column.region.tolist() == named["region"].tolist()
    world = get_task("elevation").load()
    frame = pd.DataFrame(world.lonlat[:900], columns=["lon", "lat"]).assign(m=world.target[:900])
    wide = UserTableTask(UserTable(write(frame, tmp_path / "c.parquet"), "m")).load()
    assert wide.card.extent == "global"
    assert wide.region is not None
    assert world.region is not None
    assert wide.region.tolist() == world.region[:900].tolist(), "each is its own nearest point"


@pytest.mark.parametrize("over", [180, 360])
def test_a_small_table_across_the_antimeridian_is_regional(tmp_path: Path, over: float) -> None:
    frame = points(900).assign(lon=lambda f: f["lon"] + 170, lat=lambda f: f["lat"] - 66)
    frame["lon"] = frame["lon"].where(frame["lon"] <= over, frame["lon"] - 360)
    task = UserTableTask(UserTable(write(frame, tmp_path / "fiji.csv"), "yield"))
    assert (task.card.extent, task.card.region) == ("regional", "equal-area block")
    table = task.load()
    inputs = SplitInputs(table.lonlat, table.target, block_degrees=task.card.block_degrees)
    folds = get_split("held-out-region").folds(inputs, seed=0)
    sides = {bool(table.lonlat[fold.test, 0].mean() > 0) for fold in folds}
    assert sides == {True, False}, "regions on both sides are tested"


def test_errors_name_the_file_and_the_column(tmp_path: Path) -> None:
    path = write(points(), tmp_path / "farms.csv")
    with pytest.raises(TaskError, match=r"no column 'yeild'; it has: .*yield"):
        UserTableTask(UserTable(path, "yeild"))
    with pytest.raises(BenchError, match="there is no file"):
        UserTableTask(UserTable(tmp_path / "none.csv", "yield"))
    with pytest.raises(CoordinateError, match="beyond 90 degrees"):
        UserTableTask(UserTable(write(points().assign(lat=95.0), tmp_path / "off.csv"), "yield"))
    empty = UserTable(write(points().assign(x=np.nan), tmp_path / "empty.csv"), "x")
    with pytest.raises(TaskError, match="no row has a value of 'x'"):
        UserTableTask(empty).load()
    crops = UserTable(path, "crop")
    UserTableTask(crops)
    entries = json.loads(crops.card_path.read_bytes()) | {"task_type": "regression"}
    crops.card_path.write_text(json.dumps(entries))
    with pytest.raises(TaskError, match="a regression needs numbers"):
        UserTableTask(crops).load()


def test_a_file_called_data_is_named_after_its_folder(tmp_path: Path) -> None:
    """CoordBench's files are data/<config>/data.parquet."""
    path = write(points(), tmp_path / "satclip_elevation/data.parquet")
    assert UserTableTask(UserTable(path, "yield")).card.name == "satclip_elevation.yield"


def test_a_shipped_table_can_be_used_as_a_user_table(tmp_path: Path) -> None:
    path = tmp_path / "biomes.parquet"
    path.write_bytes((OPEN_EDITION / "biomes.parquet").read_bytes())
    table, shipped = UserTableTask(UserTable(path, "target")).load(), get_task("biomes").load()
    assert table.classes == shipped.classes
    assert np.array_equal(table.target, shipped.target)
    assert table.region is not None
    assert shipped.region is not None
    assert np.array_equal(table.region, shipped.region)


def test_the_error_of_a_missing_table_says_where_it_was(tmp_path: Path) -> None:
    file = UserTable(write(points(), tmp_path / "farms.csv"), "yield")
    card = UserTableTask(file).load().card
    with pytest.raises(TaskError, match=r"no longer at .*farms\.csv"):
        MissingTableTask(file, card).load()


def test_a_registered_name_cannot_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_added", {})
    with pytest.raises(BenchError, match="'elevation' exists already"):
        registry.add("elevation", task_card("biomes"))
    assert list_tasks().count("elevation") == 1
    with pytest.raises(BenchError, match=r"'usavars\.treecover' exists already"):
        registry.add("usavars.treecover", task_card("biomes"))
    with pytest.raises(BenchError, match="'usavars' exists already"):
        registry.add("usavars", task_card("biomes"))
    # A table of that name with another column takes the place of no task.
    registry.add("usavars.my-column", task_card("biomes"))
