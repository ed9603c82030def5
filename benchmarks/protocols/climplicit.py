"""The protocol of Climplicit's linear and MLP probes (Dollinger et al. 2025, ICLR-W)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.benchmarks.protocols.base import (
    FoldResult,
    ProbeMethod,
    Protocol,
    ProtocolCard,
    SplitMethod,
    Work,
    score,
)
from satclip_bench.benchmarks.protocols.range import random_split
from satclip_bench.benchmarks.protocols.training import Training
from satclip_bench.benchmarks.splits import Fold, SplitInputs
from satclip_bench.core.errors import BenchError

if TYPE_CHECKING:
    from torch import nn

SEED = 42
SHARES = (0.5, 0.1, 0.4)
HIDDEN, REPEATS = 64, 2
LAYERS, WIDTH, CODE = 16, 512, 256
TRAINING = Training(max_epochs=5000, patience=5, min_delta=1e-3)
SEEDS = tuple(range(42, 52))


class ClimplicitProtocol(Protocol):
    """A linear layer or a small perceptron on the frozen embedding, stopped early."""

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
        "rows; embeddings as they are, float32",
        probes={
            "linear": ProbeMethod(
                description="one linear layer",
                settings={"layers": "D-1"} | TRAINING.model_dump(),
            ),
            "mlp": ProbeMethod(
                description="D-64-64-64-1 with ReLU, of which the two hidden 64-64 layers are one "
                "and the same (list multiplication)",
                settings={"hidden_size": HIDDEN, "n_tied_hidden_layers": REPEATS}
                | TRAINING.model_dump(),
            ),
            "from-scratch": ProbeMethod(
                description="FS Loc: a residual SIREN on coordinates scaled to [-1, 1] and a "
                "linear layer, all trained. The network goes on from one initialisation to the "
                "next, as in the authors' code, where only the linear layer is made anew",
                settings={"n_hidden_layers": LAYERS, "hidden_size": WIDTH, "output_size": CODE}
                | TRAINING.model_dump(),
                together=True,
            ),
        },
        seeds=SEEDS,
        metrics={"regression": "r2_percent", "classification": "f1_percent"},
        digits={"r2_percent": 1, "f1_percent": 1},
        left_open=(
            "The paper's code z-scores by all rows; here by the training rows, which changes R2 "
            "only through the early stopping's threshold of 0.001 in units of the variance.",
            "The code seeds torch once with 42 and goes on from one initialisation to the next; "
            "here each has its own seed, 42 to 51, so that one can be run without the others.",
            "Epochs at most and patience differ by task in the code (California housing 5000 and "
            "5, median income 3000 and 5, population 1000 and 10): 5000 and 5 for all here.",
            "How F1 is averaged over classes is not stated in the figure, and the code logs both "
            "means: weighted by size here.",
        ),
    )

    @override
    def folds(self, points: SplitInputs, split: str) -> tuple[Fold, ...]:
        self.card.split(split)
        return (Fold("0", *random_split(len(points), SHARES, SEED)),)

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
        metric = self.card.metrics[work.task_type]
        for fold in self.folds(work.points, work.split):
            scale = _Scale(work.points.target, fold, work.task_type)
            y = scale.forward(work.points.target)
            train = as_tensors(X[fold.train], y[fold.train])
            held = as_tensors(X[fold.validation], y[fold.validation])
            body: nn.Module | None = None
            for seed in work.seeds:
                with seeded(seed):
                    network, body = _network(work.probe, X.shape[1], scale.outputs, body)
                    epochs = stopped_early(network, train, held, TRAINING)
                prediction = scale.back(outputs_of(network, X[fold.test]))
                yield FoldResult(
                    seed,
                    fold.name,
                    prediction,
                    {metric: score(metric, work.points.target[fold.test], prediction)},
                    {"epochs": epochs},
                )


def scaled_coordinates(lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
    """Longitude and latitude, each scaled to [-1, 1], `(N, 2)`."""
    return (lonlat / [180.0, 90.0]).astype(np.float32)


class _Scale:
    """Targets as the network sees them: z-scores by the training rows, or codes of classes."""

    def __init__(self, target: NDArray[Any], fold: Fold, task_type: str) -> None:
        self._mean, self._scale = 0.0, 0.0
        self.outputs = 1
        if task_type == "regression":
            known = target[fold.train].astype(np.float64)
            self._mean, self._scale = float(known.mean()), float(known.std())
            if not self._scale > 0:
                raise BenchError("climplicit needs training targets that vary")
        else:
            # As in the paper's code, classes are those of the whole table; it names no label.
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
        return tied_perceptron(inputs, HIDDEN, REPEATS, outputs), None
    body = body or ResidualSiren(inputs, WIDTH, CODE, LAYERS)
    return nn.Sequential(body, nn.Linear(CODE, outputs)), body
