"""Scores: one table of them, each a pure function of labels and predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOP_K = 10
"""Classes kept a prediction, most probable first."""


@dataclass(frozen=True)
class MetricCard:
    """What a score is."""

    title: str
    higher_is_better: bool
    description: str


METRICS: Mapping[str, MetricCard] = {
    "r2": MetricCard("R2", True, "1 - residual sum of squares / total sum of squares"),
    "rmse": MetricCard("RMSE", False, "root mean squared error, in the unit of the target"),
    "mae": MetricCard("MAE", False, "mean absolute error, in the unit of the target"),
    "accuracy": MetricCard("Accuracy", True, "share of test points given their own class"),
    "balanced_accuracy": MetricCard(
        "Balanced accuracy", True, "mean over the classes in the test part of their recall"
    ),
    "macro_f1": MetricCard(
        "Macro F1", True, "mean of F1 over classes that occur in the test part or are predicted"
    ),
    "top5_accuracy": MetricCard(
        "Top-5 accuracy", True, "share of test points whose class is among the five most probable"
    ),
}
"""Classification scores also come with the suffix `_seen`: over test points of trained classes."""

SEEN = "_seen"


def regression_scores(
    target: NDArray[np.float64], predicted: NDArray[np.float64]
) -> dict[str, float]:
    """R2, RMSE and MAE of `(n,)` predictions; R2 is NaN where the targets do not vary."""
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    varied = len(target) > 1 and np.ptp(target) > 0
    return {
        "r2": float(r2_score(target, predicted)) if varied else float("nan"),
        "rmse": float(root_mean_squared_error(target, predicted)),
        "mae": float(mean_absolute_error(target, predicted)),
    }


def classification_scores(
    target: NDArray[np.int64], ranked: NDArray[np.int64], trained: NDArray[np.int64]
) -> dict[str, float]:
    """Scores over all test points and over those whose class the training part contained.

    A point whose class was never trained cannot be right; both views are given because which of
    them a paper prints is seldom said.

    Args:
        target: `(n,)` class indices.
        ranked: `(n, k)` class indices, most probable first, padded with -1.
        trained: the classes of the training part.
    """
    seen = np.isin(target, trained)
    scores = _classification(target, ranked)
    of_seen = _classification(target[seen], ranked[seen])
    return scores | {name + SEEN: value for name, value in of_seen.items()}


def _classification(target: NDArray[np.int64], ranked: NDArray[np.int64]) -> dict[str, float]:
    from sklearn.metrics import f1_score, recall_score

    if not len(target):
        names = ("accuracy", "balanced_accuracy", "macro_f1", "top5_accuracy")
        return dict.fromkeys(names, float("nan"))
    first = ranked[:, 0]
    return {
        "accuracy": float(np.mean(first == target)),
        "balanced_accuracy": float(
            recall_score(target, first, labels=np.unique(target), average="macro", zero_division=0)
        ),
        "macro_f1": float(f1_score(target, first, average="macro", zero_division=0)),
        "top5_accuracy": float(np.mean((ranked[:, :5] == target[:, None]).any(axis=1))),
    }


def rank_classes(
    probabilities: NDArray[np.floating], classes: NDArray[np.int64], k: int = TOP_K
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `k` most probable classes of each point and their probabilities.

    Equal probabilities are ordered by class index, so that a tie is broken the same everywhere.

    Args:
        probabilities: `(n, C)`.
        classes: `(C,)` class index of each column.
        k: how many to keep; short rows are padded with -1 and 0.

    Returns:
        `(n, k)` class indices and `(n, k)` float32 probabilities, most probable first.
    """
    kept = min(k, probabilities.shape[1])
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :kept]
    ranked = np.full((len(probabilities), k), -1, dtype=np.int64)
    weights = np.zeros((len(probabilities), k), dtype=np.float32)
    ranked[:, :kept] = classes[order]
    weights[:, :kept] = np.take_along_axis(probabilities, order, axis=1)
    return ranked, weights
