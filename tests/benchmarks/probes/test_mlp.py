"""The perceptron probe: its search, early stopping, inner folds and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import loguniform
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import log_loss
from sklearn.model_selection import ParameterSampler

from satclip_bench.benchmarks.probes import make_probe, mlp, mlp_search
from satclip_bench.benchmarks.probes.data import Dataset, InnerSets
from satclip_bench.benchmarks.probes.halving import Race, Trial, search
from satclip_bench.benchmarks.probes.mlp import PerceptronClassifier, PerceptronRegressor
from satclip_bench.benchmarks.probes.mlp_search import CANDIDATES, Candidate, MlpSettings
from satclip_bench.benchmarks.probes.perceptron import forward
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table, make_folds
from satclip_bench.encoders import get_encoder
from tests.benchmarks.probes.network_folds import CPU, Network, curve, fold, summed_error
from tests.benchmarks.probes.sphere_data import parts, points, smooth

FEW = (
    Candidate(depth=1, width=8, learning_rate=1e-5, weight_decay=0.0),
    Candidate(depth=2, width=16, learning_rate=1e-2, weight_decay=0.1),
    Candidate(depth=1, width=16, learning_rate=1e-2, weight_decay=0.1),
)
SHORT = MlpSettings(rungs=((40, 2),), steps_per_check=20, patience_steps=60, max_steps=300)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlp, "CANDIDATES", FEW)
    monkeypatch.setattr(mlp, "SETTINGS", SHORT)


def test_candidates_are_those_of_the_published_draw() -> None:
    space = {
        "depth": mlp_search.DEPTHS,
        "width": mlp_search.WIDTHS,
        "learning_rate": loguniform(*mlp_search.LEARNING_RATES),
        "weight_decay": loguniform(*mlp_search.WEIGHT_DECAYS),
    }
    drawn = ParameterSampler(space, len(CANDIDATES), random_state=mlp_search.SEARCH_SEED)
    for candidate, expected in zip(CANDIDATES, drawn, strict=True):
        assert candidate.model_dump() == pytest.approx(expected, rel=0.05)
    assert mlp.CARD.search["learning_rate"] == tuple(c.learning_rate for c in CANDIDATES)


def test_rungs_end_at_checks() -> None:
    for steps, survivors in mlp.SETTINGS.rungs:
        assert steps % mlp.SETTINGS.steps_per_check == 0
        assert 1 <= survivors < len(CANDIDATES)


def test_search_finds_the_candidate_and_step_with_the_lowest_loss() -> None:
    part, settings = fold(), SHORT.model_copy(update={"rungs": ()})
    winner = search([part], FEW, settings, outputs=None, seed=0)
    lowest, place = np.inf, (-1, -1)
    constant = part.loss_scale * part.constant_loss
    for number, candidate in enumerate(FEW):
        losses = curve(part, candidate, SHORT, checks=15)
        best = improved = 0
        for check, loss in enumerate(losses):
            if loss < losses[best]:
                best = check
            if loss < losses[improved] - settings.min_improvement * constant:
                improved = check
            if (check - improved) * 20 >= settings.patience_steps:
                break
        if losses[best] < lowest:
            lowest, place = losses[best], (number, (best + 1) * 20)
    assert (winner.candidate, winner.steps) == place
    assert winner.loss == pytest.approx(lowest, rel=1e-5)
    assert summed_error(winner.layers, part) == pytest.approx(winner.loss, rel=1e-5)


def test_a_loss_that_hardly_falls_does_not_prolong_training() -> None:
    trial = Trial(0, SHORT, constant_loss=2.0)
    slow = 0.9 * SHORT.min_improvement * 2.0 * 20 / SHORT.patience_steps
    for step in range(20, 10_000, 20):
        assert trial.check(step, 1 - slow * step / 20)
        if trial.ended:
            break
    # The first check, at step 20, is the only improvement.
    assert trial.steps == trial.best_step == 20 + SHORT.patience_steps


@given(exponent=st.floats(0.001, 10), floor=st.floats(0, 1), unit=st.floats(1e-3, 1e6))
def test_early_stopping_ends_power_laws_far_before_the_cap(
    exponent: float, floor: float, unit: float
) -> None:
    """Losses of smooth targets fall like a power of the steps, for as long as one trains."""
    trial, steps = Trial(0, mlp.SETTINGS, unit), 0
    while not trial.ended:
        steps += mlp.SETTINGS.steps_per_check
        trial.check(steps, unit * (floor + (1 - floor) * (steps / 20) ** -exponent))
    assert steps < mlp.SETTINGS.max_steps / 2


def test_early_stopping_ends_raw_coordinates_on_the_smoothest_task() -> None:
    """A cell of the suite `open-probes` whose loss still falls after thousands of steps."""
    source = TaskSource("air_temperature")
    table, (split,) = load_table(source), make_folds(source, "random", 0)
    X, y = get_encoder("direct").encode(table.lonlat), table.target
    train, validation = (Dataset(X[rows], y[rows]) for rows in (split.train, split.validation))
    part = mlp.network_fold(InnerSets(train, validation), None, CPU)
    # The search of the probe chooses this candidate; the others are left out to save time.
    winner = search([part], CANDIDATES[10:11], mlp.SETTINGS, outputs=None, seed=0)
    assert winner.stopped_early
    assert winner.steps_trained < mlp.SETTINGS.max_steps / 5
    assert winner.loss / (part.constant_loss * part.loss_scale) < 0.08


def test_improvements_are_measured_against_a_constant_prediction() -> None:
    numbers, codes = parts("regression", rows=120), parts("classification", rows=120)
    pair = InnerSets(Dataset(numbers.X, numbers.y), Dataset(*numbers.validation))
    part = mlp.network_fold(pair, None, CPU)
    mean = DummyRegressor().fit(numbers.X, numbers.y).predict(numbers.validation[0])
    expected = np.square(mean - numbers.validation[1]).sum()
    assert part.constant_loss * part.loss_scale == pytest.approx(expected)

    classes, y = np.unique(codes.y, return_inverse=True)
    (X, labels), shares = codes.validation, DummyClassifier(strategy="prior")
    labels = np.searchsorted(classes, labels)
    pair = InnerSets(Dataset(codes.X, y), Dataset(X, labels))
    part = mlp.network_fold(pair, len(classes), CPU)
    prior = shares.fit(codes.X, y).predict_proba(X)
    expected = log_loss(labels, prior, normalize=False, labels=range(len(classes)))
    assert part.constant_loss * part.loss_scale == pytest.approx(expected)


def test_a_race_in_turns_ends_as_in_one_turn() -> None:
    folds = [fold(0), fold(1)]
    turns, once = (Race(folds, FEW, SHORT, outputs=None, seed=5) for _ in range(2))
    for steps in (40, 120, 300):
        turns.train_until(steps)
    once.train_until(300)
    ours, expected = turns.winner(), once.winner()
    assert ours[:-1] == expected[:-1]
    for layer, other in zip(ours.layers, expected.layers, strict=True):
        assert layer[0].tobytes() == other[0].tobytes()


def test_halving_drops_the_candidates_with_the_highest_loss() -> None:
    part = fold()
    at_rung = [min(curve(part, candidate, SHORT, checks=2)) for candidate in FEW]
    assert np.argmax(at_rung) == 0
    good_late = SHORT.model_copy(update={"rungs": ((40, 1),), "max_steps": 40})
    assert search([part], FEW, good_late, outputs=None, seed=0).candidate == np.argmin(at_rung)


def test_early_stopping_decides_and_the_cap_is_recorded(
    monkeypatch: pytest.MonkeyPatch, short: None
) -> None:
    data = parts("regression", rows=100)
    noise = np.random.default_rng(0).standard_normal(150)
    stopped = PerceptronRegressor(random_state=0).fit(data.X, data.y, (data.validation[0], noise))
    info: Any = stopped.fit_info_
    assert stopped.converged_
    assert info["steps"] <= info["steps_trained"] < info["cap"] == SHORT.max_steps
    assert stopped.best_params_["steps"] == info["steps"]
    assert info["epochs"] == info["steps"]  # 100 rows are one batch
    monkeypatch.setattr(mlp, "SETTINGS", SHORT.model_copy(update={"max_steps": 100}))
    capped = PerceptronRegressor(random_state=0).fit(data.X, data.y, data.validation)
    assert not capped.converged_
    assert capped.fit_info_["steps_trained"] == capped.fit_info_["cap"] == 100


def test_inner_folds_add_losses_and_the_refit_sees_all_rows(short: None) -> None:
    data = parts("regression", rows=120)
    inner = [(np.arange(70), np.arange(70, 120)), (np.arange(50, 120), np.arange(30))]
    probe = PerceptronRegressor(random_state=0).fit(data.X, data.y, inner=inner)
    steps, number = probe.best_params_["steps"], probe.fit_info_["candidate"]
    assert isinstance(steps, int)
    assert isinstance(number, int)
    np.testing.assert_allclose(probe.scaler_.mean_, data.X.astype(float).mean(0), rtol=1e-5)

    folds = [
        mlp.network_fold(
            InnerSets(*(Dataset(data.X[part], data.y[part]) for part in pair)), None, CPU
        )
        for pair in inner
    ]
    seed = probe._draw_seed()[0]
    curves = [
        curve(part, FEW[number], SHORT, steps // SHORT.steps_per_check, seed) for part in folds
    ]
    totals = [sum(losses) for losses in zip(*curves, strict=True)]
    assert np.argmin(totals) == len(totals) - 1
    # Another network with all rows and the same number of steps gives the same predictions.
    scaling = mlp.fit_scaling(Dataset(data.X, data.y), None)
    everything = mlp._standardised(scaling, Dataset(data.X, data.y), None, CPU)
    refitted = Network(everything, FEW[number], SHORT, seed)
    refitted.train(steps)
    assert refitted.layers()[0][0].tobytes() == probe.layers_[0][0].tobytes()


def test_inner_loss_is_in_the_unit_of_the_target(short: None) -> None:
    data = parts("regression", rows=100)
    pair = InnerSets(Dataset(data.X, data.y), Dataset(*data.validation))
    part = mlp.network_fold(pair, None, CPU)
    network = Network(part.train, FEW[1], SHORT, 0)
    network.train(40)
    predicted = forward(network.layers(), part.validation.X.numpy())[:, 0]
    predicted = (predicted * data.y.std() + data.y.mean()).clip(data.y.min(), data.y.max())
    expected = np.square(predicted - data.validation[1]).sum()
    loss = network.networks.losses([part.validation])[0]
    assert loss * part.loss_scale == pytest.approx(expected, rel=1e-4)


def test_inner_folds_of_classes_leave_out_unseen_labels(short: None) -> None:
    data = parts("classification", rows=120)
    inner = [(np.arange(70), np.arange(70, 120)), (np.arange(50, 120), np.arange(30))]
    y = data.y.copy()
    y[100] = 999  # in no training set of the first fold
    probe = PerceptronClassifier(random_state=0).fit(data.X, y, inner=inner)
    assert 999 in probe.classes_
    assert probe.predict_proba(data.X_test).shape == (150, len(probe.classes_))


def test_without_validation_rows_nothing_is_chosen(short: None) -> None:
    data = parts("regression")
    probe = PerceptronRegressor(random_state=0).fit(data.X[:3], data.y[:3])
    assert probe.fit_info_["candidate"] == 0
    assert probe.best_params_["steps"] == SHORT.steps_without_validation
    assert not probe.converged_


def test_seed_matters(short: None) -> None:
    data = parts("regression")
    first, other = (
        make_probe("mlp", "regression", seed).fit(data.X, data.y, data.validation)
        for seed in (0, 1)
    )
    assert not np.array_equal(first.predict(data.X_test), other.predict(data.X_test))


def test_memory_order_and_alignment_do_not_matter(short: None) -> None:
    data = parts("regression")
    shifted = np.zeros(data.X.size + 1, dtype=np.float32)[1:].reshape(data.X.shape)
    shifted[:] = data.X
    layers = [
        PerceptronRegressor(random_state=0).fit(X, data.y, data.validation).layers_
        for X in (data.X, np.asfortranarray(data.X), shifted)
    ]
    for other in layers[1:]:
        assert other[0][0].tobytes() == layers[0][0][0].tobytes()


def test_learns_a_smooth_function_of_coordinates(quick_probes: None) -> None:
    xyz = points(1000)
    X, y = xyz.astype(np.float32), smooth(xyz)
    probe = PerceptronRegressor(random_state=0).fit(X[:600], y[:600])
    assert probe.score(X[600:], y[600:]) > 0.95


def test_forward_is_what_was_trained(short: None) -> None:
    data = parts("classification")
    probe = PerceptronClassifier(random_state=0).fit(data.X, data.y)
    hidden = torch.from_numpy(probe.scaler_.transform(data.X_test))
    for step, (weights, biases) in enumerate(probe.layers_):
        hidden = hidden if step == 0 else torch.relu(hidden)
        hidden = hidden @ torch.tensor(weights).T + torch.tensor(biases)
    expected: NDArray[Any] = torch.softmax(hidden, dim=1).numpy()
    np.testing.assert_allclose(probe.predict_proba(data.X_test), expected, atol=1e-5)
