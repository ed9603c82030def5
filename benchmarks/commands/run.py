"""The verb `run`: plan, embed, execute, report."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.commands.user_tables import add_files, adopt, remember
from satclip_bench.benchmarks.runs.embeddings import embedding_file
from satclip_bench.benchmarks.runs.executors import Job, execute
from satclip_bench.benchmarks.runs.plan import Cell, Selection, make_plan
from satclip_bench.benchmarks.runs.record import Record
from satclip_bench.benchmarks.runs.runner import failed, one_thread
from satclip_bench.benchmarks.runs.store import Store, writable
from satclip_bench.benchmarks.runs.suites import get_suite
from satclip_bench.benchmarks.runs.tables import load_table
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import LocationEncoder, encoder_from_file, get_encoder, list_encoders
from satclip_bench.tasks import Edition

if TYPE_CHECKING:
    from rich.progress import TaskID


def run(
    *,
    suite: str,
    tasks: Sequence[str],
    encoders: Sequence[str],
    own_encoders: Sequence[str],
    splits: Sequence[str],
    probes: Sequence[str],
    seeds: Sequence[int],
    edition: Edition,
    data_dir: Path | None,
    out: Path,
    jobs: int | None,
    dry_run: bool,
    task_files: Sequence[Path] = (),
    targets: Sequence[str] = (),
) -> int:
    """Run what is missing of a suite and selection, and report all that the folder holds.

    Returns:
        0 if every cell of the plan is done, 1 if some failed.

    Raises:
        BenchError: nothing could be run; says why.
    """
    console = Console(stderr=True)
    own = own_by_name(own_encoders)
    adopt(out)
    files = add_files(task_files, targets, console)
    tasks = (*tasks, *files)
    selection = Selection(tasks, encoders, splits, probes, seeds, edition, data_dir, own, files)
    plan = _with_tables(make_plan(get_suite(suite), selection), console)
    store = Store(out)
    if dry_run:
        _show_plan(plan, store)
        return 0
    writable(out)
    with store.lock():
        remember(files, out)
        missing = [cell for cell in plan if not store.done(cell.settings)]
        console.print(
            f"[bold]{suite}[/bold]: {len(plan)} cells, {len(plan) - len(missing)} done, "
            f"{len(missing)} to run → {out}"
        )
        if missing:
            _run_missing(missing, own, store, jobs or os.cpu_count() or 1, console)
        frame = store.write_table()
    from satclip_bench.benchmarks.commands.report import report_all

    report_all(store, frame, Console(), redraw=bool(missing))
    return _verdict(plan, store, console)


def _with_tables(plan: Sequence[Cell], console: Console) -> tuple[Cell, ...]:
    """The cells whose tables are at hand; of the others each task is named once, with the reason.

    Raises:
        BenchError: none is.
    """
    # A split that cannot be made of a table that is there is a failure, and is kept as one.
    read = {cell.settings.task for cell in plan if cell.settings.data_sha256}
    absent = {
        cell.settings.task: cell.problem
        for cell in plan
        if cell.settings.edition == "paper" and cell.settings.task not in read
    }
    there = tuple(cell for cell in plan if cell.settings.task not in absent)
    if plan and not there:
        raise BenchError("no table is at hand. " + " ".join(absent.values()))
    for task, why in absent.items():
        console.print(
            f"[yellow]not run[/yellow] {task}: {escape(why)}", soft_wrap=True, highlight=False
        )
    return there


def own_by_name(specs: Iterable[str]) -> dict[str, LocationEncoder]:
    """The encoders of `--encoder FILE.py:CLASS`, by the names on their cards.

    Raises:
        BenchError: one cannot be made, or takes a name that is taken.
    """
    own: dict[str, LocationEncoder] = {}
    for spec in specs:
        encoder = encoder_from_file(spec)
        name = encoder.card.name
        if name in list_encoders() or name in own or is_baseline(name):
            raise BenchError(f"{spec} calls itself {name!r}, a name that is taken; choose another")
        own[name] = encoder
    return own


def _run_missing(
    missing: Sequence[Cell],
    own: dict[str, LocationEncoder],
    store: Store,
    processes: int,
    console: Console,
) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="satclip-bench-") as scratch,
        Progress(
            TextColumn("{task.description:10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[now]}"),
            console=console,
        ) as progress,
    ):
        meter = _Meter(progress, console)
        embeddings = _embed(missing, own, store, Path(scratch), meter)
        ready = [
            Job(cell, embeddings.get(_pair(cell)), store.folder)
            for cell in missing
            if cell.settings.dtype == "none" or _pair(cell) in embeddings or cell.problem
        ]
        cells = meter.start("cells", len(ready))
        for record in execute(ready, processes):
            meter.advance(cells, _title(record))
            if record.status == "failed":
                meter.complain(record)


def _embed(
    missing: Sequence[Cell],
    own: dict[str, LocationEncoder],
    store: Store,
    scratch: Path,
    meter: _Meter,
) -> dict[tuple[str, str], Path]:
    """A file with the embedding for every pair of task and encoder; failures become records."""
    wanted = {
        _pair(cell): cell for cell in missing if cell.settings.dtype != "none" and not cell.problem
    }
    encoders: dict[str, LocationEncoder] = dict(own)
    embeddings: dict[tuple[str, str], Path] = {}
    bar = meter.start("embeddings", len(wanted))
    for pair, first in wanted.items():
        name = first.settings.encoder
        encoder = encoders.get(name) or encoders.setdefault(name, get_encoder(name))
        try:
            with one_thread():
                embeddings[pair] = embedding_file(encoder, load_table(first.table), scratch)
        except BenchError as error:
            for cell in missing:
                if _pair(cell) == pair and not cell.problem:
                    store.save(failed(cell, str(error)), None)
            meter.complain(failed(first, str(error)))
        meter.advance(bar, f"{first.settings.task} {name}")
    return embeddings


class _Meter:
    """Progress for a terminal, and sparse lines for a log file."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self._progress, self._console = progress, console
        self._complaints: set[str] = set()

    def start(self, name: str, total: int) -> TaskID:
        return self._progress.add_task(name, total=total, now="")

    def advance(self, bar: TaskID, now: str) -> None:
        self._progress.update(bar, advance=1, now=now)
        task = self._progress.tasks[bar]
        if not self._console.is_terminal and task.total:
            tenth = max(1, int(task.total) // 10)
            if int(task.completed) % tenth == 0 or task.completed == task.total:
                self._console.print(
                    f"{task.description}: {int(task.completed)} of {int(task.total)}, "
                    f"{task.elapsed or 0:.0f} s"
                )

    def complain(self, record: Record) -> None:
        if record.reason not in self._complaints:
            self._complaints.add(record.reason)
            self._console.print(f"[red]failed[/red] {_title(record)}: {record.reason}", markup=True)


def _pair(cell: Cell) -> tuple[str, str]:
    return cell.settings.task, cell.settings.encoder


def _title(record: Record) -> str:
    s = record.settings
    fold = "" if s.fold in ("0", "-") else f" {s.fold}"
    return f"{s.task} {s.encoder} {s.split}{fold} {s.probe}"


def _show_plan(plan: Sequence[Cell], store: Store) -> None:
    out = Console()
    for cell in plan:
        s = cell.settings
        state = "done" if store.done(s) else (cell.problem or "to run")
        out.print(
            f"{s.task} {s.encoder} {s.split} {s.fold} {s.probe} seed {s.seed}: {state}",
            highlight=False,
            soft_wrap=True,
        )
    done = sum(store.done(cell.settings) for cell in plan)
    out.print(f"{len(plan)} cells, {done} done, {len(plan) - done} to run")


def _verdict(plan: Sequence[Cell], store: Store, console: Console) -> int:
    left = [cell for cell in plan if not store.done(cell.settings)]
    if not left:
        return 0
    by_pair = Counter((c.settings.task, c.settings.encoder) for c in left)
    console.print(f"[red]{len(left)} of {len(plan)} cells failed[/red]; the others are kept:")
    for (task, encoder), count in by_pair.items():
        console.print(f"  {task} {encoder}: {count}", highlight=False)
    console.print(
        "The reasons are above, in the column `reason` of results.parquet, and in the records. "
        "The same command tries them again."
    )
    sys.stderr.flush()
    return 1
