"""Any table of points as a task: a file, one of its columns, and a card beside it.

The schema is CoordBench's: columns lon and lat in degrees, any number of target columns, perhaps
`split`; or points in a CRS. The card is made when the file is first used and may be edited.
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

BATCH = 1_000_000
"""Rows read at a time."""


@dataclass(frozen=True)
class UserTable:
    """A table of one's own: where it lies, and which column is to be predicted."""

    path: Path
    target: str

    @property
    def card_path(self) -> Path:
        """Where the card lies: beside the file, one for every target."""
        return self.path.with_name(f"{self.path.stem}.{slug(self.target)}.card.json")


class UserTableTask(Task):
    """A task made of a table file.

    Args:
        file: which table and target.

    Raises:
        BenchError: the file or its card cannot be read, or holds no such column.
    """

    def __init__(self, file: UserTable) -> None:
        self.file = file
        self.table_card, self.made = read_card(file)
        card = as_task_card(self.table_card)
        super().__init__(card, "open")

    @override
    def load(self) -> TaskTable:
        """The table.

        Raises:
            TaskError: no rows are left, or a column is absent.
            IntegrityError: the file is not the one that its card was made of.
            CoordinateError: points that are not on the sphere.
        """
        return self._loaded

    @cached_property
    def _loaded(self) -> TaskTable:
        own = self.table_card
        digest = sha256_file(self.file.path)
        if digest != own.sha256:
            raise IntegrityError(
                f"{self.file.path} has sha256 {digest}; its card {self.file.card_path} was made of "
                f"a file with {own.sha256}. Delete the card to make it anew, or correct its sha256 "
                "if only values have changed"
            )
        table = make_table(own, self.card, read_columns(self.file), str(self.file.path))
        # What a card says of the target decides the scores as much as the file.
        settings = json.dumps(
            [own.column, own.task_type, own.no_data, own.region, own.region_column]
        )
        edition = self.card.editions["open"].model_copy(update=_counted(table))
        card = self.card.model_copy(update={"editions": {"open": edition, "paper": edition}})
        self.card = card
        return replace(table, card=card, sha256=sha256_bytes(f"{digest} {settings}".encode()))


class MissingTableTask(Task):
    """A task whose table is no longer where it was; its card is known.

    Args:
        file: where the table was.
        card: as it was then.
    """

    def __init__(self, file: UserTable, card: TaskCard) -> None:
        super().__init__(card, "open")
        self.file = file

    @override
    def load(self) -> TaskTable:
        """Raise TaskError."""
        raise TaskError(
            f"the table of task {self.card.name!r} is no longer at {self.file.path}: put it back, "
            f"or run with --task-file and --target {self.file.target} again"
        )


def read_card(file: UserTable) -> tuple[UserTableCard, bool]:
    """The card beside a file, and whether it was made just now.

    Raises:
        BenchError: the file or the card cannot be read, or the card cannot be written.
    """
    path = file.card_path
    if path.is_file():
        try:
            return UserTableCard.model_validate_json(path.read_bytes()), False
        except ValidationError as error:
            told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise TaskError(
                f"{path} is no card of a table ({told}). Correct it, or delete it to have it made "
                "anew"
            ) from error
        except OSError as error:
            raise TaskError(f"{path} cannot be read: {error.strerror}") from error
    card = make_card(file.path, file.target, read_columns(file), sha256_file(file.path))
    with atomic_write(path) as stream:
        stream.write((card.model_dump_json(indent=2) + "\n").encode())
    return card, True


def read_columns(file: UserTable) -> pd.DataFrame:
    """All rows of a file: columns lon, lat and its own, numbers as numbers.

    Raises:
        BenchError: it cannot be read.
        TaskError: it has no column of that name; says which it has.
    """
    import pandas as pd

    frames = []
    with open_points(file.path, BATCH) as points:
        for part in points.batches:
            frame = part.columns.to_pandas()
            if file.target not in frame.columns:
                there = ", ".join(map(str, frame.columns[:20]))
                raise TaskError(f"{file.path} has no column {file.target!r}; it has: {there}")
            own = [c for c in frame.columns if str(c).lower() not in ("lon", "lat")]
            lonlat = pd.DataFrame(part.lonlat, columns=["lon", "lat"], index=frame.index)
            frames.append(pd.concat([lonlat, frame[own]], axis=1))
    if not frames:
        raise TaskError(f"{file.path} has no rows")
    whole = pd.concat(frames, ignore_index=True)
    made: pd.DataFrame = whole.apply(_as_numbers)
    return made


def _as_numbers(column: Any) -> Any:
    """Text that is numbers throughout, blanks aside, as numbers; anything else as it is."""
    import pandas as pd

    if not (pd.api.types.is_string_dtype(column) or column.dtype == object):
        return column
    filled = column.replace(r"^\s*$", np.nan, regex=True)
    try:
        return pd.to_numeric(filled)
    except (TypeError, ValueError):
        return filled


def make_table(own: UserTableCard, card: TaskCard, frame: pd.DataFrame, where: str) -> TaskTable:
    """The table of a file's rows. Rows without a target or a region are dropped and counted.

    Raises:
        TaskError: no rows are left, or the column of regions is absent.
        CoordinateError: points that are not on the sphere.
    """
    import pandas as pd

    for name in (own.column, own.region_column):
        if name and name not in frame:
            raise TaskError(f"{where} has no column {name!r}, which its card names")
    target = frame[own.column]
    if own.task_type == "regression" and not pd.api.types.is_numeric_dtype(target):
        raise TaskError(
            f"{where}: the column {own.column!r} holds text, such as {target.dropna().iloc[0]!r}; "
            "a regression needs numbers. Correct `task_type` in its card"
        )
    lacking = target.isna()
    if pd.api.types.is_numeric_dtype(target):
        lacking |= target.isin(own.no_data) | ~np.isfinite(target.astype("float64"))
    if own.region_column:
        lacking |= frame[own.region_column].isna()
    kept = frame[~lacking].reset_index(drop=True)
    if kept.empty:
        raise TaskError(f"{where}: no row has a value of {own.column!r}")
    notes = (
        [f"{int(lacking.sum()):,} rows without a target or a region left out"]
        if lacking.any()
        else []
    )
    try:
        lonlat = check_lonlat(kept[["lon", "lat"]].to_numpy())
    except CoordinateError as error:
        raise CoordinateError(f"{where}: {error}") from error
    region = None
    if own.region == "continent":
        region, doubtful = assign_continents(lonlat)
        notes.append(f"continents by the nearest known point, {doubtful:,} doubtful")
    elif own.region == "column":
        region = kept[own.region_column].astype(str).to_numpy(dtype=np.str_).copy()
    classes, values = _targets(kept[own.column], own)
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
    column: Any, own: UserTableCard
) -> tuple[tuple[str, ...] | None, NDArray[np.float64] | NDArray[np.int64]]:
    import pandas as pd

    if own.task_type == "regression":
        numbers: NDArray[np.float64] = column.to_numpy(dtype=np.float64, copy=True)
        return None, numbers
    if pd.api.types.is_float_dtype(column) and (column % 1 == 0).all():
        # Blanks make floats of whole numbers.
        column = column.astype("int64")
    if not pd.api.types.is_integer_dtype(column):
        column = column.astype(str)
    codes = column.astype("category").cat
    return tuple(str(c) for c in codes.categories), codes.codes.to_numpy().astype(np.int64)


def _counted(table: TaskTable) -> dict[str, object]:
    if table.classes is not None:
        return {"rows": len(table), "classes": len(table.classes)}
    span = (float(table.target.min()), float(table.target.max()))
    return {"rows": len(table), "target_range": span}
