"""Simulations behind uncertainty.md: level and power of ties, of letters and of rank changes.

    python docs/studies/ties.py
    python docs/studies/ties.py ties letters changes 100

prints the tables of that page, or some of them with another number of trials. Scores are drawn from
a model of a random split: encoders have noise of the test points and of the training set, both of
which seeds share in part, because their sets overlap. The unit is the standard deviation that the
difference of two encoders has over seeds. The three shares of a cell are those for an effect of the
training set of .3, 1 and 2.7 times that of the test points.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.replicates import Replicates
from satclip_bench.benchmarks.ranking import seeds as variance_over_seeds
from satclip_bench.benchmarks.ranking.aggregates import mean_rank
from satclip_bench.benchmarks.ranking.seeds import Moderated
from satclip_bench.benchmarks.ranking.significance import (
    ALPHA,
    bootstrap_p,
    holm,
    holm_pairs,
    score_gaps_p,
    widened,
)
from satclip_bench.benchmarks.ranking.studentized import range_p
from satclip_bench.benchmarks.ranking.ties import error_of_gaps
from satclip_bench.benchmarks.ranking.training_noise import with_training_noise

Float = NDArray[np.float64]

TEST, TRAIN = 0.6, 0.3
"""Shares of a table in the test and in the training set, which two seeds share."""
SIZES = (3000.0, 6000.0)
ENCODERS, TASKS, DRAWS, TRIALS = 12, 8, 300, 100
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
    # Far above the floor at which scores are clipped.
    scores = 1000 + truth[..., None] + (shared(TEST) + train) / unit
    replicates = scores[..., None] + shared(TEST, DRAWS) / unit
    return World(scores, replicates)


def frames(world: World, split: str = "random") -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Scores by (task, seed), means by task, and the sizes of sets, as `ranking` has them."""
    encoders, tasks, seeds = world.scores.shape
    columns = pd.MultiIndex.from_product([range(tasks), range(seeds)], names=["task", "seed"])
    by_seed = pd.DataFrame(world.scores.reshape(encoders, -1), columns=columns)
    mean = by_seed.T.groupby(level="task").mean().T
    rows = pd.DataFrame({"task": range(tasks), "split": split, "status": "done"})
    return by_seed, mean, rows.assign(n_train=SIZES[0], n_test=SIZES[1])


def replicates_of(world: World) -> Replicates:
    """Bootstrap scores `(E, columns, B)`."""
    return Replicates(world.replicates.reshape(len(world.scores), -1, DRAWS))


def plain(variance: Float, freedom: int) -> Moderated:
    """Variances as they are, for the comparison with moderated ones."""
    return Moderated(variance, float(freedom), float("nan"), 0.0)


def ties(trials: int) -> None:
    """Print how often an encoder is shown behind the best, by its true gap, and by seeds."""
    print("| seeds | variance | " + " | ".join(f"gap {gap}" for gap in TIE_CASES) + " |")
    print("|---:|---|" + "---:|" * len(TIE_CASES))
    for seeds in (1, 3, 5, 10):
        for name, variance in (("own", plain), ("moderated", variance_over_seeds.moderated)):
            if seeds == 1 and variance is plain:
                continue
            with patch.object(variance_over_seeds, "moderated", variance):
                shares = [
                    [behind_best(truth, seeds, ratio, trials) for ratio in RATIOS]
                    for truth in TIE_CASES.values()
                ]
            shown = (" / ".join(f"{share:.3f}" for share in row) for row in shares)
            print(f"| {seeds} | {'none' if seeds == 1 else name} | " + " | ".join(shown) + " |")


def _behind(*gaps: float) -> Float:
    """True scores of the encoders: the best, those at the given gaps, and others far behind."""
    rest = -np.linspace(20, 200, ENCODERS - 1 - len(gaps))
    return np.concatenate([[0.0], -np.asarray(gaps), rest])


TIE_CASES = {
    "0, two equal": _behind(0),
    "0, all equal": np.zeros(ENCODERS),
    "3": _behind(3),
    "5": _behind(5),
    "10": _behind(10),
}
"""True scores of twelve encoders on a task, in standard deviations of a difference over seeds."""


def behind_best(truth: Float, seeds: int, ratio: float, trials: int) -> float:
    """Share of trials in which an encoder that is next to the best is not marked as tied.

    Args:
        truth: `(E,)` true scores on one task. Of encoders with the highest score, any counts.
        seeds: number of seeds.
        ratio: effect of the training set, relative to that of the test points.
        trials: number of trials.
    """
    rng = np.random.default_rng(0)
    equal = np.flatnonzero(truth == truth.max())
    watched = equal if len(equal) > 1 else np.array([1])
    shown = 0
    for _ in range(trials):
        world = draw(rng, truth[:, None], seeds, ratio)
        scores, replicates = world.scores[:, 0], world.replicates[:, 0]
        means = scores.mean(axis=1)
        best = int(means.argmax())
        error, freedom = error_of_gaps(scores, replicates, best, *SIZES)
        p = range_p(means - means[best], error, len(means), freedom)
        shown += bool((p[watched] < ALPHA).any())
    return shown / trials


def letters(trials: int) -> None:
    """Print the share of runs in which equal encoders get different letters."""
    print("| equal encoders | seeds | training set left out | counted |")
    print("|---:|---:|---:|---:|")
    for equal in (2, 8):
        for seeds in (3, 5):
            left_out, counted = (
                [false_letters(equal, seeds, ratio, trials, count) for ratio in RATIOS]
                for count in (False, True)
            )
            cells = (" / ".join(f"{share:.3f}" for share in row) for row in (left_out, counted))
            print(f"| {equal} | {seeds} | " + " | ".join(cells) + " |")


def false_letters(equal: int, seeds: int, ratio: float, trials: int, training: bool) -> float:
    """Share of trials that claim a difference between equal encoders on eight tasks.

    Args:
        equal: number of equal encoders; others, up to twelve, are far apart.
        seeds: number of seeds.
        ratio: effect of the training set, relative to that of the test points.
        trials: number of trials.
        training: whether the noise of the training set is counted.
    """
    rng = np.random.default_rng(0)
    truth = np.zeros(ENCODERS)
    truth[equal:] = -np.linspace(20, 200, ENCODERS - equal)
    claimed = 0
    for _ in range(trials):
        world = draw(rng, np.repeat(truth[:, None], TASKS, axis=1), seeds, ratio)
        scores, replicates = world.scores.mean(axis=2), bootstrap(world, training)
        p = holm_pairs(score_gaps_p(scores, replicates.mean(axis=-1))[0])
        claimed += bool((p[:equal, :equal] < ALPHA).any())
    return claimed / trials


def bootstrap(world: World, training: bool, split: str = "random") -> Float:
    """Bootstrap scores, `(B, E, T, S)`, with the noise of the training set if wanted."""
    replicates = replicates_of(world)
    if training:
        by_seed, _, rows = frames(world, split)
        replicates = with_training_noise(by_seed, replicates, rows, floor=0)
    return replicates.leading.reshape(-1, *world.scores.shape)


def changes(trials: int) -> None:
    """Print the share of runs that claim a change of rank although no true score has changed."""
    print("| encoders differ by | seeds of the splits | training set left out | counted |")
    print("|---|---|---:|---:|")
    for spread, name in ((0, "nothing"), (2, "2, two by two")):
        for seeds in ((5, 5), (5, 1)):
            left_out, counted = (
                [false_changes(spread, seeds, ratio, trials, count) for ratio in RATIOS]
                for count in (False, True)
            )
            cells = (" / ".join(f"{share:.3f}" for share in row) for row in (left_out, counted))
            print(f"| {name} | {seeds[0]}, {seeds[1]} | " + " | ".join(cells) + " |")


def false_changes(
    spread: float, seeds: tuple[int, int], ratio: float, trials: int, training: bool
) -> float:
    """Share of trials with a claimed change of mean rank between two splits, on eight tasks.

    Args:
        spread: true differences, between every second encoder and the next.
        seeds: number of seeds of either split.
        ratio: effect of the training set, relative to that of the test points.
        trials: number of trials.
        training: whether the noise of the training set is counted.
    """
    rng = np.random.default_rng(0)
    truth = spread * np.repeat(np.arange(ENCODERS), 2)[:ENCODERS, None] * np.ones((1, TASKS))
    weights = np.full(TASKS, 1 / TASKS)
    claimed = 0
    for _ in range(trials):
        measured, drawn = [], []
        for split, number in zip(("random", "another"), seeds, strict=True):
            world = draw(rng, truth, number, ratio)
            mean, replicates = world.scores.mean(axis=2), bootstrap(world, training, split)
            measured.append(mean_rank(mean, weights))
            drawn.append(mean_rank(widened(mean, replicates.mean(axis=-1)), weights))
        p = holm(bootstrap_p(measured[1] - measured[0], drawn[1] - drawn[0]))
        claimed += bool((p < ALPHA).any())
    return claimed / trials


def widening(trials: int) -> None:
    """Print the share of runs that claim a change of rank, by the factor that noise is widened."""
    factors = (1.0, 2**0.5, 2.0)
    header = " | ".join(f"x {factor:.2g}" for factor in factors)
    print(f"| encoders | tasks | encoders differ by | {header} |")
    print("|---:|---:|---|" + "---:|" * len(factors))
    for encoders, tasks in ((5, 3), (10, 8), (20, 8)):
        for spread, name in ((0, "nothing"), (2, "2 standard errors, two by two"), (6, "6")):
            truth = (
                spread * np.repeat(np.arange(encoders), 2)[:encoders, None] * np.ones((1, tasks))
            )
            shares = [false_claims(truth, factor, trials) for factor in factors]
            shown = " | ".join(f"{share:.3f}" for share in shares)
            print(f"| {encoders} | {tasks} | {name} | {shown} |")


def false_claims(truth: Float, factor: float, trials: int) -> float:
    """Share of runs with a claim, from noise of variance 1 on scores `(E, T)` under two splits."""
    rng = np.random.default_rng(0)
    weights = np.full(truth.shape[1], 1 / truth.shape[1])
    claimed = 0
    for _ in range(trials):
        measured = truth + rng.standard_normal((2, *truth.shape))
        replicates = [
            mean_rank(s + factor * rng.standard_normal((300, *truth.shape)), weights)
            for s in measured
        ]
        change = mean_rank(measured[1], weights) - mean_rank(measured[0], weights)
        claimed += bool((holm(bootstrap_p(change, replicates[1] - replicates[0])) < ALPHA).any())
    return claimed / trials


TABLES = {"ties": ties, "letters": letters, "changes": changes, "widening": widening}

if __name__ == "__main__":
    tables, count = sys.argv[1:-1] or list(TABLES), int(sys.argv[-1]) if sys.argv[1:] else TRIALS
    for name in tables:
        TABLES[name](count)
        print()
