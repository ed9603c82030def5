"""What a baseline is: a card, and a method that predicts values from nearby training points."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from satclip_bench.core.card import KeyedCard, Version

Lonlat = NDArray[np.float64]
Values = NDArray[np.float64]
Target = NDArray[np.float64] | NDArray[np.int64]
Choice = dict[str, int | float]
Inner = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Training and validation rows of each inner fold, as positions in the training set."""

PREFIX = "baseline."
"""Names of baselines start with it, so that they cannot be taken for encoders."""


def is_baseline(name: str) -> bool:
    """Whether a name is that of a baseline rather than of an encoder.

    Examples:
        >>> is_baseline("baseline.idw"), is_baseline("geoclip")
        (True, False)
    """
    return name.startswith(PREFIX)


class BaselineCard(KeyedCard):
    """Metadata of a baseline. `settings`, `search` and `version` are part of a record's key."""

    name: str
    title: str
    description: str
    citation: str = ""
    settings: Mapping[str, str | int | float | tuple[int, ...]] = {}
    search: Mapping[str, tuple[int | float, ...]] = {}
    version: Version = 1


class Points(NamedTuple):
    """Labelled points of a training or validation set."""

    lonlat: Lonlat
    """`(n, 2)` degrees, longitude first."""
    labels: Target
    """`(n,)` float64, or class codes: columns of the values, `UNSEEN` in a validation set."""

    def take(self, rows: NDArray[np.int64]) -> Points:
        """The points at these positions."""
        return Points(self.lonlat[rows], self.labels[rows])


class HeldOut(NamedTuple):
    """What settings are chosen on: a validation set, or inner folds of the training set."""

    validation: Points | None
    inner: Inner = ()

    def rounds(self, train: Points) -> Iterator[tuple[Points, Points]]:
        """Pairs of a training and a validation set; the losses of all pairs are added.

        Args:
            train: the training set.
        """
        if self.validation is not None:
            yield train, self.validation
        for fitted, held_out in self.inner:
            yield train.take(fitted), train.take(held_out)


class Distribution(NamedTuple):
    """Predictions of a regression, and how uncertain they are."""

    mean: NDArray[np.float64]
    """`(m,)` predicted targets, not clipped."""
    std: NDArray[np.float64] | None
    """`(m,)` standard deviations of observations; None if the method predicts no distribution."""


class Method(ABC):
    """A way to predict values from training points.

    Args:
        card: card of the baseline, from which a method reads its settings and its candidates.
        classes: number of classes; None for a regression.
    """

    def __init__(self, card: BaselineCard, classes: int | None) -> None:
        self.card = card
        self.classes = classes
        self.info: dict[str, JsonValue] = {}
        """After `fit`: what else was estimated, for the record."""

    @abstractmethod
    def fit(self, train: Points, held_out: HeldOut) -> Choice:
        """Choose parameters, learn from the whole training set, and return the choice.

        Args:
            train: the training set.
            held_out: the points on which parameters are chosen, by the sum of losses.
        """

    @abstractmethod
    def values(self, lonlat: Lonlat) -> Values:
        """Predicted targets `(m, 1)`, or class shares `(m, classes)` whose rows sum to 1."""

    def distribution(self, lonlat: Lonlat) -> Distribution:
        """Predicted targets of a regression, and standard deviations if there are any."""
        return Distribution(self.values(lonlat)[:, 0], None)


@dataclass(frozen=True)
class Baseline:
    """An entry of the registry: a card and the method that it describes."""

    card: BaselineCard
    method: type[Method]


def as_values(labels: Target, classes: int | None) -> Values:
    """Labels `(...,)` as values `(..., C)`: numbers as they are, classes as one-hot rows.

    Examples:
        >>> as_values(np.array([1, 0]), 2).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """
    if classes is None:
        return labels[..., None].astype(np.float64)
    return np.eye(classes)[labels.astype(np.int64)]
