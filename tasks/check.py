"""Contract test of tasks, which every table in the registry must pass."""

from __future__ import annotations

import numpy as np

from satclip_bench.core.dates import time_problem
from satclip_bench.core.errors import TaskError
from satclip_bench.tasks.task import Task


def check_task(task: Task) -> None:
    """Load a task and check that its table agrees with its card.

    The checks: number of rows, coordinates, finite targets within the card's range, class indices
    and number of classes, dates if the card names their column, no repeated points unless the card
    gives a reason, a region for every point if the card says so, read-only arrays, and a second
    load that returns the same table.

    Args:
        task: task to check; its table is loaded.

    Raises:
        TaskError: a check failed; the message names the first failure and the rows concerned.

    Examples:
        >>> from satclip_bench.tasks import get_task
        >>> check_task(get_task("elevation"))
    """
    # The card of a user table is only complete after loading, so load first.
    table = task.load()
    card, edition = task.card, task.edition_card
    where = f"task {card.name!r} ({task.edition} edition)"

    def demand(condition: object, complaint: str) -> None:
        if not condition:
            raise TaskError(f"{where}: {complaint}")

    rows = edition.rows
    for variant in edition.variants:
        if variant.name == table.variant:
            rows = len(table) if variant.rows is None else variant.rows
    demand(len(table) == rows, f"the table has {len(table)} rows, the card says {rows}")
    demand(
        table.lonlat.shape == (len(table), 2) and table.lonlat.dtype == np.float64,
        f"lonlat must be (N, 2) float64, but is {table.lonlat.shape} {table.lonlat.dtype}",
    )
    dates = table.dates
    demand(
        (dates.column if dates else "") == card.date_column,
        f"the card names the column of dates {card.date_column!r}, and the table has dates of "
        f"{dates.column if dates else ''!r}",
    )
    for unit, times in dates.times.items() if dates else ():
        demand(
            times.shape == (len(table),) and times.dtype == np.int64,
            f"{unit}s must be ({len(table)},) int64, but are {times.shape} {times.dtype}",
        )
        problem = time_problem(unit, times)
        demand(not problem, f"of the dates, {problem}")
        demand(not times.flags.writeable, f"the {unit}s of the table are not read-only")
    arrays = [table.lonlat, table.target, *([] if table.region is None else [table.region])]
    demand(not any(a.flags.writeable for a in arrays), "the arrays of the table are not read-only")
    demand(edition.sources, "the card names no source")
    demand(task.load() is table, "a second load returns another table")

    _, first, counts = np.unique(table.lonlat, axis=0, return_index=True, return_counts=True)
    repeated = first[counts > 1]
    demand(
        edition.repeated_points or not len(repeated),
        f"some points occur twice, such as row {repeated[:1]}, and the card gives no reason",
    )

    if card.task_type == "classification":
        classes = table.classes or ()
        demand(
            edition.classes in (None, len(classes)),
            f"the table has {len(classes)} classes, the card says {edition.classes}",
        )
        demand(len(set(classes)) == len(classes), "some class names are repeated")
        present = np.unique(table.target)
        demand(
            np.array_equal(present, np.arange(len(classes))),
            "the class indices should be 0 to K-1, each present",
        )
    else:
        bad = np.flatnonzero(~np.isfinite(table.target))
        demand(not len(bad), f"some targets are not finite, such as row {bad[:1]}")
        demand(edition.target_range or edition.variants, "the card gives no target range")
        low, high = edition.target_range or (-np.inf, np.inf)
        out = np.flatnonzero((table.target < low) | (table.target > high))
        demand(
            not len(out),
            f"some targets are outside {low}..{high} {card.unit}, such as row {out[:1]}",
        )
        demand(np.std(table.target) > 0, "the target is constant")

    if card.region == "equal-area block":
        demand(card.block_degrees, "the card gives no side for its blocks")
    else:
        demand(table.region is not None, f"the table has no {card.region} column")
        demand(
            table.region is not None and (table.region != "").all(),
            f"some points have no {card.region}",
        )
        demand(
            table.region is not None and len(np.unique(table.region)) > 1,
            f"all points lie in one {card.region}",
        )
