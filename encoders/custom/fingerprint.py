"""Fingerprint of an encoder: a hash of what it computes for fixed points, and a check of it.

The source of an encoder does not tell which numbers it gives: files that it loads and modules that
it imports change them too. Its embedding of fixed points does.
"""

from __future__ import annotations

import hashlib
import warnings
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.dates import Times
from satclip_bench.core.errors import EncoderError
from satclip_bench.core.sphere import SwappedCoordinatesWarning
from satclip_bench.encoders.base import Embedding, LocationEncoder, call_encoder
from satclip_bench.encoders.check import CORNERS, TOLERANCE, varied_times
from satclip_bench.encoders.combine import fibonacci_lattice
from satclip_bench.encoders.lookup.partial import UncoveredPointsWarning

FINGERPRINT_POINTS = 256
"""Number of points that are embedded."""

BATCHES = (7, 100)
"""Numbers of points in a call, beside all points at once."""


@lru_cache(maxsize=1)
def fingerprint_points() -> NDArray[np.float64]:
    """Points spread over the sphere, the poles and the antimeridian, `(256, 2)` lonlat.

    Coordinates are rounded to four decimals, so that they are the same on every machine.

    >>> fingerprint_points().shape
    (256, 2)
    """
    lattice = fibonacci_lattice(FINGERPRINT_POINTS - len(CORNERS)).round(4)
    points = np.concatenate([CORNERS, lattice])
    points.flags.writeable = False
    return points


def fingerprint(encoder: LocationEncoder) -> str:
    """SHA-256 of an encoder's float32 embedding of `fingerprint_points`.

    The points are embedded several times: twice, in another order, and in smaller batches. An
    encoder that then gives other numbers is refused, since its scores would depend on chance. An
    encoder that takes a month or a year embeds them with several, too.

    Args:
        encoder: encoder to fingerprint.

    Raises:
        EncoderError: the encoder raised, did not return an embedding, or depends on chance, on the
            order of the points or on the other points in a batch; the message says which.

    >>> from satclip_bench.encoders import get_encoder
    >>> fingerprint(get_encoder("wrap"))[:8]
    '3dac3837'
    """
    points = fingerprint_points()
    name = encoder.card.name
    whole = _embed(encoder, points)
    if not np.array_equal(whole, _embed(encoder, points)):
        raise EncoderError(
            f"encoder {name!r} gives other numbers when it is called a second time with the same "
            "points, so its scores would depend on chance. Switch off dropout and other training "
            "behaviour with model.eval(), and draw no random numbers in forward"
        )
    order = np.random.default_rng(0).permutation(len(points))
    if not _close(_embed(encoder, points[order]), whole[order]):
        raise EncoderError(
            f"encoder {name!r} gives a point other numbers when the points come in another order: "
            f"{_ADVICE}"
        )
    for size in BATCHES:
        pieces = [_embed(encoder, points[i : i + size]) for i in range(0, len(points), size)]
        if not _close(np.concatenate(pieces), whole):
            raise EncoderError(
                f"encoder {name!r} gives a point other numbers when it is called with {size} "
                f"points than with {len(points)}: {_ADVICE}"
            )
    digest = hashlib.sha256(np.ascontiguousarray(whole, dtype="<f4").tobytes())
    if times := varied_times(encoder.card.time, len(points)):
        dated = _embed(encoder, points, times)
        digest.update(np.ascontiguousarray(dated, dtype="<f4").tobytes())
    return digest.hexdigest()


_ADVICE = (
    "the embedding of a point must not depend on the other points in the batch. Switch off batch "
    "normalisation with model.eval(), and compute means, sums and ranks over the columns of a "
    "point, never over the rows of a batch"
)


def _embed(
    encoder: LocationEncoder, points: NDArray[np.float64], times: Times | None = None
) -> Embedding:
    where = f"{len(points)} fixed points, which every custom encoder has to embed before it is run"
    with warnings.catch_warnings():
        # These points are not the user's.
        warnings.simplefilter("ignore", SwappedCoordinatesWarning)
        warnings.simplefilter("ignore", UncoveredPointsWarning)
        return call_encoder(encoder, points, where, times).copy()


def _close(embedding: Embedding, expected: Embedding) -> bool:
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    return bool(np.abs(embedding - expected).max(initial=0) <= TOLERANCE * scale)
