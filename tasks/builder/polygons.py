"""Reads the polygons of biomes and ecoregions in WWF's map of 2001."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from satclip_bench.tasks.builder.distributions import read_member

if TYPE_CHECKING:
    import geopandas as gpd

ECOREGIONS = ("bw2-lcimpact", "bw2_lcimpact/data/land_use.gpkg")

BIOMES = {
    "01": "Tropical and subtropical moist broadleaf forests",
    "02": "Tropical and subtropical dry broadleaf forests",
    "03": "Tropical and subtropical coniferous forests",
    "04": "Temperate broadleaf and mixed forests",
    "05": "Temperate coniferous forests",
    "06": "Boreal forests and taiga",
    "07": "Tropical and subtropical grasslands, savannas and shrublands",
    "08": "Temperate grasslands, savannas and shrublands",
    "09": "Flooded grasslands and savannas",
    "10": "Montane grasslands and shrublands",
    "11": "Tundra",
    "12": "Mediterranean forests, woodlands and scrub",
    "13": "Deserts and xeric shrublands",
    "14": "Mangroves",
}
"""Names of biomes by the third and fourth character of the ecoregion code (Olson et al. 2001,
Table 1)."""


def read_ecoregions(folder: Path) -> gpd.GeoDataFrame:
    """Read columns ECO_NAME, biome and geometry, without the classes "Lake" and "Rock and Ice"."""
    import geopandas as gpd

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "land_use.gpkg"
        path.write_bytes(read_member(*ECOREGIONS, folder))
        frame = gpd.read_file(path, columns=["ECO_NAME", "eco_code"])
    frame["biome"] = frame["eco_code"].str[2:4].map(BIOMES)
    # These two classes are not ecoregions, and their codes have no biome number.
    kept = frame.dropna(subset="biome").sort_values("eco_code").reset_index(drop=True)
    kept["geometry"] = kept.geometry.make_valid()
    return kept[["ECO_NAME", "biome", "geometry"]]
