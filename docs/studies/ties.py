"""Simulations behind uncertainty.md: level and power of ties, of letters and of rank changes.

    python docs/studies/ties.py [TRIALS]

prints the three tables of that page. Scores are drawn from a model of a random split: encoders have
noise of the test points and of the training set, both of which seeds share in part, because their
sets overlap. The unit is the standard deviation that the difference of two encoders has over seeds.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.replicates import Replicates
from satclip_bench.benchmarks.ranking import seeds as seed_variance
from satclip_bench.benchmarks.ranking.aggregates import mean_rank
from satclip_bench.benchmarks.ranking.letters import with_training_noise
from satclip_bench.benchmarks.ranking.significance import (
    ALPHA,
    bootstrap_p,
    holm,
    holm_pairs,
    score_gaps_p,
    widened,
)
from satclip_bench.benchmarks.ranking.ties import differences_to_best

Float = NDArray[np.float64]

TEST, TRAIN = 0.6, 0.3
"""Shares of a table in the test and in the training set, which two seeds share."""
ENCODERS, TASKS, DRAWS = 12, 8, 300
RATIOS = (0.3, 1.0, 2.7)
"""Standard deviation of the training set's effect, in units of that of the test points."""


@dataclass(frozen=True)
class World:
    """Scores by seed, and their bootstrap scores.

    Attributes:
        scores: `(E, T, S)` scores by encoder, task and seed.
        replicates: `(E, T, S, B)` bootstrap scores.
    """

    scores: Float
    replicates: Float


def draw(
    rng: np.random.Generator, truth: Float, seeds: int, ratio: float, encoders_differ: bool = True
) -> World:
    """A world of encoders with the true scores `(E, T)`, in units of the seeds' noise.

    Args:
        rng: random generator.
        truth: true scores in standard deviations of a difference over seeds.
        seeds: number of seeds; 0 for a split without seeds.
        ratio: effect of the training set, relative to that of the test points.
        encoders_differ: whether some encoders vary up to three times as much as others.
    """
    shape = (*truth.shape, max(seeds, 1))
    spread = np.exp(0.5 * rng.standard_normal(truth.shape)) if encoders_differ else 1.0
    # Without the shares that all seeds have in common, and for a difference of two.
    unit = np.sqrt(2 * ((1 - TEST) + ratio**2 * (1 - TRAIN)))

    def shared(share: float, *more: int) -> Float:
        common = rng.standard_normal((*truth.shape, 1, *more))
        own = rng.standard_normal((*shape, *more))
        return np.asarray(np.sqrt(share) * common + np.sqrt(1 - share) * own)

    train = ratio * np.asarray(spread)[..., None] * shared(TRAIN)
    scores = truth[..., None] + (shared(TEST) + train) / unit
    replicates = scores[..., None] + shared(TEST, DRAWS) / unit
    return World(scores, replicates)


def frames(world: World, sizes: tuple[int, int] = (3000, 6000)) -> tuple[pd.DataFrame, ...]:
    """Scores by (task, seed), means by task, and the sizes of sets, as `ranking` has them."""
    encoders, tasks, seeds = world.scores.shape
    columns = pd.MultiIndex.from_product([range(tasks), range(seeds)], names=["task", "seed"])
    by_seed = pd.DataFrame(world.scores.reshape(encoders, -1), columns=columns)
    mean = by_seed.T.groupby(level="task").mean().T
    rows = pd.DataFrame(
        {"task": range(tasks), "status": "done", "n_train": sizes[0], "n_test": sizes[1]}
    )
    return by_seed, mean, rows


def replicates_of(world: World) -> Replicates:
    """Bootstrap scores `(E, columns, B)`."""
    return Replicates(world.replicates.reshape(len(world.scores), -1, DRAWS))
