"""The protocol of Climplicit's linear and MLP probes (Dollinger et al. 2025, ICLR-W)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.benchmarks.protocols.base import FoldResult, Protocol, Work
from satclip_bench.benchmarks.protocols.card import ProbeMethod, ProtocolCard, SplitMethod
from satclip_bench.benchmarks.protocols.range import random_split
from satclip_bench.benchmarks.protocols.training import Training
from satclip_bench.benchmarks.splits import Fold, SplitInputs
from satclip_bench.core.errors import BenchError

if TYPE_CHECKING:
    from torch import nn

SEED = 42
SHARES = (0.5, 0.1, 0.4)
HIDDEN_SIZE, N_TIED_LAYERS = 64, 2
N_HIDDEN_LAYERS, SIREN_HIDDEN_SIZE, SIREN_OUTPUT_SIZE = 16, 512, 256
TRAINING = Training(max_epochs=5000, patience=5, min_delta=1e-3)
SEEDS = tuple(range(42, 52))


class ClimplicitProtocol(Protocol):
    """A linear layer or a small perceptron on the frozen embedding, with early stopping."""

    card = ProtocolCard(
        name="climplicit",
        version=1,
        title="Climplicit, linear and MLP probes",
        citation="Dollinger et al. 2025, Climplicit: Climatic Implicit Embeddings for Global "
        "Ecological Tasks, ICLR Workshops, arXiv 2504.05089",
        sources=(
            "github.com/ecovision-uzh/climplicit at commit 8b69c37, "
            "src/utils/test_cases/downstreams/*.py, configs/experiment/test_*.yaml",
        ),
        splits={
            "random": SplitMethod(
                description="torch.utils.data.random_split over the rows in file order",
                settings={
                    "train_fraction": SHARES[0],
                    "validation_fraction": SHARES[1],
                    "seed": SEED,
                },
            )
        },
        preprocessing="targets z-scored by mean and standard deviation (divisor n) of the training "
        "set; embeddings are not scaled, float32",
        probes={
            "linear": ProbeMethod(
                description="one linear layer",
                settings={"layers": "D-1"} | TRAINING.model_dump(),
            ),
            "mlp": ProbeMethod(
                description="D-64-64-64-1 with ReLU, where the two hidden 64-64 layers share their "
                "weights (list multiplication)",
                settings={"hidden_size": HIDDEN_SIZE, "n_tied_hidden_layers": N_TIED_LAYERS}
                | TRAINING.model_dump(),
            ),
            "from-scratch": ProbeMethod(
                description="FS Loc: a residual SIREN on coordinates scaled to [-1, 1] and a "
                "linear layer, all trained. As in the authors' code, the network continues from "
                "one initialisation to the next, and only the linear layer is initialised again",
                settings={
                    "n_hidden_layers": N_HIDDEN_LAYERS,
                    "hidden_size": SIREN_HIDDEN_SIZE,
                    "output_size": SIREN_OUTPUT_SIZE,
                }
                | TRAINING.model_dump(),
                together=True,
            ),
        },
        seeds=SEEDS,
        metrics={"regression": "r2_percent", "classification": "f1_percent"},
        digits={"r2_percent": 1, "f1_percent": 1},
        left_open=(
            "The paper's code z-scores by all rows. Here, only the training set is used, which "
            "changes R2 only through the early stopping's threshold of 0.001 in units of the "
            "variance.",
            "The code seeds torch once with 42 and continues from one initialisation to the next. "
            "Here, each has its own seed, 42 to 51, so that each can be run by itself.",
            "The maximum number of epochs and the patience differ by task in the code (California "
            "housing 5000 and 5, median income 3000 and 5, population 1000 and 10). Here, they "
            "are 5000 and 5 for all tasks.",
            "The figure does not state how F1 is averaged over classes, and the code logs both "
            "means. Here, classes are weighted by size.",
        ),
    )

    @override
    def folds(self, points: SplitInputs, split: str) -> tuple[Fold, ...]:
        self.card.split(split)
        train, validation, test = random_split(len(points), SHARES, SEED)
        return (Fold("0", train, validation, test),)

    @override
    def outcomes(self, work: Work) -> Iterator[FoldResult]:
        from satclip_bench.benchmarks.protocols.paper_networks import (
            as_tensors,
            outputs_of,
            seeded,
            stopped_early,
        )

        self.card.probe(work.probe)
        X = np.asarray(work.embedding, dtype=np.float32)
        if work.probe == "from-scratch":
            X = scaled_coordinates(work.points.lonlat)
        for fold in self.folds(work.points, work.split):
            scale = _Scale(work.points.target, fold, work.task_type)
            y = scale.forward(work.points.target)
            train = as_tensors(X[fold.train], y[fold.train])
            held_out = as_tensors(X[fold.validation], y[fold.validation])
            body: nn.Module | None = None
            for seed in work.seeds:
                with seeded(seed):
                    network, body = _network(work.probe, X.shape[1], scale.outputs, body)
                    epochs = stopped_early(network, train, held_out, TRAINING)
                prediction = scale.back(outputs_of(network, X[fold.test]))
                yield self.result(work, fold, seed, prediction, {"epochs": epochs})


def scaled_coordinates(lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
    """Longitude and latitude, each scaled to [-1, 1], `(N, 2)`.

    Examples:
        >>> scaled_coordinates(np.array([[90.0, -45.0]]))
        array([[ 0.5, -0.5]], dtype=float32)
    """
    return (lonlat / [180.0, 90.0]).astype(np.float32)


class _Scale:
    """Targets of the network: z-scores by the training set, or class codes."""

    def __init__(self, target: NDArray[Any], fold: Fold, task_type: str) -> None:
        self._mean, self._scale = 0.0, 0.0
        self.outputs = 1
        if task_type == "regression":
            known = target[fold.train].astype(np.float64)
            self._mean, self._scale = float(known.mean()), float(known.std())
            if not self._scale > 0:
                raise BenchError("climplicit needs training targets that vary")
        else:
            # As in the paper's code, all classes of the table count, not only those of training.
            self.outputs = int(target.max()) + 1

    def forward(self, target: NDArray[Any]) -> NDArray[Any]:
        return (target - self._mean) / self._scale if self._scale else target

    def back(self, out: NDArray[np.float32]) -> NDArray[Any]:
        if not self._scale:
            return np.asarray(out.argmax(axis=1), dtype=np.int64)
        return out[:, 0].astype(np.float64) * self._scale + self._mean


def _network(
    probe: str, inputs: int, outputs: int, body: nn.Module | None
) -> tuple[nn.Module, nn.Module | None]:
    from torch import nn

    from satclip_bench.benchmarks.protocols.paper_networks import ResidualSiren, tied_perceptron

    if probe == "linear":
        return nn.Linear(inputs, outputs), None
    if probe == "mlp":
        return tied_perceptron(inputs, HIDDEN_SIZE, N_TIED_LAYERS, outputs), None
    body = body or ResidualSiren(inputs, SIREN_HIDDEN_SIZE, SIREN_OUTPUT_SIZE, N_HIDDEN_LAYERS)
    return nn.Sequential(body, nn.Linear(SIREN_OUTPUT_SIZE, outputs)), body
