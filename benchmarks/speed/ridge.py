"""The ridge probe beside one fit of scikit-learn for each penalty and inner fold."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from satclip_bench.benchmarks.probes import make_probe
from satclip_bench.benchmarks.probes.ridge_path import ALPHAS, standardise
from satclip_bench.benchmarks.speed.comparison import Comparison
from satclip_bench.benchmarks.speed.embedded import Embedded

INNER_FOLDS = 5

Solver: TypeAlias = Literal["svd", "cholesky"]


def ridge(data: Embedded) -> Iterator[Comparison]:
    """The choice of the penalty on a validation set and on inner folds, and the last fit.

    The reference fits scikit-learn's ridge regression for each penalty, and for each inner fold
    and penalty: by a singular value decomposition, which is accurate for all of them, or by
    Cholesky's, its default, which loses the digits that small penalties use. One of the fits is
    run in every round; the others take as long.
    """
    X, y = data.train
    folds = list(KFold(INNER_FOLDS, shuffle=True, random_state=0).split(X))

    def on_validation() -> Any:
        return make_probe("ridge", data.task_type, 0).fit(X, y, data.validation)

    def on_folds() -> Any:
        return make_probe("ridge", data.task_type, 0).fit(X, y, inner=folds)

    probe = on_validation()
    alpha = float(str(probe.best_params_["alpha"]))
    Z, held_out = standardise(probe.scaler_, X), standardise(probe.scaler_, data.validation.X)
    Y = y if data.task_type == "regression" else np.eye(y.max() + 1)[y]

    def fit_one(solver: Solver, rows: Any = slice(None)) -> Any:
        return Ridge(alpha=alpha, solver=solver).fit(Z[rows], Y[rows]).predict(held_out)

    expected = held_out @ probe.coef_.T + probe.intercept_
    solvers: tuple[tuple[Solver, str], ...] = (("svd", "singular value"), ("cholesky", "Cholesky"))
    for solver, title in solvers:
        difference = float(np.abs(fit_one(solver) - expected).max() / Y.std())
        for method, ours, rows, fits in (
            ("validation set", on_validation, slice(None), len(ALPHAS)),
            (f"{INNER_FOLDS} inner folds", on_folds, folds[0][0], INNER_FOLDS * len(ALPHAS) + 1),
        ):
            yield Comparison(
                f"ridge, {len(ALPHAS)} penalties, {method}",
                data.task,
                data.encoder,
                f"scikit-learn's Ridge for each, by {title} decomposition",
                ours,
                partial(fit_one, solver, rows),
                scale=fits,
                result=f"predictions differ by {difference:.0e} standard deviations",
                facts={"alpha": alpha, "largest_difference_in_standard_deviations": difference},
            )
