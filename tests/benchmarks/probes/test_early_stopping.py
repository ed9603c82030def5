"""Training of one network with early stopping, which protocols use: the best epoch is kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from satclip_bench.benchmarks.probes.perceptron import Layers, PerceptronSettings, forward
from satclip_bench.benchmarks.probes.training import train_network
from tests.benchmarks.probes.sphere_data import parts

SETTINGS = PerceptronSettings(
    hidden_layer_sizes=(128, 128),
    learning_rate=2e-3,
    weight_decay=0.1,
    batch_size=256,
    max_epochs=100,
    max_steps=4000,
    patience=20,
)


def loss(layers: Layers, X: Any, y: Any) -> float:
    return float(np.square(forward(layers, X)[:, 0] - y).mean())


def test_weights_of_the_best_epoch_are_kept() -> None:
    data = parts("regression", rows=60)
    noise = np.random.default_rng(0).standard_normal(150)
    y, held = (data.y - 270) / 10, (data.validation[0], noise)
    by_epochs = []
    for epochs in (1, 2, 3, 8):
        settings = SETTINGS.model_copy(update={"max_epochs": epochs})
        layers, kept = train_network((data.X, y), held, settings, outputs=None, seed=0)
        by_epochs.append((loss(layers, *held), kept))
    losses = [value for value, _ in by_epochs]
    assert losses == sorted(losses, reverse=True)
    assert by_epochs[-1][1] <= 8


def test_patience_and_step_limit() -> None:
    data = parts("regression")
    flat = (data.validation[0], np.random.default_rng(0).standard_normal(150) * 100)
    limited = SETTINGS.model_copy(update={"batch_size": 50, "max_steps": 24})
    y = (data.y - data.y.mean()) / data.y.std()
    _, epochs = train_network((data.X, y), (data.X, y), limited, outputs=None, seed=0)
    assert epochs == 3  # 8 steps an epoch
    _, stopped = train_network((data.X, y), flat, SETTINGS, outputs=None, seed=0)
    assert stopped < SETTINGS.max_epochs
