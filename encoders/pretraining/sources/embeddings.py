"""Pairs from a table of existing image embeddings with their coordinates."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError, CoordinateError
from satclip_bench.core.files import missing_file
from satclip_bench.core.npz import DAMAGE
from satclip_bench.core.sphere import check_lonlat
from satclip_bench.encoders.pretraining.config import Table
from satclip_bench.encoders.pretraining.sources.base import InMemory, Pairs, fingerprint
from satclip_bench.encoders.weights.files import first_line


def embedding_pairs(data: Table) -> Pairs:
    """Read embeddings into memory as float32.

    A Parquet file has columns of longitudes and latitudes, and either columns e0, e1 and so on (as
    the command `embed` writes them) or one column `embedding` of lists. An npz file has the arrays
    `lonlat`, `(N, 2)`, and `embedding`, `(N, D)`.

    Raises:
        BenchError: the table does not exist or cannot be read, values are not finite, or all
            embeddings are the same.
    """
    path = data.file.expanduser()
    if not path.is_file():
        raise BenchError(f"{missing_file(path)} (data.file of the config)")
    lonlat, embedding = _npz(path) if path.suffix == ".npz" else _parquet(path, data)
    try:
        points = check_lonlat(lonlat)
    except CoordinateError as error:
        raise BenchError(f"{path}: {error}") from error
    if embedding.ndim != 2 or len(embedding) != len(points) or embedding.dtype.kind not in "iuf":
        raise BenchError(
            f"{path} has {len(points)} points and embeddings of shape {embedding.shape} and type "
            f"{embedding.dtype}; there should be one row of numbers per point"
        )
    embedding = embedding.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(embedding).all(axis=1))
    if len(bad):
        raise BenchError(f"{path}: {len(bad)} embeddings are not finite, first in row {bad[0]}")
    if not len(points) or (embedding == embedding[0]).all():
        raise BenchError(f"{path}: all embeddings are the same")
    return Pairs(
        lonlat=points,
        images=InMemory(embedding),
        divide_by=1.0,
        training_data=f"{len(points):,} image embeddings of {embedding.shape[1]} numbers from "
        f"{path.name}",
        licence="the user's own",
        sha256=fingerprint(points, embedding),
    )


def _npz(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as content:
            return content["lonlat"], content["embedding"]
    except DAMAGE as error:
        raise BenchError(
            f"{path} is not an npz file with arrays lonlat and embedding: {first_line(error)}"
        ) from error


def _parquet(path: Path, data: Table) -> tuple[NDArray[Any], NDArray[Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise BenchError(f"{path} is not a Parquet file: {first_line(error)}") from error
    names = table.column_names
    numbered = sorted((n for n in names if re.fullmatch(r"e\d+", n)), key=lambda n: int(n[1:]))
    missing = [n for n in (data.lon, data.lat) if n not in names]
    if missing or not (numbered or "embedding" in names):
        what = ", ".join(missing) or "embeddings (columns e0, e1, ..., or embedding)"
        raise BenchError(f"{path} has no {what}; its columns are {', '.join(names[:8])}")
    lonlat = np.stack([table[n].to_numpy() for n in (data.lon, data.lat)], axis=1)
    if numbered:
        return lonlat, np.stack([table[n].to_numpy() for n in numbered], axis=1)
    rows = table["embedding"].to_pylist()
    if len({len(row) for row in rows if row is not None}) != 1 or None in rows:
        raise BenchError(f"{path}: the lists in the column embedding differ in length")
    return lonlat, np.array(rows)
