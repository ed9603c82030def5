"""Mean ranks and improvements in every replicate of the bootstrap, some tasks at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from satclip_bench.benchmarks.metrics.replicates import Replicates
from satclip_bench.benchmarks.ranking.aggregates import improvement, mean_rank
from satclip_bench.benchmarks.ranking.by_task import Float, clipped
from satclip_bench.benchmarks.ranking.column_ranks import chunks
from satclip_bench.benchmarks.ranking.seed_replicates import RankedReplicates
from satclip_bench.benchmarks.ranking.significance import widened
from satclip_bench.benchmarks.ranking.training_noise import TrainingNoise
from satclip_bench.core.threads import in_threads

TOGETHER = 2**22
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
        seeds_of = {
            task: slice(of.start - columns.start, of.stop - columns.start)
            for task, of in noise.columns.items()
            if task in tasks
        }
        of_tasks = replicates.of_columns(columns)
        added = {
            task: noise.of_task(task, of_tasks[:, seeds])[:, defined]
            for task, seeds in seeds_of.items()
        }
        of_tasks = of_tasks[..., defined]
        ranks, improvements = (np.empty((count, len(scores))) for _ in range(2))
        first = 0
        for chunk in chunks(np.moveaxis(of_tasks, -1, 0)):
            part = slice(first, first + len(chunk))
            noisy = np.moveaxis(chunk, 0, -1).copy()
            for task, seeds in seeds_of.items():
                noisy[:, seeds] += added[task][:, None, part]
                of_task = clipped(noisy[:, seeds], noise.floor)
                means[:, place_of[task], part] = of_task.mean(axis=1)
            leading = np.moveaxis(noisy, -1, 0)
            improvements[part] = improvement_over(leading, weights[columns], reference)
            ranks[part] = mean_rank(widened(scores[:, columns], leading), weights[columns])
            first = part.stop
        return ranks, improvements

    parts = in_threads(rate, list(_together(noise.columns, replicates.shape)))
    ranks, improvements = (sum(of[1:], start=of[0]) for of in zip(*parts, strict=True))
    return BootstrapRatings(ranks, improvements, means)


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
