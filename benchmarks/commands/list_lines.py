"""Lines of the command `list`: one per name, and none wider than the terminal, if there is one."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten

from rich.cells import cell_len

GAP = 2
"""Number of spaces between columns."""

MIN_ROOM = 14
"""Width below which the last column is left out."""


def fitted(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """A heading and rows, each in one line: the last column is cut between words, or left out.

    Args:
        head: headings of the columns.
        rows: cells of each row; all but those of the last column are shown whole.
        width: number of characters of a line.

    >>> fitted(["split", "description"], [["random", "Rows are assigned at random"]], 26)
    [['split', 'description'], ['random', 'Rows are assigned…']]
    >>> fitted(["split", "description"], [["random", "Rows are assigned at random"]], 12)
    [['split'], ['random']]
    """
    lines = [list(head), *map(list, rows)]
    *first, _ = zip(*lines, strict=True)
    room = width - sum(max(map(cell_len, column)) + GAP for column in first)
    if first and room < MIN_ROOM:
        return [line[:-1] for line in lines]
    return [[*line[:-1], shorten(line[-1], max(room, 1), placeholder="…")] for line in lines]


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Lines with all cells whole, and every column but the last as wide as its longest cell.

    >>> aligned([["split", "description"], ["random", "Rows are assigned at random"]])
    ['split   description', 'random  Rows are assigned at random']
    """
    widths = [max(map(cell_len, column)) + GAP for column in zip(*lines, strict=True)]
    return [
        "".join(
            cell + " " * (w - cell_len(cell)) for cell, w in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]
