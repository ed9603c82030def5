from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from satclip_bench.core.errors import (
    BenchError,
    CoordinateError,
    IntegrityError,
    TaskError,
    UnknownNameError,
)
from satclip_bench.core.files import sha256_bytes, sha256_file
from satclip_bench.core.sphere import great_circle_km
from satclip_bench.encoders import encoder_card, list_encoders
from satclip_bench.tasks import (
    PAPER_TASKS,
    SHIPPED_TASKS,
    WIDE_TASKS,
    Task,
    TaskTable,
    add_task,
    check_task,
    get_task,
    list_tasks,
    registry,
    task_card,
)
from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.tables import OPEN_EDITION, read_table

OPEN = tuple(name for name in list_tasks() if "open" in task_card(name).editions)


def test_the_papers_nine_tasks_come_first_and_have_cards() -> None:
    assert list_tasks() == (*PAPER_TASKS, *WIDE_TASKS)
    assert len(PAPER_TASKS) == 9
    for name in list_tasks():
        card = task_card(name)
        assert card.name == name
        assert card.citation
        assert bool(card.paper_source) == bool(card.paper_rows) == (name in PAPER_TASKS)
        assert card.editions or card.needs
    assert OPEN == SHIPPED_TASKS


def test_encoders_are_marked_only_with_tasks_that_exist() -> None:
    for name in list_encoders():
        card = encoder_card(name)
        assert set(card.contaminates) <= set(list_tasks())
        assert set(card.recipe_tasks) <= set(list_tasks())


def test_files_that_do_not_ship_have_a_licence_and_a_citation() -> None:
    for name in list_tasks():
        for edition in task_card(name).editions.values():
            for file in (f for v in edition.variants for f in v.files):
                assert file.licence
                assert file.citation, file.file
                assert file.origins or file.by_hand


@pytest.mark.parametrize("name", OPEN)
def test_every_open_table_agrees_with_its_card(name: str) -> None:
    task = get_task(name)
    check_task(task)
    path = OPEN_EDITION / task.edition_card.file
    assert sha256_file(path) == task.edition_card.sha256


def test_the_shipped_tables_are_small() -> None:
    assert sum(p.stat().st_size for p in OPEN_EDITION.glob("*.parquet")) < 6_000_000


@pytest.mark.parametrize("name", OPEN)
def test_provenance_and_cards_agree(name: str) -> None:
    entry = json.loads((OPEN_EDITION / "provenance.json").read_text())["tables"][name]
    edition = task_card(name).editions["open"]
    assert entry["sha256"] == edition.sha256
    assert entry["rows"] == edition.rows
    for source, written in zip(edition.sources, entry["sources"], strict=True):
        assert written["distribution"] == source.distribution
        assert written["licence"] == source.licence
        assert source.licence
        assert source.attribution


UNIFORM = [name for name in OPEN if task_card(name).editions["open"].uniform_draw]


@pytest.mark.parametrize("name", UNIFORM)
def test_global_tables_are_uniform_over_land_with_plausible_continents(name: str) -> None:
    table = get_task(name).load()
    assert table.region is not None
    names = set(table.region.tolist())
    assert names == {"Africa", "Asia", "Europe", "North America", "Oceania", "South America"}
    lon, lat = table.lonlat.T
    africa = table.region == "Africa"
    assert ((lon[africa] > -26) & (lon[africa] < 52) & (np.abs(lat[africa]) < 38)).all()
    south = table.region == "South America"
    assert ((lon[south] > -93) & (lon[south] < -26) & (lat[south] < 14)).all()
    # Of the land without Antarctica, 134 million km2, Africa has 30 and South America 17.8.
    assert africa.mean() == pytest.approx(30.0 / 134, abs=0.015)
    assert south.mean() == pytest.approx(17.8 / 134, abs=0.015)
    # Random points have distinct latitudes; the points of a grid would not.
    assert len(np.unique(lat)) > 9000


@pytest.mark.parametrize(
    ("name", "lon", "lat", "low", "high"),
    [
        ("air_temperature", 13.4, 52.5, 7, 13),
        ("air_temperature", -60.0, -3.0, 24, 29),
        ("air_temperature", 130.0, 67.0, -18, -10),
        ("elevation", 90.0, 32.0, 4000, 5600),
        ("elevation", 5.5, 52.0, -10, 150),
        ("population_density", 88.0, 23.5, 4, 9),
        ("population_density", 10.0, 23.0, 0, 1.5),
        ("median_income", -122.2, 37.4, 40, 63),
        ("california_housing", -122.2, 37.85, 2.5, 5.1),
        # 1,600 to 4,500 mm in the Amazon, less than 25 mm in the Sahara.
        ("precipitation", -62.0, -3.0, 7.4, 8.4),
        ("precipitation", 25.0, 25.0, 0.0, 3.2),
        ("solar_irradiance", 25.0, 22.0, 6, 7.3),
        ("solar_irradiance", -4.0, 56.8, 2, 3.2),
        ("maximum_temperature", 46.0, 31.0, 46, 53),
        ("maximum_temperature", -38.0, 72.0, -5, 15),
        ("wind_speed", -69.0, -48.0, 5.5, 10),
        ("wind_speed", -65.0, -3.0, 0.9, 2.2),
        ("zip_density", -73.95, 40.75, 8, 11),
        ("zip_income", -122.2, 37.4, 120, 250),
        ("airport_elevation", -105.0, 39.7, 1500, 2500),
        ("airport_elevation", 5.0, 52.3, -10, 50),
        ("county_unemployment", -91.2, 32.9, 8, 20),
        ("county_homicide", -90.3, 33.6, 8, 30),
        ("county_density", -74.2, 40.7, 6, 10),
        ("county_density", -107.0, 47.2, -3, 0),
    ],
)
def test_known_places_have_their_known_values(
    name: str, lon: float, lat: float, low: float, high: float
) -> None:
    """Would fail if coordinates were swapped, or rows were shifted against values."""
    table = get_task(name).load()
    place = np.tile([[lon, lat]], (len(table), 1))
    near = np.argsort(great_circle_km(table.lonlat, place))[:3]
    assert low <= np.mean(table.target[near]) <= high


@pytest.mark.parametrize(
    ("name", "lon", "lat", "expected"),
    [
        ("countries", 2.5, 47.0, "FRA"),
        ("countries", 134.0, -25.0, "AUS"),
        ("countries", -100.0, 40.0, "USA"),
        ("biomes", -62.0, -5.0, "Tropical and subtropical moist broadleaf forests"),
        ("biomes", 10.0, 25.0, "Deserts and xeric shrublands"),
        ("biomes", 100.0, 62.0, "Boreal forests and taiga"),
        ("ecoregions", 23.0, -20.5, "Kalahari"),
        ("koppen_geiger", 10.0, 50.0, "Cfb"),
        ("koppen_geiger", 10.0, 24.0, "BWh"),
        ("koppen_geiger", 129.0, 64.0, "Dfd"),
        ("land_cover", -94.0, 42.0, "Croplands"),
        ("degree_of_urbanisation", 31.24, 30.05, "Urban centre"),
        ("degree_of_urbanisation", 15.0, 20.0, "Very-low-density rural"),
        ("land_cover", -40.0, 72.0, "Permanent snow and ice"),
        ("land_cover", -62.0, -5.0, "Evergreen broadleaf forests"),
    ],
)
def test_known_places_have_their_known_classes(
    name: str, lon: float, lat: float, expected: str
) -> None:
    table = get_task(name).load()
    assert table.classes is not None
    near = np.argsort(great_circle_km(table.lonlat, np.tile([[lon, lat]], (len(table), 1))))[:3]
    assert any(expected in table.classes[i] for i in table.target[near].astype(int))


def test_california_housing_has_the_moments_of_scikit_learns_table() -> None:
    """Moments published with the data set: 20,640 rows, mean 2.0686, cap at 5.00001."""
    table = get_task("california_housing").load()
    assert len(table) == 20_640
    assert table.target.mean() == pytest.approx(2.068558, abs=1e-6)
    assert (table.target == 5.00001).sum() == 965
    assert table.lonlat.mean(axis=0) == pytest.approx([-119.569704, 35.631861], abs=1e-5)
    assert set(table.features) == {
        *("MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup")
    }


def test_classes_are_sorted() -> None:
    for name in ("countries", "biomes", "ecoregions", "koppen_geiger", "land_cover"):
        classes = get_task(name).load().classes
        assert classes is not None
        assert list(classes) == sorted(classes)


def test_a_table_cannot_be_changed() -> None:
    table = get_task("median_income").load()
    for array in (table.lonlat, table.target, table.region):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_names_and_editions_that_do_not_exist() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'elevation'"):
        get_task("elevaton")
    with pytest.raises(TaskError, match=r"train2018\.json"):
        get_task("inaturalist")


def test_the_weather_stations_of_the_paper(shared_data: Path, tmp_path: Path) -> None:
    task = get_task("air_temperature", "paper", data_dir=shared_data)
    check_task(task)
    table = task.load()
    assert len(table) == 3076
    assert table.target[0] == pytest.approx(18.025)
    assert table.lonlat[0] == pytest.approx([7.82, 36.83])
    with pytest.raises(TaskError, match=r"air_temperature/stationDataAll\.csv is missing"):
        get_task("air_temperature", "paper", data_dir=tmp_path).load()


# --- tables that contradict their card -------------------------------------------------------

CARD = TaskCard(
    name="toy",
    title="Toy",
    description="",
    task_type="regression",
    target="x",
    unit="1",
    metric="r2",
    extent="global",
    region="continent",
    citation="",
    paper_rows=0,
    paper_source="",
    editions={
        "open": EditionCard(
            rows=4,
            sources=task_card("elevation").editions["open"].sources,
            differs_from_paper="",
            file="toy.parquet",
            target_range=(0, 10),
        )
    },
)


class Fixed(Task):
    """A task with a given table."""

    def __init__(self, table: TaskTable) -> None:
        super().__init__(table.card)
        self.given = table

    def load(self) -> TaskTable:
        return self.given


def toy(**changes: object) -> TaskTable:
    base: dict[str, object] = {
        "card": CARD,
        "edition": "open",
        "lonlat": np.array([[0.0, 0], [1, 1], [2, 2], [3, 3]]),
        "target": np.array([1.0, 2, 3, 4]),
        "sha256": "",
        "region": np.array(["a", "a", "b", "b"]),
    }
    return TaskTable(**(base | changes))  # type: ignore[arg-type]


def test_an_added_task_is_listed_and_returned_for_both_editions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "_added", {})
    task = Fixed(toy())
    add_task(task)
    assert list_tasks()[-1] == "toy"
    assert task_card("toy") is CARD
    assert get_task("toy") is get_task("toy", "paper") is task
    with pytest.raises(BenchError, match="'elevation' exists already"):
        add_task(Task(task_card("elevation")))


def test_an_entry_point_that_is_not_a_card_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._targets, "wrong", "math:pi")
    for load in (task_card, get_task):
        with pytest.raises(TaskError, match=r"'wrong' \(math:pi\) is of type float"):
            load("wrong")


def test_a_task_card_that_says_kind_is_still_read() -> None:
    """Cards in other packages, and in folders of earlier runs, call the task type `kind`."""
    written = json.loads(CARD.model_dump_json())
    assert "kind" not in written
    written["kind"] = written.pop("task_type")
    assert TaskCard.model_validate(written) == CARD


def test_check_task_passes_a_valid_table() -> None:
    check_task(Fixed(toy()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lonlat": np.zeros((3, 2)), "target": np.arange(3.0)}, "3 rows, the card says 4"),
        ({"lonlat": np.array([[0.0, 0], [1, 1], [1, 1], [3, 3]])}, "some points occur twice"),
        ({"target": np.array([1, 2, np.nan, 4])}, "not finite"),
        ({"target": np.array([1, 2, 30.0, 4])}, r"outside 0\.0\.\.10\.0"),
        ({"target": np.ones(4)}, "constant"),
        ({"region": None}, "no continent column"),
        ({"region": np.array(["a", "a", "", "b"])}, "have no continent"),
        ({"region": np.array(["a"] * 4)}, "all points lie in one"),
    ],
)
def test_check_task_finds_every_error(changes: dict[str, object], words: str) -> None:
    with pytest.raises(TaskError, match=words):
        check_task(Fixed(toy(**changes)))


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "elevation.parquet"
    content = bytearray((OPEN_EDITION / "elevation.parquet").read_bytes())
    content[1000] ^= 1
    path.write_bytes(bytes(content))
    card = task_card("elevation")
    with pytest.raises(IntegrityError, match=sha256_bytes(bytes(content))):
        read_table(path, card, "open")
    with pytest.raises(TaskError, match="cannot be read"):
        read_table(tmp_path / "none.parquet", card, "open")


def test_points_off_the_sphere_and_missing_columns_are_refused(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "toy.parquet"
    pd.DataFrame({"lon": [0.0], "lat": [91.0], "target": [1.0]}).to_parquet(path)
    with pytest.raises(CoordinateError, match="row 0"):
        read_table(path, CARD, "open")
    pd.DataFrame({"lon": [0.0], "latitude": [1.0], "target": [1.0]}).to_parquet(path)
    with pytest.raises(TaskError, match="has no column lat"):
        read_table(path, CARD, "open")
