"""Lines about the records of a run's folder: which are not shown, and what encoders cover."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.runs.reading import Reading
from satclip_bench.benchmarks.runs.record import Record


def print_notices(reading: Reading, console: Console | None = None) -> None:
    """Print which records are left out, and which encoders do not cover all points of a task.

    Args:
        reading: the records of the run.
        console: console to print on; by default that of standard error.
    """
    console = console or Console(stderr=True)
    for notice in reading.notices():
        print_plain(notice, console, "yellow")
    for line in coverage_lines(reading.records):
        print_plain(line, console, "yellow")


def coverage_lines(records: Iterable[Record]) -> list[str]:
    """A line for each encoder that does not cover all points of a task, with the shares.

    Args:
        records: records of a run.
    """
    shares: dict[str, dict[str, float]] = {}
    for record in records:
        if record.coverage is not None and record.coverage < 1:
            tasks = shares.setdefault(record.settings.encoder, {})
            tasks[record.settings.task] = record.coverage
    return [
        f"{encoder} covers only a share of the points, and the others have an embedding of zeros"
        f"{' in it' if '+' in encoder else ''}: "
        + ", ".join(f"{share:.1%} of {task}" for task, share in sorted(tasks.items()))
        for encoder, tasks in sorted(shares.items())
    ]
