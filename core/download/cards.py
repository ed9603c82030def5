"""Files that are somewhere else: what is known of them, and where they can be had."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from satclip_bench.core.card import Card


class Origin(Card):
    """One place that carries a file.

    A plain address, a repository of the Hugging Face hub, or a package of the package index.
    """

    url: str = Field("", description="address of the file itself, or of an archive")
    hub: str = Field("", description="Hugging Face repository that carries it")
    hub_kind: Literal["model", "dataset"] = "dataset"
    revision: str = Field("main", description="commit of the hub's repository; main is not pinned")
    distribution: str = Field("", description="pinned package that carries it, as name==version")
    member: str = Field("", description="its path inside the repository, package or archive")
    archive: bool = Field(False, description="whether the address is of a zip or tar archive")


class FileCard(Card):
    """A file that does not ship.

    `sha256` is None where its content was never seen; then the first download is remembered in the
    cache's lock file, and a later change is an error.
    """

    file: str = Field(description="path under the data folder, such as elevation/labels.csv")
    sha256: str | None
    bytes: int | None = Field(None, description="size, exact where sha256 is known")
    licence: str
    citation: str = Field("", description="work to cite where it is used")
    origins: tuple[Origin, ...] = Field((), description="tried in this order")
    by_hand: str = Field("", description="how to come by it where no origin serves")
