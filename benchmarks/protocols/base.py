"""Base class of protocols: how a paper turns embeddings and targets into scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.protocols.card import Metric, ProtocolCard
from satclip_bench.benchmarks.splits import Fold, SplitInputs
from satclip_bench.tasks.base import TaskType


@dataclass(frozen=True)
class FoldResult:
    """Predictions and scores of one fold and one initialisation.

    Args:
        seed: seed of the initialisation.
        fold: name of the fold.
        prediction: `(m,)` predictions for the test set, in the unit of the target, or classes.
        scores: scores by metric, in the unit that the paper prints.
        best_params: chosen settings, and other results of the fit such as the number of epochs.
    """

    seed: int
    fold: str
    prediction: NDArray[Any]
    scores: Mapping[str, float]
    best_params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """One protocol, table and encoder that are to be run.

    Args:
        embedding: `(N, D)` embeddings, with rows in the order of the paper's file.
        points: points with their targets, float64 values or int64 classes.
        task_type: whether the target is a number or a class.
        split: name of a split on the protocol's card.
        probe: name of a probe on the protocol's card.
        seeds: seeds of the initialisations that are run.
        best_params: settings by fold that an earlier result of the same cell has; they are not
            searched again.
    """

    embedding: NDArray[Any]
    points: SplitInputs
    task_type: TaskType
    split: str
    probe: str
    seeds: tuple[int, ...]
    best_params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Protocol(ABC):
    """The way in which one paper turns embeddings and targets into scores."""

    card: ProtocolCard

    @abstractmethod
    def folds(self, points: SplitInputs, split: str) -> tuple[Fold, ...]:
        """Folds of a table, always the same.

        Raises:
            BenchError: the split cannot be made for these points.
        """

    @abstractmethod
    def outcomes(self, work: Work) -> Iterator[FoldResult]:
        """One result per fold and seed, each as soon as it is computed.

        Raises:
            BenchError: the protocol cannot be applied to this task.
        """

    def result(
        self,
        work: Work,
        fold: Fold,
        seed: int,
        prediction: NDArray[Any],
        best_params: Mapping[str, Any],
    ) -> FoldResult:
        """Result of one fold and seed, scored by the card's metric for this type of task.

        Args:
            work: protocol, table and encoder that are run.
            fold: fold whose test set was predicted.
            seed: seed of the initialisation.
            prediction: `(m,)` predictions for the test set.
            best_params: chosen settings, and other results of the fit.
        """
        metric = self.card.metrics[work.task_type]
        value = score(metric, work.points.target[fold.test], prediction)
        return FoldResult(seed, fold.name, prediction, {metric: value}, best_params)

    def printed(self, scores: Sequence[float]) -> float:
        """Number that the paper would print: the mean of the scores of all folds and seeds."""
        return float(np.mean(scores))


def score(metric: Metric, target: NDArray[Any], prediction: NDArray[Any]) -> float:
    """Score of `(m,)` predictions, in percent if the name of the metric says so.

    Examples:
        >>> score("accuracy_percent", np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0]))
        75.0
    """
    from sklearn.metrics import accuracy_score, f1_score, mean_squared_error, r2_score

    if metric == "mse":
        return float(mean_squared_error(target, prediction))
    if metric in ("r2", "r2_percent"):
        value = float(r2_score(target, prediction))
    elif metric == "f1_percent":
        value = float(f1_score(target, prediction, average="weighted"))
    else:
        value = float(accuracy_score(target, prediction))
    return 100 * value if metric.endswith("_percent") else value
