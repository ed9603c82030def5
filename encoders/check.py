"""The contract test of encoders: every encoder in the registry must pass it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.dates import TimeUnit
from satclip_bench.core.errors import FAILURES, CoordinateError, EncoderError
from satclip_bench.encoders.base import LocationEncoder, require_embedding, require_encoder

CORNERS = np.array(
    [
        [0, 0],
        [180, 0],
        [-180, 0],
        [0, 90],
        [120, 90],
        [0, -90],
        [180, 45.5],
        [-180, -45.5],
        [1e-9, 0],
    ],
    dtype=np.float64,
)
"""Points at which encoders tend to break: the origin, both sides of the antimeridian, the poles."""


TOLERANCE = 1e-5
"""Difference that float32 rounding may make, relative to the greatest absolute value or 1."""


def check_encoder(encoder: LocationEncoder, points: int = 257, seed: int = 0) -> None:
    """Check that an encoder satisfies the contract.

    The checks use points spread over the sphere, the poles and the antimeridian:

    - the embedding is finite float32 of the promised dimension;
    - a second call returns the same numbers;
    - batch size, order and the other points in a batch change nothing beyond float32 rounding;
    - longitudes in 0..360 give the same embedding as in -180..180;
    - the input array is not modified;
    - zero points and one point work;
    - non-finite, out-of-range and misshapen input is refused, and the error names the row;
    - an encoder that takes a month or a year gives other numbers for others, its own for points
      without a date, and refuses those that do not exist.

    Args:
        encoder: the encoder to check.
        points: number of random points.
        seed: seed of the random points.

    Raises:
        EncoderError: the encoder violates the contract; the message describes the first violation.

    >>> from satclip_bench.encoders import check_encoder, get_encoder
    >>> check_encoder(get_encoder("wrap"))
    """
    require_encoder(encoder)
    card = encoder.card
    lonlat = np.concatenate([CORNERS, _spread(points, seed)])
    before = lonlat.copy()
    whole = require_embedding(encoder.encode(lonlat), len(lonlat), card, exact_dtype=True)
    _require(encoder, np.array_equal(lonlat, before), "it changed the coordinates it was given")
    _require(
        encoder,
        np.array_equal(whole, encoder.encode(lonlat)),
        "a second call returned other numbers",
    )
    for batch in (1, 7, len(lonlat) + 1):
        _close(encoder, encoder.encode(lonlat, batch_size=batch), whole, f"batch_size={batch}")
    order = np.random.default_rng(seed).permutation(len(lonlat))
    _close(encoder, encoder.encode(lonlat[order]), whole[order], "another order of the points")
    _close(encoder, encoder.encode(lonlat[:1]), whole[:1], "encoding a single point")

    east = lonlat.copy()
    # -180 is left out: as 180 it lies on the other side, where an encoder may be discontinuous.
    west = (lonlat[:, 0] < 0) & (lonlat[:, 0] > -180)
    east[west, 0] += 360
    _close(encoder, encoder.encode(east), whole, "longitudes from 0 to 360")

    empty = encoder.encode(np.empty((0, 2)))
    _require(
        encoder,
        empty.shape == (0, card.dimension) and empty.dtype == np.float32,
        f"no points gave {empty.dtype} of shape {empty.shape}, not float32 (0, {card.dimension})",
    )
    for bad, why in (
        ([[0.0, 1.0], [np.nan, 1.0]], "NaN"),
        ([[0.0, 1.0], [np.inf, 1.0]], "an infinite longitude"),
        ([[0.0, 1.0], [120.0, 90.5]], "latitude 90.5"),
        ([[0.0, 1.0], [361.0, 0.0]], "longitude 361"),
    ):
        _require_refusal(encoder, np.array(bad), why, row="row 1")
    _require_refusal(encoder, np.zeros((3, 3)), "an array with three columns")
    if card.time:
        _check_times(encoder, lonlat, whole)


def varied_times(units: Iterable[TimeUnit], points: int) -> dict[TimeUnit, NDArray[np.int64]]:
    """Months and years that differ from point to point, `(points,)` of each unit.

    >>> varied_times(["month", "year"], 3)["year"]
    array([2000, 2001, 2002])
    """
    starts: dict[TimeUnit, tuple[int, int]] = {"month": (1, 12), "year": (2000, 25)}
    return {unit: starts[unit][0] + np.arange(points) % starts[unit][1] for unit in units}


def _check_times(
    encoder: LocationEncoder, lonlat: NDArray[np.float64], undated: NDArray[np.float32]
) -> None:
    encode: Callable[..., NDArray[np.float32]] = encoder.encode
    time = encoder.card.time
    own = {unit: np.full(len(lonlat), value) for unit, value in time.items()}
    _close(encoder, encode(lonlat, **own), undated, "giving the month or year on the card")
    varied = varied_times(time, len(lonlat))
    dated = require_embedding(encode(lonlat, **varied), len(lonlat), encoder.card, exact_dtype=True)
    _close(encoder, encode(lonlat, batch_size=7, **varied), dated, "batch_size=7 with dates")
    back = {unit: values[::-1] for unit, values in varied.items()}
    _close(encoder, encode(lonlat[::-1], **back), dated[::-1], "another order of points with dates")
    for unit, values in varied.items():
        changed = np.abs(encode(lonlat, **own | {unit: values}) - undated).max() > 0
        _require(encoder, changed, f"its card says that it takes the {unit}, which changes nothing")
        for bad, why in (
            (np.zeros(len(lonlat), np.int64), f"the {unit} 0"),
            (np.full(len(lonlat), np.nan), f"the {unit} NaN"),
            (values[1:], f"one {unit} too few"),
        ):
            try:
                encode(lonlat, **{unit: bad})
            except EncoderError:
                continue
            except FAILURES as error:
                raise EncoderError(
                    f"encoder {encoder.card.name!r}: {why} raised {type(error).__name__}, not an "
                    "EncoderError; derive from satclip_bench.encoders.timed.TimedEncoder"
                ) from error
            _require(encoder, False, f"it accepted {why}")


def _spread(points: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, points)))
    return np.stack([rng.uniform(-180, 180, points), lat], axis=1)


def _require(encoder: LocationEncoder, condition: bool, violation: str) -> None:
    if not condition:
        raise EncoderError(f"encoder {encoder.card.name!r}: {violation}")


def _close(
    encoder: LocationEncoder,
    embedding: NDArray[np.float32],
    expected: NDArray[np.float32],
    change: str,
) -> None:
    scale = max(1.0, float(np.abs(expected).max()))
    same_shape = embedding.shape == expected.shape
    error = float(np.abs(embedding - expected).max()) if same_shape else np.inf
    violation = f"{change} changed the embedding by up to {error:g}"
    _require(encoder, error <= TOLERANCE * scale, violation)


def _require_refusal(
    encoder: LocationEncoder, points: NDArray[np.float64], why: str, row: str = ""
) -> None:
    try:
        encoder.encode(points)
    except CoordinateError as error:
        _require(encoder, row in str(error), f"its error for {why} does not name {row}: {error}")
    except FAILURES as error:
        raise EncoderError(
            f"encoder {encoder.card.name!r}: {why} raised {type(error).__name__}, "
            "not a satclip_bench.core.errors.CoordinateError; "
            "call satclip_bench.core.sphere.check_lonlat on the input"
        ) from error
    else:
        raise EncoderError(f"encoder {encoder.card.name!r} accepted {why}")
