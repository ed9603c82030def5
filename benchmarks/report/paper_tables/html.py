"""Tables for papers as one HTML page, which loads nothing."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from satclip_bench.benchmarks.report.paper_tables.model import (
    Block,
    Cell,
    Heading,
    PaperTable,
    Section,
    TableRow,
)

STYLE = """\
:root { color-scheme: light dark; --text: #1a1a1a; --soft: #595959; --background: #fff; }
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
  color: var(--text); background: var(--background); }
section { margin-bottom: 3rem; }
.wide { overflow-x: auto; }
.wide:focus-visible { outline: 3px solid #0072b2; outline-offset: 2px; }
table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; margin: 1rem 0;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .5rem; font-weight: 600; }
caption > span { display: inline-block; position: sticky; left: 0;
  max-width: min(100%, calc(100vw - 2rem)); }
th, td { padding: .2rem .6rem; text-align: right; vertical-align: top; }
tr > :first-child { text-align: left; }
tr > :first-child:not([scope=rowgroup]) { position: sticky; left: 0;
  background: var(--background); }
thead th { vertical-align: bottom; max-width: 7rem; }
tbody { border-top: 1px solid; }
th { font-weight: normal; }
th[scope=colgroup] { text-align: center; border-bottom: 1px solid; }
th[scope=rowgroup], .baseline { font-style: italic; }
.published, small, .notes { color: var(--soft); }
.published th { padding-left: 1.6rem; }
small { display: block; white-space: nowrap; }
.notes { font-size: .87rem; padding-left: 1.2rem; max-width: 60rem; }
@media (max-width: 36rem) {
  th, td { padding: .2rem .4rem; }
  tr > :first-child:not([scope=rowgroup]) { max-width: 8rem; }
}
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --soft: #b0b0b0; --background: #181818; }
  .wide:focus-visible { outline-color: #56b4e9; }
}"""


def html_text(tables: Iterable[PaperTable]) -> str:
    """A page with the tables: best bold, second underlined, published rows grey."""
    body = "\n".join(map(_table, tables))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Tables</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n"
        f"<h1>Tables</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _table(table: PaperTable) -> str:
    blocks = "\n".join(_block(block, table, i) for i, block in enumerate(table.blocks))
    notes = "\n".join(f"<li>{escape(note)}</li>" for note in table.all_notes)
    name = escape(table.name)
    return f'<section id="{name}">\n{blocks}\n<ul class="notes">\n{notes}\n</ul>\n</section>'


def _block(block: Block, table: PaperTable, number: int) -> str:
    caption = table.caption
    if number:
        caption = f"{table.caption.partition(':')[0]}, continued"
    label = escape(f"{table.name}-caption-{number + 1}")
    count = len(block.columns)
    over = ((block.title, count),) if block.title else ()
    head = [_spans(spans) for spans in filter(None, (over, block.spans))]
    columns = "".join(map(_heading, block.columns))
    head.append(f'<tr><th scope="col">{escape(block.corner)}</th>{columns}</tr>')
    body = "\n".join(_section(section, count, table) for section in block.sections)
    lines = [
        f'<div class="wide" tabindex="0" role="region" aria-labelledby="{label}">',
        "<table>",
        f'<caption><span id="{label}">{escape(caption)}</span></caption>',
        "<thead>",
        *head,
        "</thead>",
        body,
        "</table>",
        "</div>",
    ]
    return "\n".join(lines)


def _spans(spans: Iterable[tuple[str, int]]) -> str:
    cells = "".join(
        f'<th scope="colgroup" colspan="{width}">{escape(text)}</th>' for text, width in spans
    )
    return f"<tr><td></td>{cells}</tr>"


def _heading(heading: Heading) -> str:
    style = ' class="baseline"' if heading.baseline else ""
    below = f"<small>{escape(heading.below)}</small>" if heading.below else ""
    return f'<th scope="col"{style}>{escape(heading.text)}{below}</th>'


def _section(section: Section, count: int, table: PaperTable) -> str:
    rows = []
    if section.title:
        rows.append(
            f'<tr><th scope="rowgroup" colspan="{count + 1}">{escape(section.title)}</th></tr>'
        )
    rows += [_row(row, table) for row in section.rows]
    return "<tbody>\n" + "\n".join(rows) + "\n</tbody>"


def _row(row: TableRow, table: PaperTable) -> str:
    cells = "".join(f"<td>{_cell(cell, table)}</td>" for cell in row.cells)
    return f'<tr class="{row.style}"><th scope="row">{escape(row.title)}</th>{cells}</tr>'


def _cell(cell: Cell, table: PaperTable) -> str:
    form = {"best": "<b>{}</b>", "second": "<u>{}</u>"}.get(cell.place, "{}")
    text = form.format(escape(cell.text)) + escape(cell.mark)
    if cell.reason:
        text = f'<span title="{escape(cell.reason)}">{text}</span>'
        text += f"<sup>{table.reasons[cell.reason]}</sup>"
    return text + "".join(f"<small>{escape(line)}</small>" for line in cell.below)
