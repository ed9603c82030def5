"""MOSAIKS: random convolutional features of satellite images, precomputed on a grid."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders.base import EncoderCard, WeightsCard
from satclip_bench.encoders.lookup.partial import PartialEncoder, Uncovered
from satclip_bench.encoders.lookup.table import (
    NearestRows,
    column_names,
    numbered_columns,
    read_rows,
    require_max_km,
)
from satclip_bench.encoders.weights.files import PretrainedEncoder, weights_path

FEATURES = r"X_(\d+)"
"""Columns of the tables that api.mosaiks.org gives out, besides Lat and Lon."""

DIMENSION = 4000

MAX_KM = 1.0
"""A cell of 0.01 degrees has its centre at most 0.79 km from its corners."""

WEIGHTS = WeightsCard(
    file="mosaiks.parquet",
    sha256=None,
    licence="not stated; the images are Planet's",
    origin="a table of Lat, Lon, X_0, X_1 and so on, for the places that are wanted, from "
    "api.mosaiks.org (registration needed)",
)


class MOSAIKS(PretrainedEncoder, PartialEncoder):
    """The features of the grid cell whose centre is nearest.

    Args:
        weights: a table, CSV or Parquet; by default `mosaiks.parquet` in the cache.
        max_km: cells further away than this are not used; None for no limit.
        uncovered: `zeros` or `error`, for points without a cell.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        max_km: float | None = MAX_KM,
        uncovered: Uncovered = "zeros",
    ) -> None:
        PretrainedEncoder.__init__(self, weights)
        PartialEncoder.__init__(self, uncovered)
        require_max_km(max_km)
        self.max_km = max_km
        dimension = DIMENSION
        # The card has to be there without the table, and whatever is wrong with it.
        with suppress(EncoderError):
            path = self._given or weights_path(WEIGHTS)
            dimension = len(numbered_columns(column_names(path), FEATURES, str(path)))
        self.card = EncoderCard(
            name="mosaiks",
            title="MOSAIKS",
            dimension=dimension,
            description="Random convolutional features of the satellite image of the nearest grid "
            "cell, by great-circle distance to the rows of a local table. Points further than "
            "max_km from all of them, such as those at sea, are not covered: their embedding is "
            "zeros, with a warning, or an error if uncovered is `error`.",
            citation="Rolf et al. 2021, A generalizable and accessible approach to machine "
            "learning with global satellite imagery, Nature Communications 12, 4392",
            licence=WEIGHTS.licence,
            training_data="no labels; filters are random patches of Planet's visual basemap of "
            "the third quarter of 2019, whose features the table holds",
            weights=WEIGHTS,
            parameters={
                "max_km": "no limit" if max_km is None else max_km,
                "uncovered": uncovered,
            },
            verified=False,
        )

    @cached_property
    def _rows(self) -> NearestRows:
        return NearestRows(*read_rows(self._weights_file, FEATURES), self.max_km)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        values, known = self._rows.look_up(lonlat)
        features: NDArray[np.float32] = values.astype(np.float32)
        features[~known] = np.nan
        return features
