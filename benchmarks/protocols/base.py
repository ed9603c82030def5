"""What a protocol is: split, preprocessing, probe, tuning, seeds and metrics of a paper."""

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
    settings: Mapping[str, JsonValue] = Field(description="what is fixed")
    tuning: Tuning | None = Field(None, description="what is searched for; None if nothing is")
    together: bool = Field(
        False, description="whether outcomes hang together, so that where one is missing all run"
    )


class ProtocolCard(Card):
    """A protocol as data. Splits, probes and version are part of a record's key."""

    name: str
    version: int = Field(description="raised when the same name starts to give other scores")
    title: str
    citation: str
    sources: tuple[str, ...] = Field(
        description="where its facts were read: public code, sections of the paper"
    )
    splits: Mapping[str, SplitMethod]
    preprocessing: str
    probes: Mapping[str, ProbeMethod]
    seeds: tuple[int, ...] = Field(description="of the probe's initialisation, one outcome each")
    metrics: Mapping[TaskType, Metric]
    digits: Mapping[Metric, int] = Field(description="decimals that the paper prints")
    left_open: tuple[str, ...] = Field(
        (), description="what the paper does not say, and our choice"
    )

    @model_validator(mode="after")
    def _digits_of_every_metric(self) -> ProtocolCard:
        if set(self.digits) != set(self.metrics.values()):
            raise ValueError("digits must be given for the protocol's metrics, and for no others")
        return self

    def split(self, name: str) -> SplitMethod:
        """The split called `name`. Raises UnknownNameError."""
        if name not in self.splits:
            raise UnknownNameError(unknown_name(f"split of {self.name}", name, tuple(self.splits)))
        return self.splits[name]

    def probe(self, name: str) -> ProbeMethod:
        """The probe called `name`. Raises UnknownNameError."""
        if name not in self.probes:
            raise UnknownNameError(unknown_name(f"probe of {self.name}", name, tuple(self.probes)))
        return self.probes[name]


@dataclass(frozen=True)
class FoldResult:
    """What one fold and one initialisation came to.

    Attributes:
        seed: of the initialisation.
        fold: name of the fold.
        prediction: `(m,)` on the test rows, in the unit of the target, or classes.
        scores: in the unit that the paper prints.
        best_params: settings that were chosen, and what else a reader may want.
    """

    seed: int
    fold: str
    prediction: NDArray[Any]
    scores: Mapping[str, float]
    best_params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """What is to be run of one protocol, table and encoder.

    Attributes:
        embedding: `(N, D)`, rows in the order of the paper's file.
        points: `(N,)` with the target, float64 values or int64 classes.
        task_type: of the target.
        split: a key of the card's splits.
        probe: a key of the card's probes.
        seeds: those that are wanted.
        best_params: by fold, what an earlier result of the same cell chose; not searched again.
    """

    embedding: NDArray[Any]
    points: SplitInputs
    task_type: TaskType
    split: str
    probe: str
    seeds: tuple[int, ...]
    best_params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Protocol(ABC):
    """How one paper turns embeddings and targets into scores."""

    card: ProtocolCard

    @abstractmethod
    def folds(self, points: SplitInputs, split: str) -> tuple[Fold, ...]:
        """The folds of a table, always the same. Raises BenchError where none can be made."""

    @abstractmethod
    def outcomes(self, work: Work) -> Iterator[FoldResult]:
        """One outcome a fold and seed, each as soon as it is there. Raises BenchError."""

    def printed(self, scores: Sequence[float]) -> float:
        """The number a paper would print, from the scores of all folds and seeds: their mean."""
        return float(np.mean(scores))


def score(metric: Metric, target: NDArray[Any], prediction: NDArray[Any]) -> float:
    """One score of `(m,)` predictions, in the unit of the metric's name."""
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
