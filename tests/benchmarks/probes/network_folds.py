"""Small sets for networks, and one network with its losses computed without torch."""

from __future__ import annotations

import numpy as np
import torch

from satclip_bench.benchmarks.probes.halving import NetworkFold
from satclip_bench.benchmarks.probes.mlp_search import Candidate, MlpSettings
from satclip_bench.benchmarks.probes.networks import Member, Networks, Rows, rows
from satclip_bench.benchmarks.probes.perceptron import Layers, forward

CPU = torch.device("cpu")


def fold(seed: int = 0, validation_rows: int = 40, device: torch.device = CPU) -> NetworkFold:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((100 + validation_rows, 3))
    y = np.sin(2 * X[:, 0]) + 0.3 * rng.standard_normal(len(X))
    return NetworkFold(
        rows(X[:100], y[:100], device),
        rows(X[100:], y[100:], device),
        loss_scale=2.0,
        constant_loss=float(np.square(y[100:]).sum()),
    )


class Network:
    """A stack of one network of a regression."""

    def __init__(self, train: Rows, candidate: Candidate, settings: MlpSettings, seed: int) -> None:
        self.networks = Networks([Member(train, candidate, seed)], settings, None)

    def train(self, steps: int) -> None:
        self.networks.train(steps)

    def layers(self) -> Layers:
        return self.networks.layers(self.networks.averages[0])


def summed_error(layers: Layers, part: NetworkFold) -> float:
    """Squared error of the validation set, computed without torch."""
    low, high = float(part.train.y.min()), float(part.train.y.max())
    out = forward(layers, part.validation.X.numpy())[:, 0].clip(low, high)
    return float(np.square(out - part.validation.y.numpy()).sum()) * part.loss_scale


def curve(
    part: NetworkFold, candidate: Candidate, settings: MlpSettings, checks: int, seed: int = 0
) -> list[float]:
    """Losses of one network at the first checks."""
    network = Network(part.train, candidate, settings, seed)
    losses = []
    for _ in range(checks):
        network.train(settings.steps_per_check)
        losses.append(summed_error(network.layers(), part))
    return losses
