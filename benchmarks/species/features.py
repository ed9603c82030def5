"""Readers of image features and of an image classifier's probabilities, from local files.

Features: Parquet with the columns `image_id` (whole numbers) and `features` (lists of equal length,
of fixed size or not), or a NumPy archive `.npz` with arrays `image_id` `(M,)` and `features`
`(M, D)`. float16 stays float16. Photographs may be in any order, and the file may have
more than are needed.

Probabilities: the same with `probabilities` `(M, C)` in place of `features`; or, for the most
probable only, with `classes` `(M, k)` and `probabilities` `(M, k)`; or a sparse matrix as
`scipy.sparse.save_npz` writes it, whose rows are the validation photographs in the order of
val2018.json, as Mac Aodha, Cole and Perona released theirs.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.species.inputs import Integers
from satclip_bench.core.errors import BenchError
from satclip_bench.core.npz import DAMAGE

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Values = NDArray[np.floating[Any]]
BATCH_ROWS = 4096


def read_features(paths: Sequence[Path], image_ids: Sequence[Integers]) -> Values:
    """Features of photographs, `(N, D)`, concatenated from several files.

    A Parquet file is read in batches; an `.npz` file is held twice while it is put in order.

    Args:
        paths: one file per set of photographs.
        image_ids: ids of the photographs to be read from each file, in order.

    Raises:
        BenchError: a file has the wrong format, does not have all photographs, or has another
            number of features than the others.
    """
    features: Values | None = None
    start = 0
    rows = sum(map(len, image_ids))
    for path, expected in zip(paths, image_ids, strict=True):
        for ids, columns in _pieces(path, ("features",)):
            values = columns["features"]
            if features is None:
                features = np.full((rows, values.shape[1]), np.nan, dtype=values.dtype)
            if values.shape[1] != features.shape[1]:
                raise BenchError(
                    f"{path} has {values.shape[1]} features per photograph; the file before has "
                    f"{features.shape[1]}"
                )
            place, known = _place(ids, expected)
            features[start + place[known]] = values[known]
        if features is None:
            raise BenchError(f"{path} has no photographs")
        _require_all(path, expected, _empty(features[start : start + len(expected)]))
        start += len(expected)
    if features is None:
        raise BenchError("no file of features is given")
    return features


def read_probabilities(path: Path, image_id: Integers, classes: int) -> Values | csr_array:
    """An image classifier's probabilities, `(N, classes)`, dense or sparse.

    Args:
        path: file in one of the three formats above.
        image_id: `(N,)` ids of the photographs to be read, in order.
        classes: number of classes.

    Raises:
        BenchError: the file has the wrong format, does not have all photographs, or has values
            that are not probabilities.
    """
    from scipy.sparse import csr_array

    sparse = _scipy(path)
    if sparse is not None:
        if sparse.shape != (len(image_id), classes):
            raise BenchError(
                f"{path} is a sparse matrix of {sparse.shape[0]:,} x {sparse.shape[1]:,}; without "
                f"ids of photographs it must be {len(image_id):,} x {classes:,}"
            )
        _check(path, sparse.data, np.asarray(sparse.sum(axis=1)))
        return sparse
    probabilities = np.full((len(image_id), 0), np.nan, dtype=np.float32)
    chosen: NDArray[Any] | None = None
    for ids, columns in _pieces(path, ("probabilities",), ("classes",)):
        values = columns["probabilities"]
        if not probabilities.shape[1]:
            probabilities = np.full((len(image_id), values.shape[1]), np.nan, dtype=values.dtype)
            chosen = np.zeros(probabilities.shape, dtype=np.int32) if "classes" in columns else None
        place, known = _place(ids, image_id)
        probabilities[place[known]] = values[known]
        if chosen is not None:
            chosen[place[known]] = columns["classes"][known]
    if probabilities.shape[1]:
        _require_all(path, image_id, _empty(probabilities))
    _check(path, probabilities, probabilities.astype(np.float64).sum(axis=1))
    if chosen is None:
        if probabilities.shape[1] != classes:
            raise BenchError(f"{path} has {probabilities.shape[1]:,} classes, not {classes:,}")
        return probabilities
    if chosen.min() < 0 or chosen.max() >= classes:
        raise BenchError(f"{path} has classes outside 0 to {classes - 1:,}")
    rows = np.repeat(np.arange(len(image_id)), probabilities.shape[1])
    places = rows, chosen.ravel()
    return csr_array((probabilities.ravel(), places), shape=(len(image_id), classes))


def _scipy(path: Path) -> csr_array | None:
    """Read a matrix that `scipy.sparse.save_npz` wrote; None if the file is something else."""
    from scipy.sparse import csr_array, load_npz

    if path.suffix != ".npz" or not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            if "format.npy" not in archive.namelist():
                return None
        return csr_array(load_npz(path))
    except DAMAGE as error:
        raise BenchError(f"{path} cannot be read as a sparse matrix: {error}") from error


def _pieces(
    path: Path, needed: tuple[str, ...], more: tuple[str, ...] = ()
) -> list[tuple[Integers, Mapping[str, NDArray[Any]]]] | Any:
    if path.suffix == ".npz":
        return _npz(path, needed, more)
    if path.suffix == ".parquet":
        return _parquet(path, needed, more)
    raise BenchError(f"the name of {path} should end with .parquet or .npz")


def _npz(path: Path, needed: tuple[str, ...], more: tuple[str, ...]) -> Any:
    try:
        # NumPy does not close a file that turns out not to be an archive.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            _require_columns(path, archive.files, needed)
            ids = archive["image_id"]
            columns = {n: archive[n] for n in (*needed, *more) if n in archive.files}
    except DAMAGE as error:
        raise BenchError(f"{path} cannot be read: {error}") from error
    for name, values in columns.items():
        _require_shape(path, name, ids, values)
    yield ids, columns


def _parquet(path: Path, needed: tuple[str, ...], more: tuple[str, ...]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        _require_columns(path, names, needed)
        read = [n for n in ("image_id", *needed, *more) if n in names]
        for batch in file.iter_batches(BATCH_ROWS, columns=read):
            ids = batch["image_id"].to_numpy(zero_copy_only=False)
            columns = {}
            for name in read[1:]:
                flat = batch[name].flatten().to_numpy(zero_copy_only=False)
                if not len(ids) or len(flat) % len(ids):
                    raise BenchError(f"{path}: {name!r} has lists of different lengths")
                columns[name] = flat.reshape(len(ids), -1)
                _require_lengths(path, name, batch[name], columns[name].shape[1])
                _require_shape(path, name, ids, columns[name])
            yield ids, columns
    except (OSError, pa.ArrowException, AttributeError) as error:
        raise BenchError(f"{path} cannot be read as such a table: {error}") from error


def _require_lengths(path: Path, name: str, lists: Any, width: int) -> None:
    import pyarrow.compute as pc

    if set(pc.list_value_length(lists).unique().to_pylist()) != {width}:
        raise BenchError(f"{path}: {name!r} has lists of different lengths, or no lists")


def _require_columns(path: Path, names: Sequence[str], needed: tuple[str, ...]) -> None:
    if missing := [n for n in ("image_id", *needed) if n not in names]:
        raise BenchError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(names[:8]) or 'nothing'}"
        )


def _require_shape(path: Path, name: str, ids: NDArray[Any], values: NDArray[Any]) -> None:
    kinds = "iu" if name == "classes" else "f"
    if ids.dtype.kind not in "iu" or values.dtype.kind not in kinds:
        raise BenchError(f"{path}: image_id must be whole numbers and {name} {kinds!r} numbers")
    if values.ndim != 2 or ids.shape != values.shape[:1] or not values.shape[1]:
        raise BenchError(
            f"{path}: {name} must have one row per photograph; it is {values.shape} for {ids.shape}"
        )


def _place(ids: Integers, expected: Integers) -> tuple[Integers, NDArray[np.bool_]]:
    """Position of each of `ids` in `expected`, and whether it is there."""
    order = np.argsort(expected, kind="stable")
    at = np.minimum(np.searchsorted(expected, ids, sorter=order), len(expected) - 1)
    place = order[at]
    return place, expected[place] == ids


def _empty(values: Values) -> NDArray[np.bool_]:
    """`(N,)` whether nothing was written to a row."""
    return np.asarray(np.isnan(values).all(axis=1))


def _require_all(path: Path, expected: Integers, missing: NDArray[np.bool_]) -> None:
    if missing.any():
        raise BenchError(
            f"{path} has no rows for {missing.sum():,} of {len(expected):,} photographs, such as "
            f"image_id {expected[missing][:3].tolist()}"
        )


def _check(path: Path, values: Values, sums: NDArray[np.floating[Any]]) -> None:
    if not np.isfinite(values).all() or (values < 0).any():
        raise BenchError(f"{path} has values that are not probabilities: below 0 or not finite")
    if not len(sums) or (sums <= 0).any() or (sums > 1.01).any():
        raise BenchError(
            f"{path} has rows that sum to 0 or to more than 1, such as row "
            f"{np.flatnonzero((sums <= 0) | (sums > 1.01))[:1].tolist()}: logits and not "
            "probabilities?"
        )
