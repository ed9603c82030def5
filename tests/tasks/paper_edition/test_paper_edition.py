"""Paper editions: the real files if they are available, and made-up files of the same form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from satclip_bench.benchmarks.runs.embeddings import embedding_key
from satclip_bench.core.download.cards import RemoteFile
from satclip_bench.core.download.lock import lock_file
from satclip_bench.core.errors import CoordinateError, IntegrityError, TaskError
from satclip_bench.core.files import sha256_file
from satclip_bench.encoders import get_encoder
from satclip_bench.tasks import OPEN_TASKS, check_task, get_task, task_card
from satclip_bench.tasks.base import TaskCard, Variant
from satclip_bench.tasks.paper_edition.loading import choose_variant, data_folder, load_paper
from satclip_bench.tasks.paper_edition.readers import read_frame
from satclip_bench.tasks.regions import nearest_census_regions, nearest_continents

LAND = np.array([[13.4, 52.5], [139.7, 35.7], [-58.4, -34.6], [25.0, 0.0], [-100.0, 40.0]])


def place(folder: Path, file: str, frame: pd.DataFrame) -> Path:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return path


def unpinned(task: str) -> TaskCard:
    """The card of a task without hashes and numbers of rows."""
    card = task_card(task)
    edition = card.editions["paper"]
    variants = tuple(
        v.model_copy(
            update={
                "rows": None,
                "files": tuple(f.model_copy(update={"sha256": None}) for f in v.files),
            }
        )
        for v in edition.variants
    )
    return card.model_copy(
        update={"editions": {"paper": edition.model_copy(update={"variants": variants})}}
    )


# --- real files -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "rows", "low", "high", "variant"),
    [
        ("air_temperature", 3076, -20, 31, "stations"),
        ("median_income", 3082, 22, 135, "centroids"),
        ("elevation", 53_487, -573, 6521, "mosaiks"),
        ("population_density", 45_704, 0, 11.2, "mosaiks"),
    ],
)
def test_real_files_load(
    shared_data: Path, task: str, rows: int, low: float, high: float, variant: str
) -> None:
    loaded = get_task(task, "paper", shared_data)
    check_task(loaded)
    table = loaded.load()
    assert len(table) == rows
    assert low <= table.target.min() < table.target.max() <= high
    assert table.variant == variant
    assert ("2016" in table.card.target) == (task == "median_income")
    assert bool(table.caveat) == (variant in ("centroids", "mosaiks"))
    assert table.region is not None


def test_known_values_of_the_counties(shared_data: Path) -> None:
    """Household income of 2016 in Autauga County, Alabama, as the file prints it."""
    table = get_task("median_income", "paper", shared_data).load()
    row = np.abs(table.lonlat - [-86.64, 32.53]).sum(axis=1).argmin()
    raw = pd.read_csv(shared_data / "median_income/income.csv", thousands=",")
    assert table.target[row] == raw.set_index("FIPS")["MedianIncome2016"][1001] / 1000
    assert table.region is not None
    assert set(table.region.tolist()) == {"Midwest", "Northeast", "South", "West"}
    assert table.notes == ("3 rows that are incomplete left out",)


def test_both_editions_of_california_housing_are_equal() -> None:
    paper, shipped = (get_task("california_housing", e).load() for e in ("paper", "open"))
    assert paper.sha256 == shipped.sha256
    assert np.array_equal(paper.target, shipped.target)


def test_california_housing_is_what_scikit_learn_fetches(tmp_path: Path) -> None:
    """Compare value by value, using the counts in StatLib's columns behind the shipped averages.

    The counts are whole numbers, and the fetcher's divisions give the averages back. Both would
    fail for a table with other rows, other units or another order. The archive itself is not
    available to the tests.
    """
    import joblib
    from sklearn.datasets import fetch_california_housing

    table = get_task("california_housing", "paper").load()
    f = {name: np.asarray(values) for name, values in table.features.items()}
    households = np.rint(f["Population"] / f["AveOccup"])
    rooms = np.rint(f["AveRooms"] * households)
    bedrooms = np.rint(f["AveBedrms"] * households)
    assert np.abs(f["AveRooms"] * households - rooms).max() < 1e-8
    raw = np.column_stack(
        [
            *(np.rint(table.target * 100_000), f["MedInc"], f["HouseAge"], rooms, bedrooms),
            *(f["Population"], households, table.lonlat[:, 1], table.lonlat[:, 0]),
        ]
    )
    for name in ("cal_housing.pkz", "cal_housing_py3.pkz"):
        joblib.dump(raw, tmp_path / name)
    fetched = fetch_california_housing(data_home=tmp_path, download_if_missing=False)
    assert np.array_equal(fetched.target, table.target)
    for column, name in enumerate(fetched.feature_names[:6]):
        # The shipped averages were once stored as text; they are side features.
        ulp = 2 * name.startswith("Ave")
        np.testing.assert_array_max_ulp(fetched.data[:, column], f[name], maxulp=ulp)
    assert np.array_equal(fetched.data[:, :5:-1], table.lonlat)


# --- files of the same form -------------------------------------------------------------------

FORMS = {
    "elevation": ("elevation/labels_elevation.csv", "elevation", [1.5, 2, 3, 4, np.nan]),
    "population_density": ("population_density/labels_population.csv", "log_population", range(5)),
    "countries": ("countries/lat_lon_country.csv", "country", [12, 3, 0, 3, 7]),
    "biomes": ("ecoregions/lat_lon_ecoregion.csv", "biome_class_index", [4, 11, -1, 4, 0]),
    "ecoregions": ("ecoregions/lat_lon_ecoregion.csv", "ecoregion_class_index", [9, 8, 7, -1, 5]),
}


def form(task: str) -> pd.DataFrame:
    _, column, values = FORMS[task]
    return pd.DataFrame({"Lat": LAND[:, 1], "Lon": LAND[:, 0], column: list(values)})


@pytest.mark.parametrize("task", FORMS)
@pytest.mark.parametrize("hub", [False, True])
def test_tables_of_the_authors_and_of_the_hub_are_read(
    tmp_path: Path, task: str, hub: bool
) -> None:
    card = unpinned(task)
    file = card.editions["paper"].variants[hub].files[0].file
    assert hub or file == FORMS[task][0]
    place(tmp_path, file, form(task))
    table = load_paper(card, tmp_path)
    assert table.variant == ("coordbench" if hub else "authors")
    assert table.caveat == ""
    assert len(table) == (5 if task == "population_density" else 4)
    assert table.region is not None
    assert table.region[0] == "Europe"
    if task == "countries":
        assert table.classes == ("0003", "0007", "0012")
        assert table.target.tolist() == [2, 0, 0, 1]
        assert "1 rows at sea left out" in table.notes
    if task == "elevation":
        assert "1 rows without a value left out" in table.notes


def test_byte_order_marks_and_line_ends_of_other_systems(tmp_path: Path) -> None:
    card, plain = unpinned("elevation"), form("elevation").to_csv(index=False)
    tables = []
    for number, content in enumerate(
        (plain.encode(), b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode())
    ):
        path = tmp_path / str(number) / "elevation/labels_elevation.csv"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        tables.append(load_paper(card, tmp_path / str(number)))
    assert np.array_equal(tables[0].target, tables[1].target)
    assert np.array_equal(tables[0].lonlat, tables[1].lonlat)


def test_swapped_columns_are_refused_and_repeated_points_counted(tmp_path: Path) -> None:
    card, good = unpinned("elevation"), form("elevation")
    swapped = good.rename(columns={"Lat": "Lon", "Lon": "Lat"})
    place(tmp_path, "elevation/labels_elevation.csv", swapped)
    with pytest.raises(CoordinateError, match=r"labels_elevation\.csv: .*90 degrees of latitude"):
        load_paper(card, tmp_path)
    polar = pd.DataFrame({"Lat": [70.0, 80, 89], "Lon": [1.0, 2, 3], "elevation": [1.0, 2, 3]})
    place(tmp_path, "elevation/labels_elevation.csv", polar)
    with pytest.raises(CoordinateError, match="would not if the columns were swapped"):
        load_paper(card, tmp_path)
    place(tmp_path, "elevation/labels_elevation.csv", pd.concat([good[:3], good[:2]]))
    table = load_paper(card, tmp_path)
    assert len(table) == 5
    assert "2 rows repeat the point of another row, and are kept" in table.notes


def test_points_in_antarctica_get_that_region(tmp_path: Path) -> None:
    south = pd.DataFrame({"Lat": [-75.0, -20, 52], "Lon": [0.0, 25, 13], "elevation": [1.0, 2, 3]})
    place(tmp_path, "elevation/labels_elevation.csv", south)
    region = load_paper(unpinned("elevation"), tmp_path).region
    assert region is not None
    assert region.tolist() == ["Antarctica", "Africa", "Europe"]


def test_files_have_mirrors_or_are_placed_by_hand() -> None:
    """Every file has mirrors or instructions; addresses are pinned to a version."""
    for task in OPEN_TASKS:
        for variant in task_card(task).editions["paper"].variants:
            for file in variant.files:
                assert file.by_hand, file.file
                assert file.licence
                assert len(file.origins) != 1, f"{file.file} has one mirror only"
                for origin in file.origins:
                    assert "/master/" not in origin.address
                    assert "/main/" not in origin.address


def test_errors_of_bad_tables_name_the_problem(tmp_path: Path) -> None:
    card, good = unpinned("elevation"), form("elevation")
    path = place(tmp_path, "elevation/labels_elevation.csv", good.rename(columns={"Lon": "long"}))
    with pytest.raises(
        TaskError, match=r"should have one column called lon or longitude.*it has Lat, l"
    ):
        load_paper(card, tmp_path)
    place(tmp_path, "elevation/labels_elevation.csv", good.assign(Lat=91.0))
    with pytest.raises(CoordinateError):
        load_paper(card, tmp_path)
    place(tmp_path, "elevation/labels_elevation.csv", good.assign(elevation=np.nan))
    with pytest.raises(TaskError, match="no usable rows"):
        load_paper(card, tmp_path)
    place(tmp_path, "elevation/labels_elevation.csv", good.assign(elevation="high"))
    with pytest.raises(TaskError, match="column 'elevation'"):
        load_paper(card, tmp_path)
    path.write_text("\n <!DOCTYPE html><html>Quota exceeded</html>")
    with pytest.raises(TaskError, match="not a table: a web page came in place of the file"):
        load_paper(card, tmp_path)
    path.write_text("<table><tr><td>lon</td></tr></table>")
    with pytest.raises(TaskError, match="not a table: a web page came in place of the file"):
        load_paper(card, tmp_path)
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(TaskError, match="not a table: a Git LFS pointer came in place of the file"):
        load_paper(card, tmp_path)
    path.write_bytes(b"")
    with pytest.raises(TaskError, match="cannot be read as a table"):
        load_paper(card, tmp_path)


def test_another_file_or_a_truncated_file_is_refused(tmp_path: Path) -> None:
    place(tmp_path, "elevation/labels_elevation.csv", form("elevation"))
    with pytest.raises(IntegrityError, match="should be 32d38799"):
        get_task("elevation", "paper", tmp_path).load()
    place(tmp_path, "countries/lat_lon_country.csv", form("countries"))
    with pytest.raises(IntegrityError, match="gives 4 rows instead of the expected 33,053"):
        get_task("countries", "paper", tmp_path).load()


def test_missing_files_are_named_with_instructions(tmp_path: Path) -> None:
    for task in OPEN_TASKS:
        card = task_card(task)
        if card.editions["paper"].variants:
            with pytest.raises(TaskError, match=f"the paper edition of '{task}' is not in"):
                choose_variant(card, tmp_path)
    with pytest.raises(TaskError, match=r"labels_elevation\.csv.*Google Drive"):
        choose_variant(task_card("elevation"), tmp_path)


def counties(folder: Path) -> None:
    fips = [1001, 1003, 36061, 2020]
    place(
        folder, "median_income/education.csv", pd.DataFrame({"FIPS": fips, "BachelorRate2016": 1})
    )
    place(
        folder,
        "median_income/election.csv",
        pd.DataFrame({"fips_code": fips, "dem_2016": 1, "gop_2016": [1, np.nan, 1, 1]}),
    )
    place(
        folder,
        "median_income/income.csv",
        pd.DataFrame({"FIPS": fips, "MedianIncome2016": ["54,487", "1", "75,513", "2"]}),
    )
    rates = {"R_birth_2016": 1, "R_death_2016": 1, "R_NET_MIG_2016": 1}
    zero = [f"{f:05d}" for f in fips]
    place(folder, "median_income/population.csv", pd.DataFrame({"FIPS": zero} | rates))
    place(
        folder,
        "median_income/unemployment.csv",
        pd.DataFrame({"FIPS": fips, "Unemployment_rate_2016": 5.0}),
    )
    rows = ["USPS\tGEOID\tNAME\tINTPTLAT\tINTPTLONG                          "]
    rows += ["AL\t01001\tAutauga\t32.5\t-86.6  ", "AL\t01003\tBaldwin\t30.7\t-87.7 "]
    rows += ["NY\t36061\tNew York\t40.8\t-74.0", "AK\t02020\tAnchorage\t61.2\t-149.1"]
    (folder / "median_income/2020_Gaz_counties_national.txt").write_text("\n".join(rows) + "\n")


def test_counties_are_joined_as_in_satclips_code(tmp_path: Path) -> None:
    """One county is incomplete and one is in Alaska; numbers have commas, codes leading zeros."""
    counties(tmp_path)
    table = load_paper(unpinned("median_income"), tmp_path)
    assert table.variant == "gazetteer"
    assert table.caveat == ""
    assert table.target.tolist() == [54.487, 75.513]
    assert table.lonlat.tolist() == [[-86.6, 32.5], [-74.0, 40.8]]
    assert table.region is not None
    assert table.region.tolist() == ["South", "Northeast"]
    assert table.notes == (
        "1 rows that are incomplete left out",
        "1 rows outside the contiguous states left out",
    )
    twice = pd.read_csv(tmp_path / "median_income/income.csv")
    place(tmp_path, "median_income/income.csv", pd.concat([twice, twice[:1]]))
    with pytest.raises(TaskError, match="has a county more than once"):
        load_paper(unpinned("median_income"), tmp_path)


def test_regions_of_any_point() -> None:
    continents, doubtful = nearest_continents(np.concatenate([LAND, [[-140.0, -40.0]]]))
    assert continents[:4].tolist() == ["Europe", "Asia", "South America", "Africa"]
    assert doubtful >= 1, "the middle of the Pacific is far from any reference point"
    assert nearest_census_regions(np.array([[-74.0, 40.7], [-118.2, 34.1]])).tolist() == [
        "Northeast",
        "West",
    ]


def test_the_default_data_folder_is_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATCLIP_BENCH_CACHE", str(tmp_path))
    assert data_folder(None) == tmp_path / "data"
    place(tmp_path, "data/countries/none.csv", form("countries"))
    with pytest.raises(TaskError, match="download countries"):
        get_task("countries", "paper").load()


def test_column_names_are_stripped(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(" FIPS , x\n00001,2\n")
    assert list(read_frame(path).columns) == ["FIPS", "x"]


def test_a_table_that_changed_since_it_was_downloaded_is_refused(tmp_path: Path) -> None:
    card = unpinned("countries")
    path = place(tmp_path, "countries/lat_lon_country.csv", form("countries"))
    lock_file(tmp_path, "countries/lat_lon_country.csv", sha256_file(path), "somewhere")
    assert len(load_paper(card, tmp_path)) == 4
    place(tmp_path, "countries/lat_lon_country.csv", form("countries").iloc[:4])
    with pytest.raises(IntegrityError, match="has changed: its first download, from somewhere,"):
        load_paper(card, tmp_path)


READERS = """
import pandas as pd
from satclip_bench.tasks.paper_edition.readers import ReaderResult
def read(paths, name, factor=1):
    rows = pd.read_csv(paths[0]).dropna(subset=[name]).reset_index(drop=True)
    return ReaderResult(rows.assign(target=factor * rows[name])[["lon", "lat", "target"]], {})
def clay(paths): return read(paths, "clay")
def sand(paths): return read(paths, "sand")
def tenfold(paths): return read(paths, "clay", 10)
"""


def test_readers_of_other_packages_give_tables_with_hashes_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file can have several tables, and a reader can change without a version."""
    (tmp_path / "soil_readers.py").write_text(READERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(-50, 50, (2, 300))
    clay, sand = rng.normal(size=(2, 300))
    clay[:100] = sand[-100:] = np.nan
    frame = pd.DataFrame({"lon": lon, "lat": lat, "clay": clay, "sand": sand})
    place(tmp_path, "soil/points.csv", frame)
    card = unpinned("elevation")
    tables = {}
    for reader in ("clay", "sand", "tenfold"):
        variant = Variant(
            name="release",
            files=(RemoteFile(file="soil/points.csv", sha256=None, licence="CC0", by_hand="Ask."),),
            reader=f"soil_readers:{reader}",
        )
        edition = card.editions["paper"].model_copy(update={"variants": (variant,)})
        own = card.model_copy(update={"editions": {**card.editions, "paper": edition}})
        tables[reader] = load_paper(own, tmp_path)
        assert load_paper(own, tmp_path).sha256 == tables[reader].sha256
    assert len({table.sha256 for table in tables.values()}) == 3
    encoder = get_encoder("wrap")
    assert len({embedding_key(encoder, table) for table in tables.values()}) == 3
    # Also if two tables had one hash, as two of one file have whose reader is the suite's own.
    same = [replace(table, sha256="0") for table in tables.values()]
    keys = [embedding_key(encoder, table) for table in same]
    assert (keys[0] == keys[2], keys[0] == keys[1]) == (True, False)
