"""Geographic fairness: the score in every region, the worst of them, and the gap between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.diagnostics.predictions import Predictions, score

MIN_POINTS = 30
"""A region with fewer test points under some seed is listed and never the worst or the best."""


@dataclass(frozen=True)
class RegionScore:
    """How an encoder fares in one region.

    Attributes:
        region: its name.
        score: mean over seeds; NaN where R2 is not defined.
        n: test points under the seed that has fewest there.
        counted: whether it can be the worst or the best.
    """

    region: str
    score: float
    n: int
    counted: bool


@dataclass(frozen=True)
class Fairness:
    """The scores of all regions, by name, and what sums them up.

    Attributes:
        worst, best: None where no region counts.
    """

    regions: tuple[RegionScore, ...]

    @property
    def counted(self) -> tuple[RegionScore, ...]:
        """The regions that can be the worst or the best."""
        return tuple(r for r in self.regions if r.counted)

    @property
    def worst(self) -> RegionScore | None:
        """The region with the lowest score."""
        return min(self.counted, key=lambda r: r.score, default=None)

    @property
    def best(self) -> RegionScore | None:
        """The region with the highest score."""
        return max(self.counted, key=lambda r: r.score, default=None)

    @property
    def gap(self) -> float:
        """Best minus worst score; NaN where fewer than two regions count."""
        if self.worst is None or self.best is None or len(self.counted) < 2:
            return float("nan")
        return self.best.score - self.worst.score


def fairness(
    seeds: Sequence[Predictions], region: NDArray[np.str_], min_points: int = MIN_POINTS
) -> Fairness:
    """The score of every region in which a point was tested.

    R2 in a region is measured against the mean of that region, which a model can fall below
    without being far off where the target hardly varies; read it beside the error.

    Args:
        seeds: one encoder's predictions, seed by seed.
        region: `(N,)` the region of every row of the table.
        min_points: fewer test points than these do not count.
    """
    names = np.unique(np.concatenate([region[judged.row] for judged in seeds]))
    found = []
    for name in names:
        scores, sizes = [], []
        for judged in seeds:
            inside = region[judged.row] == name
            sizes.append(int(inside.sum()))
            if inside.any():
                scores.append(
                    score(judged.task_type, judged.target[inside], judged.prediction[inside])
                )
        mean = float(np.mean(scores))
        counted = min(sizes) >= min_points and not np.isnan(mean)
        found.append(RegionScore(str(name), mean, min(sizes), counted))
    return Fairness(tuple(found))
