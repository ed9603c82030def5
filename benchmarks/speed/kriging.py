"""The baseline `baseline.gp` beside the matrix operations of LAPACK that its fit consists of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from satclip_bench.benchmarks.baselines import make_baseline
from satclip_bench.benchmarks.baselines.kriging import (
    GP,
    HALVING_KEEP,
    HALVING_TRAIN_POINTS,
    MAX_TRAIN_POINTS,
    MAX_VALIDATION_POINTS,
)
from satclip_bench.benchmarks.speed.comparison import Comparison
from satclip_bench.benchmarks.speed.embedded import Embedded


def kriging(data: Embedded) -> Iterator[Comparison]:
    """The fit on a validation set, beside its matrix operations alone.

    These are the Cholesky decompositions, the solutions for all classes, and the products that
    predict the validation set from each but the last: a limit that only other arithmetic could
    pass.

    Args:
        data: points and targets.
    """
    (lonlat, y), points = data.train, min(len(data.train.y), MAX_TRAIN_POINTS)
    sizes, held_out = decompositions(points), min(len(data.validation.y), MAX_VALIDATION_POINTS)
    # Solutions of a regression are those for its values and for ones.
    targets = 1 + max(data.classes, 1)
    rng = np.random.default_rng(0)
    systems = {size: _system(rng, size) for size in sizes}
    across = rng.standard_normal((held_out, points))
    right = rng.standard_normal((points, targets))

    def fit() -> None:
        make_baseline("baseline.gp", data.task_type).fit(lonlat, y, data.validation)

    def operate() -> None:
        for size, times in sizes.items():
            for number in range(times):
                factor, _ = lapack.dpotrf(systems[size], lower=1)
                weights, _ = lapack.dpotrs(factor, right[:size], lower=1)
                if size < points or number:
                    across[:, :size] @ weights

    decomposed = sum(times * size**3 / 3 for size, times in sizes.items()) / 1e9
    solved = sum(times * 2 * size**2 * targets for size, times in sizes.items()) / 1e9
    searched = sum(times * size for size, times in sizes.items()) - points
    operations = decomposed + solved + 2 * held_out * searched * targets / 1e9
    yield Comparison(
        f"kriging, {points:,} points",
        data.task,
        None,
        f"its {sum(sizes.values())} decompositions, solutions and products alone",
        fit,
        operate,
        result=f"{operations:.0f} GFLOP, {decomposed:.0f} of them Cholesky",
        facts={
            "decompositions": {str(size): times for size, times in sizes.items()},
            "gflop": operations,
            "gflop_of_decompositions": decomposed,
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


def _system(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """A positive definite matrix, in the memory order of LAPACK."""
    factor = rng.standard_normal((size, size)) / size
    return np.asfortranarray(factor @ factor.T + np.eye(size))
