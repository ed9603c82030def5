"""Mean ranks and improvements in every replicate of the bootstrap, some tasks at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from satclip_bench.benchmarks.metrics.replicates import Replicates
from satclip_bench.benchmarks.ranking.aggregates import (
    improvement,
    rounded_ranks,
    weighted_ranks,
)
from satclip_bench.benchmarks.ranking.by_task import Float, clipped, pieces
from satclip_bench.benchmarks.ranking.column_ranks import chunks
from satclip_bench.benchmarks.ranking.seed_replicates import RankedReplicates
from satclip_bench.benchmarks.ranking.significance import widened
from satclip_bench.benchmarks.ranking.training_noise import TrainingNoise
from satclip_bench.core.threads import in_threads

TOGETHER = 2**21
"""Maximum number of bootstrap scores of the tasks that a thread rates at once. The mean ranks of
boards with fewer are sums over all columns, those of larger ones sums of sums over some tasks."""


@dataclass(frozen=True)
class BootstrapRatings:
    """Ratings of encoders in the B replicates in which every score is defined.

    Attributes:
        mean_ranks: `(B, E)` mean ranks, of scores with widened noise.
        improvements: `(B, E)` improvements over the reference; NaN without one.
        task_means: `(E, T, B)` mean scores by task, as `ratings.task_means` computes them.
    """

    mean_ranks: Float
    improvements: Float
    task_means: Float


def bootstrap_ratings(
    replicates: RankedReplicates | Replicates,
    noise: TrainingNoise,
    weights: Float,
    reference: int | None,
) -> BootstrapRatings:
    """Ratings of encoders in every replicate, with the noise of the training set.

    Args:
        replicates: bootstrap scores `(encoder, task and seed, B)`.
        noise: scores, and the noise to add to their bootstrap scores.
        weights: `(C,)` weights of the columns that sum to 1.
        reference: row of the encoder that improvement is measured against, if any.
    """
    scores = noise.by_seed.to_numpy(dtype=np.float64)
    defined = replicates.defined
    count = np.arange(replicates.shape[-1])[defined].size
    means = np.empty((len(scores), len(noise.columns), count))
    place_of = {task: place for place, task in enumerate(noise.columns)}

    def rate(tasks: list[str]) -> tuple[Float, Float]:
        """Sums over the columns of some tasks for mean ranks and improvements."""
        columns = slice(noise.columns[tasks[0]].start, noise.columns[tasks[-1]].stop)
        drawn = replicates.of_columns(columns)
        noisy = np.empty((*drawn.shape[:2], count))
        for task in tasks:
            of = noise.columns[task]
            seeds = slice(of.start - columns.start, of.stop - columns.start)
            added = noise.of_task(task, drawn[:, seeds])[:, defined]
            np.add(drawn[:, seeds, defined], added[:, None], out=noisy[:, seeds])
            means[:, place_of[task]] = clipped(noisy[:, seeds], noise.floor).mean(axis=1)
        return (
            _weighted_ranks(scores[:, columns], noisy, weights[columns]),
            _improvements(noisy, weights[columns], reference),
        )

    parts = in_threads(rate, list(_together(noise.columns, replicates.shape)))
    ranks, improvements = (sum(of[1:], start=of[0]) for of in zip(*parts, strict=True))
    return BootstrapRatings(rounded_ranks(ranks), improvements, means)


def _weighted_ranks(scores: Float, noisy: Float, weights: Float) -> Float:
    """Weighted ranks with widened noise `(B, E)`, of scores `(E, C)` and noisy ones `(E, C, B)`."""
    parts = chunks(np.moveaxis(noisy, -1, 0))
    return np.concatenate([weighted_ranks(widened(scores, part), weights) for part in parts])


def _improvements(noisy: Float, weights: Float, reference: int | None) -> Float:
    """Improvements over a row of noisy scores `(E, C, B)`, `(B, E)`; NaN without one."""
    improvements = np.full((noisy.shape[-1], len(noisy)), np.nan)
    if reference is not None:
        of_reference = np.moveaxis(noisy[reference], -1, 0)
        for piece in pieces(noisy):
            of_piece = np.moveaxis(noisy[piece], -1, 0)
            improvements[:, piece] = improvement(of_piece, of_reference, weights)
    return improvements


def _together(columns_of: Mapping[str, slice], shape: tuple[int, ...]) -> Iterator[list[str]]:
    """Tasks that are rated together, by the columns of tasks and the shape of bootstrap scores."""
    encoders, _, count = shape
    tasks, columns = list[str](), 0
    for task, of_task in columns_of.items():
        more = of_task.stop - of_task.start
        if tasks and encoders * (columns + more) * count > TOGETHER:
            yield tasks
            tasks, columns = [], 0
        tasks, columns = [*tasks, task], columns + more
    yield tasks


def improvement_over(scores: Float, weights: Float, reference: int | None) -> Float:
    """Improvement of scores `(..., E, C)` over those of a row, `(..., E)`; NaN without one."""
    if reference is None:
        return np.full(scores.shape[:-1], np.nan)
    return improvement(scores, scores[..., reference, :], weights)
