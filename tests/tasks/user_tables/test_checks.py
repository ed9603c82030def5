"""What is said of a user table before anything runs, and which tables are refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from satclip_bench.core.errors import TaskError
from satclip_bench.tasks.base import TaskTable
from satclip_bench.tasks.user_tables.left_out import rounded_no_data
from satclip_bench.tasks.user_tables.task import UserTable, UserTableTask
from tests.tasks.user_tables.test_table_file import points, write


def notes(frame: pd.DataFrame, path: Path, target: str = "yield") -> str:
    return "\n".join(UserTableTask(UserTable(write(frame, path), target)).load().notes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"yield": 3.0}, "so there is nothing to predict"),
        ({"yield": 2.5}, "every value of 'yield' is 2.5, so there is nothing to predict"),
        ({"yield": "rye"}, "one class of 'yield', 'rye', so there is nothing to predict"),
        ({"yield": [f"field {i}" for i in range(300)]}, "has 300 classes in 300 rows"),
        ({"yield": [f"field {i // 4}" for i in range(300)]}, "at most 4 rows each"),
        ({"lon": 5.0, "lat": 50.0}, "all 300 rows are at one place"),
        ({"lat": 90.0}, "all 300 rows are at one place"),
        ({"yield": [1.5] + [""] * 299}, "only one row has a place and a value"),
        ({"yield": np.linspace(1, 2, 300) * 1e300}, "Their squares cannot be computed"),
        ({"yield": np.linspace(1, 2, 300) * 1e-300}, "Their squares cannot be computed"),
        ({"yield": [1e308, -1e308] * 150}, "Their squares cannot be computed"),
        ({"yield": 1 + np.arange(300) * 1e-15}, "no more than rounding beside 1"),
    ],
)
@pytest.mark.filterwarnings("ignore::satclip_bench.core.sphere.SwappedCoordinatesWarning")
def test_tables_that_cannot_be_scored_are_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = write(points(300).assign(**change), tmp_path / "t.csv")
    with pytest.raises(TaskError) as caught:
        UserTableTask(UserTable(path, "yield"))
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"], "no card is left"


def test_repeated_places_are_counted(tmp_path: Path) -> None:
    once = points(100).drop(columns="split")
    assert "share their place" not in notes(once, tmp_path / "once.csv")
    frame = pd.concat([once, once[:10]], ignore_index=True)
    text = notes(frame, tmp_path / "twice.csv")
    assert "20 of 110 rows share their place with another row (100 places in all)" in text
    assert "blocks.10" in text
    assert "official" not in text


def test_places_in_several_sets_are_counted(tmp_path: Path) -> None:
    frame = pd.concat([points(100)[:50]] * 2, ignore_index=True)
    frame["split"] = ["train"] * 50 + [" Train"] * 20 + ["test"] * 30
    text = notes(frame, tmp_path / "t.csv")
    assert "the column `split` puts 30 places into more than one set (60 rows)" in text


def test_a_pole_is_one_place_for_any_longitude(tmp_path: Path) -> None:
    frame = points(100)
    frame.loc[:3, "lat"] = -90.0
    text = notes(frame, tmp_path / "t.csv")
    assert "4 rows lie at a pole" in text
    assert "4 of 100 rows share their place with another row (97 places in all)" in text


def test_rare_classes_and_numbers_as_classes_are_named(tmp_path: Path) -> None:
    frame = points(300)
    frame.loc[0, "crop"] = "oats"
    assert "1 of 3 classes have fewer than 5 rows" in notes(frame, tmp_path / "t.csv", "crop")
    text = notes(frame, tmp_path / "t.csv", "code")
    assert "the whole numbers of 'code' are taken for 2 classes (3, 4)" in text


def test_values_that_are_neither_numbers_nor_text_are_refused(tmp_path: Path) -> None:
    frame = points(100).assign(
        day=pd.Timestamp("2020-01-01"), bands=pd.Series([np.arange(3)] * 100, dtype=object)
    )
    path = write(frame, tmp_path / "t.parquet")
    with pytest.raises(TaskError, match="'day' holds dates"):
        UserTableTask(UserTable(path, "day"))
    hours = write(frame.assign(wait=pd.Timedelta("3h")), tmp_path / "hours.parquet")
    with pytest.raises(TaskError, match="'wait' holds durations"):
        UserTableTask(UserTable(hours, "wait"))
    with pytest.raises(TaskError, match="'bands' holds values of type ndarray"):
        UserTableTask(UserTable(path, "bands"))


def test_truth_values_are_classes_without_a_remark(tmp_path: Path) -> None:
    path = write(points(100).assign(wet=lambda f: f["lat"] > 50), tmp_path / "t.parquet")
    table = UserTableTask(UserTable(path, "wet")).load()
    assert table.classes == ("False", "True")
    assert not table.notes[1:]
    assert "whole numbers" not in "".join(table.notes)


def test_large_whole_numbers_are_quantities(tmp_path: Path) -> None:
    path = write(points(100).assign(people=[1e20, 2e20] * 50), tmp_path / "t.parquet")
    table = UserTableTask(UserTable(path, "people")).load()
    assert table.classes is None
    assert table.target.max() == 2e20


def test_rows_that_are_left_out_are_counted_by_reason(tmp_path: Path) -> None:
    frame = points(300)
    frame["yield"] = [np.nan, np.inf, -np.inf, -9999.0, -9999.0, *frame["yield"][5:]]
    frame["region"] = [""] * 7 + ["east", "west"] * 146 + [""]
    text = notes(frame, tmp_path / "t.parquet")
    assert "1 row without a target left out" in text
    assert "2 rows with an infinite target left out" in text
    assert "2 rows with -9999, which the card takes for no value, left out" in text
    assert "3 rows without a region left out" in text


def with_no_data(frame: pd.DataFrame, path: Path, numbers: list[float]) -> TaskTable:
    file = UserTable(write(frame, path), "yield")
    UserTableTask(file)
    card = json.loads(file.card_path.read_text())
    file.card_path.write_text(json.dumps(card | {"no_data": numbers}))
    return UserTableTask(file).load()


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, pd.Float32Dtype()])
def test_no_data_is_compared_in_the_type_of_the_column(
    tmp_path: Path, suffix: str, dtype: Any
) -> None:
    frame = points(300)
    frame.loc[:4, "yield"], frame.loc[5:7, "yield"] = -9999.9, 3.0e38
    frame["yield"] = frame["yield"].astype(dtype)
    table = with_no_data(frame, tmp_path / f"t.{suffix}", [-9999.9, 3.0e38, 1e300])
    assert len(table) == 292
    assert table.target.min() > -9999
    assert "5 rows with -9999.9, which the card takes for no value, left out" in table.notes
    unused = [note for note in table.notes if note.startswith("no row has")]
    assert len(unused) == 1
    assert unused[0].startswith("no row has 1e+300, ")


def test_numbers_of_no_data_with_the_same_first_digits_differ(tmp_path: Path) -> None:
    frame = points(300)
    frame.loc[:4, "yield"], frame.loc[5:7, "yield"] = -9999999, -9999998
    table = with_no_data(frame, tmp_path / "t.parquet", [-9999999, -9999998, -5])
    assert table.notes[:2] == (
        "5 rows with -9999999, which the card takes for no value, left out",
        "3 rows with -9999998, which the card takes for no value, left out",
    )
    assert table.notes[2].startswith("no row has -5, which is in no_data of the card")


def test_a_number_to_be_copied_into_no_data_matches(tmp_path: Path) -> None:
    frame = points(300)
    frame.loc[:4, "yield"] = -123456.789
    frame["yield"] = frame["yield"].astype("float32")
    path = tmp_path / "t.parquet"
    shown = re.search(r"rows have (\S+) as", notes(frame, path))
    assert shown is not None
    assert len(with_no_data(frame, path, [float(shown[1])])) == 295


def test_only_tables_whose_rows_may_change_have_another_hash() -> None:
    assert rounded_no_data([-9999.0, -999.0, 1e10]) == rounded_no_data([]) == ""
    assert rounded_no_data([-9999.9])
    assert rounded_no_data([-9999999, -9999998])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"lon": [0.0] * 4 + [5.0] * 96, "lat": [0.0] * 4 + [*range(96)]},
            "4 of 100 rows lie at 0",
        ),
        ({"lon": np.linspace(-3, 3, 100), "lat": np.linspace(-1.5, 1, 100)}, "valid in radians"),
        ({"lon": np.linspace(5, 5.0004, 100), "lat": 50.0}, "within 44 m of each other"),
        ({"yield": pd.date_range("2020-01-01", periods=100).strftime("%Y%m%d")}, "read as dates"),
        ({"yield": [-3.4e38] * 2 + [*range(98)]}, "2 rows have -3.4e+38 as 'yield'"),
        ({"yield": [999] * 3 + [*range(97)]}, "3 rows have 999 as 'yield'"),
        ({"yield": [999, *range(99)]}, ""),
        ({"yield": range(20, 120)}, ""),
    ],
)
def test_doubtful_values_are_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    frame = points(100).drop(columns="split").assign(**change)
    frame["lat"] = frame["lat"].clip(-90, 90)
    text = notes(frame, tmp_path / "t.csv")
    assert words in text
    assert bool(words) == bool(text)
