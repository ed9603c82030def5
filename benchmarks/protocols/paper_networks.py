"""Networks that papers train as probes. Needs torch, and is imported only for a fit.

As in the papers' code, all randomness comes from torch's global generator, but inside `fork_rng`:
the random state of the caller is neither read nor changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from satclip_bench.benchmarks.protocols.training import Training

Tensors = tuple[torch.Tensor, torch.Tensor]
"""Features `(n, D)`, and targets or class codes `(n,)`."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Context in which torch's generator is seeded; afterwards its state is restored."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def tied_perceptron(inputs: int, hidden: int, repeats: int, outputs: int) -> nn.Sequential:
    """A perceptron whose hidden layers share their weights.

    The layers are linear, ReLU, `repeats` times the same hidden layer and ReLU, and linear. This
    is what `[nn.Linear(h, h), nn.ReLU()] * repeats` gives: one layer that is listed several times.
    Weights have torch's default initialisation.

    Args:
        inputs: number of input columns.
        hidden: width of the hidden layers.
        repeats: number of times that the hidden layer is applied.
        outputs: number of output columns.

    Examples:
        >>> network = tied_perceptron(4, 8, 2, 1)
        >>> sum(p.numel() for p in network.parameters())
        121
    """
    first = nn.Linear(inputs, hidden)
    shared = nn.Linear(hidden, hidden)
    last = nn.Linear(hidden, outputs)
    repeated: list[nn.Module] = [shared, nn.ReLU()] * repeats
    return nn.Sequential(first, nn.ReLU(), *repeated, last)


class ResidualSiren(nn.Module):
    """A residual SIREN: sine layers whose linear outputs are averaged with the previous ones.

    Dollinger et al. 2025 (arXiv 2504.05089), with the first layer of H-SIREN, sin(30 sinh(2 x)),
    after Gao and Jaiman 2024 (arXiv 2410.04716).

    Args:
        inputs: number of input columns.
        width: width of the hidden layers.
        outputs: width of the last layer, which is linear.
        layers: number of hidden layers.
    """

    FIRST_FREQUENCY = 30.0

    def __init__(self, inputs: int, width: int, outputs: int, layers: int) -> None:
        super().__init__()
        sizes = [inputs] + [width] * layers
        self.hidden = nn.ModuleList(
            _uniform_linear(wide, width, 1 / wide if not depth else math.sqrt(6 / wide))
            for depth, wide in enumerate(sizes[:-1])
        )
        self.last = _uniform_linear(width, outputs, math.sqrt(6 / width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs `(n, outputs)` of inputs `(n, inputs)`."""
        previous: torch.Tensor | None = None
        for depth, layer in enumerate(self.hidden):
            out = layer(x)
            if previous is not None:
                out = (out + previous) / 2
            previous = out
            x = torch.sin(out if depth else self.FIRST_FREQUENCY * torch.sinh(2 * out))
        embedding: torch.Tensor = self.last(x)
        return embedding


def full_batch(network: nn.Module, train: Tensors, learning_rate: float, epochs: int) -> nn.Module:
    """Train by Adam on the mean squared error of all rows at once, for a number of epochs."""
    X, y = train
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(epochs):
        optimizer.zero_grad()
        nn.functional.mse_loss(network(X).reshape(-1), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return network


def stopped_early(
    network: nn.Module, train: Tensors, validation: Tensors, training: Training
) -> int:
    """Train by Adam on shuffled batches until the validation loss stops improving.

    The weights of the last epoch are kept. The learning rate is divided by ten after ten epochs
    without a relative improvement of 1e-4, the defaults of torch's ReduceLROnPlateau; with a
    patience of ten or less, training usually ends before that.

    Args:
        network: network that is trained in place.
        train: rows from which gradients are computed.
        validation: rows on which early stopping is decided.
        training: learning rate, batch size and early stopping.

    Returns:
        The number of epochs that the network was trained for.
    """
    X, y = train
    loss_of = _loss_of(y)
    optimizer = torch.optim.Adam(network.parameters(), lr=training.learning_rate)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min")
    lowest, waited = training.initial_best_loss, 0
    for epoch in range(1, training.max_epochs + 1):
        order = torch.randperm(len(X))
        for batch in torch.split(order, training.batch_size):
            optimizer.zero_grad()
            loss_of(network(X[batch]), y[batch]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        loss = _mean_loss(network, validation, training.batch_size, loss_of)
        scheduler.step(loss)
        if lowest - loss > training.min_delta:
            lowest, waited = loss, 0
        else:
            waited += 1
        if waited == training.patience:
            return epoch
    return training.max_epochs


def outputs_of(network: nn.Module, X: NDArray[Any]) -> NDArray[np.float32]:
    """Outputs `(m, outputs)` of the network for `(m, D)` float32 inputs."""
    with torch.no_grad():
        out: NDArray[np.float32] = network(torch.from_numpy(X)).numpy()
    return out


def as_tensors(X: NDArray[Any], y: NDArray[Any]) -> Tensors:
    """Features as float32, and targets as int64 if they are integers and as float32 otherwise."""
    codes = np.issubdtype(y.dtype, np.integer)
    return (
        torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32)),
        torch.from_numpy(np.ascontiguousarray(y, dtype=np.int64 if codes else np.float32)),
    )


def _uniform_linear(inputs: int, outputs: int, bound: float) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound)
        layer.bias.uniform_(-bound, bound)
    return layer


def _loss_of(y: torch.Tensor) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    if y.dtype == torch.int64:
        return nn.functional.cross_entropy
    return lambda out, target: nn.functional.mse_loss(out.reshape(-1), target)


def _mean_loss(
    network: nn.Module,
    rows: Tensors,
    size: int,
    loss_of: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> float:
    # As in the paper's code, this is the mean over batches, not over rows.
    X, y = rows
    with torch.no_grad():
        losses = [
            float(loss_of(network(batch), target))
            for batch, target in zip(torch.split(X, size), torch.split(y, size), strict=True)
        ]
    return float(np.mean(losses))
