"""Tasks: named prediction problems with a card, points and a target.

>>> from satclip_bench.tasks import get_task
>>> table = get_task("air_temperature").load()
>>> table.lonlat.shape, table.target.shape
((10000, 2), (10000,))
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from satclip_bench.core.errors import TaskError
from satclip_bench.core.registry import Registry, split_patterns
from satclip_bench.tasks.base import Edition, EditionCard, Source, TaskCard, TaskTable
from satclip_bench.tasks.catalogue import CATALOGUES
from satclip_bench.tasks.check import check_task
from satclip_bench.tasks.task import Task

OPEN_TASKS = (
    "air_temperature",
    "elevation",
    "median_income",
    "california_housing",
    "population_density",
    "countries",
    "biomes",
    "ecoregions",
)
"""Tasks of the SatCLIP paper with an open edition, which ships with the repository."""

PAPER_TASKS = (*OPEN_TASKS, "inaturalist")
"""The nine tasks of the SatCLIP paper."""

WIDE_TASKS = (
    "precipitation",
    "koppen_geiger",
    "land_cover",
    "solar_irradiance",
    "maximum_temperature",
    "wind_speed",
    "degree_of_urbanisation",
    "airport_elevation",
    "zip_density",
    "zip_income",
    "county_unemployment",
    "county_homicide",
    "county_gini",
    "county_density",
)
"""Tasks that the SatCLIP paper does not have. They ship, too, but are not on the main board."""

SHIPPED_TASKS = (*OPEN_TASKS, *WIDE_TASKS)
"""All tasks whose tables ship with the repository."""

registry: Registry[TaskCard | Task] = Registry(
    "task",
    {name: f"satclip_bench.tasks.{name}:CARD" for name in PAPER_TASKS}
    | {name: f"satclip_bench.tasks.wide.{name}:CARD" for name in WIDE_TASKS},
    families={name: f"satclip_bench.tasks.catalogue.cards:{name}" for name in CATALOGUES},
    group="satclip_bench.tasks",
)
"""Cards of tasks by name. An entry of `add_task` is the task itself, with its card and table."""


def list_tasks(catalogue: str = "") -> tuple[str, ...]:
    """Names of all registered tasks, the nine of the SatCLIP paper first.

    Args:
        catalogue: `coordbench` or `usavars` for the tables of that catalogue, which are not among
            the others; none of them ships.

    Examples:
        >>> list_tasks()[:3]
        ('air_temperature', 'elevation', 'median_income')
        >>> len(list_tasks("coordbench"))
        78
    """
    if not catalogue:
        return registry.names()
    from satclip_bench.tasks.catalogue.entries import task_names

    return task_names(catalogue)


def selectable_tasks(patterns: Iterable[str]) -> tuple[str, ...]:
    """Names that patterns can select: all of `list_tasks`, and tables of catalogues they name.

    The pattern `*` therefore selects no table of a catalogue, and `coordbench.*` selects all of
    one.

    Args:
        patterns: names or wildcards, or comma-separated lists of them.

    Examples:
        >>> len(selectable_tasks(["*", "usavars.r*"])) - len(list_tasks())
        7
    """
    words = split_patterns(patterns)
    named = [c for c in CATALOGUES if any(word.startswith(f"{c}.") for word in words)]
    return (*list_tasks(), *(name for catalogue in named for name in list_tasks(catalogue)))


def task_card(name: str) -> TaskCard:
    """Card of a registered task.

    Args:
        name: name of the task, as in `list_tasks`.

    Raises:
        UnknownNameError: no such task; the message suggests similar names.
        TaskError: another package registered something that is not a task card.

    Examples:
        >>> task_card("biomes").task_type
        'classification'
    """
    entry = _load_entry(name)
    return entry.card if isinstance(entry, Task) else entry


def _load_entry(name: str) -> TaskCard | Task:
    entry: object = registry.load(name)
    if callable(entry):
        # The function that makes the card of a catalogue's table.
        entry = entry()
    if not isinstance(entry, TaskCard | Task):
        raise TaskError(
            f"task {name!r} ({registry.target(name)}) is of type {type(entry).__name__}; it should "
            "be a TaskCard"
        )
    return entry


def get_task(name: str, edition: Edition = "open", data_dir: Path | None = None) -> Task:
    """Return the task with the given name, in one of its editions.

    Args:
        name: name of the task, as in `list_tasks`.
        edition: `open` ships with the repository; `paper` is read from `data_dir`. A task that
            was added with `add_task` has one table, which is returned for both.
        data_dir: folder with the files of tables that do not ship.

    Raises:
        UnknownNameError: no such task; the message suggests similar names.
        TaskError: the task does not have this edition, or another package registered something
            that is not a task card.

    Examples:
        >>> table = get_task("biomes").load()
        >>> table.lonlat.shape, len(table.classes)
        ((10000, 2), 14)
    """
    entry = _load_entry(name)
    return entry if isinstance(entry, Task) else Task(entry, edition, data_dir)


def add_task(task: Task) -> None:
    """Register a task under the name on its card, in this process only.

    A task that was added earlier under the same name is replaced.

    Raises:
        BenchError: a built-in task, or a task of an installed package, has the same name.
    """
    registry.add(task.card.name, task)


__all__ = [
    "CATALOGUES",
    "OPEN_TASKS",
    "PAPER_TASKS",
    "SHIPPED_TASKS",
    "WIDE_TASKS",
    "Edition",
    "EditionCard",
    "Source",
    "Task",
    "TaskCard",
    "TaskTable",
    "add_task",
    "check_task",
    "get_task",
    "list_tasks",
    "registry",
    "selectable_tasks",
    "task_card",
]
