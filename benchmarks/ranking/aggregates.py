"""One number an encoder out of scores on many tasks: ranks, points, wins, ratings, skill.

All take scores `(..., E, C)`, encoders by columns, higher being better, and weights `(C,)` of the
columns that sum to 1, and return `(..., E)`. Leading axes are replicates of a bootstrap. A column
is a task under one seed. No score may be missing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

ELO_CENTRE, ELO_SCALE = 1500.0, 400.0
"""Mean rating, and the difference at which one side is ten times as likely to win (Elo 1978)."""

PRIOR_GAMES = 1.0
"""Games each pair is thought to have drawn beforehand, in parts of the columns' total weight of
`GAMES`: without, an encoder that wins all would be rated infinitely high."""

GAMES = 100.0

STEPS, LONGEST = 100, 1.0
"""Newton steps at most, and the longest of one: far from the optimum a full step overshoots."""

SKILL_FLOOR = -1.0
"""Skill below counts as this, so that one region gone wrong does not outweigh every task."""


def ranks(scores: Float) -> Float:
    """Rank of each encoder within each column, `(..., E, C)`: 1 is best, equals share the mean."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(-scores, axis=-2), dtype=np.float64)


def mean_rank(scores: Float, weights: Float) -> Float:
    """Mean over columns of the rank within the column."""
    return np.asarray(ranks(scores) @ weights)


def borda(scores: Float, weights: Float) -> Float:
    """Borda points a column: how many encoders are behind, those that are level by half.

    De Borda 1781, Memoire sur les elections au scrutin.
    """
    return np.asarray(scores.shape[-2] - mean_rank(scores, weights))


def wins(scores: Float, weights: Float) -> Float:
    """Share of the columns' weight in which one encoder beats another, `(..., E, E)`.

    Row against column; level scores count half for either, the diagonal is 0.
    """
    encoders = scores.shape[-2]
    share = np.zeros((*scores.shape[:-1], encoders))
    # A column at a time: all at once would be gigabytes for many encoders and replicates.
    for column, weight in enumerate(weights):
        of = scores[..., column]
        share += weight * (np.sign(of[..., :, None] - of[..., None, :]) + 1) / 2
    share[..., np.arange(encoders), np.arange(encoders)] = 0
    return np.asarray(share)


def win_rate(scores: Float, weights: Float) -> Float:
    """Mean share of columns won against the others: Borda points in parts of the most there are."""
    encoders = scores.shape[-2]
    if encoders < 2:
        return np.full(scores.shape[:-1], np.nan)
    return np.asarray(wins(scores, weights).sum(axis=-1) / (encoders - 1))


def elo(scores: Float, weights: Float) -> Float:
    """Ratings of the Bradley-Terry model on Elo's scale, mean 1500.

    The most likely strengths given every pairwise win (Bradley and Terry 1952, Biometrika 39), with
    `PRIOR_GAMES` draws a pair beforehand, which keep them finite; by Newton's method.
    """
    encoders = scores.shape[-2]
    if encoders < 2:
        return np.full(scores.shape[:-1], ELO_CENTRE)
    others = 1 - np.eye(encoders)
    won = (GAMES * wins(scores, weights) + PRIOR_GAMES / 2 * others).sum(axis=-1)
    games = (GAMES + PRIOR_GAMES) * others
    # Natural logarithms of the strengths.
    strength = np.zeros_like(won)
    for _ in range(STEPS):
        gap = strength[..., :, None] - strength[..., None, :]
        expected = games / (1 + np.exp(-gap))
        slope = -expected * (1 - expected / (GAMES + PRIOR_GAMES))
        diagonal = np.arange(encoders)
        slope[..., diagonal, diagonal] = -slope.sum(axis=-1)
        # Only gaps matter: their common level is held by a matrix of ones.
        step = np.linalg.solve(slope + 1, (won - expected.sum(axis=-1))[..., None])[..., 0]
        strength += np.clip(step, -LONGEST, LONGEST)
        if np.abs(step).max() < 1e-9:
            break
    strength -= strength.mean(axis=-1, keepdims=True)
    return np.asarray(ELO_CENTRE + ELO_SCALE / np.log(10) * strength)


def skill(scores: Float, reference: Float, weights: Float) -> Float:
    """Mean share of what the reference leaves to be gained: 0 is as good as it, 1 perfect.

    Within a column (score - reference) / (1 - reference), the skill score of forecast
    verification (Wilks 2011, Statistical Methods in the Atmospheric Sciences, eq. 8.4), for R2
    1 - MSE / MSE of the reference; below `SKILL_FLOOR` it counts as that.

    Args:
        scores: as above, at most 1.
        reference: `(..., C)`, scores of the reference, below 1.
        weights: as above.
    """
    against = reference[..., None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        gained = (scores - against) / (1 - against)
    return np.asarray(np.maximum(gained, SKILL_FLOOR) @ weights)
