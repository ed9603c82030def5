"""Reads the dates of a table's rows out of one of its columns."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.core.dates import RANGES, Dates, TimeUnit
from satclip_bench.core.errors import TaskError
from satclip_bench.core.text_tables import NULL_TOKENS

if TYPE_CHECKING:
    import pandas as pd

TEXT = r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})(?:[T ].*)?)?"
"""Dates as text: a day, with or without a time, or a month of a year, as in ISO 8601."""

SLASHES = r"^([0-9]{4})/([0-9]{2})/([0-9]{2})(?=[T ]|$)"
"""A day as GDAL writes it for a Shapefile, whose dates with a time are text."""

ADVICE = "Write dates as 2024-05-31 or 2024-05, years as 2024, or months as 1 to 12"


def read_dates(column: pd.Series, where: str) -> Dates:
    """Months and years of a column of dates, of text in ISO 8601, of years or of months.

    Whole numbers from 1 to 12 are months, those from 1800 to 2200 are years. All rows have the same
    of these forms. Times of the day and time zones are ignored.

    Args:
        column: values; messages name rows by its index.
        where: name of the file, for messages.

    Raises:
        TaskError: a row has no date, another form than the others, or a date that does not exist.

    >>> import pandas as pd
    >>> dates = read_dates(pd.Series(["2024-02-29", "2023-12-01"], name="day"), "t.csv")
    >>> dates.times["month"].tolist(), dates.times["year"].tolist()
    ([2, 12], [2024, 2023])
    """
    import pandas as pd

    title = f"{where}: the column {column.name!r}, which gives the dates,"
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if not (pd.api.types.is_numeric_dtype(column) or column.dtype.kind == "M"):
        column = column.mask(column.astype(str).str.strip().str.lower().isin(NULL_TOKENS))
    if len(absent := column.index[column.isna()]):
        raise TaskError(
            f"{title} has no date in {len(absent):,} of {len(column):,} rows, such as row "
            f"{absent[0]}: fill them in, or leave these rows out of the file"
        )
    present = {type(value) for value in column} if column.dtype == object else set()
    if present and present <= {int, float, Decimal}:
        column = column.astype("float64")
    if pd.api.types.is_bool_dtype(column) or bool in present:
        raise TaskError(f"{title} holds true and false, not dates")
    if pd.api.types.is_numeric_dtype(column):
        times = _of_numbers(column, title)
    elif column.dtype.kind == "M" or isinstance(column.dtype, pd.DatetimeTZDtype):
        times = {"month": column.dt.month, "year": column.dt.year}
    elif present and all(issubclass(one, datetime.date) for one in present):
        years, months = zip(*((day.year, day.month) for day in column), strict=True)
        times = {"year": pd.Series(years, column.index), "month": pd.Series(months, column.index)}
    else:
        times = _of_text(column, title)
    for unit, values in times.items():
        _require_range(unit, values, title)
    name = str(column.name)
    return Dates(
        name, {unit: values.to_numpy(np.int64, copy=True) for unit, values in times.items()}
    )


def _of_numbers(column: pd.Series, title: str) -> dict[TimeUnit, pd.Series]:
    numbers = column.astype("float64")
    fits = {unit: numbers.between(*limits) & (numbers % 1 == 0) for unit, limits in RANGES.items()}
    for unit, rows in fits.items():
        if rows.all():
            return {unit: numbers}
    neither = column[~(fits["month"] | fits["year"])]
    if len(neither):
        raise TaskError(
            f"{title} has {neither.iloc[0]:.15g} in row {neither.index[0]}, which is neither a "
            f"month from 1 to 12 nor a year from 1800 to 2200. {ADVICE}"
        )
    month, year = column[fits["month"]], column[fits["year"]]
    raise TaskError(
        f"{title} has both months, such as {month.iloc[0]:g} in row {month.index[0]}, and years, "
        f"such as {year.iloc[0]:g} in row {year.index[0]}: give all rows the same"
    )


def _of_text(column: pd.Series, title: str) -> dict[TimeUnit, pd.Series]:
    import pandas as pd

    text = column.astype(str).str.strip()
    parts = text.str.replace(SLASHES, r"\1-\2-\3", regex=True).str.extract(f"^{TEXT}$")
    other = text[parts["year"].isna()]
    if len(other):
        raise TaskError(
            f"{title} has {other.iloc[0]!r:.60} in row {other.index[0]}, which cannot be read as a "
            f"date. {ADVICE}"
        )
    with_day = parts["day"].notna()
    if with_day.any() and not with_day.all():
        day, month = text[with_day], text[~with_day]
        raise TaskError(
            f"{title} has both days, such as {day.iloc[0]!r} in row {day.index[0]}, and months, "
            f"such as {month.iloc[0]!r} in row {month.index[0]}: give all rows the same"
        )
    joined = parts["year"] + "-" + parts["month"] + "-" + parts["day"].fillna("01")
    days = pd.to_datetime(joined, format="%Y-%m-%d", errors="coerce")
    wrong = text[days.isna()]
    if len(wrong):
        raise TaskError(
            f"{title} has {wrong.iloc[0]!r:.60} in row {wrong.index[0]}, a date that does not exist"
        )
    return {"month": days.dt.month, "year": days.dt.year}


def _require_range(unit: TimeUnit, values: pd.Series, title: str) -> None:
    low, high = RANGES[unit]
    wrong = values[~values.between(low, high)]
    if len(wrong):
        raise TaskError(
            f"{title} has the {unit} {wrong.iloc[0]:g} in row {wrong.index[0]}, outside of {low} "
            f"to {high}"
        )
