"""Which files the papers' tables are made of, where they can be had, and how each is read.

Addresses and hashes were written down from public pages; what has been read for real says so in
docs/data.md. A hash that is not known is None: the first download is then remembered.
"""

from __future__ import annotations

from core.remote import FileCard, Origin
from tasks.base import Variant

_READERS = "tasks.paper_edition.readers"
_COORDBENCH = "taylor-geospatial/coordbench"
_DRIVE = (
    "The authors share their tables in a Google Drive folder that microsoft/satclip names in its "
    "issue 6; take {file} from it."
)
_SATCLIP_LICENCE = "none stated with the table; citation of its source and of the paper asked for"
_MOSAIKS_LICENCE = "CC-BY-4.0 (Rolf et al. 2021, MOSAIKS)"
_GCN = "https://raw.githubusercontent.com/000Justin000/gnn-residual-correlation/master/datasets/election"


def _csv(folder: str, name: str, sha256: str | None = None) -> FileCard:
    """A table of the authors' folder, which no program can fetch."""
    return FileCard(
        file=f"{folder}/{name}",
        sha256=sha256,
        licence=_SATCLIP_LICENCE,
        by_hand=_DRIVE.format(file=name),
    )


def _coordbench(folder: str, config: str) -> FileCard:
    return FileCard(
        file=f"{folder}/coordbench.{config}.parquet",
        sha256=None,
        licence="as the data set's page says, huggingface.co/datasets/taylor-geospatial/coordbench",
        origins=(Origin(hub=_COORDBENCH, member=f"data/{config}/data.parquet"),),
    )


def _mosaiks(name: str) -> FileCard:
    return FileCard(
        file=f"mosaiks/{name}.csv",
        sha256=None,
        licence=_MOSAIKS_LICENCE,
        by_hand=f"TorchSpatial (github.com/seai-lab/TorchSpatial) links its MOSAIKS tables: lon, "
        f"lat and labels, one of them {name}.",
    )


def _county(name: str) -> FileCard:
    return FileCard(
        file=f"median_income/{name}.csv",
        sha256=None,
        licence="none stated by the repository; US Department of Agriculture and US census, public "
        "domain; election results: none stated",
        origins=(Origin(url=f"{_GCN}/{name}.csv"),),
    )


_SAME_SOURCE = "another sample of the same source, points that TorchSpatial tests on"

AIR_TEMPERATURE = (
    Variant(
        name="stations",
        files=(
            FileCard(
                file="air_temperature/stationDataAll.csv",
                sha256="92d8456d82aafd3929ccba589e0ffe4ca15eeb321c07c430855d6756aaf07d33",
                licence="CC-BY-4.0",
                origins=(
                    Origin(
                        url="https://raw.githubusercontent.com/microsoft/satclip/"
                        "1ead106/figures/ssl4eo/stationDataAll.csv"
                    ),
                    Origin(url="https://ndownloader.figshare.com/files/12609182"),
                ),
            ),
        ),
        reader=f"{_READERS}:stations",
        rows=3076,
    ),
)

ELEVATION = (
    Variant(
        name="authors",
        files=(
            _csv(
                "elevation",
                "labels_elevation.csv",
                "32d3879981e9cffa6b441d0da1c2c9aab636fd03f6d97b4b0615d5769e302746",
            ),
        ),
        reader=f"{_READERS}:elevation",
        rows=99_995,
    ),
    Variant(
        name="coordbench",
        files=(_coordbench("elevation", "satclip_elevation"),),
        reader=f"{_READERS}:elevation",
        rows=99_995,
    ),
    Variant(
        name="mosaiks",
        files=(_mosaiks("elevation"),),
        reader=f"{_READERS}:mosaiks",
        differs=_SAME_SOURCE,
    ),
)

POPULATION_DENSITY = (
    Variant(
        name="authors",
        files=(_csv("population_density", "labels_population.csv"),),
        reader=f"{_READERS}:population",
        rows=74_512,
    ),
    Variant(
        name="coordbench",
        files=(_coordbench("population_density", "satclip_population"),),
        reader=f"{_READERS}:population",
        rows=74_512,
    ),
    Variant(
        name="mosaiks",
        files=(_mosaiks("population"),),
        reader=f"{_READERS}:mosaiks",
        differs=_SAME_SOURCE,
    ),
)

COUNTRIES = (
    Variant(
        name="authors",
        files=(_csv("countries", "lat_lon_country.csv"),),
        reader=f"{_READERS}:countries",
        rows=33_053,
    ),
    Variant(
        name="coordbench",
        files=(_coordbench("countries", "satclip_country"),),
        reader=f"{_READERS}:countries",
        rows=33_053,
    ),
)


def _ecoregion_files(reader: str) -> tuple[Variant, ...]:
    # Biomes and ecoregions are two columns of one file.
    return (
        Variant(
            name="authors",
            files=(_csv("ecoregions", "lat_lon_ecoregion.csv"),),
            reader=reader,
            rows=32_798,
        ),
        Variant(
            name="coordbench",
            files=(_coordbench("ecoregions", "satclip_ecoregion"),),
            reader=reader,
            rows=32_798,
        ),
    )


BIOMES = _ecoregion_files(f"{_READERS}:biomes")
ECOREGIONS = _ecoregion_files(f"{_READERS}:ecoregions")

_COUNTIES = tuple(
    _county(name) for name in ("education", "election", "income", "population", "unemployment")
)

MEDIAN_INCOME = (
    Variant(
        name="gazetteer",
        files=(
            *_COUNTIES,
            FileCard(
                file="median_income/2020_Gaz_counties_national.txt",
                sha256=None,
                licence="public domain (US census)",
                origins=(
                    Origin(
                        url="https://www2.census.gov/geo/docs/maps-data/data/gazetteer/"
                        "2020_Gazetteer/2020_Gaz_counties_national.zip",
                        member="2020_Gaz_counties_national.txt",
                        archive=True,
                    ),
                ),
            ),
        ),
        reader=f"{_READERS}:median_income",
    ),
    Variant(
        name="centroids",
        files=_COUNTIES,
        reader=f"{_READERS}:median_income_at_centroids",
        differs="counties at the centroids of the open edition (NAT, GeoDa), since the census "
        "gazetteer is not there",
    ),
)
