"""Training of perceptrons with weight averaging, and search among candidates; imports torch.

Candidates are compared by successive halving: all are trained for a few steps, the best of them for
more, and the last ones until early stopping ends them. A candidate that is trained in several
turns ends with the same weights as one that is trained in a single turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from satclip_bench.benchmarks.probes.training import forward

if TYPE_CHECKING:
    from satclip_bench.benchmarks.probes.mlp_search import Candidate, MlpSettings
    from satclip_bench.benchmarks.probes.perceptron import Layers


class Rows(NamedTuple):
    """A training or validation set, as networks see it."""

    X: torch.Tensor
    """`(n, D)` float32, standardised on the training set."""
    y: torch.Tensor
    """`(n,)` float32, standardised on the training set, or int64 class codes."""


class NetworkFold(NamedTuple):
    """Sets on which candidates are compared."""

    train: Rows
    validation: Rows
    loss_scale: float
    """Factor of the validation loss: the variance of the training target, or 1 for classes."""


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


def rows(X: NDArray[np.floating[Any]], y: NDArray[Any]) -> Rows:
    """Tensors of standardised features `(n, D)` and of numbers or integer class codes `(n,)`.

    They are copied into torch's own memory, row by row: the rounding of matrix products, and with
    it a trained network, depends on the alignment and the order of the numbers in memory.
    """
    dtype = np.int64 if y.dtype.kind in "iu" else np.float32
    contiguous = np.ascontiguousarray(X, dtype=np.float32)
    return Rows(torch.from_numpy(contiguous).clone(), torch.from_numpy(y.astype(dtype)).clone())


class Network:
    """A perceptron in training, and the exponential moving average of its weights.

    Mini-batches go through a new order of the rows in each epoch. All random numbers come from a
    generator of this network: torch's global state is neither read nor changed.

    Args:
        train: training set.
        candidate: layer sizes, learning rate and weight decay.
        settings: batch size and decay of the average.
        outputs: number of classes, for cross-entropy; None for one number and MSE.
        seed: seed of the initial weights and of the order of the rows.
    """

    def __init__(
        self,
        train: Rows,
        candidate: Candidate,
        settings: MlpSettings,
        outputs: int | None,
        seed: int,
    ) -> None:
        self.steps = 0
        self._generator = torch.Generator().manual_seed(seed)
        self._train, self._outputs = train, outputs
        sizes = (train.X.shape[1], *[candidate.width] * candidate.depth, outputs or 1)
        self._parameters = _initial_weights(sizes, self._generator)
        self._decay = settings.average_decay
        self.averaged = [parameter.detach().clone() for parameter in self._parameters]
        self._optimizer = torch.optim.AdamW(
            self._parameters,
            lr=candidate.learning_rate,
            weight_decay=candidate.weight_decay,
            fused=True,
        )
        self._batches = self._batch_stream(settings.batch_size)

    def train(self, steps: int) -> None:
        """Train for `steps` further steps."""
        weights = [parameter.detach() for parameter in self._parameters]
        for _ in range(steps):
            batch = next(self._batches)
            self._optimizer.zero_grad()
            out = forward(self._parameters, self._train.X[batch])
            _loss(out, self._train.y[batch], self._outputs).backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            self.steps += 1
            # The first weights are far from the later ones, so that the average starts short.
            decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
            torch._foreach_lerp_(self.averaged, weights, 1 - decay)

    def layers(self) -> Layers:
        """Averaged weights and biases of each layer as NumPy arrays."""
        arrays = [parameter.numpy().copy() for parameter in self.averaged]
        return list(zip(arrays[::2], arrays[1::2], strict=True))

    def loss(self, validation: Rows) -> float:
        """Loss of the averaged weights, summed over the rows.

        Predicted numbers are clipped to the range of the training targets.
        """
        with torch.no_grad():
            out = forward(self.averaged, validation.X)
            if self._outputs is None:
                out = out.clamp(self._train.y.min(), self._train.y.max())
            return float(_loss(out, validation.y, self._outputs)) * len(validation.y)

    def _batch_stream(self, size: int) -> Iterator[torch.Tensor]:
        while True:
            order = torch.randperm(len(self._train.y), generator=self._generator)
            yield from torch.split(order, size)


class Trial:
    """A candidate in training, with one network for each fold, in step with each other.

    Args:
        number: position of the candidate.
        networks: one network per fold.
        folds: sets of these networks.
        settings: intervals and limits of early stopping.
    """

    def __init__(
        self,
        number: int,
        networks: Sequence[Network],
        folds: Sequence[NetworkFold],
        settings: MlpSettings,
    ) -> None:
        self.number, self.best_loss, self.best_step, self.ended = number, np.inf, 0, False
        self.best_layers = networks[0].layers()
        self._improved_loss, self._improved_step = np.inf, 0
        self._networks, self._folds, self._settings = networks, folds, settings

    @property
    def steps(self) -> int:
        """Number of steps so far."""
        return self._networks[0].steps

    def train_until(self, limit: int) -> None:
        """Train until step `limit`, or until the loss has not become lower for long enough.

        The weights of the lowest loss are kept, but only a loss that is lower by the fraction
        `min_improvement` prolongs training.
        """
        while not self.ended and self.steps < limit:
            steps = min(self._settings.steps_per_check, limit - self.steps)
            for network in self._networks:
                network.train(steps)
            loss = sum(
                fold.loss_scale * network.loss(fold.validation)
                for network, fold in zip(self._networks, self._folds, strict=True)
            )
            if loss < self.best_loss:
                self.best_loss, self.best_step = loss, self.steps
                self.best_layers = self._networks[0].layers()
            if loss < self._improved_loss * (1 - self._settings.min_improvement):
                self._improved_loss, self._improved_step = loss, self.steps
            self.ended = self.steps >= self._settings.last_step(self._improved_step)


def search(
    folds: Sequence[NetworkFold],
    candidates: Sequence[Candidate],
    settings: MlpSettings,
    *,
    outputs: int | None,
    seed: int,
) -> Winner:
    """Find the candidate with the lowest validation loss by successive halving.

    Karnin, Koren and Somekh 2013; Jamieson and Talwalkar 2016 (arXiv 1502.07943). Candidates whose
    training has ended stay in the race with the loss that they reached.

    Args:
        folds: one fold with a validation set, or inner folds, whose losses are added.
        candidates: settings to choose from.
        settings: rungs of the race, early stopping and training.
        outputs: number of classes; None for one number.
        seed: seed of all networks.
    """
    race = [
        Trial(
            number,
            [Network(fold.train, candidate, settings, outputs, seed) for fold in folds],
            folds,
            settings,
        )
        for number, candidate in enumerate(candidates)
    ]
    for steps, survivors in settings.rungs:
        for trial in race:
            trial.train_until(steps)
        race = sorted(race, key=lambda trial: trial.best_loss)[:survivors]
    for trial in race:
        trial.train_until(settings.max_steps)
    best = min(race, key=lambda trial: trial.best_loss)
    return Winner(
        best.number, best.best_loss, best.best_step, best.steps, best.ended, best.best_layers
    )


def _initial_weights(sizes: tuple[int, ...], generator: torch.Generator) -> list[torch.Tensor]:
    # He et al. 2015 (arXiv 1502.01852), for ReLU; biases start at 0.
    parameters = []
    for inputs, outputs in pairwise(sizes):
        weights = torch.empty(outputs, inputs)
        torch.nn.init.kaiming_uniform_(weights, nonlinearity="relu", generator=generator)
        parameters += [weights.requires_grad_(), torch.zeros(outputs, requires_grad=True)]
    return parameters


def _loss(out: torch.Tensor, y: torch.Tensor, outputs: int | None) -> torch.Tensor:
    if outputs is None:
        return functional.mse_loss(out[:, 0], y)
    return functional.cross_entropy(out, y)
