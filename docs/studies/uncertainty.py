"""Simulations behind uncertainty.md: coverage of both kinds of interval, and reach of errors.

    python docs/studies/uncertainty.py [TRIALS]

prints the two tables of coverage of that page, in some minutes;

    python docs/studies/uncertainty.py results/runs/reference

prints the correlation of the errors of a run's encoders by distance, from all pairs of test points
under the split random, in some minutes too. Ties and ranks are simulated in `ties.py`.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform
from scipy.special import ndtr, ndtri

from satclip_bench.benchmarks.metrics.bootstrap import (
    interval,
    mean_replicates,
    reference_totals,
    regression_replicates,
    skill_of_sums,
)
from satclip_bench.benchmarks.metrics.resampling import (
    Blocks,
    Points,
    Resampled,
    block_ids,
    make_blocks,
)
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table
from satclip_bench.core.sphere import chord_to_km, km_to_chord, unit_vectors
from satclip_bench.tasks import get_task

Float = NDArray[np.float64]
Estimates = Mapping[str, tuple[Float, float]]
"""Bootstrap scores, `(B,)`, and the true score, by name."""

POINTS, POPULATION, TRIALS, DRAWS = 1000, 3000, 400, 400
ERROR = 0.5
"""Standard deviation of errors, where that of targets is 1: R2 of .75."""
ERROR_REACHES, TARGET_REACHES = (200, 400, 600, 1000), (500, 2000, 4000)
CLASSES = ndtri(np.array([0.4, 0.6, 0.75, 0.9]))
"""Values of the target between five classes, of which the first has 40 % of the points."""
FOLDS = 4


def coverage(trials: int, kinds: Sequence[str] = ("map", "places")) -> None:
    """Print the share of 95 % intervals that contain the true value, by kind, score and reach."""
    simulations = {"map": of_map, "places": of_places}
    for kind in kinds:
        simulate = simulations[kind]
        header: list[str] = []
        for target_reach in TARGET_REACHES:
            for error_reach in ERROR_REACHES:
                hits: dict[str, list[bool]] = defaultdict(list)
                for estimates in simulate(target_reach, error_reach, trials):
                    for name, (replicates, truth) in estimates.items():
                        low, high = interval(replicates) or (np.nan, np.nan)
                        hits[name].append(low <= truth <= high)
                if not header:
                    header = [f"{kind}: targets reach", "errors reach", *hits]
                    print("| " + " | ".join(header) + " |")
                    print("|" + "---:|" * len(header))
                shares = (f"{np.mean(hit):.3f}" for hit in hits.values())
                print(f"| {target_reach:,} km | {error_reach:,} km | " + " | ".join(shares) + " |")
        print()


def of_places(target_reach: int, error_reach: int, trials: int) -> Iterator[Estimates]:
    """Estimates of each trial: other fields of targets and errors at the same places.

    The truth is the expected score at the targets that the trial has; in the column "spread drawn"
    the expected score of all fields is estimated, with the spread of the targets drawn too.
    """
    lonlat = land(POINTS)
    blocks = make_blocks(block_ids(lonlat, "global"), DRAWS)
    targets = field(lonlat, target_reach, trials, seed=1)
    errors, others = (ERROR * field(lonlat, error_reach, trials, seed=s) for s in (2, 3))
    fold = np.argsort(np.argsort(lonlat[:, 0])) * FOLDS // POINTS
    for y, error, other in zip(targets.T, errors.T, others.T, strict=True):
        scores = regression_replicates(blocks, y, y + error, 0.0)
        against = regression_replicates(blocks, y, y + other, 0.0)
        spread, reference = y.var(), np.mean(y**2)
        n, sy, syy, see = blocks.totals(np.ones(POINTS), y, y * y, error * error)
        hit, majority = classes(y) == classes(y + error), classes(y) == 0
        right = expected_accuracy(y)
        yield {
            "R2": (scores["r2"], 1 - ERROR**2 / spread),
            "spread drawn": (1 - see / (syy - sy * sy / n), 1 - ERROR**2),
            "skill": (scores["skill"], 1 - ERROR**2 / reference),
            "pooled skill": pooled(blocks, y, error, fold),
            "RMSE": (scores["rmse"], ERROR),
            "accuracy": (mean_replicates(blocks, hit), right),
            "skill of classes": (
                skill_of_sums(blocks.totals(~hit)[0], reference_totals(blocks, ~majority)),
                1 - (1 - right) / np.mean(~majority),
            ),
            "difference of skill": (scores["skill"] - against["skill"], 0.0),
            "difference of RMSE": (scores["rmse"] - against["rmse"], 0.0),
        }


def pooled(blocks: Blocks, y: Float, error: Float, fold: NDArray[np.int64]) -> tuple[Float, float]:
    """Pooled skill over folds that are bands of longitude, each with the mean of the others."""
    loss, reference, truth = np.zeros(DRAWS), np.zeros(DRAWS), 0.0
    for number in range(FOLDS):
        inside = fold == number
        of_mean = (y - y[~inside].mean()) ** 2
        units = Blocks(blocks.index[inside], blocks.draws)
        (losses,) = units.totals(error[inside] ** 2)
        loss += losses
        reference += reference_totals(units, of_mean[inside])
        truth += of_mean[inside].sum()
    return skill_of_sums(loss, reference), 1 - POINTS * ERROR**2 / truth


def of_map(target_reach: int, error_reach: int, trials: int) -> Iterator[Estimates]:
    """Estimates of each trial: other points of one map, whose fields are given.

    The truth is the score over the whole map, of which the points are independent draws.
    """
    lonlat = land(POPULATION)
    y = field(lonlat, target_reach, 1, seed=1)[:, 0]
    error, other = (ERROR * field(lonlat, error_reach, 1, seed=s)[:, 0] for s in (2, 3))
    points = Points(np.arange(POINTS), DRAWS)
    truth = {name: float(value[0]) for name, value in map_scores(None, y, error, other)}
    rng = np.random.default_rng(4)
    for _ in range(trials):
        rows = rng.integers(0, POPULATION, POINTS)
        scores = map_scores(points, y[rows], error[rows], other[rows])
        yield {name: (np.asarray(replicates), truth[name]) for name, replicates in scores}


def map_scores(
    points: Points | None, y: Float, error: Float, other: Float
) -> Iterator[tuple[str, Float]]:
    """Scores by name: bootstrap scores of points, or without points the scores themselves."""
    units: Resampled = points or _Once(len(y))
    scores, against = (regression_replicates(units, y, y + e, 0.1) for e in (error, other))
    hit, majority = classes(y) == classes(y + error), classes(y) == 0
    yield "R2", scores["r2"]
    yield "skill", scores["skill"]
    yield "RMSE", scores["rmse"]
    yield "accuracy", mean_replicates(units, hit)
    yield "skill of classes", skill_of_sums(*units.totals(~hit, ~majority))
    yield "difference of skill", scores["skill"] - against["skill"]
    yield "difference of RMSE", scores["rmse"] - against["rmse"]


class _Once(Blocks):
    """Points that are each drawn once: their replicate is the score itself."""

    def __init__(self, n: int) -> None:
        super().__init__(np.zeros(n, dtype=np.int64), np.ones((1, 1)))

    @property
    def spread_is_given(self) -> bool:
        return False


def land(n: int) -> Float:
    """Points of land, `(n, 2)`, drawn from the elevation task."""
    table = get_task("elevation").load()
    lonlat: Float = table.lonlat[np.random.default_rng(1).choice(len(table), n, replace=False)]
    return lonlat


def field(lonlat: Float, reach: float, draws: int, seed: int) -> Float:
    """Normal values of variance 1, a tenth of it noise, whose correlation is 5 % at `reach` km."""
    km = chord_to_km(squareform(pdist(unit_vectors(lonlat))))
    covariance = 0.9 * np.exp(-3 * km / reach) + (0.1 + 1e-9) * np.eye(len(km))
    noise = np.random.default_rng([seed, int(reach)]).standard_normal((len(km), draws))
    values: Float = np.linalg.cholesky(covariance) @ noise
    return values


def classes(values: Float) -> NDArray[np.int64]:
    """Class of each value, `(n,)`."""
    return np.searchsorted(CLASSES, values)


def expected_accuracy(y: Float) -> float:
    """Expected accuracy of predictions with normal errors at points with targets `y`, `(n,)`."""
    ends = np.concatenate([[-np.inf], CLASSES, [np.inf]])
    low, high = ends[classes(y)], ends[classes(y) + 1]
    return float(np.mean(ndtr((high - y) / ERROR) - ndtr((low - y) / ERROR)))


EDGES = {
    "global": (0, 100, 200, 400, 600, 800, 1000, 1500, 2000),
    "contiguous United States": (0, 50, 100, 150, 200, 300, 400, 600, 800),
    "California": (0, 5, 10, 20, 30, 40, 60, 80, 120),
}
"""Distances in km between which correlations are averaged, by extent of the task."""


def reach_of_errors(run: Path) -> None:
    """Print the correlation of errors at pairs of test points by distance, under random, seed 0."""
    store = Store(run)
    errors: dict[str, dict[str, Float]] = defaultdict(dict)
    rows: dict[str, NDArray[np.int64]] = {}
    for record in store.records():
        s = record.settings
        if s.split != "random" or s.seed != 0 or s.probe not in ("linear", "none"):
            continue
        if record.status != "done":
            continue
        kept = store.predictions(record)
        target, prediction = kept["target"].to_numpy(), kept["prediction"].to_numpy()
        regression = record.task_type == "regression"
        error = target - prediction if regression else (target == prediction).astype(np.float64)
        rows[s.task] = kept["row"].to_numpy()
        errors[s.task][s.encoder] = error
    for task, by_encoder in errors.items():
        table = load_table(TaskSource(task))
        bins = EDGES[table.card.extent]
        means = correlations(table.lonlat[rows[task]], np.stack(list(by_encoder.values())), bins)
        for encoder, row in zip(by_encoder, means, strict=True):
            shown = [
                f"{high} km {mean:.2f}" for (_, high), mean in zip(pairwise(bins), row, strict=True)
            ]
            print(f"{task:20}{encoder:26}", ", ".join(shown))


def correlations(lonlat: Float, errors: Float, bins: tuple[int, ...]) -> Float:
    """Mean product of standardised errors at all pairs of points, by distance, `(E, bins)`.

    Args:
        lonlat: `(n, 2)` degrees.
        errors: `(E, n)` errors of each encoder.
        bins: ends of the distances in km, the first of which is 0.
    """
    spread = errors.std(axis=1, keepdims=True)
    scaled = (errors - errors.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, np.nan)
    vectors = unit_vectors(lonlat)
    # Squared chords of the ends; a pair is counted twice, and a point not with itself.
    ends = np.array([km_to_chord(end) for end in bins]) ** 2
    total, count = np.zeros((len(errors), len(bins) - 1)), np.zeros(len(bins) - 1)
    for start in range(0, len(vectors), 500):
        part = slice(start, start + 500)
        chord = np.maximum(2 - 2 * vectors[part] @ vectors.T, 0)
        chord[np.arange(len(chord)), np.arange(start, start + len(chord))] = np.inf
        for number, (low, high) in enumerate(pairwise(ends)):
            near = ((chord >= low) & (chord < high)).astype(np.float32)
            count[number] += near.sum(dtype=np.float64)
            total[:, number] += (scaled[:, part] * (scaled @ near.T)).sum(axis=1)
    return np.asarray(total / count)


if __name__ == "__main__":
    argument = sys.argv[1] if len(sys.argv) > 1 else str(TRIALS)
    if argument.isdigit():
        coverage(int(argument))
    else:
        reach_of_errors(Path(argument))
