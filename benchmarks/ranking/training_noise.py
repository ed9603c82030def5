"""Noise of the training set in bootstrap scores, which have that of the test points alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np
import pandas as pd

from satclip_bench.benchmarks.metrics.replicates import Replicates, defined_in_all
from satclip_bench.benchmarks.metrics.resampling import SEED
from satclip_bench.benchmarks.ranking.by_task import (
    Float,
    clipped,
    columns_by_task,
    pieces,
)
from satclip_bench.benchmarks.ranking.seed_replicates import ColumnReplicates
from satclip_bench.benchmarks.ranking.seeds import (
    drawn_sizes,
    overlap_factor,
    point_variance,
    training_variance,
)
from satclip_bench.core.threads import in_threads


@dataclass(frozen=True)
class TrainingNoise:
    """Noise of drawing another training set, task by task, where seeds show it.

    Normal variables for each replicate whose variance is that of `training_variance`: one for each
    encoder, and one that all have in common. The latter is what a seed does to all encoders alike;
    it does not change their order. A task with a single seed has none: its training set is taken as
    given.

    Attributes:
        by_seed: encoder x (task, seed), scores.
        rows: rows of the tidy table of one split, for the sizes of the training and test sets.
        floor: scores below this count as this for the variance.
    """

    by_seed: pd.DataFrame
    rows: pd.DataFrame
    floor: float

    def of_task(self, task: str, replicates: Float) -> Float:
        """Noise of each encoder to add to all seeds of a task, `(E, B)`; zeros for none.

        Args:
            task: name of the task.
            replicates: `(E, S, B)` bootstrap scores of its seeds.
        """
        scores = self._scores[:, self.columns[task]]
        encoders, seeds = scores.shape
        if seeds < 2 or encoders < 2:
            return np.zeros((encoders, replicates.shape[-1]))
        replicates = clipped(replicates, self.floor)
        centre, defined = replicates.mean(axis=0), defined_in_all(replicates)
        # The mean of E encoders removes 1 / E of what an encoder has to itself.
        scale = np.sqrt(encoders / (encoders - 1))
        relative = (scores - scores.mean(axis=0)) * scale
        explained = np.empty(encoders)
        for piece in pieces(replicates):
            noise = replicates[piece] - centre
            noise *= scale
            explained[piece] = point_variance(noise[..., defined], relative[piece])
        return self._drawn(task, relative, explained, [*map(str, self.by_seed.index)], replicates)

    def common(self, task: str, replicates: Float) -> Float:
        """Noise that all encoders have in common on a task, `(B,)`; zeros for none.

        Args:
            task: name of the task.
            replicates: `(E, S, B)` bootstrap scores of its seeds.
        """
        scores = self._scores[:, self.columns[task]]
        encoders, seeds = scores.shape
        if seeds < 2 or not encoders:
            return np.zeros(replicates.shape[-1])
        replicates = clipped(replicates, self.floor)
        centre = replicates[..., defined_in_all(replicates)].mean(axis=0, keepdims=True)
        of_seeds = scores.mean(axis=0, keepdims=True)
        drawn = self._drawn(task, of_seeds, point_variance(centre, of_seeds), [""], replicates)
        return np.asarray(drawn[0])

    def _drawn(
        self, task: str, scores: Float, explained: Float, names: Sequence[str], replicates: Float
    ) -> Float:
        """Normal variables with the variance of the training set, `(len(names), B)`.

        Args:
            task: name of the task.
            scores: `(len(names), S)` scores by seed.
            explained: `(len(names),)` what the test points explain of their variance over seeds.
            names: name of the encoder of each row, for the seed of its random numbers; empty for
                all encoders together.
            replicates: `(..., B)` bootstrap scores, for their number.
        """
        split, n_train, n_test = self._samples[task]
        factor = overlap_factor(scores.shape[1], n_train, n_test)
        variance, _, _ = training_variance(scores, explained, factor)
        drawn = np.empty((len(names), replicates.shape[-1]))
        for name, row in zip(names, drawn, strict=True):
            seed = [SEED, crc32(" ".join(filter(None, (task, split, name))).encode())]
            np.random.default_rng(seed).standard_normal(out=row)
        drawn *= np.sqrt(variance)[:, None]
        return drawn

    @cached_property
    def columns(self) -> dict[str, slice]:
        """Columns of each task."""
        return columns_by_task(self.by_seed.columns)

    @cached_property
    def _scores(self) -> Float:
        return self.by_seed.to_numpy(dtype=np.float64).clip(min=self.floor)

    @cached_property
    def _samples(self) -> dict[str, tuple[str, float, float]]:
        """Split, and mean sizes of the training and test sets, by task."""
        sizes = drawn_sizes(self.rows)
        split_of = self.rows.groupby("task")["split"].first()
        return {
            str(task): (str(split_of[task]), float(n_train), float(n_test))
            for task, n_train, n_test in sizes.itertuples()
        }


def with_training_noise(
    by_seed: pd.DataFrame,
    replicates: ColumnReplicates,
    rows: pd.DataFrame,
    floor: float,
    *,
    common: bool = False,
) -> Replicates:
    """Bootstrap scores with the noise of drawing another training set (`TrainingNoise`).

    Args:
        by_seed: encoder x (task, seed), scores.
        replicates: bootstrap scores of `by_seed`.
        rows: rows of the tidy table of one split.
        floor: scores below this count as this for the variance.
        common: whether noise that all encoders have in common is added as well, as for the scores
            themselves; orders and differences do not depend on it.
    """
    noise = TrainingNoise(by_seed, rows, floor)
    noisy = np.empty(replicates.shape)

    def add(task: str) -> None:
        columns = noise.columns[task]
        scores = replicates.of_columns(columns)
        added = noise.of_task(task, scores)
        if common:
            added += noise.common(task, scores)
        np.add(scores, added[:, None], out=noisy[:, columns])

    in_threads(add, list(noise.columns))
    return Replicates(noisy)
