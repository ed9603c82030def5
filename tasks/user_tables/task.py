"""Tasks made from user tables: a file, one of its columns, and a card beside the file.

The schema is CoordBench's: columns lon and lat in degrees, any number of target columns, and an
optional column `split`; or points in a CRS. The card is made on the first use of the file.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.errors import IntegrityError, TaskError
from satclip_bench.core.files import sha256_bytes, sha256_file
from satclip_bench.tasks.base import TaskCard, TaskTable
from satclip_bench.tasks.dates import read_dates
from satclip_bench.tasks.regions import assign_continents
from satclip_bench.tasks.task import Task
from satclip_bench.tasks.user_tables.card import (
    MAX_EXACT,
    UserTableCard,
    as_task_card,
    initial_block_side,
    initial_extent,
    make_card,
)
from satclip_bench.tasks.user_tables.checks import remarks, require_scorable, shown_number
from satclip_bench.tasks.user_tables.columns import (
    READER_VERSION,
    Rows,
    count,
    read_rows,
    target_values,
)
from satclip_bench.tasks.user_tables.file import UserTable
from satclip_bench.tasks.user_tables.left_out import (
    left_out_rows,
    rounded_no_data,
    unused_no_data,
)
from satclip_bench.tasks.user_tables.saved_card import read_card, save_card


class UserTableTask(Task):
    """A task made from a user table.

    If the table has no card, one is made from its values, and saved once the table has passed the
    checks.

    Args:
        file: the table and its target column.

    Raises:
        BenchError: the file or its card cannot be read, or the file has no such column.
    """

    def __init__(self, file: UserTable) -> None:
        self.file = file
        self._rows: Rows | None = None
        card = read_card(file)
        self.made = card is None
        if card is None:
            self._rows = read_rows(file, "region", "split")
            card = make_card(file, self._rows, sha256_file(file.path))
        self.table_card = card
        super().__init__(as_task_card(card), "open")
        if self.made:
            self.load()
            if file.save_card:
                save_card(file, card)

    @override
    def load(self) -> TaskTable:
        """Load the table. Later calls return the same object.

        Raises:
            TaskError: no rows are left, a column is missing, or no score could mean anything.
            IntegrityError: the file is not the one from which its card was made.
            CoordinateError: some points are not on the sphere.
        """
        return self._loaded

    @cached_property
    def _loaded(self) -> TaskTable:
        settings = self.table_card
        digest = sha256_file(self.file.path)
        if digest != settings.sha256:
            raise IntegrityError(
                f"{self.file.path} has sha256 {digest}, but its card {self.file.card_path} was "
                f"made from a file with sha256 {settings.sha256}. Delete the card to have a new "
                "one made, or correct its sha256 if only values have changed"
            )
        names = (settings.column, settings.region_column, settings.date_column, "split")
        rows, self._rows = self._rows or read_rows(self.file, *names), None
        table = make_table(settings, self.card, rows, str(self.file.path))
        # These entries of the card affect the scores as much as the file does.
        relevant = json.dumps(
            [
                settings.column,
                settings.task_type,
                settings.no_data,
                settings.region,
                settings.region_column,
                READER_VERSION,
                self.file.options.model_dump(),
                # Tables without dates keep the hash that they had before there were dates.
                *filter(None, [settings.date_column]),
                # So do those for which it makes no difference that these numbers were rounded.
                *filter(None, [rounded_no_data(settings.no_data)]),
                # So do those whose extent and blocks are the ones that a new card gives them.
                *(() if self.made else _edited(settings, rows)),
            ]
        )
        edition = self.card.editions["open"].model_copy(update=_counts(table))
        card = self.card.model_copy(update={"editions": {"open": edition, "paper": edition}})
        self.card = card
        return replace(table, card=card, sha256=sha256_bytes(f"{digest} {relevant}".encode()))


def _edited(settings: UserTableCard, rows: Rows) -> list[object]:
    """The extent and the side of blocks on a card, as far as they are not those of a new card.

    The extent decides on the blocks that intervals resample.
    """
    lonlat = rows.frame[["lon", "lat"]].to_numpy(np.float64)
    edited: list[object] = []
    if settings.extent != initial_extent(lonlat):
        edited.append(settings.extent)
    blocks = settings.region == "equal-area block"
    if settings.block_degrees != (initial_block_side(lonlat) if blocks else None):
        edited.append(settings.block_degrees)
    return edited


class MissingTableTask(Task):
    """A task whose table or its card is no longer where it was. The task's card is still available.

    Args:
        file: the table, at the path where it was.
        card: card of the task when the table was last loaded.
        reason: why the table cannot be loaded; by default because the file is missing.
    """

    def __init__(self, file: UserTable, card: TaskCard, reason: str = "") -> None:
        super().__init__(card, "open")
        self.file = file
        self.reason = reason or (
            f"the table of task {card.name!r} is no longer at {file.path}: put it back, "
            f"or run again with --task-file and --target {file.target}"
        )

    @override
    def load(self) -> TaskTable:
        """Raise TaskError, since the table is missing."""
        raise TaskError(self.reason)


def make_table(settings: UserTableCard, card: TaskCard, rows: Rows, where: str) -> TaskTable:
    """Make the table of a task from the rows of a user table.

    Rows without a target or a region are dropped and counted in the table's notes.

    Args:
        settings: card of the user table.
        card: card of the task.
        rows: rows of the file.
        where: name of the file, for error messages.

    Raises:
        TaskError: no rows are left, a column that the card names is missing, the target does not
            have the card's task type, or no score could mean anything.
    """
    import pandas as pd

    frame = rows.frame
    for name in (settings.column, settings.region_column, settings.date_column):
        if name and name not in frame:
            raise TaskError(f"{where} has no column {name!r}, which its card names")
    target, note = target_values(
        frame[settings.column],
        where,
        rows.decimal,
        text_is_classes=settings.task_type == "classification",
    )
    frame = frame.assign(**{settings.column: target})
    _require_type(target, settings, where)
    left_out = left_out_rows(frame, settings)
    missing = np.logical_or.reduce([*left_out.values()])
    kept = frame[~missing]
    if kept.empty:
        raise TaskError(f"{where}: no row has a value of {settings.column!r}")
    dates = read_dates(kept[settings.date_column], where) if settings.date_column else None
    kept = kept.reset_index(drop=True)
    notes = [*rows.notes, *filter(None, [note])]
    notes += [
        f"{count(int(rows_of.sum()))} {reason} left out"
        for reason, rows_of in left_out.items()
        if rows_of.any()
    ]
    notes += unused_no_data(frame[settings.column], settings)
    lonlat = kept[["lon", "lat"]].to_numpy(np.float64, copy=True)
    region = None
    if settings.region == "continent":
        region, doubtful = assign_continents(lonlat)
        notes.append(f"continents by the nearest reference point, {doubtful:,} doubtful")
    elif settings.region == "column":
        region = kept[settings.region_column].astype(str).to_numpy(dtype=np.str_).copy()
    classes, values = _targets(kept[settings.column], settings)
    features = (
        {"split": kept["split"].astype(str).to_numpy(dtype=np.str_)} if "split" in kept else {}
    )
    table = TaskTable(
        card=card,
        edition="open",
        lonlat=lonlat,
        target=values,
        sha256="",
        classes=classes,
        region=region,
        features=MappingProxyType(features),
        dates=dates,
    )
    require_scorable(table, where)
    if (
        classes is not None
        and pd.api.types.is_numeric_dtype(target)
        and not pd.api.types.is_bool_dtype(target)
    ):
        shown = ", ".join(classes[:5]) + (", ..." if len(classes) > 5 else "")
        notes.append(
            f"the whole numbers of {settings.column!r} are taken for {len(classes)} classes "
            f"({shown}); if they are quantities, set task_type to regression in the card"
        )
    return replace(table, notes=(*notes, *remarks(table)))


def _require_type(target: Any, settings: UserTableCard, where: str) -> None:
    """Raise TaskError if a target does not have the card's task type."""
    import pandas as pd

    numeric = pd.api.types.is_numeric_dtype(target)
    present = target.dropna()
    if settings.task_type == "regression" and not numeric and len(present):
        raise TaskError(
            f"{where}: the column {settings.column!r} has text, such as {present.iloc[0]!r} in row "
            f"{present.index[0]}, but a regression needs numbers. Correct `task_type` in its card"
        )
    if settings.task_type == "classification" and pd.api.types.is_float_dtype(target):
        finite = present[np.isfinite(present)]
        fractions = finite[finite % 1 != 0]
        if len(fractions):
            raise TaskError(
                f"{where}: the column {settings.column!r} has fractions, such as "
                f"{shown_number(fractions.iloc[0])} in row {fractions.index[0]}, so it cannot "
                "be classes. Set `task_type` to regression in its card, or delete the card"
            )


def _targets(
    column: Any, settings: UserTableCard
) -> tuple[tuple[str, ...] | None, NDArray[np.float64] | NDArray[np.int64]]:
    import pandas as pd

    if settings.task_type == "regression":
        numbers: NDArray[np.float64] = column.to_numpy(dtype=np.float64, copy=True)
        return None, numbers
    exact = pd.api.types.is_float_dtype(column) and (column.abs() <= MAX_EXACT).all()
    if exact and (column % 1 == 0).all():
        # Whole numbers were read as floats because the column has blanks.
        column = column.astype("int64")
    if not pd.api.types.is_integer_dtype(column):
        column = column.astype(str)
    codes = column.astype("category").cat
    return tuple(str(c) for c in codes.categories), codes.codes.to_numpy().astype(np.int64)


def _counts(table: TaskTable) -> dict[str, object]:
    """Entries of an edition's card that are only known once its table is loaded."""
    if table.classes is not None:
        return {"rows": len(table), "classes": len(table.classes)}
    span = (float(table.target.min()), float(table.target.max()))
    return {"rows": len(table), "target_range": span}


__all__ = ["MissingTableTask", "UserTable", "UserTableTask", "make_table"]
