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
    make_tables,
    write_paper_tables,
)
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.runs.reading import ALL, RecordFilter
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
    made = _make(load_results(out, only), layout)
    list_paths(
        replace_reports(out, lambda folder: write_paper_tables(made, name, form, folder / "tables"))
    )
    for one in made.values():
        for sentence in one.left_out:
            Console().print(Text(sentence), soft_wrap=True, highlight=False)
    return 0


def _make(results: Results, layout: Layout) -> Mapping[str, Made]:
    """Tables by part of the run; a layout that names its tasks takes them from all parts."""
    parts = (("", results),) if layout.tasks else results.parts
    return {suffix: make_tables(part, layout) for suffix, part in parts}
