"""Entries of a catalogue: what its JSON file says of each table and of each target in it."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from satclip_bench.core.card import Card
from satclip_bench.tasks.base import Extent, RegionType, TaskType

FOLDER = Path(__file__).parent

Logarithm = Literal["", "log(1 + x)", "log(x)"]
"""Natural logarithm of the values x of a column that is predicted in their place."""


class Target(Card):
    """One column of a table, which is the target of one task."""

    name: str = Field(description="name of the task after that of the catalogue and a dot")
    columns: tuple[str, ...] = Field(
        description="names of its column, in the order in which they are looked for"
    )
    title: str
    target: str = Field(description="what is predicted, in a few words")
    unit: str = Field(description="unit of the values before any logarithm")
    target_range: tuple[float, float] | None = None
    missing: float | None = Field(
        None, description="number that stands for no value, or for the sea among classes"
    )
    logarithm: Logarithm = ""
    rows: int | None = Field(None, description="number of rows with a value, if it is published")


class Table(Card):
    """One file of a catalogue, with its terms and its targets."""

    file: str = Field(description="name of the file without its ending")
    source: str
    url: str
    licence: str
    licence_unclear: str = ""
    citation: str
    task_type: TaskType
    extent: Extent
    region: RegionType
    block_degrees: float | None = None
    bytes: int | None = Field(None, description="approximate size of the file")
    coordinates: tuple[str, ...] = Field(
        (), description="other files with the places of its rows, if it has none of its own"
    )
    note: str = ""
    targets: tuple[Target, ...]


class Catalogue(Card):
    """All tables of a catalogue."""

    title: str
    tables: tuple[Table, ...]


@lru_cache
def read_catalogue(name: str) -> Catalogue:
    """The catalogue called `name`.

    >>> read_catalogue("usavars").tables[0].targets[0].title
    'Tree cover, USAVars'
    """
    return Catalogue.model_validate_json((FOLDER / f"{name}.json").read_bytes())


def task_names(catalogue: str) -> tuple[str, ...]:
    """Names of the tasks of a catalogue, in the order of its file.

    >>> task_names("usavars")[:2]
    ('usavars.treecover', 'usavars.elevation')
    """
    # The names alone need no validation of the entries.
    tables = json.loads((FOLDER / f"{catalogue}.json").read_bytes())["tables"]
    return tuple(f"{catalogue}.{target['name']}" for t in tables for target in t["targets"])
