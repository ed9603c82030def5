"""The competition's JSON files, read a piece at a time.

Annotations are COCO's: `images` with `id`, `categories` with `id`, `annotations` with `image_id`
and `category_id`. Locations are a list of `id`, `lon` and `lat`, null where they are not known.
Both as github.com/visipedia/inat_comp describes them.
"""

from __future__ import annotations

import warnings
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import CoordinateError, IntegrityError, TaskError
from satclip_bench.core.files import sha256_bytes
from satclip_bench.core.sphere import SwappedCoordinatesWarning, check_lonlat

if TYPE_CHECKING:
    from satclip_bench.tasks.paper_edition.readers import ReaderResult

Integers = NDArray[np.int64]
NO_LOCATION = "without a location"


@dataclass(frozen=True)
class Photographs:
    """The photographs of one part, in the order of its annotation file.

    Attributes:
        image_id: `(N,)` int64, each once.
        species: `(N,)` int64 class indices.
        lonlat: `(N, 2)` degrees, longitude first; NaN where the place is not known.
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
        """`(N,)` whether the place is known."""
        return np.isfinite(self.lonlat[:, 0])


@dataclass(frozen=True)
class Competition:
    """Both parts.

    Attributes:
        train: photographs to train on.
        validation: those that everybody reports on, as the test part's labels are not public.
        classes: number of species; class indices are 0 to classes - 1.
        sha256: of the four files' hashes.
    """

    train: Photographs
    validation: Photographs
    classes: int
    sha256: str


def read_competition(folder: Path) -> Competition:
    """The competition as its files in a data folder have it.

    Memory is bounded by three numbers a photograph; the JSON is never held.

    Args:
        folder: the data folder; the files lie in its folder `inaturalist`.

    Raises:
        TaskError: files are absent or are not the competition's; or the parts share no classes.
        IntegrityError: a file has changed since it was downloaded, or is not whole.
        CoordinateError: locations that are not on the sphere.
    """
    from satclip_bench.tasks.inaturalist import CARD
    from satclip_bench.tasks.paper_edition.loading import choose_variant, verified_sha256

    files = choose_variant(CARD, folder).files
    digests = [verified_sha256(folder, card) for card in files]
    train, validation, classes = _both([folder / card.file for card in files])
    return Competition(train, validation, classes, sha256_bytes(" ".join(digests).encode()))


def located(paths: Sequence[Path]) -> ReaderResult:
    """The photographs of both parts whose place is known, training first; a reader of tables.

    Args:
        paths: annotations and locations of the training part, then of the validation part.
    """
    import pandas as pd

    from satclip_bench.tasks.paper_edition.readers import ReaderResult

    train, validation, _ = _both(paths)
    lonlat = np.concatenate([train.lonlat, validation.lonlat])
    known = np.isfinite(lonlat[:, 0])
    species = np.concatenate([train.species, validation.species])[known]
    frame = pd.DataFrame(
        # Names sort as numbers do.
        {
            "lon": lonlat[known, 0],
            "lat": lonlat[known, 1],
            "target": np.char.zfill(species.astype(np.str_), 4),
        }
    )
    return ReaderResult(frame, {NO_LOCATION: int((~known).sum())})


def read_photographs(annotations: Path, locations: Path) -> tuple[Photographs, int]:
    """One part, and how many species its categories list.

    Raises:
        TaskError: a file cannot be read or is not such a file; a photograph has no species, two,
            or one that no category lists; or none of the photographs has an entry in `locations`.
        IntegrityError: a file is not whole JSON.
        CoordinateError: locations that are not on the sphere.
    """
    categories = _integers(annotations, "categories.item", "id")[0]
    classes = len(categories)
    if not np.array_equal(np.sort(categories), np.arange(classes)) or not classes:
        raise TaskError(
            f"{annotations} should list categories numbered 0, 1, 2 and so on, each once; it lists "
            f"{classes:,}"
        )
    image_id = _integers(annotations, "images.item", "id")[0]
    labelled, category = _integers(annotations, "annotations.item", "image_id", "category_id")
    for what, ids in (("photograph", image_id), ("label of photograph", labelled)):
        unique, counts = np.unique(ids, return_counts=True)
        if (counts > 1).any():
            raise TaskError(f"{annotations} has {what} {unique[counts > 1][0]} more than once")
    row, found = _rows_of(labelled, image_id)
    if not len(image_id):
        raise TaskError(f"{annotations} has no photographs in `images`")
    if not found.all():
        lacking = image_id[~found][:3].tolist()
        raise TaskError(f"{annotations} has photographs without a species, such as {lacking}")
    species = category[row]
    if species.min() < 0 or species.max() >= classes:
        raise TaskError(f"{annotations} has labels that are no category, such as {species.max()}")
    return Photographs(image_id, species, _lonlat(locations, image_id)), classes


def image_files(annotations: Path) -> list[tuple[int, str]]:
    """Every photograph's id and its file below the folder of images, in the file's order.

    Raises:
        TaskError: it cannot be read, or is no such file.
        IntegrityError: it is not whole JSON.
    """
    try:
        return [(int(i["id"]), str(i["file_name"])) for i in _items(annotations, "images.item")]
    except (KeyError, TypeError, ValueError) as error:
        raise TaskError(f"{annotations} has an image without id or file_name") from error


def _both(paths: Sequence[Path]) -> tuple[Photographs, Photographs, int]:
    train, classes = read_photographs(paths[0], paths[1])
    validation, again = read_photographs(paths[2], paths[3])
    if classes != again:
        raise TaskError(
            f"{paths[0]} lists {classes:,} categories and {paths[2]} {again:,}: they are not parts "
            "of one competition"
        )
    return train, validation, classes


def _lonlat(path: Path, image_id: Integers) -> NDArray[np.float64]:
    """Where photographs were taken, `(N, 2)`; NaN where the file does not say."""
    ids, lon, lat = array("q"), array("d"), array("d")
    for entry in _items(path, "item"):
        try:
            ids.append(entry["id"])
            known = entry["lon"] is not None and entry["lat"] is not None
            lon.append(entry["lon"] if known else np.nan)
            lat.append(entry["lat"] if known else np.nan)
        except (KeyError, TypeError, OverflowError) as error:
            raise TaskError(f"{path} has an entry without id, lon or lat: {entry}") from error
    row, found = _rows_of(np.frombuffer(ids, dtype=np.int64), image_id)
    if not found.any():
        raise TaskError(f"{path} has none of the photographs: it belongs to another part")
    lonlat = np.full((len(image_id), 2), np.nan)
    lonlat[found] = np.stack([np.frombuffer(lon), np.frombuffer(lat)], axis=1)[row[found]]
    known = np.isfinite(lonlat).all(axis=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SwappedCoordinatesWarning)
            lonlat[known] = check_lonlat(lonlat[known])
    except (CoordinateError, SwappedCoordinatesWarning) as error:
        raise CoordinateError(f"{path}, photographs with a location: {error}") from error
    return lonlat


def _rows_of(ids: Integers, wanted: Integers) -> tuple[Integers, NDArray[np.bool_]]:
    """The row of each wanted id in `ids`, and whether it is there; else the row means nothing."""
    if not len(ids):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=bool)
    order = np.argsort(ids, kind="stable")
    place = np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)
    row = order[place]
    return row, ids[row] == wanted


def _integers(path: Path, prefix: str, *names: str) -> tuple[Integers, ...]:
    """Whole numbers of every element of an array in the file, one `(N,)` a name."""
    columns = [array("q") for _ in names]
    for entry in _items(path, prefix):
        try:
            for column, name in zip(columns, names, strict=True):
                column.append(entry[name])
        except (KeyError, TypeError, OverflowError) as error:
            what = f"{prefix.partition('.')[0]} without whole numbers {', '.join(names)}"
            raise TaskError(f"{path} has {what}: {entry}") from error
    return tuple(np.frombuffer(column, dtype=np.int64) for column in columns)


def _items(path: Path, prefix: str) -> Iterator[Any]:
    """The elements of an array in a JSON file, one at a time."""
    import ijson

    try:
        with path.open("rb") as stream:
            if stream.read(64).lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<":
                raise TaskError(
                    f"{path} is a web page and no JSON: a download that asked for a click. Fetch "
                    "it again by hand."
                )
            stream.seek(0)
            yield from ijson.items(stream, prefix, use_float=True)
    except ijson.JSONError as error:
        raise IntegrityError(
            f"{path} is not whole JSON: {' '.join(str(error).split())[:200]}. Delete it, and fetch "
            "it again."
        ) from error
    except OSError as error:
        raise TaskError(f"{path} cannot be read: {error.strerror}") from error
