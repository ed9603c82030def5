"""Trials of pretraining recipes, scored on the development set alone, for docs/pretraining.md.

    python docs/studies/pretraining_search.py l10 l40               # recipes of both encoders
    python docs/studies/pretraining_search.py l10-wider l40-wider   # more of them, with three seeds
    python docs/studies/pretraining_search.py untrained             # the networks before training
    python docs/studies/pretraining_search.py siren.l10 geoclip     # existing encoders

The rule of each search was fixed before its first trial. In both, every recipe is trained on half
of the points for six epochs with seed 0 and scored.

- `l10`, `l40`: the two best are trained in full with seed 0, and the one that scores higher wins,
  whether or not it is the recipe that shipped before.
- `l10-wider`, `l40-wider`: the best (of L=10, the two best) besides the recipe that ships, and
  that recipe itself, are trained again in the same size with seeds 1 and 2, which also draw the
  points. Those whose mean score is higher than that of the recipe that ships by more than noise,
  `T_QUANTILE` standard errors of the difference with the standard deviation over seeds pooled over
  both recipes, are trained in full with the three seeds, beside the recipe that ships. One that is
  better by more than noise again replaces it.

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
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.protocols.ridge import ridge_path
from satclip_bench.core.sphere import equal_area_cells
from satclip_bench.encoders import get_encoder
from satclip_bench.encoders.layers.siren import FIRST_FREQUENCY
from satclip_bench.encoders.pretraining import PretrainConfig, load_config, pretrain
from satclip_bench.encoders.pretraining.config import Data, Location
from satclip_bench.encoders.pretraining.location_encoder import Basis, LocationNet
from satclip_bench.encoders.pretraining.sources import Pairs, read_pairs
from satclip_bench.encoders.satclip_retrained import TrainedSatCLIP
from satclip_bench.tasks.development import DEVELOPMENT_TASKS, development_frame

Embed = Callable[[NDArray[np.float64]], NDArray[np.float32]]

Changes = tuple[str, ...]


@dataclass(frozen=True)
class Search:
    """Recipes that are compared.

    Attributes:
        config: config that the recipes change.
        recipes: changes of each recipe, by its name; the first one ships.
        finalists: number of recipes that are trained again.
        seeds: seeds of these trainings. If there are several, the recipe that ships is trained
            with them, too.
    """

    config: str
    recipes: Mapping[str, Changes]
    finalists: int
    seeds: tuple[int, ...] = (0,)


SCALES = "data.scales=[1, 4, 20]"
TEXTURE = "data.bands=[red, green, blue, texture]"
LARGE_BATCH = ("training.batch_size=1024", "training.learning_rate=0.0014")

SEARCHES: Mapping[str, Search] = {
    "l10": Search(
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
        finalists=2,
    ),
    "l40": Search(
        "small-l40",
        {
            "as shipped": (),
            "damping 1, w0 3": ("location.damping=1", "location.first_frequency=3"),
            "damping 2, w0 10": ("location.first_frequency=10",),
            "temperature 1": ("training.temperature=1",),
        },
        finalists=2,
    ),
    "l10-wider": Search(
        "small",
        {
            "as shipped": (),
            "w0 8": ("location.first_frequency=8",),
            "batches of 1,024": LARGE_BATCH,
            "jitter 2°": ("augment.jitter_degrees=2",),
            "colour, turns": (
                *("augment.brightness=0.2", "augment.contrast=0.2", "augment.turns=true"),
            ),
            "temperature learned, at least .2": (
                *("training.learn_temperature=true", "training.lowest_temperature=0.2"),
            ),
            "texture": (TEXTURE,),
            "scales 1, 4, 20": (SCALES,),
            "scales 4, 20": ("data.scales=[4, 20]",),
        },
        finalists=2,
        seeds=(0, 1, 2),
    ),
    "l40-wider": Search(
        "small-l40",
        {
            "as shipped": (),
            "L=20, damping 1": ("location.degrees=20", "location.damping=1"),
            "damping 2.5, w0 8": ("location.damping=2.5", "location.first_frequency=8"),
            "batches of 1,024": LARGE_BATCH,
            "jitter 2°": ("augment.jitter_degrees=2",),
            "texture": (TEXTURE,),
            "scales 1, 4, 20": (SCALES,),
        },
        finalists=1,
        seeds=(0, 1, 2),
    ),
}
"""The searches by name."""

SCREENING = ("data.points=30000", "training.epochs=6")
"""Changes to every recipe in the first round, for speed."""

T_QUANTILE = 2.776
"""97.5 % quantile of Student's t with four degrees of freedom, for two recipes of three seeds."""

UNTRAINED_SEEDS = (0, 1, 2)

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
        pretrain(config, folder, resume=True, pairs=pairs_of(config.data, config.seed))
    return encoder


@lru_cache(maxsize=2)
def pairs_of(data: Data, seed: int) -> Pairs:
    """Images and their locations, which most recipes share."""
    return read_pairs(data, seed)


def search(name: str, runs: Path) -> None:
    """Train and score the recipes of a search, and print them as a Markdown table.

    Args:
        name: key of `SEARCHES`.
        runs: folder of the trainings; those that it has already are not repeated.
    """
    plan = SEARCHES[name]
    shipped = next(iter(plan.recipes))

    def trial(recipe: str, stage: str, changes: Sequence[str]) -> float:
        folder = runs / f"{name}-{re.sub(r'[^a-z0-9]+', '-', f'{recipe}-{stage}'.lower())}"
        path = train(load_config(plan.config, [*plan.recipes[recipe], *changes]), folder)
        return show(f"{recipe}, {stage}", TrainedSatCLIP("trial", path).encode)

    screened = {recipe: trial(recipe, "screening", SCREENING) for recipe in plan.recipes}
    order = sorted(screened, key=lambda recipe: -screened[recipe])
    if len(plan.seeds) == 1:
        best = order[: plan.finalists]
        full = {recipe: trial(recipe, "full", ()) for recipe in best}
        print("chosen:", max(full, key=lambda recipe: full[recipe]))
        return
    others = [recipe for recipe in order if recipe != shipped][: plan.finalists]
    for stage, size in (("screening", SCREENING), ("full", ())):
        scores = {
            recipe: [
                screened[recipe]
                if (stage, seed) == ("screening", 0)
                else trial(recipe, f"{stage}, seed {seed}", [*size, f"seed={seed}"])
                for seed in plan.seeds
            ]
            for recipe in (shipped, *others)
        }
        others = [recipe for recipe in others if better(recipe, scores[recipe], scores[shipped])]
        if not others:
            break
    print("better than the recipe that ships:", ", ".join(others) or "none")


def better(recipe: str, ours: Sequence[float], others: Sequence[float]) -> bool:
    """Whether a recipe's mean score is higher than another's by more than noise; prints both."""
    gain, margin = difference(ours, others)
    spread = [np.std(scores, ddof=1) for scores in (ours, others)]
    print(f"{recipe}: {np.mean(ours):.3f} (sd {spread[0]:.3f}); as shipped: {np.mean(others):.3f}")
    print(f"  (sd {spread[1]:.3f}); difference {gain:+.3f}, noise {margin:.3f}", flush=True)
    return gain > margin


def difference(ours: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    """Difference of the means over three seeds, and what it must exceed to be more than noise.

    >>> gain, margin = difference([0.62, 0.63, 0.64], [0.61, 0.62, 0.63])
    >>> round(gain, 4), round(margin, 4)
    (0.01, 0.0227)
    """
    variance = (np.var(ours, ddof=1) + np.var(others, ddof=1)) / 2
    error = np.sqrt(variance * (1 / len(ours) + 1 / len(others)))
    return float(np.mean(ours) - np.mean(others)), float(T_QUANTILE * error)


def show_untrained() -> None:
    """Score the networks of the recipes that ship, and SatCLIP's, before training."""
    for name in ("small", "small-l40"):
        location = load_config(name).location
        released = location.model_copy(update={"first_frequency": FIRST_FREQUENCY, "damping": 0.0})
        for title, settings in (("siren", released), (f"network of {name}", location)):
            for seed in UNTRAINED_SEEDS:
                show(f"{title}, L={location.degrees}, seed {seed}", untrained(settings, seed))


def untrained(location: Location, seed: int) -> Embed:
    """The location encoder of a config before training."""
    import torch

    network, basis = LocationNet(location, seed).eval(), Basis(location)

    @torch.no_grad()
    def embed(lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.asarray(network.nnet(basis(lonlat)).numpy())

    return embed


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
    parser.add_argument(
        "names", nargs="+", help=f"{', '.join(SEARCHES)}, untrained, or names of encoders"
    )
    parser.add_argument("--out", type=Path, default=RUNS, help="folder of the trainings")
    options = parser.parse_args()
    print("| |", " | ".join([*SPLITS, "score", *(f"{t}, sectors" for t in DEVELOPMENT_TASKS)]), "|")
    print("|---" + "|---:" * (len(SPLITS) + 1 + len(DEVELOPMENT_TASKS)) + "|")
    for name in options.names:
        if name in SEARCHES:
            search(name, options.out)
        elif name == "untrained":
            show_untrained()
        else:
            show(name, get_encoder(name).encode)


if __name__ == "__main__":
    main()
