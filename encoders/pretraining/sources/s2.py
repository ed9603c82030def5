"""S2-100K: 100,000 Sentinel-2 images of 12 bands and 256 pixels (Klemmer et al. 2023).

`index.csv` has the columns fn, lon and lat. The images are in the folder images/, or in tar shards
anywhere under the folder, as in the data set torchgeo/s2-100k of the Hugging Face hub. Tar files
are read in place, without unpacking.
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
from satclip_bench.encoders.pretraining.sources.base import Pairs, check_faults, image_fault
from satclip_bench.encoders.weights.files import first_line

STORED_BANDS = 12
B10 = 10
"""Position of B10, which is missing in surface reflectance; weights for 13 bands expect it."""

REFLECTANCE = 10_000.0
"""Digital number of a reflectance of 1."""


@dataclass(frozen=True)
class _FileRange:
    """Bytes of an image: a whole file, or a range of a tar file."""

    file: Path
    size: int
    offset: int | None = None

    def content(self) -> bytes:
        with self.file.open("rb") as stream:
            stream.seek(self.offset or 0)
            return stream.read(self.size)


@dataclass(frozen=True)
class S2Images:
    """Images on disk that are read by threads.

    Attributes:
        names: names of the images.
        ranges: file and byte range of each image.
        config: number of bands and side of the images.
    """

    names: tuple[str, ...]
    ranges: tuple[_FileRange, ...]
    config: S2

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return self.config.bands, self.config.pixels, self.config.pixels

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Digital numbers of the rows, `(n, bands, pixels, pixels)`, uint16.

        Raises:
            BenchError: an image is damaged, has another shape, or has no usable data; the message
                names it.
        """
        with ThreadPoolExecutor(self.config.workers) as pool:
            return np.stack(list(pool.map(self._one, rows)))

    def _one(self, row: int) -> NDArray[Any]:
        image = self.stored(row)
        if what := image_fault(image):
            raise BenchError(
                f"{self.names[row]}: {what}. Delete its row in index.csv, or set data.scan"
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
            with (
                MemoryFile(self.ranges[row].content()) as file,
                file.open(driver="GTiff") as source,
            ):
                image: NDArray[Any] = source.read()
        except (OSError, rasterio.errors.RasterioError) as error:
            raise BenchError(f"{name} cannot be read: {first_line(error)}") from error
        shape = (STORED_BANDS, side, side)
        if image.shape != shape:
            raise BenchError(f"{name} has shape {image.shape}, not {shape} (bands, rows, columns)")
        if image.dtype.kind == "i":
            image = np.maximum(image, 0)
        # Integers are converted to uint16; floating-point values are kept, so that values that are
        # not finite remain visible.
        return image if image.dtype.kind == "f" else image.astype(np.uint16)


def s2_pairs(data: S2, report: Callable[[str], None] = lambda _: None) -> Pairs:
    """Find the images in a folder of S2-100K, which are read from disk when they are needed.

    Args:
        data: folder, and treatment of bad images.
        report: function that is called with a message before a slow step.

    Raises:
        BenchError: the folder, its index or an image is not valid; the message names it.
    """
    folder = data.folder.expanduser()
    index = _index(folder)
    ranges = _find(folder, index["fn"].tolist())
    small = np.array([file.size < data.smallest_bytes for file in ranges])
    notes: tuple[str, ...] = ()
    if small.any():
        notes = (
            f"left out: {small.sum()} of {len(small)} images are smaller than "
            f"{data.smallest_bytes} bytes; the authors leave them out too",
        )
    keep = np.flatnonzero(~small)
    if data.scan:
        report(f"checking {len(keep)} images once (data.scan)")
        faults = _scan(S2Images(tuple(index["fn"]), tuple(ranges), data), keep)
        notes += check_faults(
            [(str(index["fn"][row]), what) for row, what in faults], skip=data.bad == "skip"
        )
        keep = np.setdiff1d(keep, [row for row, _ in faults])
    if not len(keep):
        raise BenchError(f"{folder} has no image that can be used for training")
    names = tuple(str(index["fn"][row]) for row in keep)
    lonlat = _coordinates(index, folder)[keep]
    return Pairs(
        lonlat=lonlat,
        images=S2Images(names, tuple(ranges[row] for row in keep), data),
        divide_by=REFLECTANCE,
        training_data=f"S2-100K: {len(keep):,} Sentinel-2 images over land",
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
    missing = {"fn", "lon", "lat"} - set(index.columns)
    if missing:
        raise BenchError(f"columns are missing in {path}: {', '.join(sorted(missing))}")
    return index


def _coordinates(index: pd.DataFrame, folder: Path) -> NDArray[np.float64]:
    try:
        return check_lonlat(index[["lon", "lat"]].to_numpy(np.float64))
    except (CoordinateError, ValueError) as error:
        raise BenchError(f"{folder / 'index.csv'}: {error}") from error


def _find(folder: Path, names: list[str]) -> list[_FileRange]:
    """Find each image by its name, in images/ or in the tar files."""
    images = folder / "images"
    ranges: dict[str, _FileRange] = {}
    if not images.is_dir():
        tars = sorted(folder.rglob("*.tar"))
        if not tars:
            raise BenchError(f"{folder} has neither a folder images/ nor tar shards")
        for tar in tars:
            try:
                with tarfile.open(tar, "r:") as archive:
                    for info in archive:
                        if info.isfile():
                            image = _FileRange(tar, info.size, info.offset_data)
                            ranges[Path(info.name).name] = image
            except (OSError, tarfile.TarError) as error:
                raise BenchError(
                    f"{tar} is not an uncompressed tar file: {first_line(error)}"
                ) from error
    else:
        for name in names:
            path = images / name
            if path.is_file():
                ranges[name] = _FileRange(path, path.stat().st_size)
    missing = [name for name in names if name not in ranges]
    if missing:
        raise BenchError(
            f"{len(missing)} of {len(names)} images in the index of {folder} are missing, first "
            f"{missing[0]}"
        )
    return [ranges[name] for name in names]


def _scan(images: S2Images, rows: NDArray[np.int64]) -> list[tuple[int, str]]:
    with ThreadPoolExecutor(images.config.workers) as pool:
        faults = pool.map(lambda row: image_fault(images.stored(row)), rows)
        return [(int(row), what) for row, what in zip(rows, faults, strict=True) if what]
