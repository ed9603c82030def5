"""Registers user tables as tasks for a run, and remembers them in the run's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from satclip_bench.core.card import Card
from satclip_bench.core.errors import BenchError, RecordError
from satclip_bench.core.files import atomic_write
from satclip_bench.tasks import TaskCard, add_task
from satclip_bench.tasks.user_tables.task import MissingTableTask, UserTable, UserTableTask

FOLDER = "tasks"


class RememberedTask(Card):
    """A task in a run's folder: its card, and the table from which it was made."""

    path: Path
    target: str
    card: TaskCard


def add_files(
    paths: Sequence[Path], targets: Sequence[str], console: Console
) -> dict[str, UserTable]:
    """Register the tasks of `--task-file` and `--target`, and print a line about each.

    One file may have any number of targets; several files have one target each, in their order.

    Returns:
        The user tables, by the names of their tasks.

    Raises:
        BenchError: the numbers of files and targets do not match, a table cannot be read, or a
            name is taken.
    """
    if not paths and not targets:
        return {}
    if (len(paths) != 1 and len(paths) != len(targets)) or not targets:
        raise BenchError(
            f"{len(paths)} --task-file and {len(targets)} --target do not match: give one --target "
            "for every file, or several for one file"
        )
    pairs = [(paths[0] if len(paths) == 1 else paths[i], t) for i, t in enumerate(targets)]
    added: dict[str, UserTable] = {}
    for path, target in pairs:
        file = UserTable(path.resolve(), target)
        task = UserTableTask(file)
        name = task.card.name
        if name in added:
            raise BenchError(f"two tasks are called {name!r}: change the name in {file.card_path}")
        table = task.load()
        add_task(task)
        added[name] = file
        origin = "new; edit it to add units and sources" if task.made else "read from the file"
        console.print(
            f"task [bold]{name}[/bold]: {len(table):,} points, {table.card.task_type}, card "
            f"{file.card_path} ({origin})",
            soft_wrap=True,
            highlight=False,
        )
        for note in table.notes:
            console.print(f"  {note}", highlight=False)
    return added


def remember(files: dict[str, UserTable], out: Path) -> None:
    """Write the tasks of a run into its folder, so that later commands can show them."""
    for name, file in files.items():
        task = UserTableTask(file)
        task.load()
        remembered = RememberedTask(path=file.path, target=file.target, card=task.card)
        with atomic_write(out / FOLDER / f"{name}.json") as stream:
            stream.write((remembered.model_dump_json(indent=1) + "\n").encode())


def adopt(out: Path) -> None:
    """Register the tasks that a run's folder remembers.

    A task whose table is no longer at its path keeps its card, but cannot be loaded.

    Raises:
        RecordError: a file in the folder cannot be read.
    """
    for path in sorted((out / FOLDER).glob("*.json")):
        try:
            remembered = RememberedTask.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise RecordError(f"{path} cannot be read: {error}. Run the task again") from error
        file = UserTable(remembered.path, remembered.target)
        add_task(
            UserTableTask(file)
            if remembered.path.is_file()
            else MissingTableTask(file, remembered.card)
        )
