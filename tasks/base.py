"""Cards of tasks, and the table of points and targets that a task loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AliasChoices, Field

from satclip_bench.core.card import Card
from satclip_bench.core.dates import Dates
from satclip_bench.core.download.cards import RemoteFile
from satclip_bench.core.files import sha256_bytes

Edition = Literal["open", "paper"]
TaskType = Literal["regression", "classification"]
TaskTypeEntry = Annotated[TaskType, Field(validation_alias=AliasChoices("task_type", "kind"))]
"""Task type on a card. Cards written by earlier versions call it `kind` and can still be read."""

Extent = Literal["global", "contiguous United States", "California", "regional"]
RegionType = Literal["continent", "census region", "equal-area block", "region"]
Metric = Literal["r2", "accuracy", "top1"]


class Source(Card):
    """Source of a table's values, with its licence and attribution."""

    name: str
    url: str
    licence: str
    licence_unclear: str = Field(
        "", description="why it is unclear whether the values may be passed on; empty if it is not"
    )
    attribution: str = ""
    distribution: str = Field("", description="pinned package that contains it, as name==version")
    member: str = Field("", description="path of the file inside that package")


class CrossCheck(Card):
    """Agreement of a task's target with another source at nearby points."""

    against: str
    within_km: float
    points: int
    pearson_r: float
    note: str = ""


class Variant(Card):
    """Files from which an edition that does not ship can be made, and their reader."""

    name: str
    files: tuple[RemoteFile, ...]
    reader: str = Field(description="module:function that makes points and targets from the files")
    options: Mapping[str, Any] = Field(
        default_factory=dict, description="keyword arguments of the reader, which JSON can hold"
    )
    rows: int | None = Field(None, description="number of rows of the table; None if it is unknown")
    differs: str = Field(
        "", description="how it differs from the paper's table; empty if it does not"
    )


class EditionCard(Card):
    """Metadata of one edition of a task: rows, sources, and differences from the paper's table."""

    rows: int | None = Field(
        description="number of rows; None for a table that does not ship if it is unknown"
    )
    sources: tuple[Source, ...]
    differs_from_paper: str = Field(
        description="empty only if the table equals the paper's, row by row"
    )
    processing: str = Field("", description="how the target was made from the sources")
    file: str = Field("", description="name of the Parquet file, for an edition that ships")
    sha256: str | None = Field(None, description="SHA-256 of that file")
    variants: tuple[Variant, ...] = Field(
        (),
        description="for an edition that does not ship; the first with all files present is read",
    )
    target: str = Field("", description="what is predicted, if it differs from the task's target")
    target_range: tuple[float, float] | None = Field(
        None, description="smallest and largest valid target of a regression, in its unit"
    )
    classes: int | None = Field(
        None, description="number of classes of a classification; None if it is unknown"
    )
    repeated_points: str = Field(
        "", description="why a point may occur more than once; empty if it may not"
    )
    uniform_draw: bool = Field(
        False,
        description="whether the points are a uniform random draw of the land that the task is "
        "about, so that points are drawn for the intervals of its scores",
    )
    cross_checks: tuple[CrossCheck, ...] = ()
    needs: str = Field("", description="what the user has to supply; empty if the edition ships")


class TaskCard(Card):
    """Metadata of a task, a named prediction problem, and of its editions."""

    name: str
    title: str
    description: str
    task_type: TaskTypeEntry
    target: str = Field(description="what is predicted, in a few words")
    unit: str = Field(description="unit of the target; 'class' for a classification")
    metric: Metric = Field(description="score that boards show")
    extent: Extent
    region: RegionType = Field(description="what the split `held-out-region` holds out")
    block_degrees: float | None = Field(
        None, description="side of a block in degrees, if regions are equal-area blocks"
    )
    citation: str
    paper_rows: int = Field(
        0, description="number of rows of the SatCLIP paper's table; 0 if the paper has none"
    )
    paper_source: str = ""
    editions: Mapping[Edition, EditionCard]
    needs: str = Field("", description="what is missing, for a task without an open edition")
    caveats: str = Field("", description="errors and limits of the target")
    date_column: str = Field(
        "",
        description="column of the table with the date, year or month of each row, for encoders "
        "that take one; empty if the rows have none",
    )
    related: str = Field(
        "", description="how close the target is to those of other tasks, as far as it was measured"
    )


@dataclass(frozen=True)
class TaskTable:
    """Immutable table of points and targets.

    Attributes:
        card: card of the task.
        edition: edition of the task.
        lonlat: `(N, 2)` float64 degrees, longitude first, read-only.
        target: `(N,)` float64 in the card's unit, or int64 class indices into `classes`, read-only.
        sha256: hash of the content that the table was read from; part of every record's key.
        classes: class names by index; None for a regression.
        region: `(N,)` str, region of each point; None if blocks are used instead.
        features: further columns by name, each `(N,)` or `(N, D)`; not used by the probes.
        dates: dates of the rows, from the column that the card names; None if it names none.
        caveat: how the rows differ from those that the edition's card describes; empty if they do
            not.
        notes: what happened to rows when the table was made from its files; empty for a table
            that ships.
        variant: name of the variant that was read; empty for a table that ships.
    """

    card: TaskCard
    edition: Edition
    lonlat: NDArray[np.float64]
    target: NDArray[np.float64] | NDArray[np.int64]
    sha256: str
    classes: tuple[str, ...] | None = None
    region: NDArray[np.str_] | None = None
    features: Mapping[str, NDArray[Any]] = field(default_factory=lambda: MappingProxyType({}))
    dates: Dates | None = None
    caveat: str = ""
    notes: tuple[str, ...] = ()
    variant: str = ""

    def __post_init__(self) -> None:
        for array in (self.lonlat, self.target, self.region, *self.features.values()):
            if array is not None:
                array.setflags(write=False)

    @cached_property
    def points_sha256(self) -> str:
        """SHA-256 of the points. From files of one hash, readers can take different points."""
        return sha256_bytes(self.lonlat.astype("<f8", copy=False).tobytes())

    def __len__(self) -> int:
        return len(self.target)
