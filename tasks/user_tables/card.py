"""The card of a user table: made from its values, saved beside it, and editable."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat, field_validator, model_validator

from satclip_bench.core.card import Card
from satclip_bench.core.sphere import equal_area_cells, longitude_span
from satclip_bench.tasks.base import EditionCard, Extent, Source, TaskCard, TaskTypeEntry
from satclip_bench.tasks.user_tables.columns import Rows, target_values
from satclip_bench.tasks.user_tables.file import UserTable, slug

BLOCK_SIDES = (30.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1)
"""Sides in degrees that blocks may have."""
MIN_BLOCK_POINTS = 100
"""Smallest number of points of a block that is held out."""
ENOUGH_BLOCKS = 6
"""Number of such blocks that a side needs; the largest side that has them is chosen."""
MAX_CLASS_CODES = 50
"""A column of whole numbers with at most this many distinct values is taken for class codes."""
MAX_EXACT = 2.0**53
"""Largest number up to which whole numbers are exact in float64; no larger ones are codes."""
NO_DATA_VALUES = (-999.0, -9999.0)
"""Numbers that mean "no value" if they are the smallest of a column."""

MAX_TITLE = 100
"""Largest number of characters of the title that is made for a table."""

TableRegion = Literal["continent", "column", "equal-area block"]


class UserTableCard(Card):
    """Metadata of a user table. It is made from the file, and users may edit every entry."""

    name: str = Field(
        description="name of the task: letters, digits, dots, dashes, underscores",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$",
        max_length=200,
    )
    title: str = Field(min_length=1)
    description: str = ""
    column: str = Field(description="name of the target column")
    task_type: TaskTypeEntry
    unit: str = Field("", description="unit of the target; unused for a classification")
    no_data: tuple[FiniteFloat, ...] = Field((), description='numbers that mean "no value"')
    extent: Extent
    region: TableRegion = Field(
        description="what the split `held-out-region` holds out: continents, taken from the "
        "nearest point of the open edition, the values of `region_column`, or blocks of side "
        "`block_degrees`"
    )
    region_column: str = ""
    block_degrees: float | None = Field(None, ge=0.01, le=180)
    date_column: str = Field(
        "", description="name of the column of dates, years or months; empty for none"
    )
    source: str = ""
    url: str = ""
    licence: str = "unknown"
    citation: str = ""
    sha256: str = Field(description="SHA-256 of the file from which the card was made")

    @field_validator("title")
    @classmethod
    def _has_one_line(cls, title: str) -> str:
        if "\n" in title.strip():
            raise ValueError("a title has one line")
        return title

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.region == "column" and not self.region_column:
            raise ValueError('region is "column", so region_column should name a column')
        if self.region != "column" and self.region_column:
            raise ValueError(
                f'region_column is {self.region_column!r}, so region should be "column"'
            )
        if self.region == "equal-area block" and self.block_degrees is None:
            raise ValueError(
                'region is "equal-area block", so block_degrees should be the side of a block'
            )
        return self


def make_card(file: UserTable, rows: Rows, sha256: str) -> UserTableCard:
    """Make the initial card of a user table from its values.

    Text, and whole numbers with few distinct values, are taken for classes. A table that spans
    more than half of the globe is global. Its regions are the column `region`, if there is one,
    else continents for a global table and blocks for any other.

    Args:
        file: the table and its target column.
        rows: rows of the file.
        sha256: SHA-256 of the file.

    Raises:
        TaskError: the target is neither numbers nor classes.
    """
    import pandas as pd

    frame = rows.frame
    column, _ = target_values(frame[file.target], str(file.path), rows.decimal)
    labelled = column.dropna()
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    whole = numeric and bool(((labelled % 1 == 0) & (labelled.abs() <= MAX_EXACT)).all())
    codes = whole and labelled.nunique() <= min(MAX_CLASS_CODES, len(labelled) // 10)
    finite = labelled[np.isfinite(labelled.astype("float64"))] if numeric else labelled[:0]
    no_data = tuple(v for v in NO_DATA_VALUES if len(finite) and finite.min() == v)
    lonlat = frame[["lon", "lat"]].to_numpy(np.float64)
    extent = initial_extent(lonlat)
    wide = extent == "global"
    has_region = "region" in frame and len(set(frame["region"].dropna().astype(str))) > 1
    region: TableRegion = "column" if has_region else "continent" if wide else "equal-area block"
    return UserTableCard(
        name=f"{slug(file.task_stem)}.{file.target_slug}",
        title=_title(f"{file.task_stem}: {file.target}"),
        column=file.target,
        task_type="regression" if numeric and not codes else "classification",
        no_data=no_data,
        extent=extent,
        region=region,
        region_column="region" if has_region else "",
        block_degrees=initial_block_side(lonlat) if region == "equal-area block" else None,
        source=file.path.name,
        sha256=sha256,
    )


def _title(text: str) -> str:
    r"""Text as a title of one line that fits into figures and tables.

    >>> _title("farms: yield\n(t/ha)")
    'farms: yield (t/ha)'
    """
    line = " ".join(text.split())
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1] + "…"


def initial_extent(lonlat: NDArray[np.float64]) -> Extent:
    """Extent of points: global if they span more than half of the globe."""
    wide = longitude_span(lonlat[:, 0]) > 180 or np.ptp(lonlat[:, 1]) > 90
    return "global" if wide else "regional"


def initial_block_side(lonlat: NDArray[np.float64]) -> float:
    """Largest side with enough blocks of enough points, else the side with most such blocks."""

    def count_blocks(side: float) -> int:
        counts = np.unique(equal_area_cells(lonlat, side), return_counts=True)[1]
        return int(min((counts >= MIN_BLOCK_POINTS).sum(), ENOUGH_BLOCKS))

    # max returns the first of several maxima, which is the largest side.
    return max(BLOCK_SIDES, key=count_blocks)


def as_task_card(table: UserTableCard) -> TaskCard:
    """Card of the task that a user table makes. Loading the table fills in rows and ranges."""
    edition = EditionCard(
        rows=0,
        sources=(Source(name=table.source or table.title, url=table.url, licence=table.licence),),
        differs_from_paper="",
        processing="As in the file.",
        repeated_points="as in the file",
    )
    return TaskCard(
        name=table.name,
        title=table.title,
        description=table.description,
        task_type=table.task_type,
        target=table.column,
        unit="class" if table.task_type == "classification" else table.unit or "unknown unit",
        metric="accuracy" if table.task_type == "classification" else "r2",
        extent=table.extent,
        region="region" if table.region == "column" else table.region,
        block_degrees=table.block_degrees,
        date_column=table.date_column,
        citation=table.citation,
        paper_rows=0,
        paper_source="A user table, not from a paper.",
        editions={"open": edition, "paper": edition},
    )
