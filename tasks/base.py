"""What a task is: a card, and a table of points with a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AliasChoices, Field

from satclip_bench.core.card import Card
from satclip_bench.core.download.cards import FileCard

Edition = Literal["open", "paper"]
TaskType = Literal["regression", "classification"]
TaskTypeEntry = Annotated[TaskType, Field(validation_alias=AliasChoices("task_type", "kind"))]
"""The task type on a card. Cards written before the entry had this name call it `kind`."""

Extent = Literal["global", "contiguous United States", "California", "regional"]
RegionKind = Literal["continent", "census region", "equal-area block", "region"]
Metric = Literal["r2", "accuracy", "top1"]


class Source(Card):
    """Where a table's values come from."""

    name: str
    url: str
    licence: str
    attribution: str = ""
    distribution: str = Field("", description="pinned package that carries it, as name==version")
    member: str = Field("", description="file inside that package")


class CrossCheck(Card):
    """Agreement of a target with another source at nearby points."""

    against: str
    within_km: float
    points: int
    pearson_r: float
    note: str = ""


class Variant(Card):
    """A way to come by an edition that does not ship: files, and what reads them."""

    name: str
    files: tuple[FileCard, ...]
    reader: str = Field(description="module:function that makes points and targets of the files")
    rows: int | None = Field(None, description="that come out; None where it cannot be known")
    differs: str = Field("", description="how it differs from the paper's own rows; empty if not")


class EditionCard(Card):
    """One edition of a task: which points, from where, how it differs from the paper's table."""

    rows: int
    sources: tuple[Source, ...]
    differs_from_paper: str = Field(
        description="empty only where the table is the paper's own, row by row"
    )
    processing: str = Field("", description="how the target was made from the sources")
    file: str = Field("", description="file beside the builder, of what ships")
    sha256: str | None = Field(None, description="of that file")
    variants: tuple[Variant, ...] = Field(
        (), description="of what does not ship; the first whose files are there is read"
    )
    target: str = Field("", description="what is predicted, where not what the task says")
    target_range: tuple[float, float] | None = Field(
        None, description="smallest and largest admissible target of a regression, in its unit"
    )
    classes: int | None = Field(
        None, description="number of classes of a classification; None where it cannot be known"
    )
    repeated_points: str = Field(
        "", description="why a point may occur more than once; empty if it may not"
    )
    cross_checks: tuple[CrossCheck, ...] = ()
    needs: str = Field("", description="what a user must supply; empty if it ships")


class TaskCard(Card):
    """A named prediction problem."""

    name: str
    title: str
    description: str
    task_type: TaskTypeEntry
    target: str = Field(description="what is predicted, in a few words")
    unit: str = Field(description="unit of the target; 'class' for a classification")
    metric: Metric = Field(description="the score that tables show")
    extent: Extent
    region: RegionKind = Field(description="what `held-out-region` holds out")
    block_degrees: float | None = Field(
        None, description="side of an equal-area block, where that is the region"
    )
    citation: str
    paper_rows: int = Field(description="rows of the SatCLIP paper's own table")
    paper_source: str
    editions: Mapping[Edition, EditionCard]
    needs: str = Field("", description="what a task without editions is waiting for")


@dataclass(frozen=True)
class TaskTable:
    """An immutable table of labelled points.

    Attributes:
        card: the task's card.
        edition: which of its editions this is.
        lonlat: `(N, 2)` float64 degrees, longitude first, read-only.
        target: `(N,)` float64 in the card's unit, or int64 class indices into `classes`, read-only.
        classes: class names by index; None for a regression.
        region: `(N,)` str, the region each point lies in; None where blocks are used instead.
        features: further columns by name, each `(N,)` or `(N, D)`; not used by the probes.
        sha256: of the content the table was read from; part of every record's key.
        caveat: how its rows differ from those its edition promises; empty if they do not.
        notes: how it was made of its files; empty for what ships.
        variant: name of the variant that was read; empty for what ships.
    """

    card: TaskCard
    edition: Edition
    lonlat: NDArray[np.float64]
    target: NDArray[np.float64] | NDArray[np.int64]
    sha256: str
    classes: tuple[str, ...] | None = None
    region: NDArray[np.str_] | None = None
    features: Mapping[str, NDArray[Any]] = field(default_factory=lambda: MappingProxyType({}))
    caveat: str = ""
    notes: tuple[str, ...] = ()
    variant: str = ""

    def __post_init__(self) -> None:
        for array in (self.lonlat, self.target, self.region, *self.features.values()):
            if array is not None:
                array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.target)
