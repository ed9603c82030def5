"""Simulations behind uncertainty.md: coverage of intervals and false claims of rank changes.

    python docs/studies/uncertainty.py

prints the two long tables of that page, in a few minutes;

    python docs/studies/uncertainty.py results/runs/open

prints the correlation of the errors of a run's encoders by distance.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.spatial.distance import pdist, squareform

from satclip_bench.benchmarks.metrics.bootstrap import (
    interval,
    make_blocks,
    mean_replicates,
    regression_replicates,
)
from satclip_bench.benchmarks.ranking.aggregates import mean_rank
from satclip_bench.benchmarks.ranking.significance import ALPHA, bootstrap_p, holm
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table
from satclip_bench.core.sphere import chord_to_km, equal_area_cells, km_to_chord, unit_vectors
from satclip_bench.tasks import get_task

Float = NDArray[np.float64]

POINTS, TRIALS = 1500, 1000
REACHES = (1, 200, 400, 600, 1000, 2000)
BLOCKS: dict[str, float | None] = {"points": None, "5°": 5, "10°": 10, "20°": 20}


def coverage() -> None:
    """Print the share of 95 % intervals that contain the true value, by reach and block."""
    table = get_task("elevation").load()
    rows = np.random.default_rng(1).choice(len(table), POINTS, replace=False)
    lonlat = table.lonlat[rows]
    km = chord_to_km(squareform(pdist(unit_vectors(lonlat))))
    blocks = {
        name: make_blocks(np.arange(POINTS) if side is None else equal_area_cells(lonlat, side))
        for name, side in BLOCKS.items()
    }
    print("| errors reach | interval of | " + " | ".join(BLOCKS) + " |")
    print("|---:|---|" + "---:|" * len(BLOCKS))
    for reach in REACHES:
        error = field(km, reach, 2 * TRIALS)
        hits = np.zeros((3, len(BLOCKS)))
        for k in range(TRIALS):
            one, other = error[:, k], error[:, TRIALS + k]
            for b, draws in enumerate(blocks.values()):
                rmse = [
                    regression_replicates(draws, e, np.zeros(POINTS))["rmse"] for e in (one, other)
                ]
                accuracy = mean_replicates(draws, np.abs(one) < 1)
                truths = ((rmse[0], 1.0), (accuracy, 0.6826895), (rmse[0] - rmse[1], 0.0))
                for i, (scores, truth) in enumerate(truths):
                    low, high = interval(scores) or (np.nan, np.nan)
                    hits[i, b] += low <= truth <= high
        for name, row in zip(
            ("RMSE", "accuracy", "difference of RMSE"), hits / TRIALS, strict=True
        ):
            print(f"| {reach:,} km | {name} | " + " | ".join(f"{v:.3f}" for v in row) + " |")


def field(km: Float, reach: float, draws: int) -> Float:
    """Normal errors of variance 1, a tenth of it noise, whose correlation is 5 % at `reach` km."""
    covariance = 0.9 * np.exp(-3 * km / reach) + (0.1 + 1e-9) * np.eye(len(km))
    noise = np.random.default_rng(int(reach)).standard_normal((len(km), draws))
    errors: Float = np.linalg.cholesky(covariance) @ noise
    return errors


def claims() -> None:
    """Print the share of runs that claim a change of rank although no score has changed."""
    factors = (1.0, 2**0.5, 2.0)
    print(
        "| encoders | tasks | encoders differ by | "
        + " | ".join(f"x {f:.2g}" for f in factors)
        + " |"
    )
    print("|---:|---:|---|" + "---:|" * len(factors))
    for encoders, tasks in ((5, 3), (10, 8), (20, 8)):
        for spread, name in ((0, "nothing"), (2, "2 standard errors, two by two"), (6, "6")):
            truth = (
                spread * np.repeat(np.arange(encoders), 2)[:encoders, None] * np.ones((1, tasks))
            )
            shares = [false_claims(truth, factor) for factor in factors]
            shown = " | ".join(f"{share:.3f}" for share in shares)
            print(f"| {encoders} | {tasks} | {name} | {shown} |")


def false_claims(truth: Float, factor: float) -> float:
    """Share of runs with a claim, from noise of variance 1 on scores `(E, T)` under two splits."""
    rng = np.random.default_rng(0)
    weights = np.full(truth.shape[1], 1 / truth.shape[1])
    claimed = 0
    for _ in range(TRIALS):
        measured = truth + rng.standard_normal((2, *truth.shape))
        replicates = [
            mean_rank(s + factor * rng.standard_normal((300, *truth.shape)), weights)
            for s in measured
        ]
        change = mean_rank(measured[1], weights) - mean_rank(measured[0], weights)
        claimed += bool((holm(bootstrap_p(change, replicates[1] - replicates[0])) < ALPHA).any())
    return claimed / TRIALS


def reach_of_errors(run: Path) -> None:
    """Print the correlation of errors at pairs of test points by distance, for the random split."""
    edges = {
        "global": (0, 100, 200, 400, 600, 800, 1000, 1500, 2000),
        "contiguous United States": (0, 50, 100, 150, 200, 300, 400, 600, 800),
        "California": (0, 5, 10, 20, 30, 40, 60, 80, 120),
    }
    store = Store(run)
    for record in store.records():
        s = record.settings
        if s.split != "random" or s.seed != 0 or s.probe not in ("linear", "none"):
            continue
        table, kept = load_table(TaskSource(s.task)), store.predictions(record)
        target, prediction = kept["target"].to_numpy(), kept["prediction"].to_numpy()
        regression = record.task_type == "regression"
        error = target - prediction if regression else (target == prediction).astype(np.float64)
        rows = np.random.default_rng(0).permutation(len(error))[:3000]
        error = (error - error.mean())[rows] / error.std()
        vectors = unit_vectors(table.lonlat[kept["row"].to_numpy()[rows]])
        bins = edges[table.card.extent]
        pairs = KDTree(vectors).query_pairs(km_to_chord(bins[-1]), output_type="ndarray")
        km = chord_to_km(np.linalg.norm(vectors[pairs[:, 0]] - vectors[pairs[:, 1]], axis=1))
        product = error[pairs[:, 0]] * error[pairs[:, 1]]
        shown = [
            f"{high} km {product[(km >= low) & (km < high)].mean():.2f}"
            for low, high in pairwise(bins)
        ]
        print(f"{s.task:20}{s.encoder:26}", ", ".join(shown))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        reach_of_errors(Path(sys.argv[1]))
    else:
        coverage()
        print()
        claims()
