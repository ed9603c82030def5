"""The command `speed`: time encoders beside the code they were released with."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.report.wording import DASH
from satclip_bench.benchmarks.speed.report import write_report
from satclip_bench.benchmarks.speed.timing import (
    Contest,
    Timing,
    contest,
    measure,
    random_points,
)
from satclip_bench.core.device import device_title
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import require_writable
from satclip_bench.encoders import registry

DEFAULT = ("satclip.vit16-l40", "satclip.vit16-l10", "geoclip")


def speed(
    encoders: Sequence[str], points: int, rounds: int, out: Path, *, reference: bool = True
) -> int:
    """Time encoders, print a table and write a JSON file.

    The file is written after every encoder, so that an interrupt leaves the finished ones.

    Args:
        encoders: names or wildcards; empty for those that have a reference.
        points: number of points to embed in each round.
        rounds: number of times that each encoder is timed.
        out: JSON file to write.
        reference: whether to time the released code too, where it is installed.

    Returns:
        The exit code: 1 if some of the encoders could not be timed.

    Raises:
        BenchError: none of the encoders could be timed, or the file cannot be written.
    """
    require_writable(out)
    console = Console()
    lonlat = random_points(points)
    with tempfile.TemporaryDirectory() as folder:
        contests = [
            contest(name, Path(folder), lonlat, reference=reference)
            for name in registry.match(encoders or DEFAULT)
        ]
        timings = []
        for timing in _measured(contests, lonlat, rounds, console):
            timings.append(timing)
            _write(out, rounds, timings)
    if not timings:
        raise BenchError("none of the encoders could be timed, for the reasons printed above")
    console.print(_table(timings))
    for timing in timings:
        for note in timing.contest.notes:
            console.print(escape(f"{timing.contest.encoder}: {note}"), style="dim")
    print_plain(f"All times are in {out}", console)
    return 0 if len(timings) == len(contests) else 1


def _write(out: Path, rounds: int, timings: Sequence[Timing]) -> None:
    import torch

    write_report(
        out,
        rounds,
        torch.get_num_threads(),
        {"device": device_title()},
        ("numpy", "torch"),
        {"encoders": [timing.as_dict() for timing in timings]},
    )


def _measured(
    contests: Sequence[Contest], lonlat: NDArray[np.float64], rounds: int, console: Console
) -> Iterator[Timing]:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for entry in contests:
            bar = progress.add_task(entry.encoder, total=rounds * len(entry.jobs))
            try:
                for timing in measure(entry, lonlat, rounds):  # noqa: B007
                    progress.advance(bar)
            except BenchError as error:
                # Weights may be missing; the other encoders are still timed.
                console.print(f"[red]{escape(f'{entry.encoder}: {error}')}[/red]")
            else:
                if not console.is_terminal:
                    line = f"{entry.encoder}: {timing.median('ours'):.3f} s"
                    console.print(line, markup=False, highlight=False)
                yield timing


def _table(timings: Sequence[Timing]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("encoder", no_wrap=True)
    for title in ("seconds", "points/s", "released code", "times faster", "limit", "x limit"):
        table.add_column(title, justify="right")
    for timing in timings:
        ours = timing.median("ours") or float("nan")
        table.add_row(
            escape(timing.contest.encoder),
            f"{ours:.3f}",
            f"{timing.points / ours:,.0f}",
            _cell(timing.median("reference"), "{:.3f}"),
            _cell(timing.ratio("reference", "ours"), "{:.1f}"),
            _cell(timing.median("limit"), "{:.3f}"),
            _cell(timing.ratio("ours", "limit"), "{:.2f}"),
        )
    return table


def _cell(value: float | None, form: str) -> str:
    return DASH if value is None else form.format(value)
