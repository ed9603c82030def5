"""Networks that papers train as probes; needs torch, and is imported only when one is fitted.

All randomness comes from torch's global generator, as in the papers' code, inside `fork_rng`: the
caller's stream is neither read nor changed.
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
"""Features `(n, D)` and targets `(n,)` or class codes."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's generator set to `seed` inside, and as it was afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def tied_perceptron(inputs: int, hidden: int, repeats: int, outputs: int) -> nn.Sequential:
    """Linear, ReLU, then `repeats` times the very same hidden layer and ReLU, then linear.

    What `[nn.Linear(h, h), nn.ReLU()] * repeats` makes: one layer listed several times, so that
    its weights are shared. Initialised as torch does by default.
    """
    first = nn.Linear(inputs, hidden)
    shared = nn.Linear(hidden, hidden)
    last = nn.Linear(hidden, outputs)
    repeated: list[nn.Module] = [shared, nn.ReLU()] * repeats
    return nn.Sequential(first, nn.ReLU(), *repeated, last)


class ResidualSiren(nn.Module):
    """A residual SIREN: sines of linear maps, each averaged with the one before its sine.

    Dollinger et al. 2025 (arXiv 2504.05089), with the first layer of H-SIREN, sin(30 sinh(2 x)),
    after Gao and Jaiman 2024 (arXiv 2410.04716).

    Args:
        inputs: columns of the input.
        width: of the hidden layers.
        outputs: of the last, linear layer.
        layers: how many hidden layers.
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
        """`(n, inputs)` to `(n, outputs)`."""
        before: torch.Tensor | None = None
        for depth, layer in enumerate(self.hidden):
            out = layer(x)
            if before is not None:
                out = (out + before) / 2
            before = out
            x = torch.sin(out if depth else self.FIRST_FREQUENCY * torch.sinh(2 * out))
        found: torch.Tensor = self.last(x)
        return found


def full_batch(network: nn.Module, train: Tensors, learning_rate: float, epochs: int) -> nn.Module:
    """Adam on the mean squared error of all rows at once, for a fixed number of epochs."""
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
    """Adam on shuffled batches until the validation loss no longer falls; the last weights stay.

    The step shrinks tenfold after ten epochs without a relative improvement of 1e-4, torch's
    defaults of ReduceLROnPlateau; with a patience of ten or less training mostly ends before.

    Args:
        network: changed in place.
        train: rows that give the gradients.
        validation: rows that decide when to stop.
        training: step, batch and stopping.

    Returns:
        How many epochs it was trained for.
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
        held = _mean_loss(network, validation, training.batch_size, loss_of)
        scheduler.step(held)
        if lowest - held > training.min_delta:
            lowest, waited = held, 0
        else:
            waited += 1
        if waited == training.patience:
            return epoch
    return training.max_epochs


def outputs_of(network: nn.Module, X: NDArray[Any]) -> NDArray[np.float32]:
    """The network's outputs, `(m, D)` float32 to `(m, outputs)`."""
    with torch.no_grad():
        out: NDArray[np.float32] = network(torch.from_numpy(X)).numpy()
    return out


def as_tensors(X: NDArray[Any], y: NDArray[Any]) -> Tensors:
    """Rows as float32, targets as float32 or, where they are integers, as int64."""
    codes = np.issubdtype(y.dtype, np.integer)
    return (
        torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32)),
        torch.from_numpy(np.ascontiguousarray(y, dtype=np.int64 if codes else np.float32)),
    )


def _uniform_linear(wide: int, narrow: int, bound: float) -> nn.Linear:
    layer = nn.Linear(wide, narrow)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound)
        layer.bias.uniform_(-bound, bound)
    return layer


def _loss_of(y: torch.Tensor) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    if y.dtype == torch.int64:
        return nn.functional.cross_entropy
    return lambda out, wanted: nn.functional.mse_loss(out.reshape(-1), wanted)


def _mean_loss(
    network: nn.Module,
    rows: Tensors,
    size: int,
    loss_of: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> float:
    # The mean over batches, as the paper's code takes it, not over rows.
    X, y = rows
    with torch.no_grad():
        losses = [
            float(loss_of(network(part), wanted))
            for part, wanted in zip(torch.split(X, size), torch.split(y, size), strict=True)
        ]
    return float(np.mean(losses))
