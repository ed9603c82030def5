"""What is said of a user table before anything runs, and which tables are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from satclip_bench.core.errors import TaskError
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
    with pytest.raises(TaskError, match="'day' holds values of type dates"):
        UserTableTask(UserTable(path, "day"))
    with pytest.raises(TaskError, match="'bands' holds values of type ndarray"):
        UserTableTask(UserTable(path, "bands"))
