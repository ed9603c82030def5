"""What a probe is: a card, a regressor and a classifier. Imports no estimator library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from numpy.typing import ArrayLike, NDArray
from pydantic import Field, JsonValue

from satclip_bench.core.card import Card

Validation = tuple[ArrayLike, ArrayLike]
"""`(X, y)` of the validation part."""

VALIDATION_FRACTION = 0.25
"""Share of the rows that an estimator sets aside itself where no validation part is given."""


class Settings(Card):
    """Fixed hyper-parameters of a probe: fields with the values that its estimators use."""

    validation_fraction: float = VALIDATION_FRACTION


class ProbeCard(Card):
    """What is known of a probe. `settings`, `search` and `version` are part of a record's key."""

    name: str
    title: str
    description: str
    settings: Mapping[str, JsonValue] = Field(
        description="every fixed hyper-parameter that can change scores"
    )
    search: Mapping[str, tuple[int | float, ...]] = Field(
        default_factory=dict, description="candidates chosen among on the validation part"
    )
    bounds: str = Field(description="how its cost is bounded")
    version: int = Field(1, description="raised when the same settings start to give other numbers")


class ProbeEstimator(Protocol):
    """What the suite asks of an estimator; scikit-learn's contract holds beyond it."""

    best_params_: dict[str, JsonValue]
    """After `fit`: what the validation part decided, such as `{"alpha": 1.0}`."""

    def fit(self, X: ArrayLike, y: ArrayLike, validation: Validation | None = None) -> Self:
        """Fit on `(n, D)` embeddings and `(n,)` targets."""
        ...

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """`(m, D)` embeddings to `(m,)` targets. Classifiers have `predict_proba` too."""
        ...


@dataclass(frozen=True)
class Probe:
    """One probe: what the registry's entries are.

    Args:
        card: what is known of it.
        regressor: makes the unfitted regressor; called with `random_state=` a seed.
        classifier: makes the unfitted classifier, likewise.
    """

    card: ProbeCard
    regressor: Callable[..., ProbeEstimator]
    classifier: Callable[..., ProbeEstimator]
