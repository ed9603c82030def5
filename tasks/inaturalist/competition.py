"""Reads the JSON files of the iNaturalist competition as streams, in bounded memory.

Annotations are in COCO's format: `images` with `id`, `categories` with `id`, `annotations` with
`image_id` and `category_id`. Locations are a list of `id`, `lon` and `lat`, null if unknown.
github.com/visipedia/inat_comp describes both formats.
"""

from __future__ import annotations

import warnings
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.download.content import stand_in
from satclip_bench.core.errors import CoordinateError, IntegrityError, TaskError
from satclip_bench.core.files import sha256_bytes
from satclip_bench.core.sphere import SwappedCoordinatesWarning, check_lonlat
from satclip_bench.tasks.inaturalist import CARD
from satclip_bench.tasks.paper_edition.loading import choose_variant, verified_sha256
from satclip_bench.tasks.paper_edition.readers import ReaderResult

Integers = NDArray[np.int64]
NO_LOCATION = "without a location"


@dataclass(frozen=True)
class Photographs:
    """The photographs of the training or the validation set, in the order of the annotation file.

    Attributes:
        image_id: `(N,)` int64, without repeats.
        species: `(N,)` int64 class indices.
        lonlat: `(N, 2)` degrees, longitude first; NaN for an unknown location.
    """

    image_id: Integers
    species: Integers
    lonlat: NDArray[np.float64]

    def __post_init__(self) -> None:
        for column in (self.image_id, self.species, self.lonlat):
            column.setflags(write=False)

    def __len__(self) -> int:
        return len(self.image_id)

    @property
    def located(self) -> NDArray[np.bool_]:
        """Whether the location of each photograph is known, `(N,)`."""
        return np.isfinite(self.lonlat[:, 0])


@dataclass(frozen=True)
class Competition:
    """Training and validation photographs of the competition.

    Attributes:
        train: photographs of the training set.
        validation: photographs of the validation set, on which papers report scores, since the
            labels of the test set are not public.
        classes: number of species; class indices are 0 to classes - 1.
        sha256: hash of the hashes of the four files.
    """

    train: Photographs
    validation: Photographs
    classes: int
    sha256: str


def read_competition(folder: Path) -> Competition:
    """Read the competition's files from a data folder.

    Memory use is three numbers per photograph; the JSON is never in memory as a whole.

    Args:
        folder: data folder; the files are in its subfolder `inaturalist`.

    Raises:
        TaskError: files are missing or have another format, or the training and the validation
            set have different numbers of classes.
        IntegrityError: a file has changed since it was downloaded, or is incomplete.
        CoordinateError: some locations are not on the sphere.
    """
    files = choose_variant(CARD, folder).files
    digests = [verified_sha256(folder, card) for card in files]
    train, validation, classes = _both([folder / card.file for card in files])
    return Competition(train, validation, classes, sha256_bytes(" ".join(digests).encode()))


def located(paths: Sequence[Path]) -> ReaderResult:
    """Read all photographs with a known location, training set first. A reader of task tables.

    Args:
        paths: annotations and locations of the training set, then of the validation set.
    """
    import pandas as pd

    train, validation, _ = _both(paths)
    lonlat = np.concatenate([train.lonlat, validation.lonlat])
    known = np.isfinite(lonlat[:, 0])
    species = np.concatenate([train.species, validation.species])[known]
    frame = pd.DataFrame(
        # Padded names sort in the order of the numbers.
        {
            "lon": lonlat[known, 0],
            "lat": lonlat[known, 1],
            "target": np.char.zfill(species.astype(np.str_), 4),
        }
    )
    return ReaderResult(frame, {NO_LOCATION: int((~known).sum())})


def read_photographs(annotations: Path, locations: Path) -> tuple[Photographs, int]:
    """Read the training or the validation set, and count the species in its categories.

    Args:
        annotations: path of the annotation file.
        locations: path of the location file.

    Raises:
        TaskError: a file cannot be read or has another format; a photograph has no species, two
            species, or one that is not a category; or no photograph has an entry in `locations`.
        IntegrityError: a file is not complete JSON.
        CoordinateError: some locations are not on the sphere.
    """
    categories = _integers(annotations, "categories.item", "id")[0]
    classes = len(categories)
    if not np.array_equal(np.sort(categories), np.arange(classes)) or not classes:
        raise TaskError(
            f"{annotations} should list categories numbered 0, 1, 2 and so on, each once; the "
            f"{classes:,} categories it lists are not"
        )
    image_id = _integers(annotations, "images.item", "id")[0]
    labelled, category = _integers(annotations, "annotations.item", "image_id", "category_id")
    for what, ids in (("photograph", image_id), ("label of photograph", labelled)):
        unique, counts = np.unique(ids, return_counts=True)
        if (counts > 1).any():
            raise TaskError(f"{annotations} has {what} {unique[counts > 1][0]} more than once")
    row, labels_exist = _rows_of(labelled, image_id)
    if not len(image_id):
        raise TaskError(f"{annotations} has no photographs in `images`")
    if not labels_exist.all():
        unlabelled = image_id[~labels_exist][:3].tolist()
        raise TaskError(f"{annotations} has photographs without a species, such as {unlabelled}")
    species = category[row]
    if species.min() < 0 or species.max() >= classes:
        raise TaskError(
            f"{annotations} has labels that are not categories, such as {species.max()}"
        )
    return Photographs(image_id, species, _lonlat(locations, image_id)), classes


def image_files(annotations: Path) -> list[tuple[int, str]]:
    """Id and image file of every photograph, in the order of the annotation file.

    Args:
        annotations: path of the annotation file.

    Raises:
        TaskError: the file cannot be read, or has another format.
        IntegrityError: the file is not complete JSON.
    """
    try:
        return [(int(i["id"]), str(i["file_name"])) for i in _items(annotations, "images.item")]
    except (KeyError, TypeError, ValueError) as error:
        raise TaskError(f"{annotations} has an image without id or file_name") from error


def _both(paths: Sequence[Path]) -> tuple[Photographs, Photographs, int]:
    train, classes = read_photographs(paths[0], paths[1])
    validation, validation_classes = read_photographs(paths[2], paths[3])
    if classes != validation_classes:
        raise TaskError(
            f"{paths[0]} lists {classes:,} categories and {paths[2]} {validation_classes:,}: they "
            "are not files of the same competition"
        )
    return train, validation, classes


def _lonlat(path: Path, image_id: Integers) -> NDArray[np.float64]:
    """Locations of photographs, `(N, 2)`; NaN if the file does not have one."""
    ids, lon, lat = array("q"), array("d"), array("d")
    for entry in _items(path, "item"):
        try:
            ids.append(entry["id"])
            known = entry["lon"] is not None and entry["lat"] is not None
            lon.append(entry["lon"] if known else np.nan)
            lat.append(entry["lat"] if known else np.nan)
        except (KeyError, TypeError, OverflowError) as error:
            raise TaskError(f"{path} has an entry without id, lon or lat: {entry}") from error
    row, listed = _rows_of(np.frombuffer(ids, dtype=np.int64), image_id)
    if not listed.any():
        raise TaskError(f"{path} has none of the photographs: it belongs to another set")
    lonlat = np.full((len(image_id), 2), np.nan)
    lonlat[listed] = np.stack([np.frombuffer(lon), np.frombuffer(lat)], axis=1)[row[listed]]
    known = np.isfinite(lonlat).all(axis=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SwappedCoordinatesWarning)
            lonlat[known] = check_lonlat(lonlat[known])
    except (CoordinateError, SwappedCoordinatesWarning) as error:
        raise CoordinateError(f"{path}, photographs with a location: {error}") from error
    return lonlat


def _rows_of(ids: Integers, queries: Integers) -> tuple[Integers, NDArray[np.bool_]]:
    """Row of each query in `ids`, and whether it occurs there; if not, its row is meaningless."""
    if not len(ids):
        return np.zeros(len(queries), dtype=np.int64), np.zeros(len(queries), dtype=bool)
    order = np.argsort(ids, kind="stable")
    place = np.minimum(np.searchsorted(ids, queries, sorter=order), len(ids) - 1)
    row = order[place]
    return row, ids[row] == queries


def _integers(path: Path, prefix: str, *names: str) -> tuple[Integers, ...]:
    """Integers of every element of an array in the file, one `(N,)` array per name."""
    columns = [array("q") for _ in names]
    for entry in _items(path, prefix):
        try:
            for column, name in zip(columns, names, strict=True):
                column.append(entry[name])
        except (KeyError, TypeError, OverflowError) as error:
            what = f"{prefix.partition('.')[0]} without the integers {', '.join(names)}"
            raise TaskError(f"{path} has {what}: {entry}") from error
    return tuple(np.frombuffer(column, dtype=np.int64) for column in columns)


def _items(path: Path, prefix: str) -> Iterator[Any]:
    """The elements of an array in a JSON file, one at a time."""
    import ijson

    try:
        if content := stand_in(path, html=True):
            raise TaskError(
                f"{path} is not JSON: {content}. Delete it, and download it in a browser."
            )
        with path.open("rb") as stream:
            yield from ijson.items(stream, prefix, use_float=True)
    except ijson.JSONError as error:
        raise IntegrityError(
            f"{path} is not complete JSON: {' '.join(str(error).split())[:200]}. Delete it and "
            "download it again."
        ) from error
    except OSError as error:
        raise TaskError(f"{path} cannot be read: {error.strerror}") from error
