"""Loads the paper edition of a task from the files in a data folder."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.dates import Dates
from satclip_bench.core.download.cards import RemoteFile
from satclip_bench.core.download.content import require_content
from satclip_bench.core.errors import CoordinateError, IntegrityError, TaskError
from satclip_bench.core.files import cache_dir, sha256_bytes
from satclip_bench.core.program import program
from satclip_bench.core.registry import import_object
from satclip_bench.core.sphere import SwappedCoordinatesWarning, check_lonlat
from satclip_bench.tasks.base import TaskCard, TaskTable, Variant
from satclip_bench.tasks.dates import read_dates
from satclip_bench.tasks.regions import assign_continents, nearest_census_regions

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from satclip_bench.tasks.paper_edition.readers import ReaderResult

VERSION = 1
"""Version of the tables. It is increased when the same files give a different table."""


def data_folder(data_dir: Path | None) -> Path:
    """Folder with the files of the paper editions: `data_dir`, or `data` in the cache if None."""
    return cache_dir() / "data" if data_dir is None else data_dir


def missing_files(variant: Variant, folder: Path) -> tuple[RemoteFile, ...]:
    """Files of a variant that are missing from the folder."""
    return tuple(card for card in variant.files if not (folder / card.file).is_file())


def choose_variant(card: TaskCard, folder: Path) -> Variant:
    """First variant of a task's paper edition whose files are all in the folder.

    Args:
        card: card of a task that has a paper edition.
        folder: data folder.

    Raises:
        TaskError: no variant is complete; the message lists the missing files of each, and how
            to get them.
    """
    options = []
    for variant in card.editions["paper"].variants:
        missing = missing_files(variant, folder)
        if not missing:
            return variant
        names = ", ".join(f.file for f in missing)
        how = " ".join(dict.fromkeys(f.by_hand for f in missing if f.by_hand))
        is_or_are = "is" if len(missing) == 1 else "are"
        options.append(f"{variant.name}: {names} {is_or_are} missing. {how}")
    raise TaskError(
        f"the paper edition of {card.name!r} is not in {folder}: "
        f"`{program()} download {card.name} --data-dir DIR` downloads the files that can be "
        f"downloaded. One of these sets of files is needed. {' '.join(options)}".rstrip()
    )


def load_paper(card: TaskCard, folder: Path) -> TaskTable:
    """Make the table of a task's paper edition from the files in a folder.

    Args:
        card: card of a task that has a paper edition.
        folder: data folder.

    Raises:
        TaskError: files are missing, or do not have the expected columns.
        IntegrityError: the hash of a file or the number of rows is not the one on the card.
        CoordinateError: some points are not on the sphere.
    """
    variant = choose_variant(card, folder)
    paths = [folder / file.file for file in variant.files]
    digests = [verified_sha256(folder, file) for file in variant.files]
    reader = cast("Callable[..., ReaderResult]", import_object(variant.reader, "the reader"))
    result = reader(paths, **variant.options)
    frame = result.frame
    if not len(frame):
        raise TaskError(f"{paths[0]} of task {card.name!r} has no usable rows")
    where = ", ".join(path.name for path in paths)
    lonlat = _points(frame, where)
    if variant.rows is not None and len(frame) != variant.rows:
        raise IntegrityError(
            f"{where} of task {card.name!r} gives {len(frame):,} rows instead of the expected "
            f"{variant.rows:,}: it may be another version of the table, or truncated"
        )
    region, notes = _regions(card, lonlat)
    if repeated := int(frame.duplicated(["lon", "lat"]).sum()):
        notes.append(f"{repeated:,} rows repeat the point of another row, and are kept")
    notes += [
        f"{count:,} rows {reason} left out" for reason, count in result.left_out.items() if count
    ]
    classes: tuple[str, ...] | None = None
    target: NDArray[np.float64] | NDArray[np.int64] = frame["target"].to_numpy(copy=True)
    if card.task_type == "classification":
        names, target = np.unique(frame["target"].astype(str), return_inverse=True)
        classes = tuple(names.tolist())
        target = target.astype(np.int64)
    content = [str(VERSION), variant.name, *digests]
    if variant.options:
        content.append(json.dumps(variant.options, sort_keys=True))
    dates = None
    if card.date_column:
        if card.date_column not in frame:
            raise TaskError(
                f"{where} of task {card.name!r} has no column {card.date_column!r}, which its card "
                "names as that of the dates"
            )
        dates = read_dates(frame[card.date_column], where)
        content.append(card.date_column)
    if not variant.reader.startswith("satclip_bench."):
        # For readers of other packages no version says that the same files give another table.
        content += _hashes(lonlat, target, classes or (), dates)
    if region is not None:
        content.append(sha256_bytes("\n".join(region).encode()))
    target_name = card.editions["paper"].target
    return TaskTable(
        card=card.model_copy(update={"target": target_name}) if target_name else card,
        edition="paper",
        lonlat=lonlat,
        target=target,
        sha256=sha256_bytes(" ".join(content).encode()),
        classes=classes,
        region=region,
        dates=dates,
        caveat=variant.differs,
        notes=tuple(notes),
        variant=variant.name,
    )


def _hashes(
    lonlat: NDArray[np.float64],
    target: NDArray[np.float64] | NDArray[np.int64],
    classes: tuple[str, ...],
    dates: Dates | None,
) -> list[str]:
    """Hashes of the columns of a table that can change a score, beside its regions."""
    columns = [lonlat.astype("<f8"), target.astype("<i8" if classes else "<f8")]
    columns += [dates.times[unit].astype("<i8") for unit in sorted(dates.times)] if dates else []
    names = "\n".join(classes).encode()
    return [sha256_bytes(column.tobytes()) for column in columns] + [sha256_bytes(names)]


def _points(frame: pd.DataFrame, where: str) -> NDArray[np.float64]:
    """Coordinates of all rows. Raises CoordinateError if they are invalid or look swapped."""
    try:
        with warnings.catch_warnings():
            # The columns are named, and these tables cover the globe: a warning is an error here.
            warnings.simplefilter("error", SwappedCoordinatesWarning)
            return check_lonlat(frame[["lon", "lat"]].to_numpy(dtype=np.float64))
    except (CoordinateError, SwappedCoordinatesWarning) as error:
        raise CoordinateError(f"{where}: {error}") from error


def verified_sha256(folder: Path, card: RemoteFile) -> str:
    """SHA-256 of a file, after comparing it with the card's, or else the lock file's.

    Raises:
        IntegrityError: the file has another hash.
    """
    advice = f"Delete it and download it again. {card.by_hand}".rstrip()
    return require_content(card, folder, advice)


def _regions(
    card: TaskCard, lonlat: NDArray[np.float64]
) -> tuple[NDArray[np.str_] | None, list[str]]:
    if card.region == "continent":
        region, doubtful = assign_continents(lonlat)
        return region, [
            "continents from Natural Earth by the nearest point of the open edition, "
            f"{doubtful:,} of {len(lonlat):,} doubtful"
        ]
    if card.region == "census region":
        return nearest_census_regions(lonlat), []
    return None, []
