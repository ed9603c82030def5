"""Generated imagery in real formats."""

from __future__ import annotations

import tarfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine


def write_tiff(
    path: Path,
    image: NDArray[Any],
    lonlat: tuple[float, float] = (10.0, 50.0),
    *,
    crs: str | None = "EPSG:4326",
    degrees: float = 0.001,
    nodata: float | None = None,
    masked: bool = False,
) -> Path:
    """Write a GeoTIFF whose upper left corner is at a location, in the units of its CRS.

    With `masked`, its first pixel is masked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = {"count": len(image), "height": image.shape[1], "width": image.shape[2]}
    transform = Affine(degrees, 0, lonlat[0], 0, -degrees, lonlat[1])
    place = {"crs": crs, "transform": transform} if crs else {}
    settings: dict[str, Any] = {"driver": "GTiff", "dtype": image.dtype.name, "nodata": nodata}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path, "w", compress="deflate", **settings, **shape, **place) as file:
            file.write(image)
            if masked:
                file.write_mask(np.arange(image[0].size).reshape(image[0].shape) > 0)
    return path


def s2_folder(folder: Path, n: int = 6, *, tar: bool = False, seed: int = 0) -> Path:
    """Write S2-100K in its published form with few images: 12 bands, 256 pixels, UTM."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        image = rng.integers(1, 10_000, (12, 256, 256), dtype=np.uint16)
        image[:, 16:] = image[:, :1]
        name = f"patch_{i}.tif"
        write_tiff(folder / "images" / name, image, (5e5, 5e6), crs="EPSG:32632", degrees=10)
        rows.append({"fn": name, "lon": rng.uniform(-180, 180), "lat": rng.uniform(-60, 80)})
    pd.DataFrame(rows).to_csv(folder / "index.csv", index=False)
    if tar:
        for part in range(2):
            with tarfile.open(folder / f"shard-{part}.tar", "w") as archive:
                for i in range(part, n, 2):
                    archive.add(folder / "images" / f"patch_{i}.tif", f"images/patch_{i}.tif")
        for path in (folder / "images").iterdir():
            path.unlink()
        (folder / "images").rmdir()
    return folder
