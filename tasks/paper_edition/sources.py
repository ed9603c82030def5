"""Where the values of the papers' tables come from."""

from __future__ import annotations

from satclip_bench.tasks.base import Source
from satclip_bench.tasks.paper_edition.citations import COUNTIES, MOSAIKS, RESOLVE, SATCLIP

ELEVATION_SOURCE = Source(
    name="MOSAIKS elevation, the authors' table",
    url="https://doi.org/10.1038/s41467-021-24638-z",
    licence="CC-BY-4.0",
    attribution=MOSAIKS,
)
POPULATION_SOURCE = ELEVATION_SOURCE.model_copy(
    update={"name": "MOSAIKS population density, the authors' table"}
)
COUNTRIES_SOURCE = Source(
    name="Countries of points, the authors' table",
    url="https://github.com/microsoft/satclip/issues/6",
    licence="none stated",
    attribution=SATCLIP,
)
ECOREGIONS_SOURCE = Source(
    name="RESOLVE ecoregions 2017 and their biomes at points, the authors' table",
    url="https://doi.org/10.1093/biosci/bix014",
    licence="CC-BY-4.0",
    attribution=RESOLVE,
)
ECOREGIONS_PROCESSING = (
    "Land only: rows with class -1, the sea, are left out. Class names are numbers."
)
COUNTY_TABLES = Source(
    name="County tables of Jia and Benson 2020, at points of the 2020 census gazetteer",
    url="https://github.com/000Justin000/gnn-residual-correlation",
    licence="public domain (US census, US Department of Agriculture); election results: none "
    "stated",
    attribution=COUNTIES,
)
