"""The ridge probe beside one fit of scikit-learn for each penalty and inner fold."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from satclip_bench.benchmarks.probes import make_probe
from satclip_bench.benchmarks.probes.ridge_card import ALPHAS
from satclip_bench.benchmarks.probes.ridge_path import standardise
from satclip_bench.benchmarks.speed.comparison import Comparison, Job
from satclip_bench.benchmarks.speed.embedded import Embedded

INNER_FOLDS = 5

Solver: TypeAlias = Literal["svd", "cholesky"]


def ridge(data: Embedded) -> Iterator[Comparison]:
    """The choice of the penalty on a validation set and on inner folds, and the last fit.

    The reference fits scikit-learn's ridge regression for each penalty, and for each inner fold
    and penalty: by a singular value decomposition, which is accurate for all of them, or by
    Cholesky's, its default, which loses the digits that small penalties use. One of the fits is
    run in every round; the others take as long.

    Args:
        data: embeddings and targets. Nothing is compared of a classification.
    """
    if data.classes:
        return
    X, y = data.train
    folds = list(KFold(INNER_FOLDS, shuffle=True, random_state=0).split(X))

    def on_validation() -> Any:
        return make_probe("ridge", "regression", 0).fit(X, y, data.validation)

    def on_folds() -> Any:
        return make_probe("ridge", "regression", 0).fit(X, y, inner=folds)

    probe = on_validation()
    alpha = float(str(probe.best_params_["alpha"]))
    Z, held_out = standardise(probe.scaler_, X), standardise(probe.scaler_, data.validation.X)

    def fit_one(solver: Solver, rows: Any) -> Any:
        return Ridge(alpha=alpha, solver=solver).fit(Z[rows], y[rows]).predict(held_out)

    everything, first_fold = slice(None), folds[0][0]
    jobs: tuple[tuple[str, Job, Solver, Any, int], ...] = (
        ("validation set", on_validation, "svd", everything, len(ALPHAS)),
        ("validation set", on_validation, "cholesky", everything, len(ALPHAS)),
        ("inner folds", on_folds, "cholesky", first_fold, INNER_FOLDS * len(ALPHAS) + 1),
    )
    for sets, ours, solver, rows, fits in jobs:
        errors = fit_one(solver, everything) - probe.unclipped(data.validation.X)
        difference = float(np.abs(errors).max() / y.std())
        yield Comparison(
            f"ridge, {len(ALPHAS)} penalties, {sets}",
            data.task,
            data.encoder,
            f"Ridge of scikit-learn, {fits} fits, {solver}",
            ours,
            partial(fit_one, solver, rows),
            scale=fits,
            result=f"predictions differ by {difference:.0e} std",
            facts={"alpha": alpha, "largest_difference_in_std": difference},
        )
