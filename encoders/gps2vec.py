"""GPS2Vec: one network per UTM zone, over the closeness of a point to the cells of its zone."""

from __future__ import annotations

import re
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.download.cards import UrlOrigin
from satclip_bench.core.errors import EncoderError
from satclip_bench.core.files import sha256_folder
from satclip_bench.encoders.base import EncoderCard, WeightsCard, require_variant
from satclip_bench.encoders.lookup.partial import PartialEncoder, Uncovered
from satclip_bench.encoders.lookup.utm_grid import BANDS, CELLS, SIGMA, closeness, zone_numbers
from satclip_bench.encoders.weights.files import how_to_obtain, weights_path
from satclip_bench.encoders.weights.keras import Dense, read_dense

LICENCE = "none stated"
REPOSITORY = "github.com/yifangyin/GPS2Vec"

# Widths of the outputs, address in the README of the repository, training data, citation.
_VARIANTS: dict[str, tuple[tuple[int, ...], str, str, str]] = {
    "tag": (
        (2000,),
        "https://www.dropbox.com/s/j8b4h3ynkv42gj4/models_tag.zip?dl=1",
        "one million geotagged Flickr photos and their 2,000 most frequent tags",
        "Yin et al. 2019, GPS2Vec: Towards Generating Worldwide GPS Embeddings, SIGSPATIAL",
    ),
    "visual": (
        (1000, 365),
        "https://www.dropbox.com/s/kcsadz2fl6ynymh/models_visual.zip?dl=1",
        "YLI-GEO: geotagged Flickr photos, by the objects and scenes that classifiers see in them",
        "Yin et al. 2021, Learning Multi-context Aware Location Representations from Large-scale "
        "Geotagged Images, ACM Multimedia",
    ),
}

VARIANTS = tuple(_VARIANTS)

_HIDDEN = (CELLS * CELLS, 512, 1024, 2048)

_NETWORKS = "model_*.h5"

# The zone that is narrowed by the exception for Norway; the released code does not use it.
_LEFT_OUT = "31 V"


class GPS2Vec(PartialEncoder):
    """GPS2Vec with its released networks.

    Args:
        variant: `tag` or `visual`.
        weights: folder of the files `model_<zone>.h5`; by default `weights/gps2vec-<variant>` in
            the cache.
        uncovered: treatment of points in zones without a network: `zeros` or `error`.
    """

    def __init__(
        self,
        variant: str,
        weights: str | Path | None = None,
        uncovered: Uncovered = "zeros",
    ) -> None:
        super().__init__(uncovered)
        self._heads, url, data, citation = _VARIANTS[variant]
        self._given = None if weights is None else Path(weights).expanduser()
        self._latest: tuple[int, tuple[Dense, ...]] | None = None
        self._weights_card = WeightsCard(
            file=f"gps2vec-{variant}",
            sha256=None,
            licence=LICENCE,
            by_hand=f"The networks are the unpacked files of the archive that {REPOSITORY} links.",
            origins=(UrlOrigin(url=url, member=f"*{_NETWORKS}"),),
        )
        self.card = EncoderCard(
            name=f"gps2vec.{variant}",
            title=f"GPS2Vec ({variant})",
            dimension=sum(self._heads),
            description="Closeness to the 400 cells of the point's UTM zone, then the zone's own "
            "network with softmax outputs. Zones without a network, and all points beyond 80 S and "
            "84 N, are not covered: the released code fails there. Their embedding is zeros, which "
            "a softmax never returns, with a warning, or an error if uncovered is `error`.",
            citation=citation,
            licence=LICENCE,
            training_data=data,
            native_order="lat, lon",
            weights=self._weights_card,
            parameters={"cells": CELLS, "sigma_m": SIGMA, "uncovered": uncovered},
            verified=False,
        )

    @property
    def folder(self) -> Path:
        """Folder of the networks."""
        return self._given or weights_path(self._weights_card)

    @cached_property
    def _files(self) -> dict[int, Path]:
        """Files of the networks by zone number.

        Raises:
            EncoderError: the folder does not exist or contains no network.
        """
        files = {
            len(BANDS) * (int(match[1]) - 1) + BANDS.index(match[2]): path
            for path in _network_files(self.folder)
            if (match := re.fullmatch(rf"model_([1-9]\d?) ([{BANDS}])\.h5", path.name))
            and path.name != f"model_{_LEFT_OUT}.h5"
        }
        if not files:
            raise EncoderError(
                f"there is no network `model_<zone>.h5` in {self.folder}. "
                f"{how_to_obtain(self._weights_card, self.card.name)}"
            )
        return files

    @cached_property
    @override
    def weights_sha256(self) -> str:
        """SHA-256 of the networks' file names and contents; empty if there are none."""
        return sha256_folder(self.folder, _NETWORKS)

    @override
    def groups(self, lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
        return zone_numbers(lonlat)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        files = self._files
        zones = zone_numbers(lonlat)
        out = np.full((len(lonlat), self.card.dimension), np.nan, dtype=np.float32)
        for zone in np.unique(zones).tolist():
            if zone in files:
                rows = np.flatnonzero(zones == zone)
                near = closeness(lonlat[rows], zone).astype(np.float32)
                out[rows] = run_network(self._network(zone), near, len(self._heads))
        return out

    def _network(self, zone: int) -> tuple[Dense, ...]:
        # Only the last network is kept: all of them would fill the memory, and points come zone by
        # zone.
        if self._latest is None or self._latest[0] != zone:
            hidden = list(pairwise(_HIDDEN))
            shapes = [*hidden, *((_HIDDEN[-1], width) for width in self._heads)]
            self._latest = zone, read_dense(self._files[zone], shapes)
        return self._latest[1]


def run_network(
    layers: tuple[Dense, ...], x: NDArray[np.float32], heads: int
) -> NDArray[np.float32]:
    """Output of a network whose heads have a softmax each; their outputs are concatenated.

    Args:
        layers: kernel and bias of each layer; the last ones are the heads, the others have ReLU.
        x: `(n, in)` input.
        heads: number of heads.
    """
    from scipy.special import softmax

    for kernel, bias in layers[:-heads]:
        x = np.maximum(x @ kernel + bias, 0)
    outputs = []
    for kernel, bias in layers[-heads:]:
        outputs.append(softmax(x @ kernel + bias, axis=1))
    return np.concatenate(outputs, axis=1)


def _network_files(folder: Path) -> list[Path]:
    return sorted(folder.glob(_NETWORKS))


def from_variant(variant: str, **options: Any) -> GPS2Vec:
    """Make the encoder `gps2vec.<variant>`: `tag` or `visual`.

    Raises:
        UnknownNameError: there is no such variant.
    """
    require_variant("gps2vec", variant, VARIANTS)
    return GPS2Vec(variant, **options)
