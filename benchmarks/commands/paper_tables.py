"""The command `tables` with a style or a layout: tables for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from satclip_bench.benchmarks.commands.report import list_paths, load_results, replace_reports
from satclip_bench.benchmarks.report.paper_tables.layout import (
    Layout,
    read_layout,
    style_layout,
)
from satclip_bench.benchmarks.report.paper_tables.make import (
    Format,
    Made,
    NoTablesError,
    make_tables,
    write_paper_tables,
)
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.runs.reading import ALL, RecordFilter
from satclip_bench.core.errors import BenchError
from satclip_bench.core.threads import one_blas_thread


@one_blas_thread()
def paper_tables(
    out: Path, style: str | Path, form: Format, *, probe: str = "", only: RecordFilter = ALL
) -> int:
    """Write tables for a paper to a run's tables/, and say what is left out.

    Args:
        out: folder of the run.
        style: name of a style, or the path of a layout.
        form: format of the files.
        probe: name of the probe; empty for the one of the layout.
        only: tasks, encoders and seeds to show.

    Returns:
        The exit code.

    Raises:
        BenchError: the layout cannot be read, or the run has none of its tables.
    """
    layout = read_layout(style) if isinstance(style, Path) else style_layout(style)
    if probe:
        layout = layout.with_probe(probe)
    name = style.stem if isinstance(style, Path) else style
    made, left_out = _make(load_results(out, only), layout)
    list_paths(
        replace_reports(out, lambda folder: write_paper_tables(made, name, form, folder / "tables"))
    )
    for sentence in left_out:
        Console().print(Text(sentence), soft_wrap=True, highlight=False)
    return 0


def _make(results: Results, layout: Layout) -> tuple[Mapping[str, Made], list[str]]:
    """Tables by part of the run, and sentences on what is left out.

    A layout that names its tasks takes them from all parts. A part without tables is left out.

    Raises:
        BenchError: no part has any of the tables.
    """
    parts = (("", results),) if layout.tasks else results.parts
    made: dict[str, Made] = {}
    left_out: list[str] = []
    for suffix, part in parts:
        try:
            made[suffix] = make_tables(part, layout)
        except NoTablesError as error:
            if len(parts) == 1:
                raise
            named = suffix.removeprefix(".") or "tasks of papers"
            left_out.append(f"{named}: {error}")
        else:
            left_out += made[suffix].left_out
    if not made:
        raise BenchError(" ".join(left_out))
    return made, left_out
