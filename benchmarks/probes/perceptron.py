"""Settings and forward pass of a multi-layer perceptron, without torch."""

from __future__ import annotations

from typing import Literal

import numpy as np

from satclip_bench.benchmarks.probes.base import Settings
from satclip_bench.benchmarks.probes.data import Float64, Floats

Layers = list[tuple[Floats, Floats]]
"""Weights `(out, in)` and biases `(out,)`, float32, first layer first."""


class PerceptronSettings(Settings):
    """Hyper-parameters of a network that `training.train_network` trains."""

    hidden_layer_sizes: tuple[int, ...]
    activation: Literal["relu"] = "relu"
    optimizer: Literal["adamw"] = "adamw"
    learning_rate: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    max_steps: int
    patience: int


def forward(layers: Layers, X: Floats) -> Float64:
    """Outputs `(m, outputs)` of the network for inputs `(m, D)`.

    The network was trained in float32, but the outputs are computed in float64: the result of a
    row then does not depend on the other rows, and predictions do not need torch.

    Examples:
        >>> identity = (np.eye(2, dtype=np.float32), np.zeros(2, dtype=np.float32))
        >>> forward([identity, identity], np.array([[-1.0, 2.0]]))
        array([[0., 2.]])
    """
    hidden = X.astype(np.float64)
    for weights, biases in layers[:-1]:
        hidden = np.maximum(hidden @ weights.T.astype(np.float64) + biases, 0)
    weights, biases = layers[-1]
    return np.asarray(hidden @ weights.T.astype(np.float64) + biases)
