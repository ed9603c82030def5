"""Tables of a layout, made from the results of a run and written to files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from satclip_bench.benchmarks.report.paper_tables.captions import caption, score_notes
from satclip_bench.benchmarks.report.paper_tables.csv import csv_text
from satclip_bench.benchmarks.report.paper_tables.differences import differences_table
from satclip_bench.benchmarks.report.paper_tables.html import html_text
from satclip_bench.benchmarks.report.paper_tables.latex import latex_text
from satclip_bench.benchmarks.report.paper_tables.layout import Layout, ScoresTable, Table
from satclip_bench.benchmarks.report.paper_tables.markdown import markdown_text
from satclip_bench.benchmarks.report.paper_tables.model import PaperTable
from satclip_bench.benchmarks.report.paper_tables.names import check_names
from satclip_bench.benchmarks.report.paper_tables.overview import overview_table
from satclip_bench.benchmarks.report.paper_tables.panels import find_panel
from satclip_bench.benchmarks.report.paper_tables.scores import ScoreBlocks
from satclip_bench.benchmarks.report.paper_tables.text import Numbers
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.report.wording import listed
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import atomic_write

Format = Literal["latex", "markdown", "html", "csv"]

WRITERS: Mapping[Format, tuple[str, Callable[[tuple[PaperTable, ...]], str]]] = {
    "latex": ("tex", latex_text),
    "markdown": ("md", markdown_text),
    "html": ("html", html_text),
    "csv": ("csv", csv_text),
}
"""Ending of the file and function that makes its content, by format."""


@dataclass(frozen=True)
class Made:
    """Tables of a layout, and sentences on what is left out."""

    tables: tuple[PaperTable, ...]
    left_out: tuple[str, ...]


class NoTablesError(BenchError):
    """A part of a run has none of the tables of a layout."""


def make_tables(results: Results, layout: Layout) -> Made:
    """The tables of a layout.

    Args:
        results: results of one part of a run.
        layout: the layout.

    Raises:
        UnknownNameError: the layout has an unknown encoder, task or paper.
        NoTablesError: the run has none of the tables; the message says why.
        BenchError: its records cannot be ranked together.
    """
    check_names(layout, results)
    tables, left_out = [], []
    for table in layout.tables:
        made, sentences = _make(results, layout, table)
        left_out += sentences
        if made is not None:
            tables.append(made)
    if not tables:
        raise NoTablesError(f"the run has none of these tables. {' '.join(left_out)}".strip())
    return Made(tuple(tables), tuple(dict.fromkeys(left_out)))


def write_paper_tables(
    made: Mapping[str, Made], style: str, form: Format, out: Path
) -> tuple[Path, ...]:
    """Write tables to one file for each part of a run.

    Args:
        made: tables by the suffix of the part, as `Results.parts` has it.
        style: name of the style, with which the files' names begin.
        form: format of the files.
        out: folder of the files.

    Returns:
        Paths of the files.
    """
    ending, text = WRITERS[form]
    paths = []
    for suffix, one in made.items():
        path = out / f"{style}{suffix}.{ending}"
        with atomic_write(path) as stream:
            stream.write(text(one.tables).encode())
        paths.append(path)
    return tuple(paths)


def _make(results: Results, layout: Layout, table: Table) -> tuple[PaperTable | None, list[str]]:
    if table.kind == "overview":
        return overview_table(results, layout, table)
    if table.kind == "differences":
        return differences_table(results, layout, table)
    return _scores_table(results, layout, table)


def _scores_table(
    results: Results, layout: Layout, table: ScoresTable
) -> tuple[PaperTable | None, list[str]]:
    left_out, panels = [], []
    for panel in table.panels:
        found = find_panel(results, layout, panel, table.probe, table.published)
        if isinstance(found, str):
            named = panel.title or panel.split
            left_out.append(f"{table.name} has no part for {named}: {found}.")
        else:
            panels.append(found)
    if not panels:
        return None, left_out
    numbers = Numbers(layout)
    metrics = dict.fromkeys(numbers.metric(p.metric(t)) for p in panels for t in p.measured_tasks)
    made = PaperTable(
        table.name,
        caption(table.caption, listed(metrics), [panel.board for panel in panels]),
        tuple(score_notes(panels, numbers, below=table.below, won=table.wins)),
        ScoreBlocks(layout, table, panels, results.titles, results.cards).blocks(),
    )
    return made, left_out
