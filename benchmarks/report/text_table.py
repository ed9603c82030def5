"""A table of texts, as Markdown, LaTeX and terminal writers take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from satclip_bench.benchmarks.report.board import Board, label


@dataclass(frozen=True)
class TextRow:
    """Row of a table of texts.

    Attributes:
        name: name of the encoder or baseline.
        baseline: whether it is a baseline, which writers set apart.
        texts: its cells; the first one is the title.
    """

    name: str
    baseline: bool
    texts: tuple[str, ...]


@dataclass(frozen=True)
class TextTable:
    """Table whose cells are texts.

    Attributes:
        heading: title of the table.
        label: name of the table in LaTeX.
        columns: headings of the columns.
        alignment: `l` or `r` for each column.
        rows: rows, best first.
        notes: notes below the table; empty ones are skipped.
    """

    heading: str
    label: str
    columns: tuple[str, ...]
    alignment: str
    rows: tuple[TextRow, ...]
    notes: tuple[str, ...]

    @property
    def note(self) -> str:
        """All notes as one paragraph."""
        return " ".join(filter(None, self.notes))


def task_table(
    board: Board,
    kind: str,
    title: str,
    texts: Mapping[str, Mapping[str, str]],
    notes: tuple[str, ...],
) -> TextTable:
    """A table with the rows and columns of a board.

    Args:
        board: board of the table.
        kind: kind of the table, with which its name in LaTeX begins.
        title: what it shows, with which its heading begins.
        texts: cells by task and encoder.
        notes: notes below the table; empty ones are skipped.
    """
    columns = [texts[card.name] for card in board.tasks]
    return TextTable(
        heading=f"{title} · {board.heading}",
        label=label(kind, board.label),
        columns=("Encoder", *board.columns),
        alignment="l" + "r" * len(board.tasks),
        rows=tuple(
            TextRow(row.name, row.baseline, (row.title, *(column[row.name] for column in columns)))
            for row in board.rows
        ),
        notes=notes,
    )
