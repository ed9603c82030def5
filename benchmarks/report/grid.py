"""A grid of texts in the terminal, broken into blocks of columns where the width is too small."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

MIN_TITLE_WIDTH = 12
"""Width of the first column below which columns go to a further block instead."""
MIN_HEADING_WIDTH = 8
"""Width below which a word of a heading is not broken, if the numbers below it are narrower."""


@dataclass(frozen=True)
class GridRow:
    """Row of a grid; a row with fewer cells than columns has empty ones at its end."""

    cells: tuple[Text, ...]
    style: str = ""


@dataclass(frozen=True)
class Grid:
    """Table of texts for the terminal.

    Attributes:
        headings: headings of the columns.
        alignment: `l` or `r` for each column.
        rows: rows from top to bottom.
        repeated: number of leading columns that every block shows; the first one holds titles,
            which may take several lines.
        gap: number of spaces between columns.
    """

    headings: tuple[Text, ...]
    alignment: str
    rows: tuple[GridRow, ...]
    repeated: int = 1
    gap: int = 1

    def width(self, column: int) -> int:
        """Width of a column without any line break added."""
        return max(_width(self.headings[column]), self.body_width(column))

    def body_width(self, column: int) -> int:
        """Width of a column below its heading."""
        cells = [row.cells[column] for row in self.rows if column < len(row.cells)]
        return max(map(_width, cells), default=0)


def fits(grid: Grid, console: Console, title_width: int) -> bool:
    """Whether a grid fits into the console without line breaks in headings and numbers."""
    widths = [min(title_width, grid.width(0)), *map(grid.width, range(1, len(grid.headings)))]
    return _total(widths, grid.gap) <= console.width


def print_grid(grid: Grid, console: Console, title_width: int) -> int:
    """Print a grid in as few blocks of columns as the width of the console allows.

    Args:
        grid: what to print.
        console: console to print on.
        title_width: maximum width of the first column; longer titles take several lines.

    Returns:
        The number of blocks.
    """
    blocks = blocks_of(grid, console.width, title_width)
    for number, block in enumerate(blocks):
        if number:
            console.print()
        console.print(_table(grid, block))
    return len(blocks)


def blocks_of(grid: Grid, width: int, title_width: int) -> tuple[dict[int, int], ...]:
    """Columns of each block, with their widths.

    Words of headings are broken before a second block is begun, and titles are broken between
    words before that. Numbers are never broken.

    Args:
        grid: what to print.
        width: width of the console.
        title_width: maximum width of the first column.
    """
    columns = range(len(grid.headings))
    title = min(title_width, grid.width(0))
    narrow_title = min(title, max(MIN_TITLE_WIDTH, width // 4))
    natural = {column: grid.width(column) for column in columns}
    folded = {c: max(grid.body_width(c), min(natural[c], MIN_HEADING_WIDTH)) for c in columns}
    for widths in (natural | {0: title}, folded | {0: title}, folded | {0: narrow_title}):
        if _total(widths.values(), grid.gap) <= width:
            return (widths,)
    blocks, lead = [], {c: folded[c] for c in columns[: grid.repeated]}
    lead[0] = narrow_title
    block = dict(lead)
    for column in columns[grid.repeated :]:
        if len(block) > len(lead) and _total([*block.values(), folded[column]], grid.gap) > width:
            blocks.append(block)
            block = dict(lead)
        block[column] = folded[column]
    return (*blocks, block)


def _table(grid: Grid, widths: Mapping[int, int]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, grid.gap, 0, 0))
    for column, width in widths.items():
        justify: JustifyMethod = "left" if grid.alignment[column] == "l" else "right"
        table.add_column(grid.headings[column], justify=justify, overflow="fold", width=width)
    for row in grid.rows:
        cells = [row.cells[c] if c < len(row.cells) else Text() for c in widths]
        table.add_row(*cells, style=row.style or None)
    return table


def _total(widths: Iterable[int], gap: int) -> int:
    numbers = list(widths)
    return sum(numbers) + gap * (len(numbers) - 1)


def _width(text: Text) -> int:
    return max(map(cell_len, text.plain.split("\n")))
