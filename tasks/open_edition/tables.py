"""Reads the tables of the open edition, which ship with the package."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import IntegrityError, TaskError
from satclip_bench.core.files import sha256_bytes
from satclip_bench.core.sphere import check_lonlat
from satclip_bench.tasks.base import Edition, TaskCard, TaskTable

if TYPE_CHECKING:
    import pandas as pd

OPEN_EDITION = Path(__file__).parent


def read_table(path: Path, card: TaskCard, edition: Edition) -> TaskTable:
    """Read a shipped table: columns lon, lat and target, optionally region, and side features.

    Args:
        path: path of the Parquet file.
        card: card of the task.
        edition: edition of the task that the file contains.

    Raises:
        TaskError: the file cannot be read, or columns are missing.
        IntegrityError: the SHA-256 of the file is not the one on the card.
        CoordinateError: some points are not on the sphere.
    """
    frame, digest = read_verified(path, card.name, card.editions[edition].sha256)
    missing = {"lon", "lat", "target"} - set(frame.columns)
    if missing:
        raise TaskError(f"{path} has no column {' and no column '.join(sorted(missing))}")
    lonlat = check_lonlat(frame[["lon", "lat"]].to_numpy())
    classes: tuple[str, ...] | None = None
    target: NDArray[np.float64] | NDArray[np.int64]
    if card.task_type == "classification":
        column = frame["target"].astype(str).astype("category")
        classes = tuple(str(c) for c in column.cat.categories)
        target = column.cat.codes.to_numpy().astype(np.int64)
    else:
        target = frame["target"].to_numpy(dtype=np.float64, copy=True)
    region = (
        frame["region"].astype(str).to_numpy(dtype=np.str_).copy() if "region" in frame else None
    )
    side = [c for c in frame.columns if c not in ("lon", "lat", "target", "region")]
    return TaskTable(
        card=card,
        edition=edition,
        lonlat=lonlat,
        target=target,
        sha256=digest,
        classes=classes,
        region=region,
        features=MappingProxyType({c: frame[c].to_numpy().copy() for c in side}),
    )


def shipped_frame(task: str) -> pd.DataFrame:
    """Read the shipped table of a task as a data frame.

    Args:
        task: name of a task with an open edition.

    Raises:
        TaskError: the file cannot be read.
        IntegrityError: its SHA-256 is not the one in `provenance.json`.
    """
    entry = provenance()["tables"][task]
    return read_verified(OPEN_EDITION / entry["file"], task, entry["sha256"])[0]


def read_verified(path: Path, task: str, expected: str | None) -> tuple[pd.DataFrame, str]:
    """Data frame and SHA-256 of a Parquet file, after comparing the hash with the expected one."""
    import io

    import pyarrow.parquet as pq

    advice = "Restore it from the repository, or rebuild it: python -m satclip_bench.tasks.builder"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TaskError(
            f"{path} of task {task!r} cannot be read: {error.strerror}. {advice}"
        ) from error
    digest = sha256_bytes(content)
    if expected is not None and digest != expected:
        raise IntegrityError(
            f"{path} has sha256 {digest}; the card of {task!r} says {expected}. {advice}"
        )
    # pq.read_table imports pyarrow.dataset, which one file does not need.
    return pq.ParquetFile(io.BytesIO(content)).read().to_pandas(), digest


def provenance() -> dict[str, Any]:
    """Content of `provenance.json`, which the builder writes beside the shipped tables."""
    content: dict[str, Any] = json.loads((OPEN_EDITION / "provenance.json").read_text())
    return content
