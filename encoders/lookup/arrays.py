"""Reads precomputed embeddings from arrays in an `.npz` file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import CoordinateError, EncoderError
from satclip_bench.core.points import coordinate_columns, shown_names
from satclip_bench.encoders.lookup.npz import open_npz
from satclip_bench.encoders.lookup.table import EmbeddedPlaces, checked_places

SUFFIX = ".npz"

LONLAT = "lonlat"
"""Name of an array of both coordinates, `(n, 2)` degrees, longitude first."""


def read_arrays(
    path: Path, name: str | None = None, lon: str | None = None, lat: str | None = None
) -> EmbeddedPlaces:
    """Read coordinates and embeddings from an `.npz` file.

    Args:
        path: file with an array of embeddings, `(n, D)`, and either an array `lonlat`, `(n, 2)`, or
            two of longitudes and latitudes, `(n,)`.
        name: name of the array of embeddings; by default the only other one with two dimensions.
        lon: name of the array of longitudes; by default one with a usual name.
        lat: name of the array of latitudes; by default one with a usual name.

    Raises:
        EncoderError: an array is missing, ambiguous, or has another shape or type; values are not
            finite, or the file is damaged or contains pickled objects.
    """
    arrays = _load(path)
    places, used = _lonlat(arrays, lon, lat, path)
    others = {key: array for key, array in arrays.items() if key not in used}
    if name is None:
        tables = [key for key, array in others.items() if array.ndim == 2]
        if len(tables) != 1:
            raise EncoderError(
                f"{path} has {len(tables) or 'no'} arrays of two dimensions that may be the "
                f"embeddings ({shown_names([*others])}). Name one with --table-columns"
            )
        name = tables[0]
    if name not in others:
        raise EncoderError(f"{path} has no array {name!r}; it has {shown_names([*others], name)}")
    values = others[name]
    if values.ndim != 2 or values.shape[1] == 0 or values.dtype.kind not in "fiu":
        raise EncoderError(
            f"{path}: {name} is {values.dtype} of shape {values.shape}; embeddings are numbers of "
            "shape (rows, columns)"
        )
    if len(values) != len(places):
        raise EncoderError(
            f"{path}: {name} has {len(values):,} rows, and there are {len(places):,} coordinates"
        )
    with np.errstate(over="ignore"):
        numbers = values if values.dtype == np.int8 else values.astype(np.float32)
    return checked_places(places, numbers, np.isnan(numbers).all(axis=1), [name], str(path))


def _load(path: Path) -> Mapping[str, NDArray[Any]]:
    with open_npz(path) as archive:
        return {key: archive[key] for key in archive.files}


def _lonlat(
    arrays: Mapping[str, NDArray[Any]], lon: str | None, lat: str | None, path: Path
) -> tuple[NDArray[Any], set[str]]:
    """The coordinates, `(n, 2)`, and the names of their arrays."""
    if (lon is None) != (lat is None):
        raise EncoderError("give both arrays of coordinates, --table-lon and --table-lat, or none")
    if lon is None and LONLAT in arrays:
        return arrays[LONLAT], {LONLAT}
    if lon is None or lat is None:
        try:
            lon, lat = coordinate_columns([*arrays], str(path))
        except CoordinateError as error:
            raise EncoderError(
                f"{path} has no coordinates: it should have an array called {LONLAT}, of shape "
                "(rows, 2), longitude first, or one called lon and one called lat. It has "
                f"{shown_names([*arrays])}. Name others with --table-lon and --table-lat"
            ) from error
    for key in (lon, lat):
        if key not in arrays:
            raise EncoderError(f"{path} has no array {key!r}; it has {shown_names([*arrays], key)}")
        if arrays[key].ndim != 1:
            raise EncoderError(f"{path}: {key} has shape {arrays[key].shape}, not (rows,)")
    if len(arrays[lon]) != len(arrays[lat]):
        raise EncoderError(
            f"{path}: {lon} has {len(arrays[lon]):,} values, {lat} has {len(arrays[lat]):,}"
        )
    return np.stack([arrays[lon], arrays[lat]], axis=1), {lon, lat}
