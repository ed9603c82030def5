"""Boosting until the validation loss ends it, and predictions of boosters; imports LightGBM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.probes.data import Dataset, Float64, Floats, InnerSets
from satclip_bench.benchmarks.targets import clip_to, range_of

Booster = Any
"""`lightgbm.Booster`, which has no types."""

TREES_AT_ONCE = 512
"""Number of trees that predictions add at once, so that these small trees stay in the processor's
cache: LightGBM passes each row through all trees, and with hundreds of classes there are tens of
thousands."""


class Boosted(NamedTuple):
    """Outcome of boosting with early stopping."""

    rounds: int
    """Number of rounds with the lowest validation loss, summed over the folds."""
    rounds_trained: int
    """Number of rounds after which boosting ended."""
    stopped_early: bool
    """Whether it ended before the largest number of rounds."""
    booster: Booster
    """The first fold's booster with its first `rounds` rounds."""


def boost(
    folds: Sequence[InnerSets],
    params: Mapping[str, Any],
    *,
    max_rounds: int,
    patience: int,
    min_improvement: float = 0.0,
) -> Boosted:
    """Boost on each fold at the same pace, and count the rounds with the lowest summed loss.

    With one fold, this is LightGBM's early stopping; with several, it is that of `lightgbm.cv`,
    with losses added over rows rather than averaged over folds. The loss of a regression is the
    squared error of predictions that are clipped to the range of the training targets.

    Args:
        folds: training and validation sets, targets in the same unit; validation sets have no
            unseen classes.
        params: parameters of LightGBM.
        max_rounds: largest number of rounds.
        patience: number of rounds without a sufficiently lower loss after which boosting ends.
        min_improvement: fraction by which a loss has to be lower to count for the patience.
    """
    boosters = [_with_validation(fold, params) for fold in folds]
    lowest, best, length = np.inf, 0, 0
    reference, improved = np.inf, 0
    done, stopped_early = 0, False
    while not stopped_early and done < max_rounds:
        done += 1
        loss = 0.0
        for booster, fold in zip(boosters, folds, strict=True):
            booster.update()
            loss += _validation_loss(booster, fold)
        if loss < lowest:
            # A round in which no tree can be split adds no iteration to the booster.
            lowest, best, length = loss, done, boosters[0].current_iteration()
        if loss < reference * (1 - min_improvement):
            reference, improved = loss, done
        stopped_early = done - improved >= patience
    # The model's text holds every digit, and the training data is then freed.
    first = lightgbm.Booster(model_str=boosters[0].model_to_string(num_iteration=length))
    return Boosted(best, done, stopped_early, first)


def boost_rounds(train: Dataset, params: Mapping[str, Any], rounds: int) -> Booster:
    """Booster of `rounds` rounds on all rows of the training set."""
    params = dict(params)
    return lightgbm.train(
        params, lightgbm.Dataset(np.asarray(train.X), train.y, params=params), rounds
    )


def raw_scores(booster: Booster, X: Floats) -> Float64:
    """Sum of the trees' leaves, `(n,)`, or `(n, K)` for three and more classes.

    The same as LightGBM's `predict(X, raw_score=True)` but for the rounding of the sum.

    Args:
        booster: booster of one round or more.
        X: `(n, D)` features.
    """
    rounds = max(1, TREES_AT_ONCE // booster.num_model_per_iteration())
    total: Any = 0.0
    for start in range(0, booster.current_iteration(), rounds):
        total += booster.predict(
            X, start_iteration=start, num_iteration=rounds, raw_score=True, num_threads=1
        )
    return np.asarray(total, dtype=np.float64)


def _with_validation(fold: InnerSets, params: Mapping[str, Any]) -> Booster:
    # The loss of a regression is computed below, that of classes by LightGBM.
    params = {**params, "metric": "none"} if params["objective"] == "regression" else dict(params)
    data = lightgbm.Dataset(np.asarray(fold.train.X), fold.train.y, params=params)
    booster = lightgbm.Booster(params, data)
    X, y = fold.validation
    held_out = lightgbm.Dataset(np.asarray(X), y, reference=data, params=params)
    return booster.add_valid(held_out, "validation")


def _validation_loss(booster: Booster, fold: InnerSets) -> float:
    """Squared error or log loss, summed over the validation rows."""
    if booster.params["objective"] != "regression":
        ((_, _, mean, _),) = booster.eval_valid()
        return float(mean) * len(fold.validation.y)
    limits = range_of(fold.train.y)

    def squared_error(predictions: NDArray[Any], _: Any) -> tuple[str, float, bool]:
        errors = clip_to(predictions, limits) - fold.validation.y
        return "squared_error", float(errors @ errors), False

    ((_, _, total, _),) = booster.eval_valid(squared_error)
    return float(total)
