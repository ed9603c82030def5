"""The command `speed` for probes and baselines: time them beside other ways to the same result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.benchmarks.speed.comparison import Durations, measure
from satclip_bench.benchmarks.speed.embedded import embed
from satclip_bench.benchmarks.speed.methods import PROBES, Method, Subject, timed_methods
from satclip_bench.benchmarks.speed.report import write_report
from satclip_bench.core.device import use_device
from satclip_bench.core.errors import BenchError, UnwritableError
from satclip_bench.core.files import require_writable
from satclip_bench.core.registry import match_names
from satclip_bench.encoders import registry as encoders_registry
from satclip_bench.tasks import registry as tasks_registry

TASKS = ("elevation", "countries", "ecoregions")
ENCODERS = ("wrap", "harmonics.l40", "satclip-bluemarble.l40", "geoclip")


def speed_probes(
    subject: Subject,
    tasks: Sequence[str],
    encoders: Sequence[str],
    probes: Sequence[str],
    rounds: int,
    max_iterations: int,
    out: Path,
) -> int:
    """Time probes or baselines on one thread, print a table and write a JSON file.

    The file is written after every comparison, so that an interrupt leaves the finished ones.

    Args:
        subject: `probes` or `baselines`.
        tasks: names or wildcards of tasks; empty for three tasks of the main job.
        encoders: names or wildcards of encoders; empty for four. Baselines need none.
        probes: names or wildcards of probes; empty for all that can be timed.
        rounds: number of times that each computation is timed.
        max_iterations: largest number of iterations of L-BFGS.
        out: JSON file to write.

    Returns:
        The exit code: 1 if some of the comparisons could not be made.

    Raises:
        BenchError: a name is unknown, nothing could be timed, or the file cannot be written.
    """
    require_writable(out)
    console = Console()
    chosen_tasks = tasks_registry.match(tasks or TASKS)
    names: tuple[str | None, ...] = (None,)
    if subject == "probes":
        names = encoders_registry.match(encoders or ENCODERS)
    methods = timed_methods(subject, max_iterations, match_names("probe", probes or PROBES, PROBES))
    finished: list[Durations] = []
    failed = False
    with use_device("cpu"), thread_limit(1):
        for task in chosen_tasks:
            for encoder in names:
                try:
                    for durations in _timed(methods, task, encoder, rounds, console):
                        finished.append(durations)
                        _write(out, subject, rounds, finished)
                except UnwritableError:
                    raise
                except BenchError as error:
                    # Weights may be missing; the other encoders are still timed.
                    failed = True
                    place = f"{task}, {encoder}" if encoder else task
                    console.print(f"[red]{escape(f'{place}: {error}')}[/red]")
    if not finished:
        raise BenchError("nothing could be timed, for the reasons printed above")
    console.print(_table(finished))
    print_plain(f"All times are in {out}", console)
    return int(failed)


def _timed(
    methods: Sequence[Method],
    task: str,
    encoder: str | None,
    rounds: int,
    console: Console,
) -> Iterator[Durations]:
    data = embed(task, encoder)
    for method in methods:
        for comparison in method(data):
            title = ", ".join(filter(None, (comparison.method, task, encoder)))
            with console.status(escape(title)):
                *_, durations = measure(comparison, rounds)
            if not console.is_terminal:
                # A log file shows what has been timed; a terminal, what is being timed.
                ours, other = median(durations.ours), median(durations.reference)
                line = f"{title}: {ours:.3f} s; {comparison.against}: {other:.3f} s"
                console.print(line, soft_wrap=True, markup=False, highlight=False)
            yield durations


def _write(out: Path, subject: Subject, rounds: int, finished: Sequence[Durations]) -> None:
    write_report(
        out,
        rounds,
        1,
        {"clock": "seconds of the processor"},
        ("numpy", "scipy", "scikit-learn", "torch", "lightgbm"),
        {subject: [durations.as_dict() for durations in finished]},
    )


def _table(finished: Sequence[Durations]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("computation", "on"):
        table.add_column(title)
    table.add_column("seconds", justify="right")
    table.add_column("compared with")
    for title in ("its seconds", "times faster"):
        table.add_column(title, justify="right")
    table.add_column("result")
    for durations in finished:
        comparison = durations.comparison
        bound = "> " if comparison.at_least else ""
        place = ", ".join(filter(None, (comparison.task, comparison.encoder)))
        table.add_row(
            escape(comparison.method),
            escape(place),
            f"{median(durations.ours):.3f}",
            escape(comparison.against),
            f"{bound}{median(durations.reference):.3f}",
            f"{bound}{durations.ratio:.1f}",
            escape(comparison.result),
        )
    return table
