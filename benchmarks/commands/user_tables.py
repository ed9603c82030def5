"""Tasks made of tables of one's own: added for a run, and remembered in its folder."""

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


class Remembered(Card):
    """A task of a run's folder: its card, and the table that it was made of."""

    path: Path
    target: str
    card: TaskCard


def add_files(
    paths: Sequence[Path], targets: Sequence[str], console: Console
) -> dict[str, UserTable]:
    """Make the tasks of `--task-file` and `--target` known, by their names.

    One file takes any number of targets; several take one each, in their order.

    Raises:
        BenchError: files and targets do not match, a table cannot be read, a name is taken.
    """
    if not paths and not targets:
        return {}
    if (len(paths) != 1 and len(paths) != len(targets)) or not targets:
        raise BenchError(
            f"{len(paths)} --task-file and {len(targets)} --target do not match: name the column "
            "to be predicted of every file, or several of one"
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
        how = "made now; edit it to say more" if task.made else "as it was found"
        console.print(
            f"task [bold]{name}[/bold]: {len(table):,} points, {table.card.task_type}, card "
            f"{file.card_path} ({how})",
            soft_wrap=True,
            highlight=False,
        )
        for note in table.notes:
            console.print(f"  {note}", highlight=False)
    return added


def remember(files: dict[str, UserTable], out: Path) -> None:
    """Write the tasks of a run into its folder, so that later verbs know them."""
    for name, file in files.items():
        card = UserTableTask(file)
        card.load()
        kept = Remembered(path=file.path, target=file.target, card=card.card)
        with atomic_write(out / FOLDER / f"{name}.json") as stream:
            stream.write((kept.model_dump_json(indent=1) + "\n").encode())


def adopt(out: Path) -> None:
    """Make the tasks that a run's folder remembers known again, with their tables where they lie.

    Raises:
        RecordError: what the folder holds cannot be read.
    """
    for path in sorted((out / FOLDER).glob("*.json")):
        try:
            kept = Remembered.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise RecordError(f"{path} cannot be read: {error}. Run the task again") from error
        file = UserTable(kept.path, kept.target)
        add_task(
            MissingTableTask(file, kept.card) if not kept.path.is_file() else UserTableTask(file)
        )
