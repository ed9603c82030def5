"""Tables for papers as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from satclip_bench.benchmarks.report.markdown import escape_markdown, table_lines
from satclip_bench.benchmarks.report.paper_tables.model import (
    Block,
    Cell,
    PaperTable,
    Section,
    TableRow,
)


def markdown_text(tables: Iterable[PaperTable]) -> str:
    """Tables as Markdown: best bold, second underlined, baselines and published rows in italics."""
    return "\n".join(map(_table, tables))


def _table(table: PaperTable) -> str:
    lines = [f"**{escape_markdown(table.caption)}**", ""]
    for block in table.blocks:
        if block.title:
            lines += [escape_markdown(block.title), ""]
        lines += [*_block(block, table), ""]
    lines += [f"- {escape_markdown(note)}" for note in table.all_notes]
    return "\n".join(lines) + "\n"


def _block(block: Block, table: PaperTable) -> list[str]:
    spans = [text for text, width in block.spans for _ in range(width)] or [""] * len(block.columns)
    head = [
        " ".join(filter(None, (over, column.text, column.below)))
        for over, column in zip(spans, block.columns, strict=True)
    ]
    body = [row for section in block.sections for row in _section(section, len(head), table)]
    return table_lines([block.corner, *map(escape_markdown, head)], body)


def _section(section: Section, count: int, table: PaperTable) -> list[Sequence[str]]:
    title = [[f"*{escape_markdown(section.title)}*", *[""] * count]] if section.title else []
    return [*title, *(_row(row, table) for row in section.rows)]


def _row(row: TableRow, table: PaperTable) -> list[str]:
    title = escape_markdown(row.title)
    slanted = row.style in ("baseline", "published")
    cells = [_cell(cell, table) for cell in row.cells]
    if row.style == "published":
        cells = [f"*{cell}*" if cell else "" for cell in cells]
    return [f"*{title}*" if slanted else title, *cells]


def _cell(cell: Cell, table: PaperTable) -> str:
    form = {"best": "**{}**", "second": "<u>{}</u>"}.get(cell.place, "{}")
    text = form.format(escape_markdown(cell.text)) + cell.mark
    if cell.reason:
        text += f"<sup>{table.reasons[cell.reason]}</sup>"
    return text + "".join(f"<br><sub>{escape_markdown(line)}</sub>" for line in cell.below)
