"""S2-100K: 100,000 Sentinel-2 images of 12 bands and 256 pixels (Klemmer et al. 2023).

`index.csv` has the columns fn, lon and lat. The images lie in the folder images/, or in tar shards
anywhere under the folder, as the data set torchgeo/s2-100k of the Hugging Face hub has them; tars
are read where they are, nothing is unpacked.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError, CoordinateError
from satclip_bench.core.extras import missing_package
from satclip_bench.core.files import sha256_bytes, sha256_file
from satclip_bench.core.sphere import check_lonlat
from satclip_bench.encoders.pretraining.config import S2
from satclip_bench.encoders.pretraining.sources.base import Pairs, fault, require_sound
from satclip_bench.encoders.weights.files import first_line

STORED_BANDS = 12
B10 = 10
"""Where the band stands that images of surface reflectance lack; weights for 13 bands expect it."""

REFLECTANCE = 10_000.0


@dataclass(frozen=True)
class _Place:
    """Where the bytes of an image lie: a file, or a part of a tar."""

    file: Path
    size: int
    offset: int | None = None

    def content(self) -> bytes:
        with self.file.open("rb") as stream:
            stream.seek(self.offset or 0)
            return stream.read(self.size)


@dataclass(frozen=True)
class S2Images:
    """Images on disk, read by threads.

    Attributes:
        names: of the images.
        places: where each lies.
        config: bands and sides.
    """

    names: tuple[str, ...]
    places: tuple[_Place, ...]
    config: S2

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image."""
        return self.config.bands, self.config.pixels, self.config.pixels

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """`(n, bands, pixels, pixels)` digital numbers, uint16.

        Raises:
            BenchError: an image is damaged, of another shape, or holds nothing; says which.
        """
        with ThreadPoolExecutor(self.config.workers) as pool:
            return np.stack(list(pool.map(self._one, rows)))

    def _one(self, row: int) -> NDArray[Any]:
        image = self.stored(row)
        if what := fault(image):
            raise BenchError(
                f"{self.names[row]}: {what}. Delete its row of index.csv, or set data.scan"
            )
        if self.config.bands == STORED_BANDS:
            return image
        return np.insert(image, B10, 0, axis=0)

    def stored(self, row: int) -> NDArray[Any]:
        """The image as it is stored, `(12, pixels, pixels)`."""
        try:
            import rasterio
            from rasterio.io import MemoryFile
        except ImportError as error:
            raise missing_package("rasterio", "to read GeoTIFF") from error
        name, side = self.names[row], self.config.pixels
        try:
            with MemoryFile(self.places[row].content()) as file, file.open() as source:
                image: NDArray[Any] = source.read()
        except (OSError, rasterio.errors.RasterioError) as error:
            raise BenchError(f"{name} cannot be read: {first_line(error)}") from error
        wanted = (STORED_BANDS, side, side)
        if image.shape != wanted:
            raise BenchError(f"{name} has shape {image.shape}, not {wanted} (bands, rows, columns)")
        if image.dtype.kind == "i":
            image = np.maximum(image, 0)
        # Values of uint16 in whatever type they are stored; what is not finite stays visible.
        return image if image.dtype.kind == "f" else image.astype(np.uint16)


def s2_pairs(data: S2, said: Callable[[str], None] = lambda _: None) -> Pairs:
    """The images of a folder of S2-100K, on disk.

    Args:
        data: the folder, and what becomes of bad images.
        said: is told what takes long.

    Raises:
        BenchError: the folder, its index or an image is not what it should be; says which.
    """
    folder = data.folder.expanduser()
    index = _index(folder)
    found = _find(folder, index["fn"].tolist())
    small = np.array([place.size < data.smallest_bytes for place in found])
    notes: tuple[str, ...] = ()
    if small.any():
        notes = (
            f"left out: {small.sum()} of {len(small)} images are smaller than "
            f"{data.smallest_bytes} bytes, as the authors leave them out",
        )
    keep = np.flatnonzero(~small)
    if data.scan:
        said(f"looking at {len(keep)} images once (data.scan)")
        faults = _scan(S2Images(tuple(index["fn"]), tuple(found), data), keep)
        notes += require_sound(
            [(str(index["fn"][row]), what) for row, what in faults], skip=data.bad == "skip"
        )
        keep = np.setdiff1d(keep, [row for row, _ in faults])
    if not len(keep):
        raise BenchError(f"{folder} holds no image that can be learned from")
    names = tuple(str(index["fn"][row]) for row in keep)
    lonlat = _coordinates(index, folder)[keep]
    return Pairs(
        lonlat=lonlat,
        images=S2Images(names, tuple(found[row] for row in keep), data),
        divide_by=REFLECTANCE,
        seen=f"S2-100K: {len(keep):,} Sentinel-2 images over land",
        licence="Copernicus Sentinel data 2021 to 2023; the data set's page says more",
        sha256=sha256_bytes("\n".join([sha256_file(folder / "index.csv"), *names]).encode()),
        notes=notes,
    )


def _index(folder: Path) -> pd.DataFrame:
    path = folder / "index.csv"
    try:
        index = pd.read_csv(path, dtype={"fn": str})
    except (OSError, ValueError) as error:
        raise BenchError(
            f"{path} cannot be read: {first_line(error)}. S2-100K has index.csv beside images/ or "
            "tar shards"
        ) from error
    absent = {"fn", "lon", "lat"} - set(index.columns)
    if absent:
        raise BenchError(f"{path} lacks the columns {', '.join(sorted(absent))}")
    return index


def _coordinates(index: pd.DataFrame, folder: Path) -> NDArray[np.float64]:
    try:
        return check_lonlat(index[["lon", "lat"]].to_numpy(np.float64))
    except (CoordinateError, ValueError) as error:
        raise BenchError(f"{folder / 'index.csv'}: {error}") from error


def _find(folder: Path, names: list[str]) -> list[_Place]:
    """Where each image is: in images/, or in the tars by its name alone."""
    images = folder / "images"
    places: dict[str, _Place] = {}
    if not images.is_dir():
        tars = sorted(folder.rglob("*.tar"))
        if not tars:
            raise BenchError(f"{folder} has neither a folder images/ nor tar shards")
        for tar in tars:
            try:
                with tarfile.open(tar, "r:") as archive:
                    for info in archive:
                        if info.isfile():
                            place = _Place(tar, info.size, info.offset_data)
                            places[Path(info.name).name] = place
            except (OSError, tarfile.TarError) as error:
                raise BenchError(f"{tar} is no plain tar: {first_line(error)}") from error
    else:
        for name in names:
            path = images / name
            if path.is_file():
                places[name] = _Place(path, path.stat().st_size)
    absent = [name for name in names if name not in places]
    if absent:
        raise BenchError(
            f"{folder} lacks {len(absent)} of {len(names)} images of its index, first {absent[0]}"
        )
    return [places[name] for name in names]


def _scan(images: S2Images, rows: NDArray[np.int64]) -> list[tuple[int, str]]:
    with ThreadPoolExecutor(images.config.workers) as pool:
        found = pool.map(lambda row: fault(images.stored(row)), rows)
        return [(int(row), what) for row, what in zip(rows, found, strict=True) if what]
