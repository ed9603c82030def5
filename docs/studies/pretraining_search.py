"""Trials of pretraining recipes, judged on validation parts alone: behind pretraining.md.

    python docs/studies/pretraining_search.py training.temperature=0.5 location.first_frequency=5
    python docs/studies/pretraining_search.py siren.l10 geoclip

The first trains the config `small` with these changes, the second takes encoders that there are.
Both print, for three splits, the mean over four global tasks of the score on the parts that choose
settings: R2 (accuracy for biomes) of a ridge, its penalty the best there, each fold counted as -1
at least. No test part is looked at.
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


def judge(embed: Embed) -> dict[str, dict[str, float]]:
    """The validation score by task and split."""
    found: dict[str, dict[str, float]] = {}
    for task in TASKS:
        table = load_table(TaskSource(task))
        points = SplitInputs(table.lonlat, table.target, table.region, table.card.block_degrees)
        features = embed(table.lonlat).astype(np.float64)
        classes = np.unique(table.target) if table.card.kind == "classification" else None
        columns = (
            table.target.astype(np.float64)[:, None]
            if classes is None
            else (table.target[:, None] == classes).astype(np.float64)
        )
        found[task] = {}
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
            found[task][split] = float(np.mean(scores))
    return found


def _score(
    path: NDArray[np.float64],
    truth: NDArray[np.float64] | NDArray[np.int64],
    classes: NDArray[Any] | None,
) -> float:
    if classes is not None:
        return float((classes[path.argmax(axis=1)] == truth).mean())
    return float(1 - ((truth - path[:, 0]) ** 2).mean() / truth.var())


def trained(changes: Sequence[str]) -> Embed:
    """The location encoder of `small` with some changes."""
    from satclip_bench.encoders.pretraining import load_config, pretrain
    from satclip_bench.encoders.satclip_retrained import TrainedSatCLIP

    with tempfile.TemporaryDirectory() as folder:
        done = pretrain(load_config("small", changes), Path(folder) / "run")
        print({k: v for k, v in done.history[-1].items() if str(k).startswith("held_out")})
        encoder = TrainedSatCLIP("tried", done.encoder)
        encoder.encode([[0.0, 0.0]])
    return encoder.encode


def show(name: str, embed: Embed) -> None:
    """A line of means over the tasks, and one a task."""
    found = judge(embed)
    means = {s: np.mean([found[t][s] for t in TASKS]) for s in SPLITS}
    print(name, *(f"{split} {mean:.3f}" for split, mean in means.items()), sep=" | ")
    for task in TASKS:
        print("   ", task, *(f"{found[task][s]:.3f}" for s in SPLITS))


if __name__ == "__main__":
    if any("=" in word for word in sys.argv[1:]) or not sys.argv[1:]:
        show(" ".join(sys.argv[1:]) or "small", trained(sys.argv[1:]))
    else:
        for word in sys.argv[1:]:
            show(word, get_encoder(word).encode)
