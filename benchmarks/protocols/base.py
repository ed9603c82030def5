"""What a protocol is: the split, preprocessing, probe, tuning, seeds and metrics of a paper."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue, model_validator

from satclip_bench.benchmarks.protocols.tuning import Tuning
from satclip_bench.benchmarks.splits import Fold, SplitInputs
from satclip_bench.core.card import Card
from satclip_bench.core.errors import UnknownNameError
from satclip_bench.core.registry import unknown_name
from satclip_bench.tasks.base import TaskType

Metric = Literal["r2", "r2_percent", "accuracy", "accuracy_percent", "f1_percent", "mse"]


class SplitMethod(Card):
    """One way in which a protocol makes folds."""

    description: str
    settings: Mapping[str, str | int | float]


class ProbeMethod(Card):
    """One probe of a protocol."""

    description: str
    settings: Mapping[str, JsonValue] = Field(description="settings that are not searched")
    tuning: Tuning | None = Field(None, description="search for settings; None if there is none")
    together: bool = Field(
        False, description="whether results depend on one another: if one is missing, all are run"
    )


class ProtocolCard(Card):
    """Metadata of a protocol. Splits, probes and version are part of a record's key."""

    name: str
    version: int = Field(description="raised when the same name starts to give other scores")
    title: str
    citation: str
    sources: tuple[str, ...] = Field(
        description="where its details are stated: public code, sections of the paper"
    )
    splits: Mapping[str, SplitMethod]
    preprocessing: str
    probes: Mapping[str, ProbeMethod]
    seeds: tuple[int, ...] = Field(
        description="seeds of the probe's initialisation, one result each"
    )
    metrics: Mapping[TaskType, Metric]
    digits: Mapping[Metric, int] = Field(description="decimals that the paper prints")
    left_open: tuple[str, ...] = Field(
        (), description="details that the paper does not state, and our choices"
    )

    @model_validator(mode="after")
    def _digits_of_every_metric(self) -> ProtocolCard:
        if set(self.digits) != set(self.metrics.values()):
            raise ValueError(
                "digits must be given for the metrics of the protocol, and only for them"
            )
        return self

    def split(self, name: str) -> SplitMethod:
        """Split called `name`.

        Raises:
            UnknownNameError: the protocol has no such split; the message suggests similar names.
        """
        if name not in self.splits:
            raise UnknownNameError(unknown_name(f"split of {self.name}", name, tuple(self.splits)))
        return self.splits[name]

    def probe(self, name: str) -> ProbeMethod:
        """Probe called `name`.

        Raises:
            UnknownNameError: the protocol has no such probe; the message suggests similar names.
        """
        if name not in self.probes:
            raise UnknownNameError(unknown_name(f"probe of {self.name}", name, tuple(self.probes)))
        return self.probes[name]


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
