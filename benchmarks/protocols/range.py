"""The protocol of RANGE's Table 2 (Dhakal et al. 2025, CVPR)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.benchmarks.protocols.base import FoldResult, Protocol, Work
from satclip_bench.benchmarks.protocols.card import ProbeMethod, ProtocolCard, SplitMethod
from satclip_bench.benchmarks.protocols.tuning import Grid
from satclip_bench.benchmarks.splits import Fold, SplitInputs
from satclip_bench.benchmarks.splits.base import TrainTestFold

SEED = 42
TEST = 0.2
ALPHAS = (0.1, 1, 10)
TUNING = Grid(
    space={"alpha": ALPHAS},
    scored_on="cross-validation within the training set",
    n_folds=3,
    n_folds_classification=10,
)


class RangeProtocol(Protocol):
    """Ridge regression on features scaled to [0, 1], with one random split."""

    card = ProtocolCard(
        name="range",
        version=1,
        title="RANGE, Table 2",
        citation="Dhakal et al. 2025, RANGE: Retrieval Augmented Neural Fields for "
        "Multi-Resolution Geo-Embeddings, CVPR, arXiv 2502.19781",
        sources=(
            "github.com/mvrl/RANGE at commit 94657a7, range/utils/evaluate.py and load_dataset.py",
        ),
        splits={
            "random": SplitMethod(
                description="torch.utils.data.random_split over the rows in file order",
                settings={"test_fraction": TEST, "seed": SEED},
            )
        },
        preprocessing="features as float64; MinMaxScaler fitted on the training set; population "
        "as log(1 + people); raw coordinates in radians",
        probes={
            "ridge": ProbeMethod(
                description="RidgeCV or RidgeClassifierCV of scikit-learn; its folds are "
                "consecutive rows of the training set, in the order of the split",
                settings={"scaler": "min-max"},
                tuning=TUNING,
            )
        },
        seeds=(SEED,),
        metrics={"regression": "r2", "classification": "accuracy_percent"},
        digits={"r2": 3, "accuracy_percent": 1},
        left_open=(
            "Frequencies and radii of the Sphere2Vec encoders: those from a file in its repository "
            "that fit best, applied to degrees as in its code (the variants `sphere2vec.*-range`). "
            "On both available tasks, C and M give the printed scores, and C+ and M+ are within "
            "0.002.",
            "Frequencies, radii and unit of Theory: the defaults of the class in its repository, "
            "applied to radians (`space2vec.theory-range`).",
        ),
    )

    @override
    def folds(self, points: SplitInputs, split: str) -> tuple[Fold, ...]:
        self.card.split(split)
        train, test = random_split(len(points), (1 - TEST, TEST), SEED)
        return (TrainTestFold("0", train, test),)

    @override
    def outcomes(self, work: Work) -> Iterator[FoldResult]:
        from sklearn.linear_model import RidgeClassifierCV, RidgeCV
        from sklearn.preprocessing import MinMaxScaler

        self.card.probe(work.probe)
        X, y = work.embedding.astype(np.float64), work.points.target
        for fold in self.folds(work.points, work.split):
            scaler = MinMaxScaler().fit(X[fold.train])
            probe = (
                RidgeCV(alphas=ALPHAS, cv=TUNING.n_folds)
                if work.task_type == "regression"
                else RidgeClassifierCV(alphas=ALPHAS, cv=TUNING.n_folds_classification)
            )
            probe.fit(scaler.transform(X[fold.train]), y[fold.train])
            prediction = probe.predict(scaler.transform(X[fold.test]))
            best_params = {"alpha": float(probe.alpha_)}
            for seed in work.seeds:
                yield self.result(work, fold, seed, prediction, best_params)


def random_split(rows: int, sizes: tuple[float, ...], seed: int) -> tuple[NDArray[np.int64], ...]:
    """Rows of each set, in the order in which `torch.utils.data.random_split` draws them.

    Args:
        rows: number of rows of the table.
        sizes: fractions of the sets, with a sum of 1, where rows left by rounding go to the first
            sets; or numbers of rows, with a sum of `rows`.
        seed: seed of a new torch generator.

    Examples:
        >>> train, test = random_split(10, (0.8, 0.2), seed=42)
        >>> len(train), len(test)
        (8, 2)
    """
    import torch
    from torch.utils.data import Dataset
    from torch.utils.data import random_split as draw

    # random_split only uses the length of a data set.
    numbers = cast(Dataset[int], range(rows))
    generator = torch.Generator().manual_seed(seed)
    drawn = draw(numbers, sizes, generator=generator)
    return tuple(np.array(subset.indices, dtype=np.int64) for subset in drawn)
