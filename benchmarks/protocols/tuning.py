"""Searches for settings: grids and random draws as data, and the choice of the best candidate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Annotated, Literal, TypeVar

import numpy as np
from pydantic import Field, model_validator

from satclip_bench.core.card import Card
from satclip_bench.core.errors import BenchError

Value = int | float | str | tuple[int, ...]
T = TypeVar("T")

ScoredOn = Literal[
    "the validation set",
    "cross-validation within the training set",
    "the reported folds",
]
"""Data on which candidates are scored. The last biases scores; one harness does it."""


class Grid(Card):
    """Search over all combinations of a few values.

    Examples:
        >>> grid = Grid(space={"alpha": (0.1, 1), "p": (1, 2)}, scored_on="the validation set")
        >>> grid.candidates()[:2]
        ({'alpha': 0.1, 'p': 1}, {'alpha': 0.1, 'p': 2})
    """

    kind: Literal["grid"] = "grid"
    space: Mapping[str, tuple[Value, ...]]
    scored_on: ScoredOn
    n_folds: int | None = Field(None, description="folds of a cross-validation for regression")
    n_folds_classification: int | None = Field(
        None, description="folds of a cross-validation for classification"
    )

    def candidates(self) -> tuple[dict[str, Value], ...]:
        """All combinations; the last name varies fastest."""
        return tuple(
            dict(zip(self.space, values, strict=True)) for values in product(*self.space.values())
        )


class Choice(Card):
    """Axis of a random search with a few values of equal probability."""

    kind: Literal["choice"] = "choice"
    of: tuple[Value, ...] = Field(min_length=1)

    def draw(self, rng: np.random.Generator) -> Value:
        """Draw one of the values."""
        return self.of[int(rng.integers(len(self.of)))]


class LogUniform(Card):
    """Axis of a random search whose logarithm is uniformly distributed."""

    kind: Literal["log-uniform"] = "log-uniform"
    low: float = Field(gt=0)
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> LogUniform:
        if not self.low < self.high:
            raise ValueError("low must be less than high")
        return self

    def draw(self, rng: np.random.Generator) -> Value:
        """Draw a number between `low` and `high`, rounded to three significant digits."""
        number = float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))
        return float(f"{number:.3g}")


Axis = Annotated[Choice | LogUniform, Field(discriminator="kind")]


class RandomSearch(Card):
    """Search over independent random draws from a space.

    Examples:
        >>> search = RandomSearch(
        ...     space={"width": Choice(of=(16, 64)), "step": LogUniform(low=1e-3, high=1e-1)},
        ...     n_draws=3,
        ...     seed=0,
        ...     scored_on="the validation set",
        ... )
        >>> len(search.candidates())
        3
    """

    kind: Literal["random search"] = "random search"
    space: Mapping[str, Axis]
    n_draws: int = Field(ge=1)
    seed: int
    scored_on: ScoredOn

    def candidates(self) -> tuple[dict[str, Value], ...]:
        """The draws, always the same for a seed. With more draws, the first ones stay the same."""
        rng = np.random.default_rng([self.seed])
        return tuple(
            {name: axis.draw(rng) for name, axis in self.space.items()} for _ in range(self.n_draws)
        )


Tuning = Annotated[Grid | RandomSearch, Field(discriminator="kind")]


def choose(candidates: Sequence[T], loss: Callable[[T], float]) -> tuple[T, tuple[float, ...]]:
    """Candidate with the lowest loss (the first of equally good ones), and the losses of all.

    Args:
        candidates: candidate settings, such as `Grid.candidates()`.
        loss: function that gives the loss of a candidate; NaN and infinity are never the best.

    Raises:
        BenchError: no candidate has a finite loss.

    Examples:
        >>> choose((1, 2, 3), lambda x: (x - 2) ** 2)
        (2, (1.0, 0.0, 1.0))
    """
    losses = np.array([loss(candidate) for candidate in candidates], dtype=np.float64)
    if not np.isfinite(losses).any():
        raise BenchError(f"none of {len(candidates)} candidate settings has a finite loss")
    best = int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))
    return candidates[best], tuple(losses.tolist())
