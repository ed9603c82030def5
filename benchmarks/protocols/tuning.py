"""How settings are searched for: spaces, grids and random draws as data, and the choice itself."""

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
"""What a choice is made on. The last is no clean choice: it is there because a harness does it."""


class Grid(Card):
    """Every combination of a few values."""

    kind: Literal["grid"] = "grid"
    space: Mapping[str, tuple[Value, ...]]
    scored_on: ScoredOn
    n_folds: int | None = Field(None, description="of a cross-validation, for regression")
    n_folds_classification: int | None = Field(None, description="likewise, for classes")

    def candidates(self) -> tuple[dict[str, Value], ...]:
        """All combinations; the last name varies fastest."""
        return tuple(
            dict(zip(self.space, values, strict=True)) for values in product(*self.space.values())
        )


class Choice(Card):
    """One of a few values, each as probable."""

    kind: Literal["choice"] = "choice"
    of: tuple[Value, ...] = Field(min_length=1)

    def draw(self, rng: np.random.Generator) -> Value:
        """One of them."""
        return self.of[int(rng.integers(len(self.of)))]


class LogUniform(Card):
    """A number whose logarithm is uniform."""

    kind: Literal["log-uniform"] = "log-uniform"
    low: float = Field(gt=0)
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> LogUniform:
        if not self.low < self.high:
            raise ValueError("low must be less than high")
        return self

    def draw(self, rng: np.random.Generator) -> Value:
        """A number between `low` and `high`, to three significant digits, so that it is printed."""
        number = float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))
        return float(f"{number:.3g}")


Axis = Annotated[Choice | LogUniform, Field(discriminator="kind")]


class RandomSearch(Card):
    """Independent draws from a space."""

    kind: Literal["random search"] = "random search"
    space: Mapping[str, Axis]
    n_draws: int = Field(ge=1)
    seed: int
    scored_on: ScoredOn

    def candidates(self) -> tuple[dict[str, Value], ...]:
        """The draws, the same for the same seed; more of them begin with the same ones."""
        rng = np.random.default_rng([self.seed])
        return tuple(
            {name: axis.draw(rng) for name, axis in self.space.items()} for _ in range(self.n_draws)
        )


Tuning = Annotated[Grid | RandomSearch, Field(discriminator="kind")]


def choose(candidates: Sequence[T], loss: Callable[[T], float]) -> tuple[T, tuple[float, ...]]:
    """The candidate with the lowest loss, the first of equals, and the losses of all.

    Args:
        candidates: such as `Grid.candidates()`.
        loss: of one candidate on what judges; NaN and infinity never win.

    Raises:
        BenchError: no candidate has a finite loss.
    """
    losses = np.array([loss(candidate) for candidate in candidates], dtype=np.float64)
    if not np.isfinite(losses).any():
        raise BenchError(f"none of {len(candidates)} candidate settings has a finite loss")
    best = int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))
    return candidates[best], tuple(losses.tolist())
