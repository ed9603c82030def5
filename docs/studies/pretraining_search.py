"""Trials of pretraining settings, scored on validation sets only, for docs/pretraining.md.

    python docs/studies/pretraining_search.py training.temperature=0.5 location.first_frequency=5
    python docs/studies/pretraining_search.py siren.l10 geoclip

The first command trains the config `small` with these changes; the second scores existing encoders.
Both print the mean validation score over four global tasks, for three splits: R2 (accuracy for
biomes) of a ridge regression with its best penalty, where scores of a fold below -1 count as -1.
Validation sets contain test points of other folds: see docs/satclip-bluemarble.md.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.protocols.ridge import ridge_path
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table
from satclip_bench.benchmarks.splits import SplitInputs, get_split
from satclip_bench.encoders import get_encoder

Embed = Callable[[NDArray[np.float64]], NDArray[np.float32]]

TASKS = ("air_temperature", "elevation", "population_density", "biomes")
SPLITS = ("random", "blocks.10", "held-out-region")
ALPHAS = tuple(float(10.0**exponent) for exponent in range(-1, 6))
WORST = -1.0


def validation_scores(embed: Embed) -> dict[str, dict[str, float]]:
    """Mean validation score by task and split."""
    means: dict[str, dict[str, float]] = {}
    for task in TASKS:
        table = load_table(TaskSource(task))
        points = SplitInputs(table.lonlat, table.target, table.region, table.card.block_degrees)
        features = embed(table.lonlat).astype(np.float64)
        classes = np.unique(table.target) if table.card.task_type == "classification" else None
        columns = (
            table.target.astype(np.float64)[:, None]
            if classes is None
            else (table.target[:, None] == classes).astype(np.float64)
        )
        means[task] = {}
        for split in SPLITS:
            scores = []
            for fold in get_split(split).folds(points, 0):
                paths = ridge_path(
                    features[fold.train],
                    columns[fold.train],
                    features[fold.validation],
                    ALPHAS,
                    free_intercept=True,
                )
                truth = table.target[fold.validation]
                best = max(_score(path, truth, classes) for path in paths)
                scores.append(max(best, WORST))
            means[task][split] = float(np.mean(scores))
    return means


def _score(
    path: NDArray[np.float64],
    truth: NDArray[np.float64] | NDArray[np.int64],
    classes: NDArray[Any] | None,
) -> float:
    if classes is not None:
        return float((classes[path.argmax(axis=1)] == truth).mean())
    return float(1 - ((truth - path[:, 0]) ** 2).mean() / truth.var())


def train(changes: Sequence[str]) -> Embed:
    """Train the config `small` with some changes; returns the encoder's `encode`."""
    from satclip_bench.encoders.pretraining import load_config, pretrain
    from satclip_bench.encoders.satclip_retrained import TrainedSatCLIP

    with tempfile.TemporaryDirectory() as folder:
        run = pretrain(load_config("small", changes), Path(folder) / "run")
        print({k: v for k, v in run.history[-1].items() if str(k).startswith("held_out")})
        encoder = TrainedSatCLIP("trial", run.encoder)
        # Loads the weights before the folder is deleted.
        encoder.encode([[0.0, 0.0]])
    return encoder.encode


def show(name: str, embed: Embed) -> None:
    """Print the means over the tasks, and one line per task."""
    scores = validation_scores(embed)
    means = {s: np.mean([scores[t][s] for t in TASKS]) for s in SPLITS}
    print(name, *(f"{split} {mean:.3f}" for split, mean in means.items()), sep=" | ")
    for task in TASKS:
        print("   ", task, *(f"{scores[task][s]:.3f}" for s in SPLITS))


if __name__ == "__main__":
    if any("=" in word for word in sys.argv[1:]) or not sys.argv[1:]:
        show(" ".join(sys.argv[1:]) or "small", train(sys.argv[1:]))
    else:
        for word in sys.argv[1:]:
            show(word, get_encoder(word).encode)
