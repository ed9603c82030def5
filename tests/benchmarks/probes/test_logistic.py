"""Logistic regression: the optimum is scikit-learn's, on every kind of table, and it is reached."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from satclip_bench.benchmarks.probes import (
    logistic,
    logistic_axes,
    logistic_blocks,
    logistic_loss,
    rows,
)
from satclip_bench.benchmarks.probes.estimators import fit_scaler
from satclip_bench.benchmarks.probes.linear import LinearClassifier
from satclip_bench.benchmarks.probes.linear_card import SETTINGS, STRENGTHS
from satclip_bench.benchmarks.probes.logistic import LogisticPath
from satclip_bench.benchmarks.probes.logistic_axes import make_axes, principal_axes
from satclip_bench.benchmarks.probes.logistic_blocks import (
    ClassBlocks,
    CoupledAxes,
    build_preconditioner,
)
from tests.benchmarks.probes.sphere_data import cells, embed, parts, points

TIGHT = SETTINGS.tolerance


def exact(X: NDArray[Any], y: NDArray[Any], C: float) -> Any:
    model = LogisticRegression(C=C, tol=1e-9, max_iter=100_000)
    return make_pipeline(StandardScaler(), model).fit(X.astype(float), y)


def cut(y: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    return y if classes == 6 else (y > 20).astype(np.int64)


def ill_conditioned(rows: int, classes: int = 12) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Features with a condition number of 1e4, and codes of Voronoi cells."""
    xyz = points(rows)
    features = embed(xyz, 24).astype(float) @ np.random.default_rng(3).standard_normal((24, 24))
    U, scales, V = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    bent = (U * scales[0] * np.logspace(0, -4, len(scales))) @ V
    return bent, np.unique(cells(xyz, classes), return_inverse=True)[1]


@pytest.mark.parametrize("classes", [2, 6])
def test_equals_scikit_learn_from_end_to_end(classes: int) -> None:
    data = parts("classification", columns=12)
    X, X_held, X_test = (a.astype(float) for a in (data.X, data.validation[0], data.X_test))
    y, y_held = cut(data.y, classes), cut(data.validation[1], classes)
    probe = LinearClassifier().fit(X, y, (X_held, y_held))
    losses = {}
    for strength in STRENGTHS:
        model = exact(X, y, strength)
        losses[strength] = sklearn_log_loss(y_held, model.predict_proba(X_held))
        if strength == probe.best_params_["C"]:
            expected = model.predict_proba(X_test)
            np.testing.assert_allclose(probe.predict_proba(X_test), expected, atol=1e-5)
            assert probe.predict(X_test).tolist() == model.predict(X_test).tolist()
    assert probe.best_params_["C"] == min(losses, key=lambda c: losses[c])
    assert probe.converged_
    assert probe.fit_info_["gradient_norm"] < 1e-2  # type: ignore[operator]


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize(("rows", "columns"), [(400, 8), (60, 80)])
def test_the_optimum_is_another_solvers(strength: float, rows: int, columns: int) -> None:
    data = parts("classification", rows, columns)
    X, X_test = data.X.astype(float), data.X_test.astype(float)
    path = LogisticPath(X, np.unique(data.y, return_inverse=True)[1])
    assert path.fit(strength, TIGHT).converged
    model = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    expected = make_pipeline(StandardScaler(), model).fit(X, data.y).predict_proba(X_test)
    np.testing.assert_allclose(path.probabilities(X_test), expected, atol=1e-5)


@pytest.mark.parametrize("max_coupled", [logistic_blocks.MAX_COUPLED, 0])
@pytest.mark.parametrize("strength", [1.0, 1e2, 1e4])
def test_ill_conditioned_features_converge(
    strength: float, max_coupled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logistic, "DIAGONAL_CG_STEPS", 10)
    monkeypatch.setattr(logistic_blocks, "MAX_COUPLED", max_coupled)
    monkeypatch.setattr(logistic_blocks, "COUPLED_COST", np.inf)
    built = []

    def build(*arguments: Any) -> Any:
        built.append(build_preconditioner(*arguments))
        return built[-1]

    monkeypatch.setattr(logistic, "build_preconditioner", build)
    X, codes = ill_conditioned(300)
    path = LogisticPath(X, codes)
    fit = path.fit(strength, TIGHT)
    assert {type(each) for each in built} == {CoupledAxes if max_coupled else ClassBlocks}
    assert fit.converged
    if strength == 1e4:  # scikit-learn's solver gives up
        assert fit.gradient_norm < 1e-3
        return
    model = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    expected = make_pipeline(StandardScaler(), model).fit(X, codes).predict_proba(X)
    np.testing.assert_allclose(path.probabilities(X), expected, atol=1e-4)


def test_a_path_ends_where_a_single_fit_ends() -> None:
    X, codes = ill_conditioned(300)
    path, alone = LogisticPath(X, codes), LogisticPath(X, codes)
    for strength in STRENGTHS[:6]:
        path.fit(strength, SETTINGS.search_tolerance)
    last = path.fit(STRENGTHS[5], TIGHT)
    assert alone.fit(STRENGTHS[5], TIGHT).objective == pytest.approx(last.objective, rel=1e-8)
    np.testing.assert_allclose(path.probabilities(X), alone.probabilities(X), atol=1e-4)


def test_objective_and_gradient_are_those_of_the_definition() -> None:
    data = parts("classification", rows=80, columns=6)
    codes = np.unique(data.y, return_inverse=True)[1]
    path = LogisticPath(data.X, codes)
    fit = path.fit(10.0, TIGHT)
    loss = -np.log(path.probabilities(data.X)[np.arange(80), codes]).sum()
    penalty = np.square(path.coefficients).sum() / 20
    assert fit.objective == pytest.approx(loss + penalty, rel=1e-10)
    Z = path.scaler.transform(data.X.astype(float))
    residuals = path.probabilities(data.X) - np.eye(codes.max() + 1)[codes]
    gradient = np.vstack([Z.T @ residuals + path.coefficients / 10, residuals.sum(axis=0)])
    assert np.linalg.norm(gradient) == pytest.approx(fit.gradient_norm, abs=1e-8)


def hessian_after_a_fit() -> tuple[LogisticPath, NDArray[Any], NDArray[Any], NDArray[Any]]:
    """A path, its class probabilities `(n, K)`, penalties and Hessian `(r, K, r, K)`."""
    X, codes = ill_conditioned(80, classes=5)
    path = LogisticPath(X, codes)
    path.fit(10.0, 1e-4)
    T, classes = path._axes.rows(slice(None)), int(codes.max()) + 1
    P = path.probabilities(X)
    penalty = np.full(T.shape[1], 0.1)
    penalty[0] = 0
    hessian = np.zeros((T.shape[1], classes, T.shape[1], classes))
    for t, p in zip(T, P, strict=True):
        hessian += np.einsum("i,j,kl->ikjl", t, t, np.diag(p) - np.outer(p, p))
    places = np.arange(T.shape[1])
    for k in range(classes):
        hessian[places, k, places, k] += penalty
    return path, P, penalty, hessian


def test_coupled_axes_solve_newtons_equations() -> None:
    path, P, penalty, hessian = hessian_after_a_fit()
    axes, classes = hessian.shape[:2]
    diagonal = np.einsum("jkjk->jk", hessian)
    expected = np.random.default_rng(0).standard_normal((axes, classes))
    expected -= expected.mean(axis=1, keepdims=True)
    right = np.einsum("ikjl,jl->ik", hessian, expected)
    solution = CoupledAxes(path._axes.rows(slice(None)), P, penalty, diagonal, axes)(right)
    np.testing.assert_allclose(solution, expected, atol=1e-6)


def test_class_blocks_solve_for_one_class_at_a_time() -> None:
    path, P, penalty, hessian = hessian_after_a_fit()
    axes, classes = hessian.shape[:2]
    diagonal = np.einsum("jkjk->jk", hessian)
    right = np.random.default_rng(0).standard_normal((axes, classes))
    leading = axes - 3
    solution = ClassBlocks(path._axes.rows(slice(None)), P, penalty, diagonal, leading)(right)
    for k in range(classes):
        block = hessian[:leading, k, :leading, k]
        expected = np.linalg.solve(block, right[:leading, k])
        np.testing.assert_allclose(solution[:leading, k], expected, rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(solution[leading:], right[leading:] / diagonal[leading:])


@pytest.mark.parametrize("max_sample", [logistic_loss.MAX_SAMPLE, 250])
def test_blocks_of_rows_give_what_all_rows_give(
    max_sample: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, codes = ill_conditioned(300)
    whole = LogisticPath(X, codes)
    expected = whole.fit(10.0, TIGHT)
    # Blocks of 20 rows; what has a number for each row and class is in temporary files.
    monkeypatch.setattr(logistic_axes, "MAX_BYTES", 0)
    monkeypatch.setattr(rows, "WHOLE_BYTES", 0)
    monkeypatch.setattr(rows, "BLOCK_BYTES", 8 * 24 * 20)
    monkeypatch.setattr(logistic_loss, "MAX_SAMPLE", max_sample)
    path = LogisticPath(X, codes)
    fit = path.fit(10.0, TIGHT)
    assert fit.converged
    assert fit.objective == pytest.approx(expected.objective, rel=1e-7)
    np.testing.assert_allclose(path.probabilities(X), whole.probabilities(X), atol=1e-4)


@pytest.mark.parametrize(("rows", "columns"), [(40, 9), (9, 40)])
def test_axes_of_blocks_are_those_in_memory(
    rows: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(rows)
    X = random.standard_normal((rows, columns)) @ random.standard_normal((columns, columns)) + 5
    scaler = fit_scaler(X)
    stored = make_axes(scaler, X)
    monkeypatch.setattr(logistic_axes, "MAX_BYTES", 0)
    streamed = make_axes(scaler, X)
    # The sign of an axis is not determined.
    signs = np.sign((stored.directions * streamed.directions).sum(axis=0))
    np.testing.assert_allclose(streamed.directions * signs, stored.directions, atol=1e-6)
    T, part = streamed.rows(slice(None)), slice(3, 8)
    weights = random.standard_normal((T.shape[1], 2))
    for axes in (T.shape[1], 4):
        np.testing.assert_allclose(
            streamed.times(part, weights[:axes]), T[part, :axes] @ weights[:axes], atol=1e-9
        )
        values = random.standard_normal((5, 2))
        found = streamed.transposed_times(part, values, axes)
        np.testing.assert_allclose(found, T[part, :axes].T @ values, atol=1e-9)
        found = streamed.transposed_times(part, values.astype(np.float32), axes)
        np.testing.assert_allclose(found, T[part, :axes].T @ values, atol=1e-3)


@pytest.mark.parametrize(("rows", "columns"), [(40, 9), (9, 40)])
def test_principal_axes_are_the_features_rotated(rows: int, columns: int) -> None:
    random = np.random.default_rng(rows)
    Z = random.standard_normal((rows, 6)) * np.logspace(0, -12, 6) @ np.eye(6, columns)
    Z = (Z - Z.mean(axis=0)) @ np.linalg.qr(random.standard_normal((columns, columns)))[0]
    axes, directions = principal_axes(Z)
    size = directions.shape[1]
    np.testing.assert_allclose(axes @ directions.T, Z, atol=1e-14)
    np.testing.assert_allclose(directions.T @ directions, np.eye(size), atol=1e-12)
    scales = np.linalg.svd(Z, compute_uv=False)[:3]
    np.testing.assert_allclose(np.linalg.norm(axes, axis=0)[:3], scales, rtol=1e-6)


def test_float32_is_the_same_as_float64_of_the_same_values() -> None:
    data = parts("classification", columns=12)
    one, other = (
        LinearClassifier().fit(data.X.astype(t), data.y, data.validation)
        for t in (np.float32, np.float64)
    )
    np.testing.assert_allclose(
        one.predict_proba(data.X_test), other.predict_proba(data.X_test), atol=1e-5
    )


def test_separable_classes() -> None:
    X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    path = LogisticPath(X, np.array([0, 0, 1, 1]))
    fit = path.fit(1e4, TIGHT)
    assert fit.converged
    expected = exact(X, np.array([0, 0, 1, 1]), 1e4).predict_proba(X)
    np.testing.assert_allclose(path.probabilities(X), expected, atol=1e-4)


def test_classes_with_one_row_and_columns_that_do_not_vary() -> None:
    data = parts("classification", rows=60, columns=90)
    y = data.y.copy()
    y[:3] = 100, 101, 102
    X = np.hstack([data.X, np.full((60, 2), 0.3, dtype=np.float32)])
    path = LogisticPath(X, np.unique(y, return_inverse=True)[1])
    assert path.fit(10.0, TIGHT).converged
    expected = exact(X, y, 10.0).predict_proba(X)
    np.testing.assert_allclose(path.probabilities(X), expected, atol=1e-4)
    constant = LogisticPath(np.ones((4, 2)), np.array([0, 1, 1, 1]))
    assert constant.fit(1.0, TIGHT).converged
    np.testing.assert_allclose(constant.probabilities(np.ones((1, 2))), [[0.25, 0.75]], atol=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 4, 7])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e30])
def test_features_that_do_not_vary_give_the_shares_of_classes_and_converge(
    classes: int, value: float
) -> None:
    rng = np.random.default_rng(classes)
    codes = np.r_[np.arange(classes), rng.integers(classes, size=60)]
    path = LogisticPath(np.full((len(codes), 3), value), codes)
    for C in (1e-2, 1.0, 1e4):
        fit = path.fit(C=C, tolerance=1e-6)
        assert fit.converged
        assert fit.n_iter <= 2
    shares = np.bincount(codes) / len(codes)
    np.testing.assert_allclose(path.probabilities(np.full((1, 3), value)), [shares], atol=1e-6)


def test_without_seen_validation_labels_the_default_is_used() -> None:
    data = parts("classification")
    probe = LinearClassifier().fit(data.X, data.y, (data.X[:5], np.full(5, 999)))
    assert probe.best_params_ == {"C": SETTINGS.default_C}
    assert probe.fit_info_["search_hessian_products"] == 0


def test_strength_of_inner_folds_has_the_lowest_summed_log_loss_and_all_rows_are_fitted() -> None:
    data = parts("classification", rows=120, columns=12)
    X = data.X.astype(float)
    rows = np.arange(120)
    # The second inner training set does not have the first class.
    without = np.flatnonzero(data.y != data.y.min())
    inner = [(rows[40:], rows[:40]), (without[:60], np.setdiff1d(rows, without[:60]))]
    probe = LinearClassifier().fit(X, data.y, inner=inner)
    losses = {}
    for strength in STRENGTHS:
        losses[strength] = 0.0
        for a, b in inner:
            model = exact(X[a], data.y[a], strength)
            seen = b[np.isin(data.y[b], data.y[a])]
            true = np.searchsorted(model.classes_, data.y[seen])
            losses[strength] -= np.log(
                model.predict_proba(X[seen])[np.arange(len(seen)), true]
            ).sum()
    best = min(losses, key=lambda c: losses[c])
    assert probe.best_params_ == {"C": best}
    expected = exact(X, data.y, best).predict_proba(data.X_test)
    np.testing.assert_allclose(probe.predict_proba(data.X_test), expected, atol=1e-4)


def test_a_fit_that_is_cut_off_is_not_converged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic, "MAX_NEWTON_STEPS", 2)
    data = parts("classification")
    assert not LinearClassifier().fit(data.X, data.y, data.validation).converged_
