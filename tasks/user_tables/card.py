"""The card of a user table: made from its values, saved beside it, and editable."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from satclip_bench.core.card import Card
from satclip_bench.core.sphere import check_lonlat, equal_area_cells
from satclip_bench.tasks.base import EditionCard, Extent, Source, TaskCard, TaskTypeEntry

if TYPE_CHECKING:
    import pandas as pd

BLOCK_SIDES = (30.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1)
"""Sides in degrees that blocks may have."""
MIN_BLOCK_POINTS = 100
"""Smallest number of points of a block that is held out."""
ENOUGH_BLOCKS = 6
"""Number of such blocks that a side needs; the largest side that has them is chosen."""
MAX_CLASS_CODES = 50
"""A column of whole numbers with at most this many distinct values is taken for class codes."""
NO_DATA_VALUES = (-999.0, -9999.0)
"""Numbers that mean "no value" if they are the smallest of a column."""

TableRegion = Literal["continent", "column", "equal-area block"]


class UserTableCard(Card):
    """Metadata of a user table. It is made from the file, and users may edit every entry."""

    name: str = Field(description="name of the task: letters, digits, dots, dashes")
    title: str
    description: str = ""
    column: str = Field(description="name of the target column")
    task_type: TaskTypeEntry
    unit: str = Field("", description="unit of the target; unused for a classification")
    no_data: tuple[float, ...] = Field((), description='numbers that mean "no value"')
    extent: Extent
    region: TableRegion = Field(
        description="what the split `held-out-region` holds out: continents, taken from the "
        "nearest point of the open edition, the values of `region_column`, or blocks of side "
        "`block_degrees`"
    )
    region_column: str = ""
    block_degrees: float | None = None
    source: str = ""
    url: str = ""
    licence: str = "unknown"
    citation: str = ""
    sha256: str = Field(description="SHA-256 of the file from which the card was made")


def make_card(path: Path, target: str, frame: pd.DataFrame, sha256: str) -> UserTableCard:
    """Make the initial card of a user table from its values.

    Text, and whole numbers with few distinct values, are taken for classes. A table that spans
    more than half of the globe is global. Its regions are the column `region`, if there is one,
    else continents for a global table and blocks for any other.

    Args:
        path: path of the table.
        target: name of the target column.
        frame: columns lon and lat, and the other columns of the table.
        sha256: SHA-256 of the file.

    Raises:
        CoordinateError: some points are not on the sphere.
    """
    import pandas as pd

    column = frame[target]
    labelled = column.dropna()
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    whole = numeric and bool((labelled % 1 == 0).all())
    codes = whole and labelled.nunique() <= min(MAX_CLASS_CODES, len(labelled) // 10)
    no_data = tuple(v for v in NO_DATA_VALUES if numeric and len(labelled) and labelled.min() == v)
    lonlat = check_lonlat(frame[["lon", "lat"]].to_numpy())
    wide = bool(np.ptp(lonlat[:, 0]) > 180 or np.ptp(lonlat[:, 1]) > 90)
    has_region = "region" in frame and len(frame["region"].dropna().unique()) > 1
    region: TableRegion = "column" if has_region else "continent" if wide else "equal-area block"
    stem = path.parent.name if path.stem == "data" else path.stem
    return UserTableCard(
        name=f"{slug(stem)}.{slug(target)}",
        title=f"{stem}: {target}",
        column=target,
        task_type="regression" if numeric and not codes else "classification",
        no_data=no_data,
        extent="global" if wide else "regional",
        region=region,
        region_column="region" if has_region else "",
        block_degrees=_block_side(lonlat) if region == "equal-area block" else None,
        source=path.name,
        sha256=sha256,
    )


def _block_side(lonlat: NDArray[np.float64]) -> float:
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
        citation=table.citation,
        paper_rows=0,
        paper_source="A user table, not from a paper.",
        editions={"open": edition, "paper": edition},
    )


def slug(text: str) -> str:
    """Text as a valid part of a file name: letters, digits, underscores and dashes.

    Examples:
        >>> slug("Soil pH (0-5 cm)")
        'Soil-pH-0-5-cm'
    """
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "table"
