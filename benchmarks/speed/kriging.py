"""The baseline `baseline.gp` beside the Cholesky decompositions that its fit consists of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.linalg import lapack

from satclip_bench.benchmarks.baselines import make_baseline
from satclip_bench.benchmarks.baselines.kriging import (
    GP,
    HALVING_KEEP,
    HALVING_TRAIN_POINTS,
    MAX_TRAIN_POINTS,
)
from satclip_bench.benchmarks.speed.comparison import Comparison
from satclip_bench.benchmarks.speed.embedded import Embedded


def kriging(data: Embedded) -> Iterator[Comparison]:
    """The fit on a validation set, beside its decompositions alone, which no way can leave out.

    Args:
        data: points and targets, of more training points than the search uses.
    """
    (lonlat, y), points = data.train, min(len(data.train.y), MAX_TRAIN_POINTS)
    sizes = decompositions(points)
    rng = np.random.default_rng(0)
    matrices = {}
    for size in sizes:
        factor = np.tril(rng.standard_normal((size, size)) / size)
        matrices[size] = np.asfortranarray(factor @ factor.T + np.eye(size))

    def fit() -> None:
        make_baseline("baseline.gp", data.task_type).fit(lonlat, y, data.validation)

    def decompose() -> None:
        for size, times in sizes.items():
            for _ in range(times):
                lapack.dpotrf(matrices[size], lower=1)

    operations = sum(times * size**3 / 3 for size, times in sizes.items())
    yield Comparison(
        f"kriging, {points:,} points",
        data.task,
        None,
        f"its {sum(sizes.values())} Cholesky decompositions alone",
        fit,
        decompose,
        result=f"{operations / 1e9:.0f} GFLOP, a limit",
        facts={
            "decompositions": {str(size): n for size, n in sizes.items()},
            "gflop": operations / 1e9,
        },
    )


def decompositions(points: int) -> dict[int, int]:
    """Number of Cholesky decompositions of a fit on a validation set, by their size.

    Args:
        points: number of training points.

    >>> decompositions(3000)
    {500: 72, 1000: 18, 2000: 6, 3000: 1}
    """
    candidates = int(np.prod([len(values) for values in GP.card.search.values()]))
    sizes: dict[int, int] = {}
    for rows, keep in zip(HALVING_TRAIN_POINTS, HALVING_KEEP, strict=True):
        sizes[min(rows, points)] = candidates
        candidates = keep
        if rows >= points:
            break
    sizes[points] = sizes.get(points, 0) + 1
    return sizes
