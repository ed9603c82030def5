"""The protocol of RANGE's Table 2 (Dhakal et al. 2025, CVPR)."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from benchmarks.protocols.base import Kind, Protocol, ProtocolCard

SEED = 42
TEST = 0.2
ALPHAS = (0.1, 1, 10)
REGRESSION_FOLDS, CLASSIFICATION_FOLDS = 3, 10


class RangeProtocol(Protocol):
    """Ridge on features scaled to [0, 1], one random split."""

    card = ProtocolCard(
        name="range",
        version=1,
        title="RANGE, Table 2",
        citation="Dhakal et al. 2025, RANGE: Retrieval Augmented Neural Fields for "
        "Multi-Resolution Geo-Embeddings, CVPR, arXiv 2502.19781",
        split=f"torch.utils.data.random_split in 0.8 and {TEST}, seed {SEED}, rows in file order",
        preprocessing="MinMaxScaler fitted on the training part; population as log(1 + people); "
        "raw coordinates in radians",
        probe="RidgeCV or RidgeClassifierCV of scikit-learn",
        tuning=f"alpha of {ALPHAS} by {REGRESSION_FOLDS}-fold cross-validation within training, "
        f"{CLASSIFICATION_FOLDS}-fold for classes",
        seeds=(SEED,),
        metrics={"regression": "r2", "classification": "accuracy_percent"},
        digits={"r2": 3, "accuracy_percent": 1},
        left_open=(
            "Frequencies and radii of Theory and the Sphere2Vec encoders: the defaults of the "
            "encoders here. They do not give the printed digits.",
            "Precision of the features: float32, as encoders here give them.",
        ),
    )

    @override
    def score(self, embedding: NDArray[Any], target: NDArray[Any], kind: Kind) -> float:
        from sklearn.linear_model import RidgeClassifierCV, RidgeCV
        from sklearn.preprocessing import MinMaxScaler

        train, test = random_split(len(target))
        scaler = MinMaxScaler().fit(embedding[train])
        probe = (
            RidgeCV(alphas=ALPHAS, cv=REGRESSION_FOLDS)
            if kind == "regression"
            else RidgeClassifierCV(alphas=ALPHAS, cv=CLASSIFICATION_FOLDS)
        )
        probe.fit(scaler.transform(embedding[train]), target[train])
        score = float(probe.score(scaler.transform(embedding[test]), target[test]))
        return score if kind == "regression" else 100 * score


def random_split(rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Training and test rows, in the order in which torch draws them."""
    import torch
    from torch.utils.data import Dataset
    from torch.utils.data import random_split as draw

    # Anything with a length will do.
    numbers = cast(Dataset[int], range(rows))
    generator = torch.Generator().manual_seed(SEED)
    train, test = (part.indices for part in draw(numbers, [1 - TEST, TEST], generator=generator))
    return np.array(train, dtype=np.int64), np.array(test, dtype=np.int64)
