"""Files of the papers' tables: where they are published, and which function reads each.

Addresses and hashes are copied from public pages; docs/data.md says which files have been read. An
unknown hash is None: the hash of the first download is then kept.
"""

from __future__ import annotations

from satclip_bench.core.download.cards import HubOrigin, RemoteFile, UrlOrigin, on_github
from satclip_bench.tasks.base import Variant
from satclip_bench.tasks.paper_edition.citations import (
    COUNTIES,
    HOOKER,
    MOSAIKS,
    RESOLVE,
    SATCLIP,
    TORCHSPATIAL,
)

_READERS = "satclip_bench.tasks.paper_edition.readers"
_COORDBENCH = "taylor-geospatial/coordbench"
_DRIVE = (
    "The authors share their tables in a folder that github.com/microsoft/satclip names in its "
    "issue 6, https://drive.google.com/drive/folders/1tI2qo6iioRrv3P1OxSXwHKObpLCrinad (Google "
    "Drive): place its {file} as <folder>/{path}."
)
_SATCLIP_LICENCE = "none stated with the table; its authors ask to cite its source and the paper"
_MOSAIKS_LICENCE = "CC-BY-4.0 (Rolf et al. 2021, MOSAIKS)"
_COORDBENCH_COMMIT = "2838844"
"""The known digits of the commit. If the hub requires all forty, main is used, and the lock file
shows whether its content has changed since the first download."""
_COUNTIES_REPOSITORY = "000Justin000/gnn-residual-correlation"
_COUNTIES_COMMIT = "03608b39b0da2c64293ba685213585de4ff8291f"
_SATCLIP_COMMIT = "1ead1067e9a00d44b132403b6bb2ce061e48d48e"
_GAZETTEER = (
    "https://www2.census.gov/geo/docs/maps-data/data/gazetteer/2020_Gazetteer/"
    "2020_Gaz_counties_national.zip"
)


def _csv(folder: str, name: str, citation: str, sha256: str | None = None) -> RemoteFile:
    """Card of a table in the authors' shared folder, which a program cannot download."""
    return RemoteFile(
        file=f"{folder}/{name}",
        sha256=sha256,
        licence=_SATCLIP_LICENCE,
        citation=citation,
        by_hand=_DRIVE.format(file=name, path=f"{folder}/{name}"),
    )


def _coordbench(folder: str, config: str, citation: str) -> RemoteFile:
    return RemoteFile(
        file=f"{folder}/coordbench.{config}.parquet",
        sha256=None,
        licence="as the data set's page says, huggingface.co/datasets/taylor-geospatial/coordbench",
        citation=f"{citation}; CoordBench, arXiv 2609.25454",
        origins=tuple(
            HubOrigin(
                repository=_COORDBENCH,
                repository_type="dataset",
                revision=revision,
                path=f"data/{config}/data.parquet",
            )
            for revision in (_COORDBENCH_COMMIT, "main")
        ),
        by_hand=f"Place data/{config}/data.parquet of huggingface.co/datasets/{_COORDBENCH} as "
        f"<folder>/{folder}/coordbench.{config}.parquet.",
    )


def _mosaiks(name: str, size: int, sha256: str) -> RemoteFile:
    return RemoteFile(
        file=f"mosaiks/{name}.csv",
        sha256=sha256,
        bytes=size,
        licence=_MOSAIKS_LICENCE,
        citation=f"{MOSAIKS}; {TORCHSPATIAL}",
        by_hand=f"This is the sample of MOSAIKS {name} on which TorchSpatial "
        "(github.com/seai-lab/TorchSpatial) tests, with columns lon, lat and labels: place it as "
        f"<folder>/mosaiks/{name}.csv. Use --task-file for another sample.",
    )


def _county(name: str, size: int, sha256: str) -> RemoteFile:
    path = f"datasets/election/{name}.csv"
    return RemoteFile(
        file=f"median_income/{name}.csv",
        sha256=sha256,
        bytes=size,
        licence="none stated by the repository; US Department of Agriculture and US census, public "
        "domain; election results: none stated",
        citation=COUNTIES,
        origins=on_github(_COUNTIES_REPOSITORY, _COUNTIES_COMMIT, path),
        by_hand=f"Place {path} of github.com/{_COUNTIES_REPOSITORY} as "
        f"<folder>/median_income/{name}.csv.",
    )


_SAME_SOURCE = "another sample of the same source: the points on which TorchSpatial tests"

AIR_TEMPERATURE = (
    Variant(
        name="stations",
        files=(
            RemoteFile(
                file="air_temperature/stationDataAll.csv",
                sha256="92d8456d82aafd3929ccba589e0ffe4ca15eeb321c07c430855d6756aaf07d33",
                licence="CC-BY-4.0",
                citation=HOOKER,
                bytes=383_938,
                origins=(
                    *on_github(
                        "microsoft/satclip",
                        _SATCLIP_COMMIT,
                        "figures/ssl4eo/stationDataAll.csv",
                    ),
                    UrlOrigin(url="https://springernature.figshare.com/ndownloader/files/12609182"),
                    UrlOrigin(url="https://api.figshare.com/v2/file/download/12609182"),
                ),
                by_hand="Place figures/ssl4eo/stationDataAll.csv of github.com/microsoft/satclip, "
                "or file 12609182 of figshare, as <folder>/air_temperature/stationDataAll.csv.",
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
                f"{MOSAIKS}; {SATCLIP}",
                "32d3879981e9cffa6b441d0da1c2c9aab636fd03f6d97b4b0615d5769e302746",
            ),
        ),
        reader=f"{_READERS}:elevation",
        rows=99_995,
    ),
    Variant(
        name="coordbench",
        files=(_coordbench("elevation", "satclip_elevation", MOSAIKS),),
        reader=f"{_READERS}:elevation",
        rows=99_995,
    ),
    Variant(
        name="mosaiks",
        files=(
            _mosaiks(
                "elevation",
                1_958_906,
                "d64bfc40d54f98dce71ed3fb5d5e304b1949a7837b55de43a521db4f2d60cc85",
            ),
        ),
        reader=f"{_READERS}:mosaiks",
        differs=_SAME_SOURCE,
    ),
)

POPULATION_DENSITY = (
    Variant(
        name="authors",
        files=(_csv("population_density", "labels_population.csv", f"{MOSAIKS}; {SATCLIP}"),),
        reader=f"{_READERS}:population",
        rows=74_512,
    ),
    Variant(
        name="coordbench",
        files=(_coordbench("population_density", "satclip_population", MOSAIKS),),
        reader=f"{_READERS}:population",
        rows=74_512,
    ),
    Variant(
        name="mosaiks",
        files=(
            _mosaiks(
                "population",
                1_752_689,
                "1ce81bc894fa915e015cf7f342f7b82eb91b9951014b350c03216c37bba7c468",
            ),
        ),
        reader=f"{_READERS}:mosaiks",
        differs=_SAME_SOURCE,
    ),
)

COUNTRIES = (
    Variant(
        name="authors",
        files=(_csv("countries", "lat_lon_country.csv", SATCLIP),),
        reader=f"{_READERS}:countries",
        rows=33_053,
    ),
    Variant(
        name="coordbench",
        files=(_coordbench("countries", "satclip_country", SATCLIP),),
        reader=f"{_READERS}:countries",
        rows=33_053,
    ),
)


def _ecoregion_files(reader: str) -> tuple[Variant, ...]:
    # Biomes and ecoregions are two columns of one file.
    return (
        Variant(
            name="authors",
            files=(_csv("ecoregions", "lat_lon_ecoregion.csv", f"{RESOLVE}; {SATCLIP}"),),
            reader=reader,
            rows=32_798,
        ),
        Variant(
            name="coordbench",
            files=(_coordbench("ecoregions", "satclip_ecoregion", RESOLVE),),
            reader=reader,
            rows=32_798,
        ),
    )


BIOMES = _ecoregion_files(f"{_READERS}:biomes")
ECOREGIONS = _ecoregion_files(f"{_READERS}:ecoregions")

_COUNTIES = (
    _county(
        "education", 51_915, "3255ea5a4736c1a6f7dfa9e9aa39bb560ca533e3646a17222c04e71075f6f48a"
    ),
    _county(
        "election", 251_759, "247888dab80432e03f6d42a8c0458356ad4115c03e3c84171cc9726395d85684"
    ),
    _county("income", 248_979, "99d4c883e58b21a0cfcb03832796be6755962faab9b901b487e02df31a0f0e89"),
    _county(
        "population", 2_263_763, "c1e1154e90db331c88b57943c7fed9ffab634791db85e4aceb517bffd6a5f1f9"
    ),
    _county(
        "unemployment",
        1_360_022,
        "28150633ee40f8c16b15d85da7ff567a49de7e56a2b31258c04d7a857ee6f38b",
    ),
)

MEDIAN_INCOME = (
    Variant(
        name="gazetteer",
        files=(
            *_COUNTIES,
            RemoteFile(
                file="median_income/2020_Gaz_counties_national.txt",
                sha256=None,
                licence="public domain (US census)",
                citation="US Census Bureau, 2020 Gazetteer Files",
                origins=tuple(
                    UrlOrigin(url=url, member="2020_Gaz_counties_national.txt")
                    for url in (_GAZETTEER, f"https://web.archive.org/web/2022id_/{_GAZETTEER}")
                ),
                by_hand=f"Unpack {_GAZETTEER} and place its text file as "
                "<folder>/median_income/2020_Gaz_counties_national.txt.",
            ),
        ),
        reader=f"{_READERS}:median_income",
    ),
    Variant(
        name="centroids",
        files=_COUNTIES,
        reader=f"{_READERS}:median_income_at_centroids",
        differs="counties at the centroids of the open edition (NAT, GeoDa), since the census "
        "gazetteer is missing",
    ),
)
