"""Tables for papers as LaTeX, for booktabs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from satclip_bench.benchmarks.report.latex import escape_latex
from satclip_bench.benchmarks.report.paper_tables.model import (
    Block,
    Cell,
    Heading,
    PaperTable,
    Section,
    TableRow,
)

PREAMBLE = r"\usepackage{booktabs,xcolor}"
"""What a document needs for the tables."""

HEADING_WIDTH = 9
"""Number of characters from which on a heading is broken between words."""


def latex_text(tables: Iterable[PaperTable]) -> str:
    """Tables as `table*` environments: best bold, second underlined, baselines in italics."""
    return "\n".join([f"% needs {PREAMBLE}", *map(_table, tables)])


def _table(table: PaperTable) -> str:
    lines = [
        r"\begin{table*}[tbp]",
        r"\centering",
        rf"\caption{{{_prose(table.caption)}}}",
        rf"\label{{tab:{table.name}}}",
        r"\par\medskip",
        r"\setlength{\tabcolsep}{3pt}\footnotesize",
    ]
    for number, block in enumerate(table.blocks):
        lines += ([r"\par\medskip"] if number else []) + _block(block, table)
    notes = " ".join(map(_prose, table.all_notes))
    lines += [
        r"\par\smallskip",
        rf"\parbox{{\textwidth}}{{\scriptsize\raggedright {notes}\par}}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _block(block: Block, table: PaperTable) -> list[str]:
    count = len(block.columns)
    lines = [rf"\begin{{tabular}}{{@{{}}l{'r' * count}@{{}}}}", r"\toprule"]
    over = ((block.title, count),) if block.title else ()
    for spans in filter(None, (over, block.spans)):
        lines += _spans(spans)
    lines.append(_line([_prose(block.corner), *map(_heading, block.columns)]))
    if any(column.below for column in block.columns):
        lines.append(_line(["", *(_prose(column.below) for column in block.columns)]))
    for section in block.sections:
        lines += [r"\midrule", *_section(section, count, table)]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _spans(spans: Iterable[tuple[str, int]]) -> list[str]:
    cells, rules, column = [""], [], 2
    for text, width in spans:
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{_prose(text)}}}")
        rules.append(rf"\cmidrule(lr){{{column}-{column + width - 1}}}")
        column += width
    return [_line(cells), "".join(rules)]


def _heading(heading: Heading) -> str:
    lines = [_prose(line) for line in _broken(heading.text)]
    if heading.baseline:
        lines = [rf"\textit{{{line}}}" for line in lines]
    if len(lines) == 1:
        return lines[0]
    stacked = r"\\".join(lines)
    return rf"\shortstack[r]{{{stacked}}}"


def _broken(text: str) -> list[str]:
    """A heading in lines of up to `HEADING_WIDTH` characters, longer words whole."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if lines[-1] and len(joined) > HEADING_WIDTH:
            lines.append(word)
        else:
            lines[-1] = joined
    return lines


def _section(section: Section, count: int, table: PaperTable) -> list[str]:
    lines = []
    if section.title:
        lines.append(
            rf"\multicolumn{{{count + 1}}}{{@{{}}l}}{{\textit{{{_prose(section.title)}}}}} \\"
            r"\addlinespace[1pt]"
        )
    for row in section.rows:
        lines += _row(row, table)
    return lines


def _row(row: TableRow, table: PaperTable) -> list[str]:
    """A line, and one for each line below its numbers."""
    title = _prose(row.title)
    if row.style == "baseline":
        title = rf"\textit{{{title}}}"
    if row.style == "published":
        title = r"\quad " + title
    depth = max((len(cell.below) for cell in row.cells), default=0)
    lines = [[title, *(_cell(cell, table) for cell in row.cells)]]
    for place in range(depth):
        ends = (cell.below[place] if place < len(cell.below) else "" for cell in row.cells)
        lines.append(["", *(rf"{{\tiny {_prose(end)}}}" if end else "" for end in ends)])
    if row.style == "published":
        lines = [[_grey(text) for text in line] for line in lines]
    texts = [_line(line) for line in lines]
    # Lines of one row stand closer together than rows.
    return [f"{text}[-1.5pt]" for text in texts[:-1]] + texts[-1:]


def _grey(text: str) -> str:
    return rf"\textcolor{{gray}}{{{text}}}" if text else ""


def _cell(cell: Cell, table: PaperTable) -> str:
    text = _prose(cell.text)
    form = {"best": r"\textbf{%s}", "second": r"\underline{%s}"}.get(cell.place, "%s")
    letter = rf"\textsuperscript{{{table.reasons[cell.reason]}}}" if cell.reason else ""
    return form % text + escape_latex(cell.mark) + letter


def _prose(text: str) -> str:
    # LaTeX sets a hyphen before a digit shorter than a minus sign.
    return re.sub(r"(?<![-\w])-(?=[\d.])", "$-$", escape_latex(text))


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"
