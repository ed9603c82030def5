"""Features of places, looked up by how alike and how near other places are: RANGE's database.

Dhakal et al. 2025, CVPR, arXiv 2502.19781.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import CoordinateError, EncoderError
from satclip_bench.core.sphere import check_lonlat, unit_vectors
from satclip_bench.encoders.weights.files import first_line

Float32 = NDArray[np.float32]

TILE = 128
"""Places looked up at a time: a similarity matrix has this many rows, whatever the batch."""

COLUMNS = {"locs": 2, "satclip_embeddings": 256, "image_embeddings": 1024}
"""The arrays of a database file, and how many columns they have."""


@dataclass(frozen=True)
class Database:
    """Places whose satellite images are known.

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
    """How much each row of a database counts for a query.

    `beta * softmax(semantic * <query, key>) + (1 - beta) * softmax(geographic * cos(angle))`, with
    the angle between the two places as seen from the centre of the Earth.

    Attributes:
        semantic: what the cosine of two embeddings is multiplied by (the released code calls it
            a temperature; it is the inverse of one).
        geographic: what the cosine of the angle is multiplied by.
        beta: the share of the semantic part, in [0, 1].

    Raises:
        EncoderError: beta is outside [0, 1], or a temperature is not a positive finite number.
    """

    semantic: float
    geographic: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.beta <= 1:
            raise EncoderError(f"beta is a share in [0, 1], not {self.beta}")
        for temperature in (self.semantic, self.geographic):
            if not 0 < temperature < np.inf:
                raise EncoderError(f"a temperature is a positive number, not {temperature}")


def load_database(path: Path) -> Database:
    """The database in an `.npz` of the released layout.

    Its arrays are `locs`, `(m, 2)` degrees, longitude first; `satclip_embeddings`, `(m, 256)`; and
    `image_embeddings`, `(m, 1024)`; floating-point, of any precision. Others are left alone.

    Raises:
        EncoderError: an array lacks, has another shape or kind or values that cannot be used, or
            the file is damaged or holds pickled objects.
    """
    arrays = _read(path)
    rows = {name: len(array) for name, array in arrays.items()}
    if len(set(rows.values())) > 1:
        raise EncoderError(f"{path}: its arrays have different numbers of rows: {rows}")
    try:
        lonlat = check_lonlat(arrays["locs"])
    except CoordinateError as error:
        raise EncoderError(f"the places (locs) of {path} cannot be used: {error}") from error
    keys = arrays["satclip_embeddings"]
    lengths = np.linalg.norm(keys, axis=1, keepdims=True)
    if not lengths.all():
        row = int(np.argmin(lengths))
        raise EncoderError(f"{path}: satclip_embeddings of row {row} are zeros, without direction")
    places = unit_vectors(lonlat).astype(np.float32)
    return Database(keys / lengths, arrays["image_embeddings"], places)


def _read(path: Path) -> dict[str, Float32]:
    """The wanted arrays of a file, each checked on its own."""
    try:
        # np.load leaves a file open that it opened itself and found damaged.
        with path.open("rb") as stream:
            archive = np.load(stream, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise EncoderError(f"{path} is no .npz, but a single array")
            if absent := sorted(COLUMNS.keys() - set(archive.files)):
                raise EncoderError(f"{path} lacks the arrays {absent}; it has {archive.files}")
            return {name: _usable(archive[name], name, path) for name in COLUMNS}
    except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError, OSError) as error:
        raise EncoderError(
            f"{path} is damaged, or holds pickled objects, which are refused since loading them "
            "could execute code; a database as RANGE's generate_db.py writes it holds none: "
            f"{first_line(error)}"
        ) from error


def _usable(found: NDArray[Any], name: str, path: Path) -> Float32:
    """An array of a database in float32."""
    columns = COLUMNS[name]
    if found.dtype.kind != "f" or found.ndim != 2 or found.shape[1] != columns or not len(found):
        raise EncoderError(
            f"{path}: {name} is {found.dtype} of shape {found.shape}; "
            f"it should be floating-point of shape (rows, {columns})"
        )
    with np.errstate(over="ignore"):
        array: Float32 = found.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        raise EncoderError(
            f"{path}: {name} is not finite in {len(bad)} rows, first in row {bad[0]}"
        )
    return array


def retrieve(queries: Float32, places: Float32, database: Database, mix: Mix) -> Float32:
    """The mean of a database's values, weighted for each query.

    Args:
        queries: `(n, K)` unit vectors.
        places: `(n, 3)` unit vectors.
        database: of m rows.
        mix: of its rows.

    Returns:
        `(n, V)`; besides it, memory for two matrices of `TILE` times m is needed.
    """
    out = np.empty((len(queries), database.values.shape[1]), np.float32)
    for start in range(0, len(queries), TILE):
        tile = slice(start, start + TILE)
        out[tile] = _row_weights(queries[tile], places[tile], database, mix) @ database.values
    return out


def _row_weights(queries: Float32, places: Float32, database: Database, mix: Mix) -> Float32:
    # The values are averaged once, with the mean of both weights: that equals the mean of both
    # averages, and is half the work.
    if mix.beta == 0:
        return _softmax(places, database.places, mix.geographic, 1)
    weights = _softmax(queries, database.keys, mix.semantic, mix.beta)
    if mix.beta < 1:
        weights += _softmax(places, database.places, mix.geographic, 1 - mix.beta)
    return weights


def _softmax(a: Float32, b: Float32, temperature: float, total: float) -> Float32:
    """Softmax over the columns of `temperature * a @ b.T`, times `total`."""
    weights: Float32 = a @ b.T
    weights *= temperature
    weights -= weights.max(axis=1, keepdims=True)
    np.exp(weights, out=weights)
    weights *= total / weights.sum(axis=1, keepdims=True)
    return weights
