"""Aggregate scores over tasks: mean rank, Borda points, win rate, Elo rating, improvement.

All functions take scores `(..., E, C)`, encoders by columns, where higher is better, and weights
`(C,)` of the columns that sum to 1, and return `(..., E)`. Leading axes are replicates of a
bootstrap. A column is a task under one seed. No score may be missing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

ELO_CENTRE, ELO_SCALE = 1500.0, 400.0
"""Mean rating, and the difference at which one side is ten times as likely to win (Elo 1978)."""

PRIOR_GAMES = 1.0
"""Draws added to each pair of encoders, where all columns together weigh `GAMES`: without them an
encoder that wins every column would have an infinite rating."""

GAMES = 100.0
"""Total weight of the columns in games."""

MAX_STEPS, MAX_STEP = 100, 1.0
"""Maximum number of Newton steps, and of their length: far from the optimum a full step
overshoots."""

IMPROVEMENT_FLOOR = -1.0
"""An improvement below this counts as this, so that one failed task does not outweigh all."""


DIGITS = 9
"""Decimals of a score or mean rank that count in a comparison: what differs beyond them differs by
the rounding of float64 sums, which depends on their order."""


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
    from scipy.stats import rankdata

    return np.asarray(rankdata(-np.round(scores, DIGITS), axis=-2), dtype=np.float64)


def mean_rank(scores: Float, weights: Float) -> Float:
    """Mean over columns of the rank within the column.

    Example:
        >>> import numpy as np
        >>> mean_rank(np.array([[0.9, 0.5], [0.7, 0.8]]), np.array([0.5, 0.5]))
        array([1.5, 1.5])
    """
    return np.asarray(ranks(scores) @ weights)


def borda(scores: Float, weights: Float) -> Float:
    """Mean Borda points per column: encoders beaten, ties counting one half.

    De Borda 1781, Memoire sur les elections au scrutin.

    Example:
        >>> import numpy as np
        >>> borda(np.array([[0.9], [0.7], [0.1]]), np.ones(1))
        array([2., 1., 0.])
    """
    return np.asarray(scores.shape[-2] - mean_rank(scores, weights))


def wins(scores: Float, weights: Float) -> Float:
    """Share of the columns' weight in which one encoder beats another, `(..., E, E)`.

    Rows against columns; equal scores count one half for either, the diagonal is 0.
    """
    encoders, scores = scores.shape[-2], np.round(scores, DIGITS)
    share = np.zeros((*scores.shape[:-1], encoders))
    # One column at a time: all at once would take gigabytes for many encoders and replicates.
    for column, weight in enumerate(weights):
        of = scores[..., column]
        share += weight * (np.sign(of[..., :, None] - of[..., None, :]) + 1) / 2
    share[..., np.arange(encoders), np.arange(encoders)] = 0
    return np.asarray(share)


def win_rate(scores: Float, weights: Float) -> Float:
    """Mean share of columns won against the other encoders; NaN for a single encoder.

    This is `borda` divided by its maximum, the number of other encoders.

    Example:
        >>> import numpy as np
        >>> win_rate(np.array([[0.9], [0.7], [0.1]]), np.ones(1))
        array([1. , 0.5, 0. ])
    """
    encoders = scores.shape[-2]
    if encoders < 2:
        return np.full(scores.shape[:-1], np.nan)
    return np.asarray(wins(scores, weights).sum(axis=-1) / (encoders - 1))


def elo(scores: Float, weights: Float) -> Float:
    """Ratings of the Bradley-Terry model on Elo's scale, mean 1500.

    Maximum-likelihood strengths for all pairwise wins (Bradley and Terry 1952, Biometrika 39), with
    `PRIOR_GAMES` draws added to each pair, which keep them finite; by Newton's method.

    Example:
        >>> import numpy as np
        >>> elo(np.array([[0.9], [0.1]]), np.ones(1)).round(1)
        array([1960.6, 1039.4])
    """
    encoders = scores.shape[-2]
    if encoders < 2:
        return np.full(scores.shape[:-1], ELO_CENTRE)
    others = 1 - np.eye(encoders)
    won = (GAMES * wins(scores, weights) + PRIOR_GAMES / 2 * others).sum(axis=-1)
    games = (GAMES + PRIOR_GAMES) * others
    # Natural logarithms of the strengths.
    strength = np.zeros_like(won)
    for _ in range(MAX_STEPS):
        gap = strength[..., :, None] - strength[..., None, :]
        expected = games / (1 + np.exp(-gap))
        slope = -expected * (1 - expected / (GAMES + PRIOR_GAMES))
        diagonal = np.arange(encoders)
        slope[..., diagonal, diagonal] = -slope.sum(axis=-1)
        # Only gaps matter: adding a matrix of ones fixes the common level of the strengths.
        step = np.linalg.solve(slope + 1, (won - expected.sum(axis=-1))[..., None])[..., 0]
        strength += np.clip(step, -MAX_STEP, MAX_STEP)
        if np.abs(step).max() < 1e-9:
            break
    strength -= strength.mean(axis=-1, keepdims=True)
    return np.asarray(ELO_CENTRE + ELO_SCALE / np.log(10) * strength)


def improvement(scores: Float, reference: Float, weights: Float) -> Float:
    """Mean improvement over a reference: 0 is as good as the reference, 1 is perfect.

    The improvement within a column is (score - reference) / (1 - reference), the skill score of
    forecast verification (Wilks 2011, Statistical Methods in the Atmospheric Sciences, eq. 8.4),
    which for R2 is 1 - MSE / MSE of the reference. Below `IMPROVEMENT_FLOOR` it counts as that.

    Args:
        scores: `(..., E, C)` scores, at most 1.
        reference: `(..., C)` scores of the reference, below 1.
        weights: `(C,)` weights of the columns.

    Example:
        >>> import numpy as np
        >>> improvement(np.array([[0.75], [0.5], [1.0]]), np.array([0.5]), np.ones(1))
        array([0.5, 0. , 1. ])
    """
    against = reference[..., None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        gained = (scores - against) / (1 - against)
    return np.asarray(np.maximum(gained, IMPROVEMENT_FLOOR) @ weights)
