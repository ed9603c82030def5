"""The protocol of the SatCLIP authors' example notebook on air temperature."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from typing_extensions import override

from satclip_bench.benchmarks.protocols.base import FoldResult, Protocol, Work, score
from satclip_bench.benchmarks.protocols.card import ProbeMethod, ProtocolCard, SplitMethod
from satclip_bench.benchmarks.protocols.range import random_split
from satclip_bench.benchmarks.splits import Fold, SplitInputs
from satclip_bench.benchmarks.splits.base import TrainTestFold
from satclip_bench.core.errors import BenchError

SPLIT_SEED = 0
TRAIN = 0.5
HIDDEN_SIZE, N_TIED_LAYERS = 64, 2
LEARNING_RATE, EPOCHS = 1e-3, 3000


class SatclipNotebookProtocol(Protocol):
    """A perceptron with tied hidden layers, trained on half of the stations."""

    card = ProtocolCard(
        name="satclip-notebook",
        version=1,
        title="SatCLIP, notebook B01",
        citation="Klemmer et al. 2023, SatCLIP: Global, General-Purpose Location Embeddings with "
        "Satellite Imagery, arXiv 2311.17179",
        sources=(
            "github.com/microsoft/satclip at commit 1ead106, "
            "notebooks/B01_Example_Air_Temperature_Prediction.ipynb",
        ),
        splits={
            "random": SplitMethod(
                description="torch.utils.data.random_split in halves; an odd row is for the test",
                settings={"train_fraction": TRAIN, "seed": SPLIT_SEED},
            )
        },
        preprocessing="y / max(y) with the maximum over all rows, including test rows, as in the "
        "notebook (no weight depends on a test row except through this one number); embeddings "
        "are not scaled, float32",
        probes={
            "mlp": ProbeMethod(
                description="D-64-64-64-1 with ReLU, where the two hidden 64-64 layers share their "
                "weights (list multiplication); Adam on the mean squared error of all "
                "training rows at once",
                settings={
                    "hidden_size": HIDDEN_SIZE,
                    "n_tied_hidden_layers": N_TIED_LAYERS,
                    "learning_rate": LEARNING_RATE,
                    "epochs": EPOCHS,
                },
            )
        },
        seeds=(0,),
        metrics={"regression": "mse"},
        digits={"mse": 5},
        left_open=(
            "The notebook sets no seeds of the split and the initialisation. Here, both are 0.",
            "The one printed number is from one run: no spread is published.",
        ),
    )

    @override
    def folds(self, points: SplitInputs, split: str) -> tuple[Fold, ...]:
        self.card.split(split)
        train = int(TRAIN * len(points))
        known, test = random_split(len(points), (train, len(points) - train), SPLIT_SEED)
        return (TrainTestFold("0", known, test),)

    @override
    def outcomes(self, work: Work) -> Iterator[FoldResult]:
        from satclip_bench.benchmarks.protocols.paper_networks import (
            as_tensors,
            full_batch,
            outputs_of,
            seeded,
            tied_perceptron,
        )

        self.card.probe(work.probe)
        X = np.asarray(work.embedding, dtype=np.float32)
        y = work.points.target.astype(np.float64)
        max_target = float(y.max())
        if work.task_type != "regression" or max_target <= 0:
            raise BenchError("satclip-notebook divides by the largest target, which must exceed 0")
        y = y / max_target
        for fold in self.folds(work.points, work.split):
            for seed in work.seeds:
                with seeded(seed):
                    network = tied_perceptron(X.shape[1], HIDDEN_SIZE, N_TIED_LAYERS, 1)
                    full_batch(
                        network, as_tensors(X[fold.train], y[fold.train]), LEARNING_RATE, EPOCHS
                    )
                out = outputs_of(network, X[fold.test])[:, 0].astype(np.float64)
                mse = score("mse", y[fold.test], out)
                yield FoldResult(seed, fold.name, out * max_target, {"mse": mse})
