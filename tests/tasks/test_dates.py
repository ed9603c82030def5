"""Dates of rows: forms that are read, compared with the standard library, and those refused."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satclip_bench.core.dates import Dates
from satclip_bench.core.errors import TaskError
from satclip_bench.tasks import check_task
from satclip_bench.tasks.dates import read_dates
from satclip_bench.tasks.user_tables.task import UserTable, UserTableTask
from tests.tasks.user_tables.test_table_file import points, write

DAYS = st.lists(st.dates(datetime.date(1800, 1, 1), datetime.date(2200, 12, 31)), min_size=1)


def times(values: Any) -> dict[str, list[int]]:
    dates = read_dates(pd.Series(values, name="day"), "t.csv")
    assert dates.column == "day"
    return {unit: array.tolist() for unit, array in dates.times.items()}


@settings(max_examples=25, deadline=None)
@given(DAYS)
def test_days_have_months_and_years_in_every_form(days: list[datetime.date]) -> None:
    expected = {"month": [day.month for day in days], "year": [day.year for day in days]}
    assert times(days) == expected
    assert times([day.isoformat() for day in days]) == expected
    assert times([f" {day.isoformat()}T23:59:59+02:00" for day in days]) == expected
    assert times([f"{day:%Y-%m}" for day in days]) == expected
    assert times([f"{day.isoformat().replace('-', '/')} 00:00:00" for day in days]) == expected
    assert times(pd.Categorical([day.isoformat() for day in days])) == expected
    assert times(pd.Series(days, dtype="datetime64[s]")) == expected
    assert times(pd.Series(days, dtype="datetime64[s]").dt.tz_localize("UTC")) == expected


@pytest.mark.parametrize("convert", [int, float, Decimal, np.int16])
def test_numbers_are_months_or_years(convert: Any) -> None:
    assert times([convert(n) for n in (1, 12, 7)]) == {"month": [1, 12, 7]}
    assert times([convert(n) for n in (1800, 2200, 2024)]) == {"year": [1800, 2200, 2024]}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["2024-01-01", None, "2024-01-02"], "no date in 1 of 3 rows, such as row 1"),
        (["2024-01-01", " n/a", ""], "no date in 2 of 3 rows, such as row 1"),
        ([3, None, 4], "no date in 1 of 3 rows, such as row 1"),
        ([pd.Timestamp("2024-01-01"), pd.NaT], "no date in 1 of 2 rows"),
        ([1, 12, 13], "has 13 in row 2, which is neither a month from 1 to 12 nor a year"),
        ([0, 1], "has 0 in row 0, which is neither"),
        ([1.5, 2], "has 1.5 in row 0, which is neither"),
        ([20240131, 20240201], "has 20240131 in row 0, which is neither"),
        ([float("inf"), 3], "has inf in row 0, which is neither"),
        ([3, 1999], "both months, such as 3 in row 0, and years, such as 1999 in row 1"),
        (["2024-01-01", "2024-02"], "both days, such as '2024-01-01' in row 0, and months"),
        (["2024-01-01", "2024-13-01"], "'2024-13-01' in row 1, a date that does not exist"),
        (["2024-01", "2024-00"], "'2024-00' in row 1, a date that does not exist"),
        (["2023-02-28", "2023-02-29"], "'2023-02-29' in row 1, a date that does not exist"),
        (["2024-01-01", "31/01/2024"], "'31/01/2024' in row 1, which cannot be read as a date"),
        (["2024/01/01", "2024/02/30"], "'2024/02/30' in row 1, a date that does not exist"),
        (["2024/01", "2024/02"], "'2024/01' in row 0, which cannot be read as a date"),
        (["\uff12024-01-01"], "which cannot be read as a date"),
        (["2024-01-01", "May"], "'May' in row 1, which cannot be read as a date"),
        (["2024-01-01", "2024-01-01\n2"], "which cannot be read as a date"),
        (["1066-10-14"], "has the year 1066 in row 0, outside of 1800 to 2200"),
        ([True, False], "holds true and false, not dates"),
        ([[2024], [2025]], "cannot be read as a date"),
    ],
)
def test_what_is_no_date_is_refused_with_its_row(values: list[Any], words: str) -> None:
    with pytest.raises(TaskError) as caught:
        times(values)
    message = str(caught.value)
    assert words in message
    assert "t.csv: the column 'day', which gives the dates," in message


@pytest.mark.parametrize("suffix", ["csv", "parquet", "geojson"])
def test_a_user_table_has_the_dates_of_the_column_that_its_card_names(
    tmp_path: Path, suffix: str
) -> None:
    frame = points(300)
    days = pd.date_range("1999-12-20", periods=300, freq="D")
    frame = frame.assign(seen=days.strftime("%Y-%m-%d"))
    frame.loc[[3, 5], "yield"] = np.nan
    file = UserTable(write(frame, tmp_path / f"t.{suffix}"), "yield")
    undated = UserTableTask(file)
    assert undated.load().dates is None
    name_dates(file, "seen")
    task = UserTableTask(file)
    check_task(task)
    dates = task.load().dates
    assert isinstance(dates, Dates)
    kept = days.delete([3, 5])
    assert dates.times["month"].tolist() == kept.month.tolist()
    assert dates.times["year"].tolist() == kept.year.tolist()
    assert task.load().sha256 != undated.load().sha256


def test_rows_of_messages_are_those_of_the_file(tmp_path: Path) -> None:
    frame = points(300).assign(seen=2020)
    frame.loc[:9, "yield"] = np.nan
    frame.loc[2, "seen"], frame.loc[20, "seen"] = 77, 78
    file = UserTable(write(frame, tmp_path / "t.csv"), "yield")
    UserTableTask(file)
    name_dates(file, "seen")
    with pytest.raises(TaskError, match="has 78 in row 20, which is neither a month"):
        UserTableTask(file).load()
    name_dates(file, "gone")
    with pytest.raises(TaskError, match="has no column 'gone', which its card names"):
        UserTableTask(file).load()


def name_dates(file: UserTable, column: str) -> None:
    content = json.loads(file.card_path.read_bytes())
    file.card_path.write_text(json.dumps(content | {"date_column": column}))
