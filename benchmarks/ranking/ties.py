"""Differences of encoders to the best of a task, their intervals, and who ties with the best.

What is noise, and what is given: the points of the test set are noise, by the bootstrap of points
or of blocks that the score's kind of interval has. The draw of the training set is noise where
seeds draw it; its squared error comes from the variance over seeds, moderated over the encoders of
the task, less what the bootstrap explains of it (`benchmarks/ranking/seeds.py`). The order of the
regions, the tasks and, under a split without seeds, the training set are given.

The best of a task has the highest mean of scores that count as `TIE_FLOOR` at least, as for mean
ranks one seed far below all others cannot outweigh them.

Differences are those of any two encoders, because the best is not known beforehand: intervals and
adjusted p are Tukey's and Kramer's, by the Studentized range of all encoders of the task (Tukey
1953; Kramer 1956, Biometrics 12), with degrees of freedom after Welch and Satterthwaite. An encoder
ties with the best unless its interval excludes 0.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.bootstrap import MIN_DEFINED
from satclip_bench.benchmarks.metrics.replicates import Replicates, defined_in_all
from satclip_bench.benchmarks.ranking.by_task import (
    clipped,
    columns_by_task,
    pieces,
)
from satclip_bench.benchmarks.ranking.column_ranks import DIGITS
from satclip_bench.benchmarks.ranking.seed_replicates import ColumnReplicates
from satclip_bench.benchmarks.ranking.seeds import (
    Float,
    drawn_sizes,
    overlap_factor,
    point_variance,
    training_variance,
)
from satclip_bench.benchmarks.ranking.significance import ALPHA
from satclip_bench.benchmarks.ranking.studentized import (
    range_p,
    range_quantile,
    rounded_freedom,
)
from satclip_bench.core.threads import in_threads

MIN_SEEDS = 3
"""Minimum number of seeds to decide without bootstrap scores: fewer do not show how a difference
varies between them."""

TIE_FLOOR = -1.0
"""For differences, scores below this count as this: one seed with a skill of -1000 would otherwise
widen the standard error so far that even the worst encoder would tie with the best."""


@dataclass(frozen=True)
class Differences:
    """Differences to the best encoder of each task, encoder x task.

    Attributes:
        best: whether it has the highest mean, scores below `TIE_FLOOR` counting as it; of equal
            ones, the highest plain mean.
        gap: mean score minus that of the best, at most 0, scores below `TIE_FLOOR` counting as it;
            NaN for an encoder that is not compared.
        low, high: ends of the simultaneous 95 % intervals; NaN if undecided.
        p: p that the difference is zero, adjusted for all pairs of encoders; NaN if undecided.
        tied: whether it is the best or its p is 0.05 or more; all False if undecided.
    """

    best: pd.DataFrame
    gap: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame
    p: pd.DataFrame
    tied: pd.DataFrame


def differences_to_best(
    by_seed: pd.DataFrame,
    mean: pd.DataFrame,
    rows: pd.DataFrame,
    replicates: ColumnReplicates | None,
) -> Differences:
    """Differences to the best of each task, with intervals.

    Args:
        by_seed: encoder x (task, seed), scores over all folds.
        mean: encoder x task, mean scores; NaN for an encoder that is not compared.
        rows: rows of the tidy table, for the sizes of the training and test sets.
        replicates: bootstrap scores of `by_seed`, `(encoder, task and seed, B)`; None if not known.

    Returns:
        Differences, undecided for a task with neither replicates nor `MIN_SEEDS` seeds that draw
        its sets.
    """
    gap, low, high, p = (np.full(mean.shape, np.nan) for _ in range(4))
    tied, best_of = np.zeros((2, *mean.shape), dtype=bool)
    known_mean = mean.notna().to_numpy()
    rows_of = by_seed.index.get_indexer(mean.index)
    columns, sizes_of = columns_by_task(by_seed.columns), drawn_sizes(rows)

    def compare(place: int) -> tuple[NDArray[np.bool_], Float, Float, Float]:
        task, compared = mean.columns[place], known_mean[:, place]
        scores = by_seed.to_numpy(dtype=np.float64)[rows_of[compared], columns[task]]
        scores = scores.clip(min=TIE_FLOOR)
        means = scores.mean(axis=1)
        rounded = means.round(DIGITS)
        highest = rounded == rounded.max()
        plain = np.where(highest, mean.to_numpy()[compared, place], -np.inf)
        equal = plain == plain.max()
        best = int(equal.argmax())
        known = complete_replicates(replicates, rows_of[compared], columns[task])
        n_train, n_test = sizes_of.loc[[task]].to_numpy(dtype=np.float64)[0].tolist()
        gaps = np.where(highest, 0, means - means[best])
        return equal, gaps, *error_of_gaps(scores, known, best, n_train, n_test)

    places = np.flatnonzero(known_mean.any(axis=0)).tolist()
    for place, (equal, gaps, error, freedom) in zip(
        places, in_threads(compare, places), strict=True
    ):
        compared = known_mean[:, place]
        gap[compared, place], best_of[compared, place] = gaps, equal
        if np.isnan(error).any():
            continue
        count, ties = len(gaps), np.arange(len(gaps)) == equal.argmax()
        adjusted = range_p(gaps, error, count, freedom)
        width = np.sqrt(error) * range_quantile(count, freedom) / np.sqrt(2)
        low[compared, place] = np.where(ties, 0, gaps - width)
        high[compared, place] = np.where(ties, 0, gaps + width)
        p[compared, place] = adjusted
        tied[compared, place] = ties | (gaps == 0) | (adjusted >= ALPHA)
    tables = (best_of, gap, low, high, p, tied)
    return Differences(*(pd.DataFrame(table, mean.index, mean.columns) for table in tables))


def beside(one: Differences, other: Differences, mean: pd.DataFrame) -> Differences:
    """Differences of two sets of tasks together, in the order of the columns of `mean`."""
    pairs = ((getattr(part, field.name) for part in (one, other)) for field in fields(Differences))
    return Differences(*(pd.concat(pair, axis=1)[mean.columns] for pair in pairs))


def error_of_gaps(
    scores: Float, replicates: Float | None, best: int, n_train: float, n_test: float
) -> tuple[Float, Float]:
    """Squared error of mean differences to the best, `(E,)`, and its degrees of freedom, `(E,)`.

    Args:
        scores: `(E, S)` scores by seed.
        replicates: `(E, S, B)` bootstrap scores; None if not known.
        best: row of the best encoder, whose error is 0.
        n_train: rows of a training set that seeds draw (`drawn_sizes`); 0 if they draw none.
        n_test: rows of a test set.

    Returns:
        NaN if there are neither replicates nor `MIN_SEEDS` seeds that draw the sets.
    """
    seeds = scores.shape[1]
    others = np.arange(len(scores)) != best
    gaps = (scores - scores[best])[others]
    error, freedom = np.zeros(len(scores)), np.full(len(scores), np.inf)
    if replicates is None:
        # Seeds show the noise of the test points only where they draw them.
        if seeds < MIN_SEEDS or not n_train > 0:
            return np.full(len(scores), np.nan), freedom
        # Without bootstrap scores the overlap of the test sets is not known (Nadeau and Bengio).
        factor = 1 / seeds + n_test / n_train
        points: Float | float = 0.0
        explained: Float | float = 0.0
    else:
        factor = overlap_factor(seeds, n_train, n_test)
        points, explained = (of[others] for of in _noise_of_gaps(scores, replicates, best))
    training, uncertain, of_seeds = training_variance(gaps, explained, factor)
    error[others] = points + training
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(uncertain > 0, error[others] / uncertain, np.inf)
        freedom[others] = of_seeds * ratio**2
    return error, rounded_freedom(freedom)


def _noise_of_gaps(scores: Float, replicates: Float, best: int) -> tuple[Float, Float]:
    """Variance of the mean gaps to the best, and what points explain of it by seed, `(E,)` each.

    Args:
        scores: `(E, S)` scores by seed.
        replicates: `(E, S, B)` bootstrap scores.
        best: row of the best encoder.
    """
    gaps, defined = scores - scores[best], defined_in_all(replicates)
    means, explained = np.empty((len(scores), replicates.shape[-1])), np.zeros(len(scores))
    for piece in pieces(replicates):
        noise = replicates[piece] - replicates[best]
        means[piece] = noise.mean(axis=1)
        if scores.shape[1] > 1:
            explained[piece] = point_variance(noise[..., defined], gaps[piece])
    return Replicates(means).variance(), explained


def complete_replicates(
    replicates: ColumnReplicates | None, encoders: np.ndarray, of_task: slice
) -> Float | None:
    """Bootstrap scores `(E, S, B)`; None if some are not known, so that all are compared alike.

    Args:
        replicates: bootstrap scores `(encoder, task and seed, B)`; None if not known.
        encoders: rows of the encoders.
        of_task: columns of the task.
    """
    if replicates is None:
        return None
    scores = replicates.of_columns(of_task)
    if not np.array_equal(encoders, np.arange(len(scores))):
        scores = scores[encoders]
    scores = clipped(scores, TIE_FLOOR)
    if not isinstance(defined_in_all(scores), slice):
        known = np.isfinite(scores).mean(axis=-1) >= MIN_DEFINED
        return scores if known.all() else None
    return scores
