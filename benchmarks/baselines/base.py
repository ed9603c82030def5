"""What a baseline is: a card, and a method that turns training points into values elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.card import Card

Lonlat = NDArray[np.float64]
Values = NDArray[np.float64]
Target = NDArray[np.float64] | NDArray[np.int64]
Choice = dict[str, int | float]

UNSEEN = -1
"""Code of a validation label that the training part does not hold."""


class BaselineCard(Card):
    """What is known of a baseline; `settings` and `search` are part of a record's key."""

    name: str
    title: str
    description: str
    citation: str = ""
    settings: Mapping[str, str | int | float | tuple[int, ...]] = {}
    search: Mapping[str, tuple[int | float, ...]] = {}
    version: int = 1


class Part(NamedTuple):
    """Points to learn from or to choose on."""

    lonlat: Lonlat
    """`(n, 2)` degrees, longitude first."""
    labels: Target
    """`(n,)` float64; or codes of classes: columns of the values, `UNSEEN` in validation."""


class Method(ABC):
    """How values elsewhere follow from training points.

    Args:
        card: of the baseline; a method reads its settings and its candidates from there.
        classes: how many there are; None for a regression.
    """

    def __init__(self, card: BaselineCard, classes: int | None) -> None:
        self.card = card
        self.classes = classes

    @abstractmethod
    def fit(self, train: Part, validation: Part) -> Choice:
        """Learn from `train`, choose on `validation`; returns what was chosen."""

    @abstractmethod
    def values(self, lonlat: Lonlat) -> Values:
        """`(m, 1)` targets, or `(m, classes)` shares whose rows sum to 1."""


def spread(labels: Target, classes: int | None) -> Values:
    """Labels `(...,)` as values `(..., C)`: themselves, or one-hot rows."""
    if classes is None:
        return labels[..., None].astype(np.float64)
    return np.eye(classes)[labels.astype(np.int64)]
