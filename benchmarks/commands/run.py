"""The command `run`: plan, evaluate, report."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from satclip_bench.benchmarks.baselines import list_baselines
from satclip_bench.benchmarks.commands.encoder_tables import NO_TABLES, TableRequest, make_tables
from satclip_bench.benchmarks.commands.notices import print_notices
from satclip_bench.benchmarks.commands.progress import Meter
from satclip_bench.benchmarks.commands.user_tables import add_files, adopt, remember
from satclip_bench.benchmarks.runs.cell import Cell
from satclip_bench.benchmarks.runs.joined import joined_by_name
from satclip_bench.benchmarks.runs.plan import Selection, custom_by_name, make_plan
from satclip_bench.benchmarks.runs.reading import Reading
from satclip_bench.benchmarks.runs.remembered import RunRequest
from satclip_bench.benchmarks.runs.run_folder import writable
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import get_suite
from satclip_bench.benchmarks.runs.wildcards import skipped_tasks
from satclip_bench.benchmarks.runs.work import Executor
from satclip_bench.core.errors import BenchError, UnfinishedError, UnknownNameError
from satclip_bench.core.files import refuse_overwriting
from satclip_bench.core.program import program
from satclip_bench.core.read_options import AUTOMATIC, ReadOptions
from satclip_bench.encoders import encoder_from_file, registry
from satclip_bench.tasks import CATALOGUES, Edition, list_tasks, task_card
from satclip_bench.tasks.paper_edition.loading import data_folder, missing_files

if TYPE_CHECKING:
    from satclip_bench.benchmarks.report.results import Results


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
    executor: Executor,
    dry_run: bool,
    task_files: Sequence[Path] = (),
    targets: Sequence[str] = (),
    reading: ReadOptions = AUTOMATIC,
    tables: TableRequest = NO_TABLES,
) -> int:
    """Run the missing cells of a suite and selection, and report what the folder holds.

    Returns:
        The exit code: 0 if every cell of the plan is done, 1 if some failed.

    Raises:
        BenchError: nothing could be run; the message says why.
    """
    from satclip_bench.benchmarks.commands.report import print_boards

    console = Console(stderr=True, emoji=False)
    _refuse_mixed_up(own_encoders, encoders)
    refuse_overwriting(Store(out).own_files, {"--task-file": task_files, **tables.inputs})
    made = [(spec, encoder_from_file(spec)) for spec in own_encoders]
    own = custom_by_name([*made, *make_tables(tables)])
    own |= joined_by_name(encoders, own)
    adopt(out)
    files = add_files(task_files, targets, console, out, reading, save_cards=not dry_run)
    tasks = (*tasks, *files)
    # Workers of a cluster have other working folders.
    data_dir = data_dir.absolute() if data_dir else None
    selection = Selection(tasks, encoders, splits, probes, seeds, edition, data_dir, own, files)
    with Meter(console) as meter:
        cells = make_plan(get_suite(suite), selection, meter)
    plan = _with_tables(cells, console)
    for reason in dict.fromkeys(skipped_tasks(tasks, edition).values()):
        console.print(Text(reason, style="yellow"), soft_wrap=True, highlight=False)
    store = Store(out)
    if dry_run:
        _show_plan(plan, store)
        return 0
    writable(out)
    with store.lock():
        by_key = {cell.settings.key: cell for cell in plan}
        _pack(store, console)
        listing = store.listing()
        done = store.done_keys(listing)
        # Cells whose files are damaged are looked up by themselves, for the message.
        missing = [
            cell
            for key, cell in by_key.items()
            if key not in done and not store.done(cell.settings)
        ]
        if missing:
            # Before the plan is written: a wrong address changes nothing that the folder shows.
            executor.check_connection(Meter(console).warn)
        remember(files, out)
        request = RunRequest(
            suite=suite,
            tasks=tuple(tasks),
            encoders=tuple(encoders),
            custom_encoders=(*own_encoders, *map(str, tables.files)),
            splits=tuple(splits),
            probes=tuple(probes),
            seeds=tuple(seeds),
            edition=edition,
        )
        store.remember({key: cell.settings for key, cell in by_key.items()}, request)
        for message in (*store.damaged.values(), *listing.problems()):
            console.print(f"[yellow]run again:[/yellow] {escape(message)}", soft_wrap=True)
        console.print(
            f"[bold]{escape(suite)}[/bold]: {_cells(len(plan))}, {len(plan) - len(missing)} done, "
            f"{len(missing)} to run → {escape(str(out))}"
        )
        failed: tuple[Cell, ...] = ()
        if missing:
            from satclip_bench.benchmarks.runs.engine import evaluate

            with Meter(console) as meter:
                results_of_cells = evaluate(missing, store, own, meter, executor)
            failed = tuple(result.unit for result in results_of_cells if not result.complete)
            _pack(store, console)
            listing = store.listing()
        records = store.read(listing)
        results = _report(store, records)
    print_notices(records, console)
    print_boards(results, out, Console())
    return _verdict(len(plan), failed, console)


def _pack(store: Store, console: Console) -> None:
    """Pack the records of a large run; if there is no space for that, they stay as they are."""
    try:
        store.pack()
    except BenchError as error:
        console.print(f"[yellow]not packed:[/yellow] {escape(str(error))}", soft_wrap=True)


def _report(store: Store, reading: Reading) -> Results:
    """Write the table, the tables and the figures of a run, all of whose records are kept.

    Raises:
        UnfinishedError: one of these files cannot be written.
    """
    from satclip_bench.benchmarks.commands.report import update_reports

    try:
        return update_reports(store, reading)
    except (BenchError, OSError) as error:
        raise UnfinishedError(
            f"{str(error).rstrip('.')}. The records of all cells are kept; the same command "
            "writes results.parquet, tables/ and figures/ from them."
        ) from error


def _refuse_mixed_up(files: Sequence[str], names: Sequence[str]) -> None:
    """Raise BenchError if --encoder has the name of an encoder, or --encoders has a file."""
    for spec in files:
        if ".py:" in spec:
            continue
        try:
            registry.match([spec], list_baselines())
        except UnknownNameError:
            continue
        raise BenchError(
            f"--encoder takes FILE.py:CLASS, and {spec!r} is a listed encoder: "
            f"use --encoders {spec}"
        )
    for spec in names:
        if ".py:" in spec:
            raise BenchError(
                f"--encoders takes names, and {spec!r} is a file: use --encoder {spec}"
            )


def _with_tables(plan: Sequence[Cell], console: Console) -> tuple[Cell, ...]:
    """The cells whose tables are available; prints the other tasks once, with the reason.

    Raises:
        BenchError: no table is available.
    """
    # If a table is available but a split cannot be made from it, the cell is recorded as failed.
    available = {cell.settings.task for cell in plan if cell.settings.data_sha256}
    problems = {
        cell.settings.task: cell.problem
        for cell in plan
        if cell.settings.edition == "paper" and cell.settings.task not in available
    }
    cells = tuple(cell for cell in plan if cell.settings.task not in problems)
    if plan and not cells:
        reasons = _together(problems, plan[0].data_dir).values()
        raise BenchError("no table is available. " + " ".join(reasons))
    for task, problem in _together(problems, plan[0].data_dir if plan else None).items():
        console.print(
            f"[yellow]not run[/yellow] {escape(task)}: {escape(problem)}",
            soft_wrap=True,
            highlight=False,
        )
    return cells


def _together(problems: Mapping[str, str], data_dir: Path | None) -> dict[str, str]:
    """Problems by task, with the missing tables of each catalogue in one sentence."""
    folder = data_folder(data_dir)
    missing = {
        name: [task for task in problems if task.startswith(f"{name}.") and _absent(task, folder)]
        for name in CATALOGUES
    }
    joined = {task for tasks in missing.values() for task in tasks}
    texts = {task: problem for task, problem in problems.items() if task not in joined}
    where = f" --data-dir {shlex.quote(str(data_dir))}" if data_dir else ""
    for name, tasks in missing.items():
        if tasks:
            of_all = len(list_tasks(name))
            names = f"'{name}.*'" if len(tasks) == of_all else " ".join(tasks)
            texts[name] = (
                f"{len(tasks)} of the {of_all} tasks of {name} have no table in {folder}: "
                f"`{program()} download {names}{where}` fetches it."
            )
    return texts


def _absent(task: str, folder: Path) -> bool:
    variants = task_card(task).editions["paper"].variants
    return all(missing_files(variant, folder) for variant in variants)


def _show_plan(plan: Sequence[Cell], store: Store) -> None:
    out = Console(markup=False, emoji=False)
    done, done_keys = 0, store.done_keys(store.listing())
    for cell in plan:
        s = cell.settings
        is_done = s.key in done_keys
        done += is_done
        state = "done" if is_done else (cell.problem or "to run")
        out.print(
            f"{s.task} {s.encoder} {s.split} {s.fold} {s.probe} seed {s.seed}: {state}",
            highlight=False,
            soft_wrap=True,
        )
    out.print(f"{_cells(len(plan))}, {done} done, {len(plan) - done} to run")


def _cells(count: int) -> str:
    return f"{count} cell" if count == 1 else f"{count} cells"


def _verdict(count: int, failed: Sequence[Cell], console: Console) -> int:
    if not failed:
        return 0
    by_pair = Counter((c.settings.task, c.settings.encoder) for c in failed)
    console.print(f"[red]{len(failed)} of {_cells(count)} failed[/red]; the others are kept:")
    for (task, encoder), count in by_pair.items():
        console.print(f"  {escape(task)} {escape(encoder)}: {count}", highlight=False)
    console.print(
        "The reasons are above, in the column `reason` of results.parquet, and in the records. "
        "The same command tries them again."
    )
    sys.stderr.flush()
    return 1
