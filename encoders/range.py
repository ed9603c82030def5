"""RANGE and RANGE+: image features retrieved with SatCLIP's embedding, followed by that embedding.

Dhakal et al. 2025, CVPR, arXiv 2502.19781.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.download.cards import HubOrigin
from satclip_bench.core.files import sha256_bytes
from satclip_bench.core.sphere import unit_vectors
from satclip_bench.encoders import satclip
from satclip_bench.encoders.base import EncoderCard, WeightsCard
from satclip_bench.encoders.lookup.retrieval import COLUMNS, Database, Mix, load_database, retrieve
from satclip_bench.encoders.weights.files import PretrainedEncoder

BACKBONE = "vit16-l40"
"""SatCLIP checkpoint whose embeddings are the queries."""

WEIGHTS = WeightsCard(
    file="range_db_large.npz",
    sha256=None,
    licence="not stated",
    by_hand="Dhakal et al. publish the database.",
    origins=(
        HubOrigin(
            repository="MVRL/RANGE-database", repository_type="dataset", path="range_db_large.npz"
        ),
    ),
)


class Range(PretrainedEncoder):
    """Retrieved image features, 1024 columns, then SatCLIP's embedding at unit length, 256.

    Args:
        name: name on the card.
        title: title on the card.
        mix: weights of the database's rows.
        parameters: settings that change the embedding, for the card.
        weights: SatCLIP's Lightning checkpoint; by default the released one, from the cache.
        database: `.npz` file as read by `load_database`; by default the large released one, from
            the cache.
        numerics: numerics of SatCLIP's harmonics; the paper's code uses `released`.
    """

    def __init__(
        self,
        name: str,
        title: str,
        mix: Mix,
        parameters: Mapping[str, float],
        weights: str | Path | None,
        database: str | Path | None,
        numerics: satclip.Numerics,
    ) -> None:
        super().__init__(database)
        self._mix = mix
        self._satclip = satclip.from_variant(BACKBONE, weights=weights, numerics=numerics)
        self.card = EncoderCard(
            name=name,
            title=title,
            dimension=COLUMNS["image_embeddings"] + COLUMNS["satclip_embeddings"],
            description="Features of satellite images at other places, averaged with weights by "
            "the similarity of the places, and SatCLIP's embedding. Needs a database and the "
            f"checkpoint of satclip.{BACKBONE}.",
            citation="Dhakal et al. 2025, RANGE: Retrieval Augmented Neural Fields for "
            "Multi-Resolution Geo-Embeddings, CVPR, arXiv 2502.19781",
            licence="MIT (code, and SatCLIP's weights); not stated for the database",
            training_data=f"{self._satclip.card.training_data}, which are also in the "
            "database; their features come from a SatMAE that was pretrained on fMoW's images",
            weights=WEIGHTS,
            parameters=dict(parameters)
            | {"numerics": numerics, "satclip_version": self._satclip.card.version},
            verified=False,
        )

    @property
    @override
    def weights_sha256(self) -> str:
        """SHA-256 of the hashes of checkpoint and database; empty if one of them is missing."""
        hashes = (self._satclip.weights_sha256, super().weights_sha256)
        return sha256_bytes("\n".join(hashes).encode()) if all(hashes) else ""

    @cached_property
    def _database(self) -> Database:
        return load_database(self._weights_file)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        embedding = self._satclip.forward(lonlat).astype(np.float64)
        embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
        queries = embedding.astype(np.float32)
        places = unit_vectors(lonlat).astype(np.float32)
        features = retrieve(queries, places, self._database, self._mix)
        return np.concatenate([features, queries], axis=1)


def range_plain(
    weights: str | Path | None = None,
    database: str | Path | None = None,
    temperature: float = 15.0,
    numerics: satclip.Numerics = "float32",
) -> Range:
    """Make RANGE, which weights rows of the database by the similarity of SatCLIP embeddings.

    Args:
        weights: SatCLIP's Lightning checkpoint; by default the released one, from the cache.
        database: `.npz` file; by default the large released one, from the cache.
        temperature: factor on cosines of embeddings.
        numerics: numerics of SatCLIP's harmonics; the paper's code uses `released`.

    Raises:
        EncoderError: the temperature is not a positive number, or the numerics are unknown.
    """
    parameters = {"temperature": temperature}
    return Range("range", "RANGE", Mix(temperature), parameters, weights, database, numerics)


def range_plus(
    weights: str | Path | None = None,
    database: str | Path | None = None,
    beta: float = 0.5,
    semantic_temperature: float = 12.0,
    geographic_temperature: float = 40.0,
    numerics: satclip.Numerics = "float32",
) -> Range:
    """Make RANGE+, which weights rows of the database by similarity and by distance.

    Args:
        weights: SatCLIP's Lightning checkpoint; by default the released one, from the cache.
        database: `.npz` file; by default the large released one, from the cache.
        beta: share of the semantic weights; 0 is smooth, 1 has the most detail.
        semantic_temperature: factor on cosines of embeddings.
        geographic_temperature: factor on cosines of angles between places.
        numerics: numerics of SatCLIP's harmonics; the paper's code uses `released`.

    Raises:
        EncoderError: `beta` or a temperature is out of range, or the numerics are unknown.
    """
    mix = Mix(semantic_temperature, geographic_temperature, beta)
    parameters = {
        "beta": beta,
        "semantic_temperature": semantic_temperature,
        "geographic_temperature": geographic_temperature,
    }
    return Range("range-plus", "RANGE+", mix, parameters, weights, database, numerics)
