"""Retrieval from RANGE's database: image features averaged by similarity and by distance.

Dhakal et al. 2025, CVPR, arXiv 2502.19781.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import CoordinateError, EncoderError
from satclip_bench.core.sphere import check_lonlat, unit_vectors
from satclip_bench.encoders.lookup.npz import open_npz

Float32 = NDArray[np.float32]

TILE = 128
"""Number of queries processed at a time: the rows of a similarity matrix, for any batch size."""

COLUMNS = {"locs": 2, "satclip_embeddings": 256, "image_embeddings": 1024}
"""Arrays of a database file and their numbers of columns."""


@dataclass(frozen=True)
class Database:
    """A database of places with features of their satellite images.

    Attributes:
        keys: `(m, K)` unit vectors, embeddings of the images by SatCLIP's image encoder.
        values: `(m, V)` features of the images by SatMAE.
        places: `(m, 3)` unit vectors from the centre of the Earth.
    """

    keys: Float32
    values: Float32
    places: Float32


@dataclass(frozen=True)
class Mix:
    """Weights of the rows of a database for a query.

    `beta * softmax(semantic * <query, key>) + (1 - beta) * softmax(geographic * cos(angle))`, with
    the angle between the two places as seen from the centre of the Earth.

    Attributes:
        semantic: factor on the cosine of two embeddings (the released code calls it a temperature;
            it is the inverse of one).
        geographic: factor on the cosine of the angle.
        beta: share of the semantic weights, in [0, 1].

    Raises:
        EncoderError: `beta` is outside [0, 1], or a temperature is not a positive finite number.
    """

    semantic: float
    geographic: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.beta <= 1:
            raise EncoderError(f"beta must be a share in [0, 1], not {self.beta}")
        for temperature in (self.semantic, self.geographic):
            if not 0 < temperature < np.inf:
                raise EncoderError(f"a temperature must be a positive number, not {temperature}")


def load_database(path: Path) -> Database:
    """Read a database from an `.npz` file of the released layout.

    Its arrays are `locs`, `(m, 2)` degrees, longitude first; `satclip_embeddings`, `(m, 256)`; and
    `image_embeddings`, `(m, 1024)`; floating-point, of any precision. Other arrays are ignored.

    Raises:
        EncoderError: an array is missing, has another shape or type or unusable values, or the file
            is damaged or contains pickled objects.
    """
    arrays = _read(path)
    rows = {name: len(array) for name, array in arrays.items()}
    if len(set(rows.values())) > 1:
        raise EncoderError(f"{path}: its arrays have different numbers of rows: {rows}")
    try:
        lonlat = check_lonlat(arrays["locs"])
    except CoordinateError as error:
        raise EncoderError(f"the coordinates (locs) in {path} cannot be used: {error}") from error
    keys = arrays["satclip_embeddings"]
    lengths = np.linalg.norm(keys, axis=1, keepdims=True)
    if not lengths.all():
        row = int(np.argmin(lengths))
        raise EncoderError(f"{path}: satclip_embeddings in row {row} are all zero")
    places = unit_vectors(lonlat).astype(np.float32)
    return Database(keys / lengths, arrays["image_embeddings"], places)


def _read(path: Path) -> dict[str, Float32]:
    """The arrays of a database file in float32, each checked by itself."""
    hint = "; databases written by RANGE's generate_db.py contain none"
    with open_npz(path, hint) as archive:
        if missing := sorted(COLUMNS.keys() - set(archive.files)):
            raise EncoderError(
                f"the arrays {missing} are missing in {path}; it has {archive.files}"
            )
        return {name: _usable(archive[name], name, path) for name in COLUMNS}


def _usable(stored: NDArray[Any], name: str, path: Path) -> Float32:
    """An array of a database in float32, after checking its type, shape and values."""
    columns = COLUMNS[name]
    two_dimensional = stored.ndim == 2 and stored.shape[1] == columns and len(stored) > 0
    if stored.dtype.kind != "f" or not two_dimensional:
        raise EncoderError(
            f"{path}: {name} is {stored.dtype} of shape {stored.shape}; "
            f"it should be floating-point of shape (rows, {columns})"
        )
    with np.errstate(over="ignore"):
        array: Float32 = stored.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        raise EncoderError(
            f"{path}: {name} is not finite in {len(bad)} rows, first in row {bad[0]}"
        )
    return array


def retrieve(queries: Float32, places: Float32, database: Database, mix: Mix) -> Float32:
    """Weighted mean of a database's values for each query.

    Args:
        queries: `(n, K)` unit vectors, embeddings of the query points.
        places: `(n, 3)` unit vectors from the centre of the Earth to the query points.
        database: database of m rows.
        mix: weights of the rows.

    Returns:
        `(n, V)`. Two further matrices of size `TILE` times m are held in memory.
    """
    out = np.empty((len(queries), database.values.shape[1]), np.float32)
    for start in range(0, len(queries), TILE):
        tile = slice(start, start + TILE)
        out[tile] = _row_weights(queries[tile], places[tile], database, mix) @ database.values
    return out


def _row_weights(queries: Float32, places: Float32, database: Database, mix: Mix) -> Float32:
    # The values are averaged once, with the mixture of both weights: that equals the mixture of
    # both averages at half the cost.
    if mix.beta == 0:
        return _softmax(places, database.places, mix.geographic, 1)
    weights = _softmax(queries, database.keys, mix.semantic, mix.beta)
    if mix.beta < 1:
        weights += _softmax(places, database.places, mix.geographic, 1 - mix.beta)
    return weights


def _softmax(a: Float32, b: Float32, temperature: float, total: float) -> Float32:
    """Softmax over the columns of `temperature * a @ b.T`, times `total`.

    Computed in place, unlike `scipy.special.softmax`: the matrix has as many columns as the
    database has rows, and further copies would double the memory.
    """
    weights: Float32 = a @ b.T
    weights *= temperature
    weights -= weights.max(axis=1, keepdims=True)
    np.exp(weights, out=weights)
    weights *= total / weights.sum(axis=1, keepdims=True)
    return weights
