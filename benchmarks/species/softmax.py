"""Softmax regression over thousands of classes, in mini-batches; imports torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from satclip_bench.benchmarks.probes.training import EarlyStopping, forward
from satclip_bench.benchmarks.species.inputs import Inputs, Integers, batches

if TYPE_CHECKING:
    from satclip_bench.benchmarks.probes.perceptron import Layers
    from satclip_bench.benchmarks.species.settings import SoftmaxSettings


@dataclass(frozen=True)
class Fit:
    """Outcome of training.

    Attributes:
        layers: weights and biases of the epoch with the lowest validation loss.
        epoch: number of that epoch, from 1.
        losses: mean cross-entropy of the validation set after each epoch.
    """

    layers: Layers
    epoch: int
    losses: tuple[float, ...]


def fit_softmax(
    inputs: Inputs,
    species: Integers,
    train: Integers,
    validation: Integers,
    classes: int,
    settings: SoftmaxSettings,
    seed: int,
    on_step: Callable[[int, int], None] = lambda epoch, photographs: None,
) -> Fit:
    """Fit a softmax regression, and return the weights of the epoch with the lowest loss.

    Inputs and logits are held for one batch at a time, never for all rows. The last layer starts
    with weights 0 and the log shares of the classes in the training set (each class counted once
    more than it occurs) as biases; without a hidden layer the problem is convex. All random
    numbers come from a separate generator.

    Args:
        inputs: inputs of all photographs.
        species: `(N,)` class indices.
        train: rows of the training set.
        validation: rows that decide when to stop.
        classes: number of classes.
        settings: hyperparameters.
        seed: seed of the order of the batches and of the weights of a hidden layer.
        on_step: called with the epoch and the number of photographs seen in it.
    """
    generator = torch.Generator().manual_seed(seed)
    parameters = _initial(inputs.width, species[train], classes, settings, generator)
    optimiser = torch.optim.AdamW(
        parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    labels = torch.from_numpy(species)
    stopping = EarlyStopping(parameters, settings.patience)
    losses: list[float] = []
    for epoch in range(1, settings.max_epochs + 1):
        order = torch.randperm(len(train), generator=generator).numpy()
        seen = 0
        for rows in batches(train[order], settings.batch_size):
            optimiser.zero_grad()
            out = forward(parameters, torch.from_numpy(inputs.take(rows)))
            functional.cross_entropy(out, labels[rows]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            seen += len(rows)
            on_step(epoch, seen)
        loss = _loss(parameters, inputs, labels, validation, settings.batch_size)
        losses.append(loss)
        if stopping.after(epoch, loss):
            break
    return Fit(stopping.layers, stopping.epoch, tuple(losses))


def _initial(
    width: int,
    labels: Integers,
    classes: int,
    settings: SoftmaxSettings,
    generator: torch.Generator,
) -> list[torch.Tensor]:
    sizes = (width, settings.hidden, classes) if settings.hidden else (width, classes)
    parameters = []
    for wide, narrow in pairwise(sizes):
        weights = torch.zeros(narrow, wide)
        if narrow is not sizes[-1]:
            # He et al. 2015 (arXiv 1502.01852), the initialisation for ReLU.
            torch.nn.init.kaiming_uniform_(weights, nonlinearity="relu", generator=generator)
        parameters += [weights, torch.zeros(narrow)]
    counts = np.bincount(labels, minlength=classes) + 1.0
    parameters[-1] = torch.from_numpy(np.log(counts / counts.sum()).astype(np.float32))
    return [parameter.requires_grad_() for parameter in parameters]


def _loss(
    parameters: list[torch.Tensor],
    inputs: Inputs,
    labels: torch.Tensor,
    rows: Integers,
    batch_size: int,
) -> float:
    total = 0.0
    with torch.no_grad():
        for batch in batches(rows, batch_size):
            out = forward(parameters, torch.from_numpy(inputs.take(batch)))
            total += float(functional.cross_entropy(out, labels[batch], reduction="sum"))
    return total / len(rows)
