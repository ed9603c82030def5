"""Trials of pretraining recipes, scored on the development set alone, for docs/pretraining.md.

    python docs/studies/pretraining_search.py l10         # the recipes of satclip-bluemarble.l10
    python docs/studies/pretraining_search.py l40         # the recipes of satclip-bluemarble.l40
    python docs/studies/pretraining_search.py siren.l10 geoclip     # existing encoders

The rule, fixed before the first trial: every recipe below is trained on half of the points for six
epochs and scored; the two best are then trained in full, and the one that scores higher wins,
whether or not it is the recipe that shipped before. All trainings have seed 0.

The score of an encoder is the mean over three ways to divide the points (`random`: five random
folds, `blocks`: five folds of whole blocks of 10 degrees, `sectors`: each sector of longitude of 60
degrees in turn) and over the four tasks of the development set, of the skill over all points that
are predicted: 1 - (sum of squared errors) / (sum of squared errors of the training mean); for
biomes 1 - errors / errors of the majority class of training. Predictions are those of a ridge
regression (one-hot for biomes), clipped to the range of the training targets, with the penalty
whose skill is best. No table of the benchmark is read.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.protocols.ridge import ridge_path
from satclip_bench.core.sphere import equal_area_cells
from satclip_bench.encoders import get_encoder
from satclip_bench.encoders.pretraining import PretrainConfig, load_config, pretrain
from satclip_bench.encoders.satclip_retrained import TrainedSatCLIP
from satclip_bench.tasks.development import DEVELOPMENT_TASKS, development_frame

Embed = Callable[[NDArray[np.float64]], NDArray[np.float32]]

RECIPES: Mapping[str, tuple[str, Mapping[str, tuple[str, ...]]]] = {
    "l10": (
        "small",
        {
            "w0 5": (),
            "w0 3": ("location.first_frequency=3",),
            "temperature .2": ("location.first_frequency=3", "training.temperature=0.2"),
            "temperature 1": ("location.first_frequency=3", "training.temperature=1"),
            "damping .5, w0 5": ("location.damping=0.5",),
            "jitter .25°": ("location.first_frequency=3", "augment.jitter_degrees=0.25"),
            "crops of 8 pixels": ("location.first_frequency=3", "data.pixels=8"),
            "width 256": ("location.first_frequency=3", "location.width=256"),
        },
    ),
    "l40": (
        "small-l40",
        {
            "as shipped": (),
            "damping 1, w0 3": ("location.damping=1", "location.first_frequency=3"),
            "damping 2, w0 10": ("location.first_frequency=10",),
            "temperature 1": ("training.temperature=1",),
        },
    ),
}
"""Config and recipes of each shipped encoder: the name of a recipe and what it changes."""

SCREENING = ("data.points=30000", "training.epochs=6")
"""Changes to every recipe in the first round, for speed."""

FINALISTS = 2

SPLITS = ("random", "blocks", "sectors")
FOLDS = 5
BLOCK_DEGREES = 10.0
ALPHAS = tuple(float(10.0**exponent) for exponent in range(-2, 6))

RUNS = Path("results/runs/pretraining-search")


def folds(frame: pd.DataFrame, split: str) -> Iterator[NDArray[np.bool_]]:
    """Masks of the predicted rows of each fold, `(n,)`; the others train."""
    if split == "sectors":
        names, group = np.unique(frame["region"].astype(str), return_inverse=True)
        fold = np.arange(len(names))
    else:
        lonlat = frame[["lon", "lat"]].to_numpy()
        rows = np.arange(len(frame))
        cells = equal_area_cells(lonlat, BLOCK_DEGREES) if split == "blocks" else rows
        names, group = np.unique(cells, return_inverse=True)
        fold = np.random.default_rng(0).permutation(len(names)) % FOLDS
    for number in range(fold.max() + 1):
        yield fold[group] == number


def skills(embed: Embed) -> dict[str, dict[str, float]]:
    """Skill of the embedding on the development set, by split and task."""
    frame = development_frame()
    features = embed(frame[["lon", "lat"]].to_numpy()).astype(np.float64)
    targets = {task: _columns(frame[task]) for task in DEVELOPMENT_TASKS}
    y = np.concatenate(list(targets.values()), axis=1)
    ends = np.cumsum([target.shape[1] for target in targets.values()])[:-1]

    def losses(guess: NDArray[np.float64], truth: NDArray[np.float64]) -> list[float]:
        pairs = zip(np.split(guess, ends, axis=1), np.split(truth, ends, axis=1), strict=True)
        return [loss(*pair) for pair in pairs]

    scores: dict[str, dict[str, float]] = {}
    for split in SPLITS:
        total = np.zeros((len(ALPHAS), len(targets)))
        reference = np.zeros(len(targets))
        for predicted in folds(frame, split):
            known, truth = y[~predicted], y[predicted]
            reference += losses(np.tile(known.mean(axis=0), (len(truth), 1)), truth)
            path = ridge_path(
                features[~predicted], known, features[predicted], ALPHAS, free_intercept=True
            )
            # One-hot columns are not clipped: the largest of them is the predicted class.
            low = np.where(_one_hot(targets), -np.inf, known.min(axis=0))
            high = np.where(_one_hot(targets), np.inf, known.max(axis=0))
            for row, guess in enumerate(path):
                total[row] += losses(np.clip(guess, low, high), truth)
        best = 1 - total.min(axis=0) / reference
        scores[split] = dict(zip(targets, best.tolist(), strict=True))
    return scores


def _columns(target: pd.Series) -> NDArray[np.float64]:
    if pd.api.types.is_numeric_dtype(target):
        return target.to_numpy(np.float64)[:, None]
    return pd.get_dummies(target).to_numpy(np.float64)


def _one_hot(targets: Mapping[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    widths = [target.shape[1] for target in targets.values()]
    return np.repeat([width > 1 for width in widths], widths)


def loss(guess: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Sum of squared errors of one column, or number of errors of one-hot classes.

    >>> loss(np.array([[1.0], [2.0]]), np.array([[1.0], [4.0]]))
    4.0
    """
    if truth.shape[1] == 1:
        return float(((guess - truth) ** 2).sum())
    return float((guess.argmax(axis=1) != truth.argmax(axis=1)).sum())


def train(config: PretrainConfig, folder: Path) -> Path:
    """Train a config into a folder, or find it there; returns the path of the encoder."""
    encoder = folder / "encoder.safetensors"
    if not encoder.is_file():
        pretrain(config, folder, resume=True)
    return encoder


def search(name: str, runs: Path) -> None:
    """Train and score the recipes of an encoder, and print them as a Markdown table.

    Args:
        name: key of `RECIPES`.
        runs: folder of the trainings; those that it has already are not repeated.
    """
    config, recipes = RECIPES[name]
    scored: dict[tuple[str, str], float] = {}

    def trial(recipe: str, stage: str, changes: Sequence[str]) -> None:
        folder = runs / f"{name}-{re.sub(r'[^a-z0-9]+', '-', recipe)}-{stage}"
        path = train(load_config(config, [*recipes[recipe], *changes]), folder)
        scored[recipe, stage] = show(f"{recipe}, {stage}", TrainedSatCLIP("trial", path).encode)

    for recipe in recipes:
        trial(recipe, "screening", SCREENING)
    order = sorted(recipes, key=lambda recipe: -scored[recipe, "screening"])
    for recipe in order[:FINALISTS]:
        trial(recipe, "full", ())
    print("chosen:", max(order[:FINALISTS], key=lambda recipe: scored[recipe, "full"]))


def show(name: str, embed: Embed) -> float:
    """Print the skills of an encoder as a row of Markdown; returns their mean."""
    scores = skills(embed)
    means = [float(np.mean(list(scores[split].values()))) for split in SPLITS]
    tasks = [f"{scores['sectors'][task]:.3f}" for task in DEVELOPMENT_TASKS]
    cells = [*(f"{mean:.3f}" for mean in means), f"**{np.mean(means):.3f}**", *tasks]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return float(np.mean(means))


def main() -> None:
    """Search for the recipes that are named, and score the encoders that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", help=f"{', '.join(RECIPES)}, or names of encoders")
    parser.add_argument("--out", type=Path, default=RUNS, help="folder of the trainings")
    options = parser.parse_args()
    print("| |", " | ".join([*SPLITS, "score", *(f"{t}, sectors" for t in DEVELOPMENT_TASKS)]), "|")
    print("|---" + "|---:" * (len(SPLITS) + 1 + len(DEVELOPMENT_TASKS)) + "|")
    for name in options.names:
        if name in RECIPES:
            search(name, options.out)
        else:
            show(name, get_encoder(name).encode)


if __name__ == "__main__":
    main()
