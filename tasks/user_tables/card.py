"""The card of a table of one's own: made of its values, kept beside it, open to editing."""

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

SIDES = (30.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1)
"""Sides in degrees that blocks may have."""
MIN_POINTS, ENOUGH = 100, 6
"""A block of fewer points is never held out; more blocks than so many are not asked for."""
MAX_CODES = 50
"""Whole numbers with at most so many different values are taken for codes of classes."""
NO_DATA = (-999.0, -9999.0)
"""Numbers that mean none, where they are the smallest of a column."""


class UserTableCard(Card):
    """What is known of a table of one's own. Made of the file; every entry may be edited."""

    name: str = Field(description="of the task: letters, digits, dots, dashes")
    title: str
    description: str = ""
    column: str = Field(description="of the targets")
    task_type: TaskTypeEntry
    unit: str = Field("", description="of the target; unused for a classification")
    no_data: tuple[float, ...] = Field((), description="numbers that mean no target")
    extent: Extent
    region: Literal["continent", "column", "equal-area block"] = Field(
        description="what `held-out-region` holds out: continents by the nearest known point, the "
        "values of `region_column`, or blocks of `block_degrees`"
    )
    region_column: str = ""
    block_degrees: float | None = None
    source: str = ""
    url: str = ""
    licence: str = "unknown"
    citation: str = ""
    sha256: str = Field(description="of the file that this was made of")


def make_card(path: Path, target: str, frame: pd.DataFrame, sha256: str) -> UserTableCard:
    """A first card of a table, by its values.

    Text, and whole numbers of few different values, are taken for classes. A table that spans half
    of the globe is global and its regions are continents; else they are the column `region`, if
    there is one, or blocks.

    Args:
        path: of the table.
        target: name of a column.
        frame: columns lon, lat and those of the table.
        sha256: of the file.

    Raises:
        CoordinateError: points that are not on the sphere.
    """
    import pandas as pd

    column = frame[target]
    labelled = column.dropna()
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    whole = numeric and bool((labelled % 1 == 0).all())
    codes = whole and labelled.nunique() <= min(MAX_CODES, len(labelled) // 10)
    none = tuple(v for v in NO_DATA if numeric and len(labelled) and labelled.min() == v)
    lonlat = check_lonlat(frame[["lon", "lat"]].to_numpy())
    wide = bool(np.ptp(lonlat[:, 0]) > 180 or np.ptp(lonlat[:, 1]) > 90)
    has_region = "region" in frame and len(frame["region"].dropna().unique()) > 1
    region: Literal["continent", "column", "equal-area block"] = (
        "column" if has_region else "continent" if wide else "equal-area block"
    )
    stem = path.parent.name if path.stem == "data" else path.stem
    return UserTableCard(
        name=f"{slug(stem)}.{slug(target)}",
        title=f"{stem}: {target}",
        column=target,
        task_type="regression" if numeric and not codes else "classification",
        no_data=none,
        extent="global" if wide else "regional",
        region=region,
        region_column="region" if has_region else "",
        block_degrees=_side(lonlat) if region == "equal-area block" else None,
        source=path.name,
        sha256=sha256,
    )


def _side(lonlat: NDArray[np.float64]) -> float:
    def large(side: float) -> int:
        counts = np.unique(equal_area_cells(lonlat, side), return_counts=True)[1]
        return int(min((counts >= MIN_POINTS).sum(), ENOUGH))

    # The first of the best: as wide as leaves enough of them.
    return max(SIDES, key=large)


def as_task_card(own: UserTableCard) -> TaskCard:
    """The card of a task, out of that of its table; rows and ranges are known once it is loaded."""
    edition = EditionCard(
        rows=0,
        sources=(Source(name=own.source or own.title, url=own.url, licence=own.licence),),
        differs_from_paper="",
        processing="As in the file.",
        repeated_points="as in the file",
    )
    return TaskCard(
        name=own.name,
        title=own.title,
        description=own.description,
        task_type=own.task_type,
        target=own.column,
        unit="class" if own.task_type == "classification" else own.unit or "unknown unit",
        metric="accuracy" if own.task_type == "classification" else "r2",
        extent=own.extent,
        region="region" if own.region == "column" else own.region,
        block_degrees=own.block_degrees,
        citation=own.citation,
        paper_rows=0,
        paper_source="A table of one's own: no paper's.",
        editions={"open": edition, "paper": edition},
    )


def slug(text: str) -> str:
    """A name that can stand in a file name: letters, digits, dashes."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "table"
