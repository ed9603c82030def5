"""The public contract test of a task: what every table in the registry must satisfy."""

from __future__ import annotations

import numpy as np

from satclip_bench.core.errors import TaskError
from satclip_bench.tasks.task import Task


def check_task(task: Task) -> None:
    """Load a task and hold its table against its card.

    Checked: row count, coordinates, finite targets within the card's range, class indices and
    class count, no point twice, regions named for every point where the card promises them,
    arrays that cannot be written to, and a second load that gives the same table.

    Raises:
        TaskError: the first thing that is not so, with the rows concerned.
    """
    # The card of a table of one's own is complete once it is loaded.
    table = task.load()
    card, edition = task.card, task.edition_card
    where = f"task {card.name!r} ({task.edition} edition)"

    def demand(truth: object, complaint: str) -> None:
        if not truth:
            raise TaskError(f"{where}: {complaint}")

    rows = edition.rows
    for variant in edition.variants:
        if variant.name == table.variant:
            rows = len(table) if variant.rows is None else variant.rows
    demand(len(table) == rows, f"{len(table)} rows, the card says {rows}")
    demand(
        table.lonlat.shape == (len(table), 2) and table.lonlat.dtype == np.float64,
        f"lonlat must be (N, 2) float64, is {table.lonlat.shape} {table.lonlat.dtype}",
    )
    arrays = [table.lonlat, table.target, *([] if table.region is None else [table.region])]
    demand(not any(a.flags.writeable for a in arrays), "its arrays can be written to")
    demand(edition.sources, "no source is named")
    demand(task.load() is table, "a second load gives another table")

    _, first, counts = np.unique(table.lonlat, axis=0, return_index=True, return_counts=True)
    repeated = first[counts > 1]
    demand(
        edition.repeated_points or not len(repeated),
        f"points given twice, such as row {repeated[:1]}, and the card does not say why",
    )

    if card.task_type == "classification":
        classes = table.classes or ()
        demand(
            edition.classes in (None, len(classes)),
            f"{len(classes)} classes, not {edition.classes}",
        )
        demand(len(set(classes)) == len(classes), "class names repeat")
        present = np.unique(table.target)
        demand(
            np.array_equal(present, np.arange(len(classes))),
            "class indices are not 0..K-1, each present",
        )
    else:
        bad = np.flatnonzero(~np.isfinite(table.target))
        demand(not len(bad), f"targets that are not finite, such as row {bad[:1]}")
        demand(edition.target_range is not None, "the card gives no target range")
        low, high = edition.target_range or (0.0, 0.0)
        out = np.flatnonzero((table.target < low) | (table.target > high))
        demand(not len(out), f"targets outside {low}..{high} {card.unit}, such as row {out[:1]}")
        demand(np.std(table.target) > 0, "the target is constant")

    if card.region == "equal-area block":
        demand(card.block_degrees, "the card gives no side for its blocks")
    else:
        demand(table.region is not None, f"no {card.region} is given")
        demand(
            table.region is not None and (table.region != "").all(),
            f"some points have no {card.region}",
        )
        demand(
            table.region is not None and len(np.unique(table.region)) > 1,
            f"all points lie in one {card.region}",
        )
