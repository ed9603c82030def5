"""From a task's card and a folder to the paper's table."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.download.cards import FileCard
from satclip_bench.core.download.lock import require_locked
from satclip_bench.core.errors import CoordinateError, IntegrityError, TaskError
from satclip_bench.core.files import cache_dir, sha256_bytes, sha256_file
from satclip_bench.core.program import program
from satclip_bench.core.registry import import_object
from satclip_bench.core.sphere import SwappedCoordinatesWarning, check_lonlat
from satclip_bench.tasks.base import TaskCard, TaskTable, Variant
from satclip_bench.tasks.regions import assign_continents, nearest_census_regions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from satclip_bench.tasks.paper_edition.readers import ReaderResult

VERSION = 1
"""Raised when the same files start to give another table."""


def data_folder(data_dir: Path | None) -> Path:
    """Where files of tables lie: the folder that is named, or `data` in the cache."""
    return cache_dir() / "data" if data_dir is None else data_dir


def missing_files(variant: Variant, folder: Path) -> tuple[FileCard, ...]:
    """Those of its files that are not in the folder."""
    return tuple(card for card in variant.files if not (folder / card.file).is_file())


def choose_variant(card: TaskCard, folder: Path) -> Variant:
    """The first variant whose files are all there.

    Raises:
        TaskError: none is; says what each lacks and how to come by it.
    """
    told = []
    for variant in card.editions["paper"].variants:
        missing = missing_files(variant, folder)
        if not missing:
            return variant
        names = ", ".join(f.file for f in missing)
        how = " ".join(dict.fromkeys(f.by_hand for f in missing if f.by_hand))
        told.append(f"{variant.name}: {names} {'lacks' if len(missing) == 1 else 'lack'}. {how}")
    raise TaskError(
        f"the paper edition of {card.name!r} is not in {folder}: "
        f"`{program()} download {card.name} --data-dir DIR` fetches what can be "
        f"fetched. It can be made of one of these. {' '.join(told)}".rstrip()
    )


def load_paper(card: TaskCard, folder: Path) -> TaskTable:
    """The paper's table of a task, made of the files in a folder.

    Raises:
        TaskError: files are absent, or are not such tables.
        IntegrityError: a file has another content than its card says.
        CoordinateError: points that are not on the sphere.
    """
    variant = choose_variant(card, folder)
    paths = [folder / file.file for file in variant.files]
    digests = [verified_sha256(folder, file) for file in variant.files]
    reader = cast(
        "Callable[[Sequence[Path]], ReaderResult]", import_object(variant.reader, "the reader")
    )
    found = reader(paths)
    frame = found.frame
    if not len(frame):
        raise TaskError(f"{paths[0]} of task {card.name!r} has no rows that can be used")
    where = ", ".join(path.name for path in paths)
    lonlat = _points(frame, where)
    if variant.rows is not None and len(frame) != variant.rows:
        raise IntegrityError(
            f"{where} of task {card.name!r} gives {len(frame):,} rows, where {variant.rows:,} were "
            "expected: another version of the table, or a part of it"
        )
    region, notes = _regions(card, lonlat)
    if again := int(frame.duplicated(["lon", "lat"]).sum()):
        notes.append(f"{again:,} rows repeat the point of another, and are kept")
    notes += [f"{count:,} rows {why} left out" for why, count in found.left_out.items() if count]
    classes: tuple[str, ...] | None = None
    target: NDArray[np.float64] | NDArray[np.int64] = frame["target"].to_numpy(copy=True)
    if card.task_type == "classification":
        names, target = np.unique(frame["target"].astype(str), return_inverse=True)
        classes = tuple(names.tolist())
        target = target.astype(np.int64)
    content = [str(VERSION), variant.name, *digests]
    if region is not None:
        content.append(sha256_bytes("\n".join(region).encode()))
    target_of = card.editions["paper"].target
    return TaskTable(
        card=card.model_copy(update={"target": target_of}) if target_of else card,
        edition="paper",
        lonlat=lonlat,
        target=target,
        sha256=sha256_bytes(" ".join(content).encode()),
        classes=classes,
        region=region,
        caveat=variant.differs,
        notes=tuple(notes),
        variant=variant.name,
    )


def _points(frame: pd.DataFrame, where: str) -> NDArray[np.float64]:
    """Coordinates of rows; raises CoordinateError for what is off the sphere or looks swapped."""
    try:
        with warnings.catch_warnings():
            # Columns that are called so have no reason to look otherwise.
            warnings.simplefilter("error", SwappedCoordinatesWarning)
            return check_lonlat(frame[["lon", "lat"]].to_numpy(dtype=np.float64))
    except (CoordinateError, SwappedCoordinatesWarning) as error:
        raise CoordinateError(f"{where}: {error}") from error


def verified_sha256(folder: Path, card: FileCard) -> str:
    """Hash of a file, which is the card's or the lock file's; raises IntegrityError otherwise."""
    path = folder / card.file
    digest = sha256_file(path)
    if card.sha256 is None:
        require_locked(folder, card.file, digest, str(path))
    elif digest != card.sha256:
        raise IntegrityError(
            f"{path} has sha256 {digest}; it should have {card.sha256}. Delete it, and fetch it "
            f"again. {card.by_hand}".rstrip()
        )
    return digest


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
