"""Training of a small network by torch with early stopping; imported only for a fit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

if TYPE_CHECKING:
    from satclip_bench.benchmarks.probes.perceptron import Layers, PerceptronSettings

Rows = tuple[NDArray[np.floating[Any]], NDArray[Any]]
"""Standardised float32 features `(n, D)`, and `(n,)` numbers or class codes."""


def train_network(
    train: Rows, validation: Rows, settings: PerceptronSettings, *, outputs: int | None, seed: int
) -> tuple[Layers, int]:
    """Train a network and return the weights of the epoch with the lowest validation loss.

    All randomness comes from a new generator. Torch's global state is neither read nor changed, so
    that results do not depend on what the process did before.

    Args:
        train: rows from which gradients are computed.
        validation: rows on which early stopping is decided.
        settings: layer sizes, optimiser settings and limits.
        outputs: number of classes, for cross-entropy; None for one number and MSE.
        seed: seed of the initial weights and of the order of the batches.

    Returns:
        The layers as NumPy arrays, and the number of epochs that they were trained for.
    """
    generator = torch.Generator().manual_seed(seed)
    X, y = _tensors(train, outputs)
    X_held_out, y_held_out = _tensors(validation, outputs)
    sizes = (X.shape[1], *settings.hidden_layer_sizes, outputs or 1)
    parameters = [part.requires_grad_() for part in initial_weights(sizes, generator)]
    optimizer = torch.optim.AdamW(
        parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    stopping = EarlyStopping(parameters, settings.patience)
    for epoch in range(1, max_epochs(len(X), settings) + 1):
        order = torch.randperm(len(X), generator=generator)
        for batch in torch.split(order, settings.batch_size):
            optimizer.zero_grad()
            _loss(parameters, X[batch], y[batch], outputs).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.no_grad():
            loss = float(_loss(parameters, X_held_out, y_held_out, outputs))
        if stopping.after(epoch, loss):
            break
    return stopping.layers, stopping.epoch


def max_epochs(rows: int, settings: PerceptronSettings) -> int:
    """Largest number of epochs for a training set of `rows` rows."""
    steps = -(-rows // settings.batch_size)
    return max(1, min(settings.max_epochs, settings.max_steps // steps))


class EarlyStopping:
    """The weights and biases of the epoch with the lowest validation loss.

    Args:
        parameters: weights and biases in turns, as the optimiser changes them.
        patience: number of epochs without a lower loss after which training ends.
    """

    def __init__(self, parameters: Sequence[torch.Tensor], patience: int) -> None:
        self.epoch = 0
        self._parameters, self._patience = parameters, patience
        self._lowest, self._best = np.inf, parameters

    def after(self, epoch: int, loss: float) -> bool:
        """Keep the parameters if the loss is lower than before; whether training should end.

        Args:
            epoch: number of the epoch, from 1, whose parameters are always kept.
            loss: validation loss after the epoch.
        """
        if loss < self._lowest or epoch == 1:
            self._lowest, self.epoch = loss, epoch
            self._best = [parameter.detach().clone() for parameter in self._parameters]
            return False
        return epoch - self.epoch >= self._patience

    @property
    def layers(self) -> Layers:
        """Weights and biases of each layer as NumPy arrays."""
        return as_layers(self._best)


def initial_weights(sizes: Sequence[int], generator: torch.Generator) -> list[torch.Tensor]:
    """Random weights `(out, in)` and zero biases `(out,)` of each layer, in turns.

    He et al. 2015 (arXiv 1502.01852), for ReLU.

    Args:
        sizes: numbers of inputs, of the units of each hidden layer, and of outputs.
        generator: source of the random numbers.
    """
    parameters = []
    for inputs, outputs in pairwise(sizes):
        weights = torch.empty(outputs, inputs)
        torch.nn.init.kaiming_uniform_(weights, nonlinearity="relu", generator=generator)
        parameters += [weights, torch.zeros(outputs)]
    return parameters


def as_layers(parameters: Sequence[torch.Tensor]) -> Layers:
    """Copies of weights and biases in turns as pairs of NumPy arrays."""
    arrays = [parameter.detach().cpu().numpy().copy() for parameter in parameters]
    return list(zip(arrays[::2], arrays[1::2], strict=True))


def forward(parameters: Sequence[torch.Tensor], X: torch.Tensor) -> torch.Tensor:
    """Outputs `(n, K)` of a perceptron with ReLU for inputs `(n, D)`.

    Args:
        parameters: weights and biases in turns.
        X: inputs.
    """
    hidden = X
    for weights, biases in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        hidden = functional.relu(functional.linear(hidden, weights, biases))
    return functional.linear(hidden, parameters[-2], parameters[-1])


def _tensors(rows: Rows, outputs: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    X, y = rows
    return torch.from_numpy(X), torch.from_numpy(y.astype(np.float32 if outputs is None else int))


def _loss(
    parameters: list[torch.Tensor], X: torch.Tensor, y: torch.Tensor, outputs: int | None
) -> torch.Tensor:
    out = forward(parameters, X)
    if outputs is None:
        return functional.mse_loss(out[:, 0], y)
    return functional.cross_entropy(out, y)
