"""Registers user tables as tasks for a run, and remembers them in the run's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from satclip_bench.core.card import Card, problems
from satclip_bench.core.errors import ASK_PERMISSION, BenchError, RecordError
from satclip_bench.core.files import atomic_write
from satclip_bench.core.program import program
from satclip_bench.core.read_options import AUTOMATIC, ReadOptions
from satclip_bench.tasks import Task, TaskCard, add_task
from satclip_bench.tasks.user_tables.task import MissingTableTask, UserTable, UserTableTask

FOLDER = "tasks"
CARDS = "cards"
"""Folder in `FOLDER` of the cards that cannot be written beside their tables."""


class RememberedTask(Card):
    """A task in a run's folder: its card, and the table from which it was made."""

    path: Path
    target: str
    card: TaskCard
    options: ReadOptions = AUTOMATIC


def cards_folder(out: Path) -> Path:
    """Folder in a run's folder for cards that cannot be written beside their tables."""
    return out / FOLDER / CARDS


def add_files(
    paths: Sequence[Path],
    targets: Sequence[str],
    console: Console,
    out: Path,
    options: ReadOptions = AUTOMATIC,
    *,
    save_cards: bool = True,
) -> dict[str, UserTable]:
    """Register the tasks of `--task-file` and `--target`, and print a line about each.

    One file may have any number of targets; several files have one target each, in their order.

    Args:
        paths: the files.
        targets: the target columns.
        console: where the lines are printed.
        out: the run's folder, which gets the cards that cannot be written beside their tables.
        options: columns, separator and layer, as far as the user named them.
        save_cards: whether new cards are saved.

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
        # A link keeps its own name: it may lead to a file without a suffix, as in caches of hubs.
        file = UserTable(path.absolute(), target, options, cards_folder(out), save_cards)
        task = UserTableTask(file)
        name = task.card.name
        if name in added:
            raise BenchError(f"two tasks are called {name!r}: change the name in {file.card_path}")
        table = task.load()
        add_task(task)
        added[name] = file
        origin = "new; edit it to add units and sources" if task.made else "read from the file"
        if task.made and not save_cards:
            origin = "not written in a dry run"
        console.print(
            f"task [bold]{escape(name)}[/bold]: {len(table):,} points, {table.card.task_type}, "
            f"card {escape(str(file.card_path))} ({origin})",
            soft_wrap=True,
            highlight=False,
        )
        for note in table.notes:
            console.print(f"  {escape(note)}", highlight=False, soft_wrap=True)
    return added


def remember(files: dict[str, UserTable], out: Path) -> None:
    """Write the tasks of a run into its folder, so that later commands can show them."""
    for name, file in files.items():
        task = UserTableTask(file)
        task.load()
        remembered = RememberedTask(
            path=file.path, target=file.target, card=task.card, options=file.options
        )
        with atomic_write(out / FOLDER / f"{name}.json") as stream:
            stream.write((remembered.model_dump_json(indent=1) + "\n").encode())


def adopt(out: Path) -> None:
    """Register the tasks that a run's folder remembers.

    A task whose table is no longer at its path keeps its card, but cannot be loaded.

    Raises:
        RecordError: a file in the folder cannot be read.
    """
    try:
        paths = sorted((out / FOLDER).glob("*.json"))
    except OSError as error:
        raise RecordError(f"{out} cannot be read: {error.strerror}") from error
    for path in paths:
        try:
            remembered = RememberedTask.model_validate_json(path.read_bytes())
        except OSError as error:
            raise RecordError(
                f"{path} cannot be read: {error.strerror or error}. {ASK_PERMISSION}"
            ) from error
        except ValidationError as error:
            raise RecordError(
                f"{path} cannot be read: {problems(error)}. Delete it, and run its task again with "
                "--task-file and --target, or update satclip-bench if a newer version wrote it; "
                "its records are kept"
            ) from error
        file = UserTable(
            remembered.path, remembered.target, remembered.options, cards_folder(out), False
        )
        add_task(_adopted(file, remembered.card))


def _adopted(file: UserTable, card: TaskCard) -> Task:
    """The task of a remembered table, which cannot be loaded if its file or card is missing."""
    if not file.path.is_file():
        return MissingTableTask(file, card)
    if not file.card_path.is_file():
        return MissingTableTask(
            file,
            card,
            f"the card of task {card.name!r} is no longer at {file.card_path}: put it back, or "
            f"have a new one made with {program()} run --task-file {file.path} "
            f"--target {file.target}",
        )
    try:
        return UserTableTask(file)
    except BenchError as error:
        return MissingTableTask(file, card, str(error))
