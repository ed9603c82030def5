"""Reads the rows of a user table, and the numbers or classes of its target."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from satclip_bench.core.errors import CoordinateError, TaskError
from satclip_bench.core.point_files import open_points
from satclip_bench.core.points import shown_names
from satclip_bench.core.sphere import check_lonlat
from satclip_bench.core.text_tables import NULL_TOKENS
from satclip_bench.tasks.user_tables.file import UserTable

if TYPE_CHECKING:
    import pandas as pd

BATCH_SIZE = 1_000_000
"""Number of rows read at a time."""

READER_VERSION = 2
"""Version of the rules in this module. Raise it when they give other values for the same file."""

MOSTLY = 0.5
"""Share of a text column above which it is taken for damaged numbers, or for dates."""

NUMBER_LIKE = re.compile(
    r"[<>~≈]?\s*[$€£]?\s*[+\-\u2212]?\s*"
    r"(\d+|\d{1,3}([., '\u00a0\u202f]\d{3})+)?([.,]\d*)?([eE][+-]?\d+)?\s*[%‰°$€£*]?"
)
"""Text that means a number to a human reader, with any decimal and thousands separators."""

NOT_OF_NUMBERS = re.compile(r"[<>~≈%‰°$€£*]")
"""Signs and units beside such a number."""

DATE_LIKE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})([ T].*)?"
)


class Rows(NamedTuple):
    """Rows of a user table that have a place.

    Attributes:
        frame: columns lon and lat, valid, and those that were asked for, with text that consists
            of numbers converted to numbers; its index is the number of the row in the file, counted
            from 0.
        decimal: decimal point of the numbers in a text file, `.` or `,`.
        notes: what happened to rows.
    """

    frame: pd.DataFrame
    decimal: str
    notes: tuple[str, ...]


def read_rows(file: UserTable, *names: str) -> Rows:
    """Read the coordinates, the target and some other columns of a user table.

    Rows without a place are left out and counted. A table can have thousands of columns, so that
    those that nobody uses are not converted.

    Args:
        file: the table and its target column.
        names: names of other columns; those that do not exist are ignored.

    Raises:
        BenchError: the file cannot be read.
        TaskError: the target column is missing, or no row has a place.
        CoordinateError: some points are not on the sphere.
    """
    import pandas as pd

    frames = []
    options = file.options
    with open_points(
        file.path, BATCH_SIZE, options.lon, options.lat, sep=options.sep, layer=options.layer
    ) as points:
        decimal = points.decimal
        for batch in points.batches:
            present = batch.columns.column_names
            if file.target not in present:
                raise TaskError(
                    f"{file.path} has no column {file.target!r}; it has: "
                    f"{shown_names(present, file.target, limit=20)}"
                )
            used = dict.fromkeys(n for n in (file.target, *names) if n in present)
            others = batch.columns.select([n for n in used if n not in ("lon", "lat")]).to_pandas()
            if others.index.names != [None]:
                # A column that was the index of a data frame is one again.
                others = others.reset_index()
            lonlat = pd.DataFrame(batch.lonlat, columns=["lon", "lat"], index=others.index)
            frames.append(pd.concat([lonlat, others], axis=1))
    if not frames or not sum(map(len, frames)):
        raise TaskError(f"{file.path} has no rows")
    whole, notes = _with_places(pd.concat(frames, ignore_index=True), file.path)
    return Rows(whole.apply(_as_numbers, decimal=decimal), decimal, notes)


def _with_places(frame: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows that have a place, with valid coordinates, and a note about the others."""
    lonlat = frame[["lon", "lat"]].to_numpy(np.float64, copy=True)
    missing = np.isnan(lonlat).any(axis=1)
    if missing.all():
        raise TaskError(f"{path}: no row has a longitude and a latitude")
    # A point that is valid stands in for missing ones, so that messages count all rows.
    usable = np.isfinite(lonlat).all(axis=1) & (np.abs(lonlat[:, 1]) <= 90)
    lonlat[missing] = lonlat[usable][0] if usable.any() else 0.0
    try:
        valid = check_lonlat(lonlat)
    except CoordinateError as error:
        raise CoordinateError(f"{path}: {error}") from error
    frame = frame.assign(lon=valid[:, 0], lat=valid[:, 1])[~missing]
    if not missing.any():
        return frame, ()
    rows = np.flatnonzero(missing)
    shown = ", ".join(map(str, rows[:3])) + (", ..." if len(rows) > 3 else "")
    return frame, (f"{path.name}: {count(len(rows))} without a place left out (rows {shown})",)


def count(rows: int) -> str:
    """A number of rows in words.

    >>> count(1), count(1200)
    ('1 row', '1,200 rows')
    """
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _as_numbers(column: Any, decimal: str) -> Any:
    """A text column as numbers if all its values but blanks are numbers, else the column."""
    import pandas as pd

    if not (pd.api.types.is_string_dtype(column) or column.dtype == object):
        return column
    filled = column.replace(r"^\s*$", np.nan, regex=True)
    if decimal == "," and filled.astype("str").str.contains(".", regex=False, na=False).any():
        # Points among decimal commas separate thousands: 1.234 would be read as a little over 1.
        return filled
    try:
        numbers = pd.to_numeric(filled)
    except (TypeError, ValueError):
        return filled
    return numbers if pd.api.types.is_numeric_dtype(numbers) else filled


def target_values(
    column: Any, where: str, decimal: str, *, text_is_classes: bool = False
) -> tuple[Any, str]:
    """Numbers or classes of a target column, and a note about texts that mean "no value".

    Args:
        column: values of the column, as from `read_rows`.
        where: name of the file, for error messages.
        decimal: decimal point of numbers that are text, `.` or `,`.
        text_is_classes: whether text is known to be classes, also where most of it are numbers.

    Raises:
        TaskError: most of the text are numbers, but not all, or most are dates; or the values are
            neither numbers nor text. The message names the first cells.
    """
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column):
        return column, ""
    values = column.dropna()
    if not pd.api.types.is_string_dtype(values):
        types = {type(value) for value in values}
        if types <= {bool, np.bool_}:
            return column, ""
        if types <= {int, float, Decimal}:
            return column.astype("float64"), ""
        if not types <= {str, int, float, bool}:
            name = {"M": "dates", "m": "durations"}.get(
                column.dtype.kind, f"values of type {values.iloc[0].__class__.__name__}"
            )
            raise TaskError(
                f"{where}: the column {column.name!r} holds {name}, which are neither numbers nor "
                "classes: choose another column, or convert it"
            )
    text = column.where(column.isna(), column.astype(str)).astype("str").str.strip()
    empty = text.str.lower().isin(NULL_TOKENS) | text.isna()
    tokens = text[empty & (text != "") & text.notna()]
    note = ""
    if len(tokens):
        names = ", ".join(repr(token) for token in tokens.unique()[:5])
        cells = "cell" if len(tokens) == 1 else "cells"
        note = f"{len(tokens):,} {cells} of {column.name!r} with {names} read as no value"
    text = text.mask(empty)
    numbers, readable = _numbers(text, decimal)
    if readable.all():
        return numbers, note
    if not text_is_classes:
        _refuse_numbers_in_text(text, readable, where, decimal)
    return text, note


def _numbers(text: Any, decimal: str) -> tuple[Any, Any]:
    """Text as numbers, and which cells of it are numbers or empty."""
    import pandas as pd

    point = text.str.replace(decimal, ".", regex=False)
    if decimal == ",":
        point = point.mask(text.str.contains(".", regex=False, na=False), "a point")
    numbers = pd.to_numeric(point, errors="coerce").astype("float64")
    nothing = text.isna() | text.str.fullmatch("nan", case=False, na=False)
    if (numbers.dropna() % 1 == 0).all() and numbers.notna().all():
        whole = pd.to_numeric(point, errors="coerce")
        numbers = whole if pd.api.types.is_numeric_dtype(whole) else numbers
    return numbers, numbers.notna() | nothing


def _refuse_numbers_in_text(text: Any, readable: Any, where: str, decimal: str) -> None:
    present = text.dropna()
    dates = present.map(lambda cell: DATE_LIKE.fullmatch(cell) is not None)
    if dates.mean() > MOSTLY:
        raise TaskError(
            f"{where}: the column {text.name!r} holds dates, such as {present.iloc[0]!r}: convert "
            "them to numbers, such as the day of the year, or choose another column"
        )
    alike = present.map(_is_number_like)
    if (alike | readable[present.index]).mean() <= MOSTLY:
        return
    bad = text[~readable]
    cells = "; ".join(f"row {row}: {cell!r}" for row, cell in bad.head(3).items())
    more = f"; and {len(bad) - 3:,} more" if len(bad) > 3 else ""
    advice = "Correct these cells, or leave them empty."
    if any("," in cell and _is_number_like(cell) for cell in bad.head(3)):
        advice = (
            "Write numbers with decimal points and without thousands separators. Decimal commas "
            "are read in files whose coordinates have them and whose columns are separated by ';' "
            "or tabs."
        )
    elif decimal == "," and bad.head(3).str.contains(".", regex=False).any():
        advice = "The coordinates have decimal commas, so points are not read as decimal points."
    if readable[present.index].any():
        what = f"most of the column {text.name!r} are numbers, but not these cells"
    else:
        what = f"no cell of the column {text.name!r} is a number, though all look like numbers"
        if present.str.contains(NOT_OF_NUMBERS).all():
            advice = "Write numbers without units and signs such as %."
    raise TaskError(
        f"{where}: {what}: {cells}{more}. {advice} If they are classes, give them names that are "
        "not numbers"
    )


def _is_number_like(cell: str) -> bool:
    return NUMBER_LIKE.fullmatch(cell) is not None and any(c.isdigit() for c in cell)
