"""What a probe is: a card, a regressor and a classifier. Imports no estimator library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, cast

from numpy.typing import ArrayLike, NDArray
from pydantic import Field, JsonValue

from satclip_bench.core.card import Card, KeyedCard, Version
from satclip_bench.core.registry import import_object

Validation = tuple[ArrayLike, ArrayLike]
"""`(X, y)` of the validation set."""

Inner = Sequence[tuple[ArrayLike, ArrayLike]]
"""`(training, validation)` positions in `X` of each inner fold, like scikit-learn's `cv`."""

VALIDATION_FRACTION = 0.25
"""Fraction of the rows that an estimator holds out if it gets no validation set."""


class Settings(Card):
    """Base class of a probe's fixed hyper-parameters; fields have the values that are used."""

    validation_fraction: float = VALIDATION_FRACTION


class ProbeCard(KeyedCard):
    """Metadata of a probe. `settings`, `search` and `version` are part of a record's key."""

    name: str
    title: str
    description: str
    settings: Mapping[str, JsonValue] = Field(
        description="every fixed hyper-parameter that can change scores"
    )
    search: Mapping[str, tuple[int | float, ...]] = Field(
        default_factory=dict,
        description="candidates of which one is chosen on the validation set or the inner folds",
    )
    bounds: str = Field(description="how the cost of a fit is bounded")
    version: Version = Field(
        1, description="raised when the same settings start to give other numbers"
    )


class ProbeEstimator(Protocol):
    """What the suite requires of an estimator, in addition to scikit-learn's contract.

    Regressors also have `target_range_` and `unclipped`, classifiers `predict_proba`.
    """

    best_params_: dict[str, JsonValue]
    """After `fit`: parameters chosen on the validation data, such as `{"alpha": 1.0}`."""
    converged_: bool
    """After `fit`: whether the fit reached its tolerance, or stopped early before its limit."""
    fit_info_: dict[str, JsonValue]
    """After `fit`: how the fit went, such as `{"n_iter": 12}`."""

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        validation: Validation | None = None,
        inner: Inner | None = None,
    ) -> Self:
        """Fit on `(n, D)` embeddings and `(n,)` targets."""
        ...

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Targets `(m,)` of `(m, D)` embeddings."""
        ...


@dataclass(frozen=True)
class Probe:
    """A probe, as the registry holds it.

    Args:
        card: metadata of the probe.
        regressor: function that makes the unfitted regressor; called with `random_state=seed`.
        classifier: function that makes the unfitted classifier; called with `random_state=seed`.
    """

    card: ProbeCard
    regressor: Callable[..., ProbeEstimator]
    classifier: Callable[..., ProbeEstimator]


def imported_when_called(target: str) -> Callable[..., ProbeEstimator]:
    """A function that makes an estimator, and imports its class when it is called.

    Cards are read to plan a run; scikit-learn, which the classes need, takes long to import.

    Args:
        target: module and class, such as `satclip_bench.benchmarks.probes.knn:NeighbourRegressor`.

    Examples:
        >>> make = imported_when_called("satclip_bench.benchmarks.probes.knn:NeighbourRegressor")
        >>> make(random_state=0)
        NeighbourRegressor(random_state=0)
    """

    def make(**parameters: Any) -> ProbeEstimator:
        estimator = cast(Callable[..., ProbeEstimator], import_object(target, "the estimator"))
        return estimator(**parameters)

    return make
