from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from threadpoolctl import threadpool_limits

from satclip_bench.benchmarks.baselines import (
    BaselineCard,
    baseline_card,
    get_baseline,
    list_baselines,
    make_baseline,
    neighbours,
)
from satclip_bench.benchmarks.baselines.sphere import SphereBaseline
from satclip_bench.benchmarks.targets import count_outside
from satclip_bench.core.errors import UnknownNameError
from satclip_bench.core.sphere import EARTH_RADIUS_KM, unit_vectors
from satclip_bench.tasks.base import TaskType

Rows = NDArray[np.int64]
Part = tuple[NDArray[np.float64], NDArray[np.float64]]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As cells are run; small systems are slower on more."""
    with threadpool_limits(1):
        yield


def part(n: int, seed: int) -> Part:
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    lonlat = np.stack([rng.uniform(-180, 180, n), lat], axis=1)
    x, y, z = unit_vectors(lonlat).T
    return lonlat, 3 * x + y * z + 0.1 * rng.normal(size=n)


TRAIN, VALIDATION, TEST = part(400, 0), part(100, 1), part(200, 2)


def classes(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.digitize(values, [-2, -1, 0, 1, 2]) * 10


def test_mean_and_majority() -> None:
    mean = make_baseline("baseline.mean", "regression").fit(*TRAIN, validation=VALIDATION)
    assert mean.predict(TEST[0]) == pytest.approx(np.full(200, TRAIN[1].mean()))
    y = classes(TRAIN[1])
    share = make_baseline("baseline.mean", "classification").fit(TRAIN[0], y, VALIDATION)
    labels, counts = np.unique(y, return_counts=True)
    assert share.classes_.tolist() == labels.tolist()
    assert share.predict_proba(TEST[0]) == pytest.approx(np.tile(counts / 400, (200, 1)))


def test_nearest_neighbours_agree_with_scikit_learn_on_the_haversine() -> None:
    found = make_baseline("baseline.knn", "regression").fit(*TRAIN, validation=VALIDATION)
    k = found.best_params_["n_neighbors"]
    oracle = KNeighborsRegressor(k, metric="haversine", algorithm="ball_tree")
    oracle.fit(np.radians(TRAIN[0][:, ::-1]), TRAIN[1])
    assert found.predict(TEST[0]) == pytest.approx(oracle.predict(np.radians(TEST[0][:, ::-1])))


def test_class_shares_agree_with_scikit_learn() -> None:
    y = classes(TRAIN[1])
    found = make_baseline("baseline.knn", "classification")
    found.fit(TRAIN[0], y, validation=(VALIDATION[0], classes(VALIDATION[1])))
    oracle = KNeighborsClassifier(found.best_params_["n_neighbors"]).fit(unit_vectors(TRAIN[0]), y)
    wanted = oracle.predict_proba(unit_vectors(TEST[0]))
    assert found.predict_proba(TEST[0]) == pytest.approx(wanted)


@pytest.mark.parametrize("name", ["baseline.knn", "baseline.idw"])
@pytest.mark.parametrize("task_type", ["regression", "classification"])
def test_parts_of_rows_change_no_bit(
    name: str, task_type: TaskType, monkeypatch: pytest.MonkeyPatch
) -> None:
    y: NDArray[Any] = TRAIN[1]
    held: NDArray[Any] = VALIDATION[1]
    if task_type == "classification":
        y, held = classes(y), classes(held)
    answers = []
    for numbers in (2**21, 20, 140):
        monkeypatch.setattr(neighbours, "PART_NUMBERS", numbers)
        fit = make_baseline(name, task_type).fit(TRAIN[0], y, validation=(VALIDATION[0], held))
        values = fit.predict_proba if task_type == "classification" else fit.unclipped
        answers.append((fit.best_params_, values(TEST[0]).tobytes()))
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("name", ["baseline.mean", "baseline.knn", "baseline.idw"])
def test_many_classes_take_no_memory_of_rows_by_classes(name: str) -> None:
    """Which would be 320 MB for the training set and 64 MB for the validation set."""
    rng = np.random.default_rng(0)
    lonlat, y = rng.uniform(-60, 60, (20_000, 2)), rng.integers(0, 2000, 20_000)
    tracemalloc.start()
    make_baseline(name, "classification").fit(lonlat, y, validation=(lonlat[:4000], y[:4000]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 45e6


def test_inverse_distance_by_brute_force() -> None:
    found = make_baseline("baseline.idw", "regression").fit(*TRAIN, validation=VALIDATION)
    power, k = found.best_params_["power"], 20
    assert baseline_card("baseline.idw").settings["n_neighbors"] == k
    angle = np.arccos(np.clip(unit_vectors(TEST[0]) @ unit_vectors(TRAIN[0]).T, -1, 1))
    for row in range(len(TEST[0])):
        near = np.argsort(angle[row])[:k]
        weight = (EARTH_RADIUS_KM * angle[row, near]) ** -float(power)
        wanted = np.average(TRAIN[1][near], weights=weight)
        assert found.predict(TEST[0][row : row + 1])[0] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("name", ["baseline.idw"])
def test_a_training_point_is_met_exactly(name: str) -> None:
    found = make_baseline(name, "regression").fit(*TRAIN, validation=VALIDATION)
    assert found.predict(TRAIN[0]) == pytest.approx(TRAIN[1], abs=1e-4)


def test_neighbours_are_found_across_the_antimeridian_and_the_pole() -> None:
    lonlat = np.array([[179.9, 0.0], [0, 0], [10, 89.9], [100, 50]])
    y = np.array([1.0, 2, 3, 4])
    found = make_baseline("baseline.knn", "regression").fit(lonlat, y, (lonlat, y))
    assert found.best_params_ == {"n_neighbors": 1}
    assert found.predict(np.array([[-179.9, 0], [-170, 89.9]])).tolist() == [1, 3]


@pytest.mark.parametrize("name", list_baselines())
@pytest.mark.parametrize("task_type", ["regression", "classification"])
def test_one_training_point_is_enough(name: str, task_type: str) -> None:
    one, y = np.array([[5.0, 5.0]]), np.array([7])
    found = make_baseline(name, task_type).fit(one, y, (one, y))  # type: ignore[arg-type]
    if task_type == "regression":
        assert found.predict(TEST[0]) == pytest.approx(np.full(200, 7.0))
    else:
        assert found.predict_proba(TEST[0]) == pytest.approx(np.ones((200, 1)))


@pytest.mark.parametrize("name", ["baseline.knn", "baseline.idw", "baseline.gp"])
def test_validation_labels_steer_only_the_choice(name: str) -> None:
    one = make_baseline(name, "regression").fit(*TRAIN, validation=VALIDATION)
    shuffled = VALIDATION[0], np.random.default_rng(0).permutation(VALIDATION[1])
    two = make_baseline(name, "regression").fit(*TRAIN, validation=shuffled)
    assert one.best_params_ != two.best_params_
    # Another validation part that leads to the same choice leads to the same predictions.
    twice = np.tile(VALIDATION[0], (2, 1)), np.tile(VALIDATION[1], 2)
    three = make_baseline(name, "regression").fit(*TRAIN, validation=twice)
    assert three.best_params_ == one.best_params_
    assert np.array_equal(one.predict(TEST[0]), three.predict(TEST[0]))


@pytest.mark.parametrize("name", list_baselines())
def test_validation_classes_that_training_never_saw(name: str) -> None:
    y = classes(TRAIN[1])
    found = make_baseline(name, "classification")
    found.fit(TRAIN[0], y, validation=(VALIDATION[0], np.full(100, 999)))
    assert found.classes_.tolist() == np.unique(y).tolist()
    assert found.predict_proba(TEST[0]).sum(axis=1) == pytest.approx(np.ones(200))


def test_an_unknown_baseline() -> None:
    with pytest.raises(UnknownNameError, match=r"baseline\.knn"):
        baseline_card("baseline.none")


def by_longitude(lonlat: NDArray[np.float64], parts: int = 4) -> list[tuple[Rows, Rows]]:
    """Inner folds that each hold out the points of one range of longitudes."""
    region = ((lonlat[:, 0] + 180) // (360 / parts)).astype(int)
    return [(np.flatnonzero(region != r), np.flatnonzero(region == r)) for r in range(parts)]


@pytest.mark.parametrize("name", ["baseline.knn", "baseline.idw"])
@pytest.mark.parametrize("task_type", ["regression", "classification"])
def test_the_choice_by_inner_folds_is_the_one_of_the_lowest_sum_of_losses(
    name: str, task_type: TaskType
) -> None:
    lonlat, values = part(300, 7)
    y = values if task_type == "regression" else classes(values)
    inner = by_longitude(lonlat)
    found = make_baseline(name, task_type).fit(lonlat, y, inner=inner)
    (parameter, candidates), *_ = baseline_card(name).search.items()
    losses = []
    for candidate in candidates:
        loss = 0.0
        for train, held in inner:
            # With a single candidate there is nothing to choose.
            one = replace(get_baseline(name), card=only(name, parameter, candidate))
            fitted = SphereBaseline(one, task_type).fit(
                lonlat[train], y[train], validation=(lonlat[held], y[held])
            )
            if task_type == "regression":
                loss += np.sum((fitted.predict(lonlat[held]) - y[held]) ** 2)
            else:
                first = fitted.predict_proba(lonlat[held]).argmax(axis=1)
                loss += np.sum(fitted.classes_[first] != y[held])
        losses.append(loss)
    assert found.best_params_ == {parameter: candidates[int(np.argmin(losses))]}
    # What is predicted with is fitted to all rows.
    one = replace(get_baseline(name), card=only(name, parameter, found.best_params_[parameter]))
    whole = SphereBaseline(one, task_type).fit(lonlat, y, validation=(lonlat[:5], y[:5]))
    if task_type == "regression":
        assert np.array_equal(found.predict(TEST[0]), whole.predict(TEST[0]))
    else:
        assert np.array_equal(found.predict_proba(TEST[0]), whole.predict_proba(TEST[0]))


def only(name: str, parameter: str, candidate: float) -> BaselineCard:
    card = baseline_card(name)
    # The number of neighbours that are looked up follows from the largest candidate.
    return card.model_copy(update={"search": {parameter: (candidate,)}})


@pytest.mark.parametrize("name", list_baselines())
def test_what_settings_are_chosen_on_is_given_once(name: str) -> None:
    inner = by_longitude(TRAIN[0])
    for held_out in ({}, {"validation": VALIDATION, "inner": inner}):
        with pytest.raises(ValueError, match="either validation or inner"):
            make_baseline(name, "regression").fit(*TRAIN, **held_out)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", list_baselines())
def test_predictions_stay_in_the_range_of_the_training_targets(name: str) -> None:
    found = make_baseline(name, "regression").fit(*TRAIN, inner=by_longitude(TRAIN[0]))
    assert tuple(found.target_range_) == (TRAIN[1].min(), TRAIN[1].max())
    predicted = found.predict(TEST[0])
    assert predicted.min() >= TRAIN[1].min()
    assert predicted.max() <= TRAIN[1].max()
    assert found.converged_
    # Means of neighbours cannot leave the range, and rounding does not count.
    if name != "baseline.gp":
        mean, std = found.distribution(TEST[0])
        assert count_outside(mean, found.target_range_) == 0
        assert (mean == found.unclipped(TEST[0])).all()
        assert std is None


@pytest.mark.parametrize("name", list_baselines())
def test_the_order_of_inner_folds_does_not_matter(name: str) -> None:
    inner = by_longitude(TRAIN[0])
    one, two = (
        make_baseline(name, "regression").fit(*TRAIN, inner=folds) for folds in (inner, inner[::-1])
    )
    assert one.best_params_ == two.best_params_
    assert np.array_equal(one.predict(TEST[0]), two.predict(TEST[0]))
