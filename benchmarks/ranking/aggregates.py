"""Aggregate scores over tasks: mean rank, Borda points, win rate, Elo rating, improvement.

`mean_rank` and `improvement` take scores `(..., E, C)`, encoders by columns, where higher is
better, and weights `(C,)` of the columns that sum to 1, and return `(..., E)`. The other ratings
are functions of the mean ranks `(..., E)`. Leading axes are replicates of a bootstrap. A column is
a task under one seed. No score may be missing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.ranking.column_ranks import chunks, ranks_by_column
from satclip_bench.core.threads import in_threads

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

DECIMALS = 10
"""Decimals of mean ranks: the last bits of their sums depend on the processor, and would decide how
a rank such as 8.25 is printed, and which of two equal ones comes first."""

NEWTON_SIZE = 2**20
"""Maximum number of pairs of encoders that a step of `elo` solves at once, as 8 MB of float64."""

CHORD_STEPS = 20
"""Maximum number of steps of `elo` with the slope at the mean over the replicates."""


def mean_rank(scores: Float, weights: Float) -> Float:
    """Mean over columns of the rank within the column, rounded to `DECIMALS`.

    Example:
        >>> import numpy as np
        >>> mean_rank(np.array([[0.9, 0.5], [0.7, 0.8]]), np.array([0.5, 0.5]))
        array([1.5, 1.5])
    """
    if not scores.shape[-1]:
        # Without columns all encoders are level.
        return np.full(scores.shape[:-1], (scores.shape[-2] + 1) / 2)
    return rounded_ranks(weighted_ranks(scores, weights))


def weighted_ranks(scores: Float, weights: Float) -> Float:
    """Sum over columns of the rank within the column by the column's weight, `(..., E)`.

    Mean ranks are such sums over all columns; `rounded_ranks` of the sum of several gives them.
    """
    flat = scores.reshape(int(np.prod(scores.shape[:-2])), *scores.shape[-2:])
    parts = [weights @ ranks_by_column(part) for part in chunks(flat)]
    sums = np.concatenate(parts) if parts else np.empty(flat.shape[:2])
    return np.asarray(sums.reshape(scores.shape[:-1]))


def rounded_ranks(mean_ranks: Float) -> Float:
    """Mean ranks of `DECIMALS` decimals."""
    return np.asarray(mean_ranks.round(DECIMALS))


def borda(mean_ranks: Float) -> Float:
    """Mean Borda points per column: encoders beaten, ties counting one half.

    De Borda 1781, Memoire sur les elections au scrutin.

    Args:
        mean_ranks: `(..., E)` mean ranks.

    Example:
        >>> import numpy as np
        >>> borda(np.array([1.0, 2.0, 3.0]))
        array([2., 1., 0.])
    """
    return np.asarray(mean_ranks.shape[-1] - mean_ranks)


def win_rate(mean_ranks: Float) -> Float:
    """Mean share of columns won against the other encoders; NaN for a single encoder.

    This is `borda` divided by its maximum, the number of other encoders.

    Args:
        mean_ranks: `(..., E)` mean ranks.

    Example:
        >>> import numpy as np
        >>> win_rate(np.array([1.0, 2.0, 3.0]))
        array([1. , 0.5, 0. ])
    """
    encoders = mean_ranks.shape[-1]
    if encoders < 2:
        return np.full(mean_ranks.shape, np.nan)
    return np.asarray(borda(mean_ranks) / (encoders - 1))


def elo(mean_ranks: Float) -> Float:
    """Ratings of the Bradley-Terry model on Elo's scale, mean 1500.

    Maximum-likelihood strengths for all pairwise wins (Bradley and Terry 1952, Biometrika 39), with
    `PRIOR_GAMES` draws added to each pair, which keep them finite; by Newton's method. If all pairs
    play equally often, the likelihood depends only on how many games each encoder wins.

    Args:
        mean_ranks: `(..., E)` mean ranks.

    Example:
        >>> import numpy as np
        >>> elo(np.array([1.0, 2.0])).round(1)
        array([1960.6, 1039.4])
    """
    encoders = mean_ranks.shape[-1]
    if encoders < 2:
        return np.full(mean_ranks.shape, ELO_CENTRE)
    points = borda(mean_ranks).reshape(-1, encoders)
    won = (GAMES * points + PRIOR_GAMES / 2 * (encoders - 1)) / (GAMES + PRIOR_GAMES)
    strength = _strengths(won) if len(won) else won
    strength -= strength.mean(axis=-1, keepdims=True)
    ratings = ELO_CENTRE + ELO_SCALE / np.log(10) * strength
    return np.asarray(ratings.reshape(mean_ranks.shape))


def _strengths(won: Float) -> Float:
    """Natural logarithms of the strengths of encoders, `(B, E)`, by their shares of games won.

    Replicates are near their mean: starting from its strengths, a few steps with its slope, which
    is inverted once, solve most of them. The others are solved by Newton's method.

    Args:
        won: `(B, E)` sums over the other encoders of the share of games won against them.
    """
    start = _by_newton(won.mean(axis=0, keepdims=True))
    inverse = np.linalg.inv(_slope(start)[0])
    strength = np.repeat(start, len(won), axis=0)
    active = np.arange(len(won))
    for _ in range(CHORD_STEPS):
        step = (won[active] - _expected(strength[active])) @ inverse
        strength[active] += np.clip(step, -MAX_STEP, MAX_STEP)
        active = active[np.abs(step).max(axis=-1) >= 1e-9]
        if not len(active):
            break
    size = max(NEWTON_SIZE // won.shape[1] ** 2, 1)
    for begin in range(0, len(active), size):
        rows = active[begin : begin + size]
        strength[rows] = _by_newton(won[rows])
    return strength


def _by_newton(won: Float) -> Float:
    """Strengths by Newton's method, `(B, E)`, whose steps have a maximum length."""
    strength = np.zeros_like(won)
    for _ in range(MAX_STEPS):
        residual = (won - _expected(strength))[..., None]
        step = np.linalg.solve(_slope(strength), residual)[..., 0]
        strength += np.clip(step, -MAX_STEP, MAX_STEP)
        if np.abs(step).max() < 1e-9:
            break
    return strength


def _expected(strength: Float) -> Float:
    """Expected sums over the other encoders of the share of games won against them, `(B, E)`."""
    size = max(2**16 // strength.shape[1] ** 2, 1)
    power = np.exp(strength)
    sums = np.empty_like(strength)

    def fill(begin: int) -> None:
        own = power[begin : begin + size, :, None]
        # The game of an encoder against itself counts one half here.
        sums[begin : begin + size] = (own / (own + power[begin : begin + size, None, :])).sum(
            axis=-1
        ) - 0.5

    in_threads(fill, range(0, len(strength), size))
    return sums


def _slope(strength: Float) -> Float:
    """Derivatives of `_expected` by the strengths, `(B, E, E)`, plus 1.

    Only gaps matter: adding a matrix of ones fixes the common level of the strengths.
    """
    encoders = strength.shape[1]
    expected = 1 / (1 + np.exp(strength[:, None, :] - strength[:, :, None]))
    slope = -expected * (1 - expected)
    slope[:, np.arange(encoders), np.arange(encoders)] = 0
    slope[:, np.arange(encoders), np.arange(encoders)] = -slope.sum(axis=-1)
    return np.asarray(slope + 1)


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
        gained = scores - against
        gained /= 1 - against
    # Not a product of matrices, which copies replicates that lie last in memory.
    np.maximum(gained, IMPROVEMENT_FLOOR, out=gained)
    gained *= weights
    return np.asarray(gained.sum(axis=-1))
