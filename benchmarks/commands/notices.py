"""Lines about the records of a run's folder that are not shown."""

from __future__ import annotations

from rich.console import Console

from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.runs.reading import Reading


def print_notices(reading: Reading, console: Console | None = None) -> None:
    """Print which records are left out, because they are damaged or of other versions.

    Args:
        reading: the records of the run.
        console: console to print on; by default that of standard error.
    """
    console = console or Console(stderr=True)
    for notice in reading.notices():
        print_plain(notice, console, "yellow")
