"""Tasks: named prediction problems, each mostly its card.

>>> from satclip_bench.tasks import get_task
>>> table = get_task("air_temperature").load()
>>> table.lonlat.shape, table.target.shape
((10000, 2), (10000,))
"""

from __future__ import annotations

from pathlib import Path

from satclip_bench.core.registry import Registry
from satclip_bench.tasks.base import Edition, EditionCard, Source, TaskCard, TaskTable
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
"""The paper's tasks that have an open edition, which ships with the repository."""

PAPER_TASKS = (*OPEN_TASKS, "inaturalist")
"""The nine tasks of the SatCLIP paper."""

registry: Registry[TaskCard] = Registry(
    "task",
    {name: f"satclip_bench.tasks.{name}:CARD" for name in PAPER_TASKS},
    group="satclip_bench.tasks",
)


def list_tasks() -> tuple[str, ...]:
    """The names of all tasks, the paper's nine first."""
    return registry.names()


def get_task(name: str, edition: Edition = "open", data_dir: Path | None = None) -> Task:
    """The task called `name`, in the given edition.

    Args:
        name: as listed.
        edition: `open` ships with the repository; `paper` is read from `data_dir`.
        data_dir: folder with the tables that do not ship.

    Raises:
        UnknownNameError: no such task; the message proposes near names.
        TaskError: the task has no such edition.
    """
    return _OWN[name] if name in _OWN else Task(registry.load(name), edition, data_dir)


_OWN: dict[str, Task] = {}


def add_task(task: Task) -> None:
    """Make a task known by the name on its card, in this process only.

    Raises:
        BenchError: a registered task is called so.
    """
    registry.add(task.card.name, task.card)
    _OWN[task.card.name] = task


__all__ = [
    "OPEN_TASKS",
    "PAPER_TASKS",
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
]
