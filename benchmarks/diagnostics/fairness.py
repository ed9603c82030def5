"""Geographic fairness: the score in every region, the worst region and the gap to the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.diagnostics.predictions import Predictions, score

MIN_POINTS = 30
"""Minimum number of test points, under every seed, of a region that can be the worst or best."""


@dataclass(frozen=True)
class RegionScore:
    """Score of an encoder in one region.

    Attributes:
        region: name of the region.
        score: mean score over seeds; NaN if R2 is not defined.
        n: number of test points under the seed that has the fewest in the region.
        counted: whether the region can be the worst or the best.
    """

    region: str
    score: float
    n: int
    counted: bool


@dataclass(frozen=True)
class Fairness:
    """Scores of all regions, with the worst, the best and the gap between them.

    Attributes:
        regions: scores by region, in alphabetical order.
    """

    regions: tuple[RegionScore, ...]

    @property
    def counted(self) -> tuple[RegionScore, ...]:
        """Regions that can be the worst or the best."""
        return tuple(r for r in self.regions if r.counted)

    @property
    def worst(self) -> RegionScore | None:
        """Region with the lowest score; None if no region is counted."""
        return min(self.counted, key=lambda r: r.score, default=None)

    @property
    def best(self) -> RegionScore | None:
        """Region with the highest score; None if no region is counted."""
        return max(self.counted, key=lambda r: r.score, default=None)

    @property
    def gap(self) -> float:
        """Best minus worst score; NaN if fewer than two regions are counted."""
        if self.worst is None or self.best is None or len(self.counted) < 2:
            return float("nan")
        return self.best.score - self.worst.score


def fairness(
    seeds: Sequence[Predictions], region: NDArray[np.str_], min_points: int = MIN_POINTS
) -> Fairness:
    """Scores of every region with test points.

    R2 in a region is measured against the mean of that region. Where the target hardly varies, R2
    can be negative although errors are small, so read it together with the error.

    Args:
        seeds: predictions of one encoder, seed by seed.
        region: `(N,)` region of every row of the table.
        min_points: minimum number of test points of a region that is counted.
    """
    names = np.unique(np.concatenate([region[predictions.row] for predictions in seeds]))
    regions = []
    for name in names:
        scores, sizes = [], []
        for predictions in seeds:
            inside = region[predictions.row] == name
            sizes.append(int(inside.sum()))
            if inside.any():
                target, prediction = predictions.target[inside], predictions.prediction[inside]
                scores.append(score(predictions.task_type, target, prediction))
        mean = float(np.mean(scores))
        counted = min(sizes) >= min_points and not np.isnan(mean)
        regions.append(RegionScore(str(name), mean, min(sizes), counted))
    return Fairness(tuple(regions))
