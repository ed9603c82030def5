"""Search among candidates by successive halving; imports torch.

Candidates are compared by successive halving: all are trained for a few steps, the best of them for
more, and the last ones until early stopping ends them. All that are in training are at the same
step, and those with the same layer sizes are trained together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from satclip_bench.benchmarks.probes.networks import Layout, Member, Networks, Rows

if TYPE_CHECKING:
    from satclip_bench.benchmarks.probes.mlp_search import Candidate, MlpSettings
    from satclip_bench.benchmarks.probes.perceptron import Layers

_CPU_NUMBERS = 2**16
"""Maximum number of weights of a stack on a CPU, so that a step stays in the processor's cache."""


class NetworkFold(NamedTuple):
    """Sets on which candidates are compared."""

    train: Rows
    validation: Rows
    loss_scale: float
    """Factor of the validation loss: the variance of the training target, or 1 for classes."""
    constant_loss: float
    """Validation loss, without the factor, of the training set's mean or shares of classes."""


class Winner(NamedTuple):
    """Outcome of a search."""

    candidate: int
    """Position of the chosen candidate."""
    loss: float
    """Its lowest validation loss, summed over the rows of all folds."""
    steps: int
    """Step at which that loss was reached."""
    steps_trained: int
    """Step at which its training ended."""
    stopped_early: bool
    """Whether its training ended before the largest number of steps."""
    layers: Layers
    """Averaged weights of the first fold's network at that step."""


class Trial:
    """Validation losses of a candidate, and its early stopping.

    Args:
        number: position of the candidate.
        settings: limits of early stopping.
        constant_loss: validation loss of a constant prediction.
    """

    def __init__(self, number: int, settings: MlpSettings, constant_loss: float) -> None:
        self.number, self.steps, self.ended = number, 0, False
        self.best_loss, self.best_step = np.inf, 0
        self._improved_loss, self._improved_step = np.inf, 0
        self._patience = settings.patience_steps
        self._min_gain = settings.min_improvement * constant_loss

    def check(self, steps: int, loss: float) -> bool:
        """Note the loss at a step, and whether training ends; True if no loss was lower before.

        Only a loss that is lower than at the last improvement by `min_improvement`, in units of
        the constant prediction's loss, prolongs training.
        """
        self.steps, lower = steps, loss < self.best_loss
        if lower:
            self.best_loss, self.best_step = loss, steps
        if loss < self._improved_loss - self._min_gain:
            self._improved_loss, self._improved_step = loss, steps
        self.ended = steps - self._improved_step >= self._patience
        return lower


class _Stack(NamedTuple):
    """Networks that are trained together, and what each is for."""

    networks: Networks
    trials: list[int]
    folds: list[int]


class Race:
    """Candidates in training, each with one network per fold.

    Args:
        folds: one fold with a validation set, or inner folds, whose losses are added.
        candidates: settings to choose from.
        settings: early stopping and training.
        outputs: number of classes; None for one number.
        seed: seed of all networks.
    """

    def __init__(
        self,
        folds: Sequence[NetworkFold],
        candidates: Sequence[Candidate],
        settings: MlpSettings,
        *,
        outputs: int | None,
        seed: int,
    ) -> None:
        self.steps = 0
        constant = sum(fold.loss_scale * fold.constant_loss for fold in folds)
        self.trials = [Trial(number, settings, constant) for number in range(len(candidates))]
        self._folds, self._settings = folds, settings
        self._stacks = []
        self._best: dict[int, tuple[Networks, torch.Tensor]] = {}
        for trials, places in _stacked(folds, candidates, outputs):
            members = [
                Member(folds[fold].train, candidates[trial], seed)
                for trial, fold in zip(trials, places, strict=True)
            ]
            stack = _Stack(Networks(members, settings, outputs), trials, places)
            self._stacks.append(stack)
            self._remember(stack, set(trials))

    def train_until(self, limit: int) -> None:
        """Train until step `limit`, or until the training of every candidate has ended."""
        while self.steps < limit and (active := [t for t in self.trials if not t.ended]):
            steps = min(self._settings.steps_per_check, limit - self.steps)
            losses = dict.fromkeys((trial.number for trial in active), 0.0)
            for stack in self._stacks:
                stack.networks.train(steps)
                sums = stack.networks.losses([self._folds[f].validation for f in stack.folds])
                for trial, fold, loss in zip(stack.trials, stack.folds, sums, strict=True):
                    losses[trial] += self._folds[fold].loss_scale * loss
            self.steps += steps
            lower = {
                trial.number for trial in active if trial.check(self.steps, losses[trial.number])
            }
            for stack in self._stacks:
                self._remember(stack, lower)
            if any(trial.ended for trial in active):
                self._keep({trial.number for trial in active if not trial.ended})

    def keep_best(self, count: int) -> None:
        """Go on with the `count` candidates of the lowest losses.

        Those whose training has ended stay in the race with the loss that they reached.
        """
        self.trials = sorted(self.trials, key=lambda trial: trial.best_loss)[:count]
        self._keep({trial.number for trial in self.trials if not trial.ended})

    def winner(self) -> Winner:
        """The candidate with the lowest loss."""
        best = min(self.trials, key=lambda trial: trial.best_loss)
        networks, averages = self._best[best.number]
        return Winner(
            best.number,
            best.best_loss,
            best.best_step,
            best.steps,
            best.ended,
            networks.layers(averages),
        )

    def _remember(self, stack: _Stack, trials: set[int]) -> None:
        """Copy the averaged weights of the first fold's networks of these candidates."""
        for row, (trial, fold) in enumerate(zip(stack.trials, stack.folds, strict=True)):
            if fold == 0 and trial in trials:
                self._best[trial] = stack.networks, stack.networks.averages[row].clone()

    def _keep(self, active: set[int]) -> None:
        """Go on training the networks of these candidates only."""
        stacks = []
        for networks, trials, folds in self._stacks:
            kept = [row for row, trial in enumerate(trials) if trial in active]
            if kept and len(kept) < len(trials):
                networks.keep(kept)
            if kept:
                stacks.append(
                    _Stack(networks, [trials[row] for row in kept], [folds[row] for row in kept])
                )
        self._stacks = stacks


def search(
    folds: Sequence[NetworkFold],
    candidates: Sequence[Candidate],
    settings: MlpSettings,
    *,
    outputs: int | None,
    seed: int,
) -> Winner:
    """Find the candidate with the lowest validation loss by successive halving.

    Karnin, Koren and Somekh 2013; Jamieson and Talwalkar 2016 (arXiv 1502.07943).

    Args:
        folds: one fold with a validation set, or inner folds, whose losses are added.
        candidates: settings to choose from.
        settings: rungs of the race, early stopping and training.
        outputs: number of classes; None for one number.
        seed: seed of all networks.
    """
    race = Race(folds, candidates, settings, outputs=outputs, seed=seed)
    for steps, survivors in settings.rungs:
        race.train_until(steps)
        race.keep_best(survivors)
    race.train_until(settings.max_steps)
    return race.winner()


def _stacked(
    folds: Sequence[NetworkFold], candidates: Sequence[Candidate], outputs: int | None
) -> Iterator[tuple[list[int], list[int]]]:
    """Candidates and folds of the networks of each stack."""

    def shape(trial: int) -> tuple[int, int]:
        return candidates[trial].depth, candidates[trial].width

    inputs = folds[0].train.X.shape[1]
    for (depth, width), group in groupby(sorted(range(len(candidates)), key=shape), shape):
        trials = list(group)
        pairs = [(trial, fold) for fold in range(len(folds)) for trial in trials]
        size = len(pairs)
        if folds[0].train.X.device.type == "cpu":
            numbers = Layout((inputs, *[width] * depth, outputs or 1)).size
            size = max(1, _CPU_NUMBERS // numbers)
        for start in range(0, len(pairs), size):
            stack = pairs[start : start + size]
            yield [trial for trial, _ in stack], [fold for _, fold in stack]
