"""Card of the task land cover."""

from __future__ import annotations

from satclip_bench.tasks.base import EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import ALTITUDE, NATURAL_EARTH
from satclip_bench.tasks.wide.sources import ELEVATION_POINTS, MODIS_LAND_COVER

CARD = TaskCard(
    name="land_cover",
    title="Land cover",
    description="Land cover of a point in the IGBP legend, as seen by MODIS in 2019.",
    task_type="classification",
    target="land cover",
    unit="class",
    metric="accuracy",
    extent="global",
    region="continent",
    citation="Friedl and Sulla-Menashe 2015, MCD12C1 MODIS/Terra+Aqua Land Cover Type Yearly L3 "
    "Global 0.05Deg CMG V006, NASA EOSDIS Land Processes DAAC",
    caveats="The majority class of a cell of 5.6 km, by a classifier whose own accuracy is about "
    "three in four. Savannas and grasslands are classes of tree cover in this legend, and occur "
    "far from the tropics. The imagery of the encoders satclip-bluemarble is from the same "
    "sensor, but they have not seen these labels.",
    related="Precipitation differs between classes (correlation ratio .81); with biomes and with "
    "Köppen-Geiger zones, Cramér's V is only .36 and .41.",
    editions={
        "open": EditionCard(
            rows=9_847,
            sources=(MODIS_LAND_COVER, ALTITUDE, NATURAL_EARTH),
            differs_from_paper="",
            processing=f"{ELEVATION_POINTS}. The class of the cell of 0.05 degrees that contains "
            "the point; 153 points in cells of water are left out.",
            uniform_draw=True,
            file="land_cover.parquet",
            sha256="18369de8e28a06c17bb8ec1145f830c378f96dcf8f88eef42793dba5fed27989",
            classes=16,
        ),
    },
)
