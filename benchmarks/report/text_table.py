"""A table of texts, as Markdown, LaTeX and terminal writers take it."""

from __future__ import annotations

from dataclasses import dataclass


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
