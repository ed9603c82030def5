"""Networks of the papers against loops written out, and against torch's own layers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from satclip_bench.benchmarks.protocols.paper_networks import (
    ResidualSiren,
    as_tensors,
    full_batch,
    outputs_of,
    seeded,
    stopped_early,
    tied_perceptron,
)
from satclip_bench.benchmarks.protocols.training import Training


def data(rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3)).astype(np.float32)
    return as_tensors(X, np.sin(X[:, 0]) + X[:, 1])


def test_hidden_layers_are_one_and_the_same() -> None:
    with seeded(0):
        network = tied_perceptron(5, 8, 2, 1)
    assert network[2] is network[4]
    assert sum(p.numel() for p in network.parameters()) == 5 * 8 + 8 + 8 * 8 + 8 + 8 + 1
    full_batch(network, (torch.randn(20, 5), torch.randn(20)), 1e-2, 5)
    first, second = (dict(network[i].named_parameters())["weight"] for i in (2, 4))
    assert torch.equal(first, second)


def test_full_batches_are_plain_adam() -> None:
    X, y = data(40, 0)
    with seeded(1):
        ours = full_batch(nn.Linear(3, 1), (X, y), 1e-2, 25)
    with seeded(1):
        theirs = nn.Linear(3, 1)
    optimizer = torch.optim.Adam(theirs.parameters(), lr=1e-2)
    for _ in range(25):
        optimizer.zero_grad()
        loss = ((theirs(X)[:, 0] - y) ** 2).mean()
        loss.backward()
        optimizer.step()
    assert np.allclose(outputs_of(ours, X.numpy()), outputs_of(theirs, X.numpy()), atol=1e-6)


@pytest.mark.parametrize(("patience", "gain"), [(1, 1e-3), (4, 1e-2), (3, 10.0)])
def test_training_ends_after_so_many_epochs_without_a_gain(patience: int, gain: float) -> None:
    train, held = data(60, 2), data(30, 3)
    training = Training(
        learning_rate=1e-2, batch_size=16, max_epochs=60, patience=patience, min_delta=gain
    )
    with seeded(4):
        network = tied_perceptron(3, 8, 2, 1)
        epochs = stopped_early(network, train, held, training)
    losses = []
    for count in range(1, epochs + 1):
        with seeded(4):
            again = tied_perceptron(3, 8, 2, 1)
            stopped_early(again, train, held, training.model_copy(update={"max_epochs": count}))
        batches = zip(torch.split(held[0], 16), torch.split(held[1], 16), strict=True)
        with torch.no_grad():
            of = [float(((again(x)[:, 0] - y) ** 2).mean()) for x, y in batches]
        losses.append(float(np.mean(of)))
    lowest, since = 10_000.0, 0
    for count, loss in enumerate(losses, 1):
        lowest, since = (loss, 0) if lowest - loss > gain else (lowest, since + 1)
        assert (since == patience) == (count == epochs and epochs < 60)
    if gain > 1:
        assert epochs == patience + 1, "the first epoch gains on any loss"


def test_a_residual_siren_is_its_formula() -> None:
    with seeded(5):
        network = ResidualSiren(2, 6, 4, 3)
    X = np.random.default_rng(6).uniform(-1, 1, (7, 2)).astype(np.float32)
    numbers = {name: value.detach().numpy() for name, value in network.named_parameters()}
    layers = [(numbers[f"hidden.{i}.weight"], numbers[f"hidden.{i}.bias"]) for i in range(3)]
    first = X @ layers[0][0].T + layers[0][1]
    x = np.sin(30 * np.sinh(2 * first))
    before = first
    for weight, bias in layers[1:]:
        before = (x @ weight.T + bias + before) / 2
        x = np.sin(before)
    wanted = x @ numbers["last.weight"].T + numbers["last.bias"]
    assert np.abs(outputs_of(network, X) - wanted).max() < 1e-4
    assert np.abs(layers[0][0]).max() <= 1 / 2
    assert np.abs(layers[1][0]).max() <= math.sqrt(6 / 6)


def test_classes_are_codes_and_values_are_floats() -> None:
    X, y = as_tensors(np.zeros((3, 2)), np.array([2, 0, 1]))
    assert (X.dtype, y.dtype) == (torch.float32, torch.int64)
    assert as_tensors(np.zeros((3, 2)), np.array([2.0, 0, 1]))[1].dtype == torch.float32
