"""Builds elevations of airports, which are measurements at points and not values of a grid."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.sphere import equal_area_cells
from satclip_bench.tasks.builder.distributions import read_member
from satclip_bench.tasks.builder.points import DECIMALS, land_table, usable_land

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

AIRPORTS = ("airportsdata", "airportsdata/airports.csv")
METRES_PER_FOOT = 0.3048

SEED = 106
CELL_DEGREES = 0.5
"""Side of the equal-area cells that have at most one airport each, about 55 km: as far as the
points of the other global tables are from their neighbours."""


def read_airports(folder: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read `(n, 2)` lonlat and `(n,)` elevations in metres of airports with a known elevation.

    An elevation of zero means that it is unknown: seven in ten such airports are more than 100 m
    above or below sea level on the elevation grid.
    """
    import pandas as pd

    table = pd.read_csv(io.BytesIO(read_member(*AIRPORTS, folder)), keep_default_na=False)
    table = table[table["elevation"] != 0].sort_values("icao").reset_index(drop=True)
    lonlat = np.round(table[["lon", "lat"]].to_numpy(dtype=np.float64), DECIMALS)
    return lonlat, np.round(table["elevation"].to_numpy(dtype=np.float64) * METRES_PER_FOOT, 1)


def thinned(lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows of one random point per cell, in random order."""
    order = np.random.default_rng(SEED).permutation(len(lonlat))
    _, first = np.unique(equal_area_cells(lonlat[order], CELL_DEGREES), return_index=True)
    return order[np.sort(first)]


def airport_elevation(folder: Path, countries: gpd.GeoDataFrame) -> pd.DataFrame:
    """Build columns lon, lat, target (metres) and region: one airport per cell of usable land.

    Args:
        folder: folder of the packages.
        countries: countries as from `read_countries`.
    """
    lonlat, elevation = read_airports(folder)
    rows, land = usable_land(lonlat, countries)
    chosen = thinned(land.lonlat)
    return land_table(land[chosen], elevation[rows][chosen])
