"""The two probes that are stopped early: the best epoch or round is kept, the cost is bounded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from satclip_bench.benchmarks.probes import make_probe, mlp, trees
from satclip_bench.benchmarks.probes.mlp import PerceptronClassifier, PerceptronRegressor
from satclip_bench.benchmarks.probes.perceptron import Layers, forward
from satclip_bench.benchmarks.probes.training import train_network
from satclip_bench.benchmarks.probes.trees import TreeClassifier, TreeRegressor
from tests.benchmarks.probes.sphere_data import cells, embed, parts, points, smooth


def loss(layers: Layers, X: Any, y: Any) -> float:
    return float(np.square(forward(layers, X)[:, 0] - y).mean())


def test_weights_of_the_best_epoch_are_kept() -> None:
    data = parts("regression", rows=60)
    noise = np.random.default_rng(0).standard_normal(150)
    y, held = (data.y - 270) / 10, (data.validation[0], noise)
    by_epochs = []
    for epochs in (1, 2, 3, 8):
        settings = mlp.SETTINGS.model_copy(update={"max_epochs": epochs})
        layers, kept = train_network((data.X, y), held, settings, outputs=None, seed=0)
        by_epochs.append((loss(layers, *held), kept))
    losses = [value for value, _ in by_epochs]
    assert losses == sorted(losses, reverse=True)
    assert by_epochs[-1][1] <= 8


def test_patience_and_step_limit() -> None:
    data = parts("regression")
    flat = (data.validation[0], np.random.default_rng(0).standard_normal(150) * 100)
    limited = mlp.SETTINGS.model_copy(update={"batch_size": 50, "max_steps": 24})
    y = (data.y - data.y.mean()) / data.y.std()
    _, epochs = train_network((data.X, y), (data.X, y), limited, outputs=None, seed=0)
    assert epochs == 3  # 8 steps an epoch
    _, stopped = train_network((data.X, y), flat, mlp.SETTINGS, outputs=None, seed=0)
    assert stopped < mlp.SETTINGS.max_epochs


def test_perceptron_seed_matters() -> None:
    data = parts("regression")
    first, other = (
        make_probe("mlp", "regression", seed).fit(data.X, data.y, data.validation)
        for seed in (0, 1)
    )
    assert not np.array_equal(first.predict(data.X_test), other.predict(data.X_test))


def test_perceptron_learns_a_smooth_function_of_coordinates() -> None:
    xyz = points(2000)
    X, y = xyz.astype(np.float32), smooth(xyz)
    probe = PerceptronRegressor(random_state=0).fit(X[:1500], y[:1500])
    assert probe.score(X[1500:], y[1500:]) > 0.95


def test_perceptron_forward_is_what_was_trained() -> None:
    import torch

    data = parts("classification")
    probe = PerceptronClassifier(random_state=0).fit(data.X, data.y)
    hidden = torch.from_numpy(probe.scaler_.transform(data.X_test))
    for step, (weights, biases) in enumerate(probe.layers_):
        hidden = hidden if step == 0 else torch.relu(hidden)
        hidden = hidden @ torch.tensor(weights).T + torch.tensor(biases)
    expected = torch.softmax(hidden, dim=1).numpy()
    np.testing.assert_allclose(probe.predict_proba(data.X_test), expected, atol=1e-5)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e9])
@pytest.mark.parametrize("name", ["mlp", "lightgbm"])
def test_units_of_the_target_do_not_matter(name: str, unit: float) -> None:
    data = parts("regression")
    X_held, y_held = data.validation
    probe: Any = make_probe(name, "regression", 0).fit(
        data.X, data.y * unit, (X_held, y_held * unit)
    )
    same: Any = make_probe(name, "regression", 0).fit(data.X, data.y, data.validation)
    expected = same.score(data.X_test, data.y_test)
    assert probe.score(data.X_test, data.y_test * unit) == pytest.approx(expected, abs=0.02)


def test_trees_stop_at_the_best_round() -> None:
    data = parts("regression")
    probe = TreeRegressor(random_state=0).fit(data.X, data.y, data.validation)
    rounds = probe.best_params_["rounds"]
    assert isinstance(rounds, int)
    y = data.validation[1]
    by_round = [
        np.square(
            probe.booster_.predict(data.validation[0], num_iteration=n) * probe.target_scale_
            + probe.target_mean_
            - y
        ).mean()
        for n in range(1, probe.booster_.current_iteration() + 1)
    ]
    assert rounds == int(np.argmin(by_round)) + 1
    used = probe.booster_.predict(data.X_test, num_iteration=rounds)
    np.testing.assert_array_equal(
        probe.predict(data.X_test), used * probe.target_scale_ + probe.target_mean_
    )


def test_trees_are_bounded_in_total(monkeypatch: pytest.MonkeyPatch) -> None:
    few = trees.SETTINGS.model_copy(update={"max_trees": 120, "min_rounds": 2})
    monkeypatch.setattr(trees, "SETTINGS", few)
    xyz = points(600)
    probe = TreeClassifier(random_state=0).fit(embed(xyz), cells(xyz, 30))
    assert probe.booster_.num_trees() <= 120
    assert probe.booster_.params["learning_rate"] == few.few_rounds_learning_rate


def test_trees_without_validation_rows() -> None:
    data = parts("regression", rows=3)
    probe = TreeRegressor(random_state=0).fit(data.X, data.y)
    assert probe.best_params_ == {"rounds": trees.SETTINGS.rounds_without_validation}
