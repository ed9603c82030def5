"""Tasks made from user tables: a file, one of its columns, and a card beside the file.

The schema is CoordBench's: columns lon and lat in degrees, any number of target columns, and an
optional column `split`; or points in a CRS. The card is made on the first use of the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from typing_extensions import override

from satclip_bench.core.errors import CoordinateError, IntegrityError, TaskError
from satclip_bench.core.files import atomic_write, sha256_bytes, sha256_file
from satclip_bench.core.point_files import open_points
from satclip_bench.core.sphere import check_lonlat
from satclip_bench.tasks.base import TaskCard, TaskTable
from satclip_bench.tasks.regions import assign_continents
from satclip_bench.tasks.task import Task
from satclip_bench.tasks.user_tables.card import UserTableCard, as_task_card, make_card, slug

if TYPE_CHECKING:
    import pandas as pd

BATCH_SIZE = 1_000_000
"""Number of rows read at a time."""


@dataclass(frozen=True)
class UserTable:
    """A user table: the path of its file, and the name of the target column."""

    path: Path
    target: str

    @property
    def card_path(self) -> Path:
        """Path of the card: beside the file, with one card per target."""
        return self.path.with_name(f"{self.path.stem}.{slug(self.target)}.card.json")


class UserTableTask(Task):
    """A task made from a user table.

    Args:
        file: the table and its target column.

    Raises:
        BenchError: the file or its card cannot be read, or the file has no such column.
    """

    def __init__(self, file: UserTable) -> None:
        self.file = file
        self.table_card, self.made = read_card(file)
        super().__init__(as_task_card(self.table_card), "open")

    @override
    def load(self) -> TaskTable:
        """Load the table. Later calls return the same object.

        Raises:
            TaskError: no rows are left, or a column is missing.
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
        frame = read_columns(self.file)
        table = make_table(settings, self.card, frame, str(self.file.path))
        # These entries of the card affect the scores as much as the file does.
        relevant = json.dumps(
            [
                settings.column,
                settings.task_type,
                settings.no_data,
                settings.region,
                settings.region_column,
            ]
        )
        edition = self.card.editions["open"].model_copy(update=_counts(table))
        card = self.card.model_copy(update={"editions": {"open": edition, "paper": edition}})
        self.card = card
        return replace(table, card=card, sha256=sha256_bytes(f"{digest} {relevant}".encode()))


class MissingTableTask(Task):
    """A task whose table is no longer where it was. Its card is still available.

    Args:
        file: the table, at the path where it was.
        card: card of the task when the table was last loaded.
    """

    def __init__(self, file: UserTable, card: TaskCard) -> None:
        super().__init__(card, "open")
        self.file = file

    @override
    def load(self) -> TaskTable:
        """Raise TaskError, since the table is missing."""
        raise TaskError(
            f"the table of task {self.card.name!r} is no longer at {self.file.path}: put it back, "
            f"or run again with --task-file and --target {self.file.target}"
        )


def read_card(file: UserTable) -> tuple[UserTableCard, bool]:
    """Read the card beside a table, or make and write it if there is none.

    Returns:
        The card, and whether it was made by this call.

    Raises:
        BenchError: the table or the card cannot be read, or the card cannot be written.
    """
    path = file.card_path
    if path.is_file():
        try:
            return UserTableCard.model_validate_json(path.read_bytes()), False
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()
            )
            raise TaskError(
                f"{path} is not a valid card of a user table ({problems}). Correct it, or delete "
                "it to have a new one made"
            ) from error
        except OSError as error:
            raise TaskError(f"{path} cannot be read: {error.strerror}") from error
    card = make_card(file.path, file.target, read_columns(file), sha256_file(file.path))
    with atomic_write(path) as stream:
        stream.write((card.model_dump_json(indent=2) + "\n").encode())
    return card, True


def read_columns(file: UserTable) -> pd.DataFrame:
    """Read all rows of a user table, with text that consists of numbers converted to numbers.

    Returns:
        A data frame with columns lon and lat, and the other columns of the table.

    Raises:
        BenchError: the file cannot be read.
        TaskError: the target column is missing; the message lists the columns of the file.
    """
    import pandas as pd

    frames = []
    with open_points(file.path, BATCH_SIZE) as points:
        for batch in points.batches:
            frame = batch.columns.to_pandas()
            if file.target not in frame.columns:
                names = ", ".join(map(str, frame.columns[:20]))
                raise TaskError(f"{file.path} has no column {file.target!r}; it has: {names}")
            others = [c for c in frame.columns if str(c).lower() not in ("lon", "lat")]
            lonlat = pd.DataFrame(batch.lonlat, columns=["lon", "lat"], index=frame.index)
            frames.append(pd.concat([lonlat, frame[others]], axis=1))
    if not frames:
        raise TaskError(f"{file.path} has no rows")
    whole = pd.concat(frames, ignore_index=True)
    converted: pd.DataFrame = whole.apply(_as_numbers)
    return converted


def _as_numbers(column: Any) -> Any:
    """A text column as numbers if all its values but blanks are numbers, else the column."""
    import pandas as pd

    if not (pd.api.types.is_string_dtype(column) or column.dtype == object):
        return column
    filled = column.replace(r"^\s*$", np.nan, regex=True)
    try:
        return pd.to_numeric(filled)
    except (TypeError, ValueError):
        return filled


def make_table(
    settings: UserTableCard, card: TaskCard, frame: pd.DataFrame, where: str
) -> TaskTable:
    """Make the table of a task from the rows of a user table.

    Rows without a target or a region are dropped and counted in the table's notes.

    Args:
        settings: card of the user table.
        card: card of the task.
        frame: rows of the file, as from `read_columns`.
        where: name of the file, for error messages.

    Raises:
        TaskError: no rows are left, or a column that the card names is missing.
        CoordinateError: some points are not on the sphere.
    """
    import pandas as pd

    for name in (settings.column, settings.region_column):
        if name and name not in frame:
            raise TaskError(f"{where} has no column {name!r}, which its card names")
    target = frame[settings.column]
    if settings.task_type == "regression" and not pd.api.types.is_numeric_dtype(target):
        raise TaskError(
            f"{where}: the column {settings.column!r} has text, such as "
            f"{target.dropna().iloc[0]!r}, but a regression needs numbers. Correct `task_type` in "
            "its card"
        )
    missing = target.isna()
    if pd.api.types.is_numeric_dtype(target):
        missing |= target.isin(settings.no_data) | ~np.isfinite(target.astype("float64"))
    if settings.region_column:
        missing |= frame[settings.region_column].isna()
    kept = frame[~missing].reset_index(drop=True)
    if kept.empty:
        raise TaskError(f"{where}: no row has a value of {settings.column!r}")
    notes = (
        [f"{int(missing.sum()):,} rows without a target or a region left out"]
        if missing.any()
        else []
    )
    try:
        lonlat = check_lonlat(kept[["lon", "lat"]].to_numpy())
    except CoordinateError as error:
        raise CoordinateError(f"{where}: {error}") from error
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
    return TaskTable(
        card=card,
        edition="open",
        lonlat=lonlat,
        target=values,
        sha256="",
        classes=classes,
        region=region,
        features=MappingProxyType(features),
        notes=tuple(notes),
    )


def _targets(
    column: Any, settings: UserTableCard
) -> tuple[tuple[str, ...] | None, NDArray[np.float64] | NDArray[np.int64]]:
    import pandas as pd

    if settings.task_type == "regression":
        numbers: NDArray[np.float64] = column.to_numpy(dtype=np.float64, copy=True)
        return None, numbers
    if pd.api.types.is_float_dtype(column) and (column % 1 == 0).all():
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
