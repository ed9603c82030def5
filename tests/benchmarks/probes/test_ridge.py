"""The ridge probe: scikit-learn's RidgeClassifier, and the linear probe's regression."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier as SklearnRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from satclip_bench.benchmarks.probes import make_probe
from satclip_bench.benchmarks.probes.ridge import RidgeClassifier
from satclip_bench.benchmarks.probes.ridge_card import ALPHAS
from tests.benchmarks.probes.sphere_data import parts


def exact(alpha: float) -> Any:
    return make_pipeline(StandardScaler(), SklearnRidge(alpha=alpha, solver="svd"))


@pytest.mark.parametrize("classes", [2, 6])
def test_equals_scikit_learn(classes: int) -> None:
    data = parts("classification", rows=150)
    y, y_held = (a if classes == 6 else a > 20 for a in (data.y, data.validation[1]))
    X, X_held, X_test = (a.astype(float) for a in (data.X, data.validation[0], data.X_test))
    probe = RidgeClassifier().fit(X, y, (X_held, y_held))
    right = {a: (exact(a).fit(X, y).predict(X_held) == y_held).sum() for a in ALPHAS}
    # Of equally good penalties the largest.
    best = max(a for a in ALPHAS if right[a] == max(right.values()))
    assert probe.best_params_ == {"alpha": best}
    model = exact(best).fit(X, y)
    assert probe.predict(X_test).tolist() == model.predict(X_test).tolist()
    if classes == 6:
        # scikit-learn's labels are -1 and 1, those here 0 and 1.
        scores = (model.decision_function(X_test) + 1) / 2
        shares = scores.clip(min=0) / scores.clip(min=0).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(probe.predict_proba(X_test), shares, atol=1e-9)
    assert (probe.converged_, probe.fit_info_) == (True, {})


def test_alpha_of_inner_folds_has_the_fewest_wrong_labels() -> None:
    data = parts("classification", rows=120)
    X, rows = data.X.astype(float), np.arange(120)
    inner = [(rows[40:], rows[:40]), (rows[:80], rows[80:])]
    probe = RidgeClassifier().fit(X, data.y, inner=inner)
    right = {
        alpha: sum(
            (exact(alpha).fit(X[a], data.y[a]).predict(X[b]) == data.y[b]).sum() for a, b in inner
        )
        for alpha in ALPHAS
    }
    best = max(a for a in ALPHAS if right[a] == max(right.values()))
    assert probe.best_params_ == {"alpha": best}
    model = exact(best).fit(X, data.y)
    assert probe.predict(data.X_test).tolist() == model.predict(data.X_test).tolist()


def test_of_equal_scores_the_first_class() -> None:
    probe = RidgeClassifier().fit([[0.0], [0.0]], ["b", "a"], inner=[])
    assert probe.predict([[0.0]]).tolist() == ["a"]


def test_regression_is_that_of_the_linear_probe() -> None:
    data = parts("regression")
    one, other = (
        make_probe(name, "regression", 0).fit(data.X, data.y, data.validation)
        for name in ("linear", "ridge")
    )
    assert one.predict(data.X_test).tobytes() == other.predict(data.X_test).tobytes()
    assert one.best_params_ == other.best_params_
