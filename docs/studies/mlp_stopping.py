"""Rules of early stopping for the perceptron probe, compared on the development set alone.

    python docs/studies/mlp_stopping.py
    python docs/studies/mlp_stopping.py air_temperature:direct:0      # one cell

The development set is drawn into 3,000 training, 1,000 validation and 1,000 held-out rows, the
first two as many as the random split gives the global tasks. For each task, encoder and seed, the
probe's race chooses a candidate. It is then trained to HORIZON steps, but not further than three
times the step of the lowest validation loss plus the LONGEST patience. A rule is applied to this
curve of validation losses: where does it end training, and what is the held-out loss of the check
with the lowest validation loss until then? Losses are divided by that of a constant prediction (the
training mean, or the training set's shares of classes).

A rule is admitted if it ends every curve before HORIZON, and every power law that starts from the
loss of a constant prediction before the cap of the probe. The criterion: of the admitted rules, the
one with the lowest price, which is the mean excess of the held-out loss over that of the whole
curve, plus PRICE for every step. The table has the rules of which no other has both fewer steps and
a lower excess, after the rule of version 4.
"""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from satclip_bench.benchmarks.probes import mlp
from satclip_bench.benchmarks.probes.data import Dataset, InnerSets
from satclip_bench.benchmarks.probes.halving import NetworkFold, Race
from satclip_bench.benchmarks.probes.mlp_search import CANDIDATES, MlpSettings
from satclip_bench.benchmarks.probes.networks import Member, Networks
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.encoders import get_encoder
from satclip_bench.tasks.development import development_frame

CPU = torch.device("cpu")
CELLS = (
    ("air_temperature", ("direct", "wrap", "harmonics.l10", "geoclip", "satclip-bluemarble.l10")),
    ("elevation", ("direct", "wrap", "harmonics.l10", "geoclip")),
    ("population_density", ("direct", "geoclip")),
    ("biomes", ("wrap", "geoclip")),
)
TRAIN, VALIDATION = 3000, 1000
HORIZON = 8000
OVERFITTED = 3
LONGEST = 1600
PRICE = 0.001 / 400
"""Of a step: some 400 take a second, which is worth .001 of R2 or of the log loss."""
CHECK = MlpSettings().steps_per_check
EXPONENTS = np.linspace(0.02, 2.0, 100)
CURVES = Path("results/runs/mlp-stopping")


class Rule(NamedTuple):
    """When training ends."""

    patience: int
    """Steps without an improvement after which training ends,"""
    fraction: float
    """and this share of the step of the last improvement."""
    relative: float
    """An improvement lowers the loss by this share of itself,"""
    absolute: float
    """and by this share of the loss of a constant prediction."""


RULES = [
    Rule(400, 0.5, 0.01, 0.0),
    *(
        Rule(patience, fraction, relative, absolute)
        for patience, fraction, (relative, absolute) in itertools.product(
            (400, 800, LONGEST),
            (0.0, 0.25, 0.5),
            ((0.01, 0.0), (0.02, 0.0), (0.0, 0.001), (0.0, 0.002), (0.0, 0.005), (0.0, 0.01)),
        )
        if (patience, fraction, relative) != (400, 0.5, 0.01)
    ),
]
"""The first is that of version 4 of the probe."""

PROBE_RULE = Rule(MlpSettings().patience_steps, 0.0, 0.0, MlpSettings().min_improvement)


class Curve(NamedTuple):
    """Losses of the chosen candidate at every check, over those of a constant prediction."""

    validation: NDArray[np.float64]
    held_out: NDArray[np.float64]
    candidate: int
    race_seconds: float
    """Seconds of the processor for the race."""
    step_seconds: float
    """Seconds of the processor for each further step, with its share of a check."""


def end(losses: NDArray[np.float64], rule: Rule) -> int | None:
    """Check, counted from 1, at which a rule ends training; None if it does not."""
    improved, at = np.inf, 0
    for check, loss in enumerate(losses.tolist(), start=1):
        if loss < improved * (1 - rule.relative) - rule.absolute:
            improved, at = loss, check
        if check * CHECK >= at * CHECK * (1 + rule.fraction) + rule.patience:
            return check
    return None


def ends_power_laws(rule: Rule) -> bool:
    """Whether a rule ends every power law of the steps before the cap."""
    checks = np.arange(1, MlpSettings().max_steps // CHECK)
    return all(end(checks**-exponent, rule) is not None for exponent in EXPONENTS)


def make_folds(task: str, encoder: str, seed: int) -> tuple[NetworkFold, NetworkFold, int | None]:
    """Folds that validate on the validation and on the held-out rows, and the number of classes."""
    frame = development_frame()
    X = get_encoder(encoder).encode(frame[["lon", "lat"]].to_numpy())
    outputs = None
    if frame[task].dtype == "category":
        classes, y = np.unique(frame[task].astype(str), return_inverse=True)
        outputs = len(classes)
    else:
        y = frame[task].to_numpy(np.float64)
    order = np.random.default_rng(seed).permutation(len(y))
    train, validation, held_out = (
        Dataset(X[rows], y[rows]) for rows in np.split(order, [TRAIN, TRAIN + VALIDATION])
    )
    folds = [
        mlp.network_fold(InnerSets(train, others), outputs, CPU)
        for others in (validation, held_out)
    ]
    return folds[0], folds[1], outputs


def make_curve(task: str, encoder: str, seed: int) -> Curve:
    """Choose a candidate by the race and train it far beyond where rules end."""
    fold, held_out_fold, outputs = make_folds(task, encoder, seed)
    settings = MlpSettings(patience_steps=HORIZON)
    started = time.process_time()
    race = Race([fold], CANDIDATES, settings, outputs=outputs, seed=seed)
    for limit, survivors in settings.rungs:
        race.train_until(limit)
        race.keep_best(survivors)
    candidate = race.winner().candidate
    raced = time.process_time()
    networks = Networks([Member(fold.train, CANDIDATES[candidate], seed)], settings, outputs)
    losses: list[tuple[float, float]] = []
    lowest = np.inf
    best = 0
    while networks.steps < min(HORIZON, OVERFITTED * best + LONGEST):
        networks.train(CHECK)
        pair = [networks.losses([part.validation])[0] for part in (fold, held_out_fold)]
        losses.append((pair[0] / fold.constant_loss, pair[1] / held_out_fold.constant_loss))
        if losses[-1][0] < lowest:
            lowest, best = losses[-1][0], networks.steps
    seconds = (time.process_time() - raced) / networks.steps
    validation, held_out = np.array(losses).T
    return Curve(validation, held_out, candidate, raced - started, seconds)


def load_curve(task: str, encoder: str, seed: int) -> Curve:
    """The curve, from its file if there is one."""
    path = CURVES / f"{task}-{encoder}-{seed}.npz"
    if path.is_file():
        with np.load(path) as arrays:
            parts = [arrays[name] for name in Curve._fields]
        return Curve(parts[0], parts[1], int(parts[2]), float(parts[3]), float(parts[4]))
    curve = make_curve(task, encoder, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        validation=curve.validation,
        held_out=curve.held_out,
        candidate=np.array(curve.candidate),
        race_seconds=np.array(curve.race_seconds),
        step_seconds=np.array(curve.step_seconds),
    )
    return curve


class RuleResult(NamedTuple):
    """What a rule makes of the curves."""

    rule: Rule
    admitted: bool
    steps: NDArray[np.int64]
    """Step at which each curve ends."""
    excess: NDArray[np.float64]
    """Held-out loss of each, above that of the whole curve."""
    seconds: float
    """Mean seconds of the processor for a fit."""

    @property
    def price(self) -> float:
        """Mean excess and price of the steps."""
        return float(self.excess.mean() + PRICE * self.steps.mean())

    def betters(self, other: RuleResult) -> bool:
        """Whether it has fewer steps than another result and no greater loss."""
        fewer = self.steps.mean() < other.steps.mean()
        return bool(fewer and self.excess.mean() <= other.excess.mean())


def apply(rule: Rule, curves: list[Curve]) -> RuleResult:
    """Apply a rule to all curves."""
    ends = [end(curve.validation, rule) for curve in curves]
    checks = [found or len(c.validation) for found, c in zip(ends, curves, strict=True)]
    raced = MlpSettings().rungs[-1][0]
    excess, seconds = [], []
    for curve, check in zip(curves, checks, strict=True):
        kept, best = (int(np.argmin(part)) for part in (curve.validation[:check], curve.validation))
        excess.append(curve.held_out[kept] - curve.held_out[best])
        seconds.append(curve.race_seconds + max(0, check * CHECK - raced) * curve.step_seconds)
    return RuleResult(
        rule,
        None not in ends and ends_power_laws(rule),
        CHECK * np.array(checks),
        np.array(excess),
        float(np.mean(seconds)),
    )


def print_cells(cells: list[tuple[str, str, int]]) -> list[Curve]:
    """Print the cost of each cell, and what the probe's rule makes of its curve."""
    print(
        "| task | encoder | seed | candidate | race, s | ms per step | lowest at | of "
        "| held-out loss | the probe ends at | excess |\n|---|---|" + "---:|" * 9
    )
    curves = []
    for task, encoder, seed in cells:
        curve = load_curve(task, encoder, seed)
        best = int(np.argmin(curve.validation))
        result = apply(PROBE_RULE, [curve])
        print(
            f"| {task} | {encoder} | {seed} | {curve.candidate} | {curve.race_seconds:.1f} "
            f"| {1e3 * curve.step_seconds:.2f} | {CHECK * (best + 1):,} "
            f"| {CHECK * len(curve.validation):,} | {curve.held_out[best]:.4f} "
            f"| {result.steps[0]:,} | {result.excess[0]:.4f} |",
            flush=True,
        )
        curves.append(curve)
    return curves


def print_rules(curves: list[Curve]) -> None:
    """Print the table of rules, fewest steps first, with the chosen one in bold."""
    version_4, *others = [apply(rule, curves) for rule in RULES]
    admitted = sorted(
        (result for result in others if result.admitted), key=lambda o: float(o.steps.mean())
    )
    frontier = [o for o in admitted if not any(other.betters(o) for other in admitted)]
    chosen = min(admitted, key=lambda o: o.price, default=None)
    print(
        "| patience, steps | of the step | improvement, of the loss | of a constant's | admitted "
        "| steps, mean | max | seconds | excess, mean | max | price |\n|" + "---:|" * 11
    )
    for result in (version_4, *frontier):
        rule, steps, excess = result.rule, result.steps, result.excess
        bold = "**" if result is chosen else ""
        print(
            f"| {bold}{rule.patience}{bold} | {rule.fraction:g} | {rule.relative:g} "
            f"| {bold}{rule.absolute:g}{bold} | {'yes' if result.admitted else 'no'} "
            f"| {steps.mean():,.0f} | {steps.max():,} | {result.seconds:.1f} "
            f"| {excess.mean():.4f} | {excess.max():.4f} "
            f"| {result.price:.4f} |"
        )


def main() -> None:
    """Print cells and rules for the whole development set, or for the cells that are named."""
    cells = [(task, encoder, 0) for task, encoders in CELLS for encoder in encoders]
    if sys.argv[1:]:
        named = (cell.split(":") for cell in sys.argv[1:])
        cells = [(task, encoder, int(seed)) for task, encoder, seed in named]
    with thread_limit(1):
        curves = print_cells(cells)
    print_rules(curves)


if __name__ == "__main__":
    main()
