"""Ranks of encoders within columns of scores. A column is a task under one seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

DIGITS = 9
"""Decimals of a score or mean rank that count in a comparison: what differs beyond them differs by
the rounding of float64 sums, which depends on their order."""

CHUNK = 2**17
"""Maximum number of scores that are ranked at once: 1 MB of float64, which stays in the cache of
a processor."""

KEY_BITS = 31
"""Bits of a sorting key without its sign."""


def chunks(replicates: Float) -> Iterator[Float]:
    """Parts of replicates `(B, E, C)`, of at most `CHUNK` scores each, as views."""
    count = max(CHUNK // max(replicates[0].size, 1), 1) if len(replicates) else 1
    for start in range(0, len(replicates), count):
        yield replicates[start : start + count]


def ranks(scores: Float) -> Float:
    """Rank of each encoder within each column, `(..., E, C)`: 1 is best, ties share the mean rank.

    Scores that are equal to `DIGITS` decimals are tied.

    Example:
        >>> import numpy as np
        >>> ranks(np.array([[0.9, 0.5], [0.7, 0.5], [0.1, 0.2]]))
        array([[1. , 1.5],
               [2. , 1.5],
               [3. , 3. ]])
    """
    return np.moveaxis(ranks_by_column(scores), -1, -2)


def ranks_by_column(scores: Float) -> Float:
    """Rank of each encoder within each column, `(..., C, E)`, from scores `(..., E, C)`.

    The scores of a column become integers of 32 bits that hold the score, on a scale from the worst
    to the best of the column, and in their last bits the encoder. Sorting them takes a fourth of
    the time of sorting positions by scores in float64. Columns in which two scores are the same on
    this coarse scale are ranked by the scores themselves.
    """
    # Encoders first, in the order that the scores have in memory.
    values = np.moveaxis(scores, -2, 0) * -(10.0**DIGITS)
    np.rint(values, out=values)
    encoders = len(values)
    if not values.size:
        return np.empty((*values.shape[1:], encoders))
    keys = _keys(values)
    if keys is None:
        return _ranks_by_value(np.moveaxis(values, 0, -1))
    keys.sort(axis=-1)
    bits = _encoder_bits(encoders)
    levels = keys >> bits
    doubtful = (levels[..., 1:] == levels[..., :-1]).any(axis=-1)
    keys &= (1 << bits) - 1
    ranked = _placed(keys)
    if doubtful.any():
        ranked[doubtful] = _ranks_by_value(np.moveaxis(values, 0, -1)[doubtful])
    return ranked


def _encoder_bits(encoders: int) -> int:
    return (encoders - 1).bit_length()


def _keys(values: Float) -> NDArray[np.int32] | None:
    """Sorting keys of columns, `(..., E)`; None for scores that are infinite or not a number.

    Args:
        values: `(E, ...)` negative scores, rounded to integers.
    """
    low, high = values.min(axis=0), values.max(axis=0)
    if not (np.isfinite(low) & np.isfinite(high)).all():
        return None
    middle, half = (low + high) / 2, (high - low) / 2
    bits = _encoder_bits(len(values))
    # One less than the largest level, because the products are rounded.
    scale = np.minimum((2.0 ** (KEY_BITS - bits) - 2) / np.maximum(half, 1), 1)
    levels = values - middle
    levels *= scale
    keys = levels.astype(np.int32)
    keys <<= bits
    keys |= np.arange(len(values), dtype=np.int32).reshape(-1, *(1,) * (values.ndim - 1))
    # The encoders of a column lie next to each other, which sorts many times faster.
    return np.ascontiguousarray(np.moveaxis(keys, 0, -1))


def _placed(order: NDArray[np.integer]) -> Float:
    """Rank of each encoder, `(..., E)`, from the encoders in their order, `(..., E)`."""
    encoders = order.shape[-1]
    rows = order.reshape(-1, encoders)
    # Positions in the flat array: put_along_axis takes several times as long.
    position = rows + np.arange(0, rows.size, encoders)[:, None]
    ranked = np.empty(rows.size)
    ranked[position.ravel()] = np.tile(np.arange(1.0, encoders + 1), len(rows))
    return ranked.reshape(order.shape)


def _ranks_by_value(values: Float) -> Float:
    """Rank of each encoder, `(..., E)`, from values `(..., E)`: 1 is the lowest, ties share."""
    order = values.argsort(axis=-1)
    ascending = np.take_along_axis(values, order, axis=-1)
    new = ascending[..., 1:] != ascending[..., :-1]
    ranked = np.empty(values.shape)
    np.put_along_axis(ranked, order, _shared_places(new), axis=-1)
    return ranked


def _shared_places(new: NDArray[np.bool_]) -> Float:
    """Mean place of the values equal to each of ascending values, `(..., E)`; the first place is 1.

    Args:
        new: `(..., E - 1)` whether each value but the first is greater than the one before.
    """
    places = np.arange(new.shape[-1] + 1)
    ends = np.ones((*new.shape[:-1], 1), dtype=bool)
    first = np.where(np.concatenate([ends, new], axis=-1), places, 0)
    last = np.where(np.concatenate([new, ends], axis=-1), places, len(places))
    first = np.maximum.accumulate(first, axis=-1)
    last = np.minimum.accumulate(last[..., ::-1], axis=-1)[..., ::-1]
    return np.asarray((first + last) / 2 + 1)
