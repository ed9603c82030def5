"""A finished table for a paper, independent of how it is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from satclip_bench.benchmarks.ranking.places import Place


@dataclass(frozen=True)
class Entry:
    """A number of a table with all its digits, as the CSV file has it.

    Attributes:
        split: name of the split, of a published score as the paper calls it.
        probe: name of the probe; empty for a published score.
        folds: names of the folds if it is about some of them, else empty.
        encoder: name of the encoder, of a published score as the paper calls it.
        task: name of the task; empty for a mean over tasks.
        metric: `r2`, `accuracy`, `skill` or `rank`.
        value: the number; NaN if it is missing.
        low, high: ends of its 95 % interval; NaN if it is not known.
        std: standard deviation over seeds; NaN if it is not known.
        reference: encoder of the difference; empty if there is none.
        difference, difference_low, difference_high: difference to the reference, and its interval.
        place: first or second place, ties shared.
        contaminated: whether the encoder was trained on the task's data.
        recipe: whether its recipe was chosen with labels of the task.
        source: `measured`, or the paper and table of a published score.
        reason: why the value is missing.
    """

    split: str
    probe: str
    encoder: str
    task: str
    metric: str
    value: float
    folds: str = ""
    low: float = np.nan
    high: float = np.nan
    std: float = np.nan
    reference: str = ""
    difference: float = np.nan
    difference_low: float = np.nan
    difference_high: float = np.nan
    place: Place = ""
    contaminated: bool = False
    recipe: bool = False
    source: str = "measured"
    reason: str = ""


@dataclass(frozen=True)
class Cell:
    """Cell of a table.

    Attributes:
        text: the number as it is printed, a dash if it is missing, or nothing.
        mark: dagger or double dagger.
        below: lines below the number, such as its interval.
        place: first or second place, ties shared.
        reason: why a number is missing.
        entry: the number with all its digits; None for a count.
    """

    text: str = ""
    mark: str = ""
    below: tuple[str, ...] = ()
    place: Place = ""
    reason: str = ""
    entry: Entry | None = None


RowStyle = Literal["encoder", "baseline", "published", "task", "count"]


@dataclass(frozen=True)
class TableRow:
    """Row of a table: its title, its cells, and what it is."""

    title: str
    cells: tuple[Cell, ...]
    style: RowStyle = "encoder"


@dataclass(frozen=True)
class Section:
    """Rows below a rule, with an optional title."""

    title: str
    rows: tuple[TableRow, ...]


@dataclass(frozen=True)
class Heading:
    """Heading of a column, the line below it, and whether the column is a baseline's."""

    text: str
    below: str = ""
    baseline: bool = False


@dataclass(frozen=True)
class Block:
    """Rows and columns that stand together; a wide table has several, one below the other.

    Attributes:
        title: heading over the columns of scores; empty for none.
        corner: heading of the first column.
        columns: headings of the other columns.
        sections: rows.
        spans: texts over several columns each, with their numbers of columns; empty for none.
    """

    title: str
    corner: str
    columns: tuple[Heading, ...]
    sections: tuple[Section, ...]
    spans: tuple[tuple[str, int], ...] = ()

    def chunks(self, most: int) -> tuple[Block, ...]:
        """The block, or blocks of at most `most` columns of nearly equal numbers of columns."""
        count = len(self.columns)
        parts = max(-(-count // most), 1)
        if parts == 1 or self.spans:
            return (self,)
        ends = [count * part // parts for part in range(parts + 1)]
        return tuple(self._part(*ends[i : i + 2]) for i in range(parts))

    def _part(self, start: int, stop: int) -> Block:
        sections = [
            replace(
                section,
                rows=tuple(replace(row, cells=row.cells[start:stop]) for row in section.rows),
            )
            for section in self.sections
        ]
        return replace(self, columns=self.columns[start:stop], sections=tuple(sections))

    def compact(self) -> Block:
        """The block without rows of which every cell is empty, and sections without rows."""
        sections = (
            replace(s, rows=tuple(row for row in s.rows if any(cell.text for cell in row.cells)))
            for s in self.sections
        )
        return replace(self, sections=tuple(s for s in sections if s.rows))


@dataclass(frozen=True)
class PaperTable:
    """A table with its caption and notes.

    Attributes:
        name: name of the table, which is also its label.
        caption: two sentences.
        notes: sentences below the table.
        blocks: its blocks.
        reasons: letter of each reason for which a number is missing.
    """

    name: str
    caption: str
    notes: tuple[str, ...]
    blocks: tuple[Block, ...]
    reasons: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        reasons = dict.fromkeys(cell.reason for cell in self.cells if cell.reason)
        letters = {reason: letter(i) for i, reason in enumerate(reasons)}
        object.__setattr__(self, "reasons", letters)

    @property
    def cells(self) -> Iterable[Cell]:
        """All its cells."""
        for block in self.blocks:
            for section in block.sections:
                for row in section.rows:
                    yield from row.cells

    @property
    def all_notes(self) -> tuple[str, ...]:
        """Notes, with one for each reason for which a number is missing."""
        missing = (f"({mark}) {reason}" for reason, mark in self.reasons.items())
        listed = "; ".join(missing)
        return (*self.notes, f"Missing: {listed}.") if listed else self.notes


def letter(place: int) -> str:
    """Letter of a note: a to z, then aa, ab and so on.

    >>> letter(0), letter(25), letter(26)
    ('a', 'z', 'aa')
    """
    first, last = divmod(place, 26)
    return (letter(first - 1) if first else "") + "abcdefghijklmnopqrstuvwxyz"[last]
