"""The public contract test of an encoder: what everything in the registry must satisfy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import CoordinateError, EncoderError
from satclip_bench.encoders.base import LocationEncoder, require_embedding

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
"""Where encoders break: the origin, the antimeridian from both sides, the poles."""


def check_encoder(encoder: LocationEncoder, points: int = 257, seed: int = 0) -> None:
    """Run an encoder through the contract.

    Checked, on points spread over the sphere and on the poles and the antimeridian: float32 of
    the promised dimension, finite; the same again on a second call; independence of batch size,
    of order and of company, to float32 rounding; 0..360 longitudes equal to -180..180; the input
    left as it was; no points and one point; non-finite, out-of-range and misshapen input refused
    with the row named.

    Args:
        encoder: what is checked.
        points: how many random points are used.
        seed: of those points.

    Raises:
        EncoderError: the first thing that is not so.
    """
    card = encoder.card
    lonlat = np.concatenate([CORNERS, _spread(points, seed)])
    before = lonlat.copy()
    whole = require_embedding(encoder.encode(lonlat), len(lonlat), card, exact_dtype=True)
    _demand(encoder, np.array_equal(lonlat, before), "it changed the coordinates it was given")
    _demand(
        encoder,
        np.array_equal(whole, encoder.encode(lonlat)),
        "a second call gave other numbers",
    )
    for batch in (1, 7, len(lonlat) + 1):
        _close(encoder, encoder.encode(lonlat, batch_size=batch), whole, f"batch_size={batch}")
    order = np.random.default_rng(seed).permutation(len(lonlat))
    _close(encoder, encoder.encode(lonlat[order]), whole[order], "another order of the points")
    _close(encoder, encoder.encode(lonlat[:1]), whole[:1], "a point on its own")

    east = lonlat.copy()
    # -180 is left out: it is 180 of the other side, and encoders may be torn there.
    west = (lonlat[:, 0] < 0) & (lonlat[:, 0] > -180)
    east[west, 0] += 360
    _close(encoder, encoder.encode(east), whole, "longitudes from 0 to 360")

    none = encoder.encode(np.empty((0, 2)))
    _demand(
        encoder,
        none.shape == (0, card.dimension) and none.dtype == np.float32,
        f"no points gave {none.dtype} of shape {none.shape}, not float32 (0, {card.dimension})",
    )
    for bad, why in (
        ([[0.0, 1.0], [np.nan, 1.0]], "NaN"),
        ([[0.0, 1.0], [np.inf, 1.0]], "an infinite longitude"),
        ([[0.0, 1.0], [120.0, 90.5]], "latitude 90.5"),
        ([[0.0, 1.0], [361.0, 0.0]], "longitude 361"),
    ):
        _refuses(encoder, np.array(bad), why, row="row 1")
    _refuses(encoder, np.zeros((3, 3)), "an array with three columns")


def _spread(points: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, points)))
    return np.stack([rng.uniform(-180, 180, points), lat], axis=1)


def _demand(encoder: LocationEncoder, truth: bool, complaint: str) -> None:
    if not truth:
        raise EncoderError(f"encoder {encoder.card.name!r}: {complaint}")


def _close(
    encoder: LocationEncoder, found: NDArray[np.float32], wanted: NDArray[np.float32], when: str
) -> None:
    scale = max(1.0, float(np.abs(wanted).max()))
    off = float(np.abs(found - wanted).max()) if found.shape == wanted.shape else np.inf
    _demand(encoder, off <= 1e-5 * scale, f"{when} changed the embedding by up to {off:g}")


def _refuses(
    encoder: LocationEncoder, points: NDArray[np.float64], why: str, row: str = ""
) -> None:
    try:
        encoder.encode(points)
    except CoordinateError as error:
        _demand(encoder, row in str(error), f"its refusal of {why} does not name {row}: {error}")
    except Exception as error:
        raise EncoderError(
            f"encoder {encoder.card.name!r}: {why} raised {type(error).__name__}, "
            "not a satclip_bench.core.errors.CoordinateError; "
            "satclip_bench.core.sphere.check_lonlat does this"
        ) from error
    else:
        raise EncoderError(f"encoder {encoder.card.name!r} accepted {why}")
