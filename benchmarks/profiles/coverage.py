"""Embeddings of those of some points that an encoder covers."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from satclip_bench.encoders.base import Embedding, LocationEncoder, call_encoder
from satclip_bench.encoders.combine import Combined
from satclip_bench.encoders.lookup.partial import PartialEncoder, UncoveredPointsWarning


def embed_covered(
    encoder: LocationEncoder, lonlat: NDArray[np.float64], where: str
) -> tuple[Embedding, NDArray[np.bool_]]:
    """Embedding `(N, D)` of points, and which of them the encoder covers, `(N,)`.

    Rows of zeros of a `PartialEncoder` are points that it does not cover. A combination covers the
    points that all of its parts cover.

    Args:
        encoder: encoder of any origin.
        lonlat: `(N, 2)` degrees, longitude first.
        where: which points these are, for messages.

    Raises:
        BenchError: the encoder raised, or returned no embedding.
    """
    with warnings.catch_warnings():
        # The share of covered points is part of the result.
        warnings.simplefilter("ignore", UncoveredPointsWarning)
        embedding = call_encoder(encoder, lonlat, where)
    if isinstance(encoder, PartialEncoder):
        return embedding, np.asarray(embedding.any(axis=1))
    covered = np.ones(len(lonlat), dtype=np.bool_)
    if isinstance(encoder, Combined):
        for part in encoder.parts:
            if isinstance(part, PartialEncoder | Combined):
                covered &= embed_covered(part, lonlat, where)[1]
    return embedding, covered
