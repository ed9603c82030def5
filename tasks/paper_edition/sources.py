"""Where the values of the papers' tables come from."""

from __future__ import annotations

from tasks.base import Source

_MOSAIKS = (
    "Rolf et al. 2021, A generalizable and accessible approach to machine learning with global "
    "satellite imagery, Nature Communications 12, 4392"
)

ELEVATION_SOURCE = Source(
    name="MOSAIKS elevation, the authors' table",
    url="https://doi.org/10.1038/s41467-021-24638-z",
    licence="CC-BY-4.0",
    attribution=_MOSAIKS,
)
POPULATION_SOURCE = ELEVATION_SOURCE.model_copy(
    update={"name": "MOSAIKS population density, the authors' table"}
)
COUNTRIES_SOURCE = Source(
    name="Countries of points, the authors' table",
    url="https://github.com/microsoft/satclip/issues/6",
    licence="none stated",
    attribution="Klemmer et al. 2023, SatCLIP, arXiv 2311.17179",
)
ECOREGIONS_SOURCE = Source(
    name="RESOLVE ecoregions 2017 and their biomes at points, the authors' table",
    url="https://doi.org/10.1093/biosci/bix014",
    licence="CC-BY-4.0",
    attribution="Dinerstein et al. 2017, An ecoregion-based approach to protecting half the "
    "terrestrial realm, BioScience 67, 534-545",
)
COUNTY_TABLES = Source(
    name="County tables of Jia and Benson 2020, at points of the 2020 census gazetteer",
    url="https://github.com/000Justin000/gnn-residual-correlation",
    licence="public domain (US census, US Department of Agriculture); election results: none "
    "stated",
    attribution="Jia and Benson 2020, Residual Correlation in Graph Neural Network Regression, KDD",
)
