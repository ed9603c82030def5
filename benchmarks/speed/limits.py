"""Lower bounds of an encoder's time: the matrix products and sines of its network alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.encoders import base
from satclip_bench.encoders.geoclip import SCALES
from satclip_bench.encoders.layers.harmonics_siren import BATCH_SIZE, HarmonicsSiren
from satclip_bench.encoders.layers.siren import random_siren
from satclip_bench.encoders.layers.tiles import TILE, over_tiles
from satclip_bench.encoders.untrained import CAPACITY, DIMENSION

Points = NDArray[np.float64]
Job = Callable[[Points], object]

GEOCLIP_WIDTHS = (512, 1024, 1024, 1024, 512)
"""Widths of each of GeoCLIP's branches, from the Fourier features to the embedding."""


def satclip_limit(degrees: int, lonlat: Points) -> Job:
    """Job that computes the products and sines of SatCLIP's network in float32.

    They have the shapes, tiles and threads of `HarmonicsSiren`. The harmonics or the features of
    bands, biases, and copies of the result are left out.

    Args:
        degrees: number of degrees of the spherical harmonics, L.
        lonlat: `(N, 2)` points, which decide the number of columns of the first layer; the points
            that the job is called with do not matter.
    """
    network = HarmonicsSiren(
        random_siren((degrees**2, CAPACITY, CAPACITY, DIMENSION), seed=0), degrees
    )
    batches = [lonlat[start : start + BATCH_SIZE] for start in range(0, len(lonlat), BATCH_SIZE)]
    products = [network.first_layer_products(batch) for batch in batches]
    most = max((columns for b in products for tile in b for _, columns in tile), default=0)
    rng = np.random.default_rng(0)
    features = rng.standard_normal((most, TILE), np.float32)
    first = _weights(rng, len(features), CAPACITY)
    second, last = _weights(rng, CAPACITY, CAPACITY), _weights(rng, CAPACITY, DIMENSION)

    def tile(tiles: Sequence[Sequence[tuple[int, int]]], start: int, stop: int) -> NDArray[Any]:
        hidden = np.empty((stop - start, CAPACITY), np.float32)
        row = 0
        for rows, columns in tiles[start // TILE]:
            out = hidden[row : row + rows]
            np.matmul(features[:columns, :rows].T, first[:columns], out=out)
            row += rows
        np.sin(hidden, out=hidden)
        hidden = hidden @ second
        np.sin(hidden, out=hidden)
        # One column, since copies of the result are left out.
        return (hidden @ last)[:, :1]

    def job(_: Points) -> None:
        for batch, tiles in zip(batches, products, strict=True):
            over_tiles(partial(tile, tiles), np.empty((len(batch), 1), np.float32))

    return job


def geoclip_limit(lonlat: Points) -> Job:
    """Job that computes the products, sines and cosines of GeoCLIP's three branches by torch.

    Args:
        lonlat: `(N, 2)` points, of which only the number matters.
    """
    import torch
    from torch.nn.functional import linear

    rng = np.random.default_rng(0)
    weights = [torch.from_numpy(_weights(rng, *pair).T.copy()) for pair in pairwise(GEOCLIP_WIDTHS)]
    rows = min(len(lonlat), base.BATCH_SIZE)
    turns = torch.from_numpy(rng.standard_normal((rows, GEOCLIP_WIDTHS[0] // 2), np.float32))

    def job(_: Points) -> None:
        with torch.inference_mode():
            for start in range(0, len(lonlat), base.BATCH_SIZE):
                batch = turns[: len(lonlat) - start]
                for _branch in range(SCALES):
                    x = torch.cat((torch.cos(batch), torch.sin(batch)), dim=1)
                    for weight in weights:
                        x = linear(x, weight)

    return job


def _weights(rng: np.random.Generator, inputs: int, outputs: int) -> NDArray[np.float32]:
    scale = np.float32(max(inputs, 1) ** -0.5)
    weights: NDArray[np.float32] = rng.standard_normal((inputs, outputs), np.float32) * scale
    return weights
