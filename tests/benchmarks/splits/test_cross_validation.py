"""Splits in the hands of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score

from satclip_bench.benchmarks.splits import (
    SplitInputs,
    as_cross_validator,
    get_split,
    list_splits,
)
from satclip_bench.core.errors import BenchError, CoordinateError, UnknownNameError
from satclip_bench.core.sphere import unit_vectors
from satclip_bench.tasks import get_task

Float = NDArray[np.float64]


@pytest.fixture
def lonlat() -> Float:
    rng = np.random.default_rng(0)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, 2000)))
    return np.column_stack([rng.uniform(-180, 180, 2000), lat])


@pytest.mark.parametrize("include_validation", [False, True])
@pytest.mark.parametrize("split", ["blocks.20", "random"])
def test_cross_val_score_is_a_loop_over_the_folds(
    lonlat: Float, split: str, include_validation: bool
) -> None:
    y = np.sin(np.radians(3 * lonlat[:, 1]))
    X = unit_vectors(lonlat)
    cv = as_cross_validator(split, lonlat, y, include_validation=include_validation)
    scores = cross_val_score(Ridge(), X, y, cv=cv)
    expected = []
    for fold in get_split(split).folds(SplitInputs(lonlat, y), 0):
        rows = fold.train
        if include_validation:
            rows = np.sort(np.concatenate([fold.train, fold.validation]))
        ridge = Ridge().fit(X[rows], y[rows])
        expected.append(r2_score(y[fold.test], ridge.predict(X[fold.test])))
    assert scores.tolist() == expected
    assert cv.get_n_splits() == len(expected) == (5 if split == "blocks.20" else 1)


def test_inner_folds_are_the_cv_of_a_search(lonlat: Float) -> None:
    """Nested cross-validation with scikit-learn alone: a search per fold, refitted on all of it."""
    y = np.sin(np.radians(3 * lonlat[:, 1]))
    X = unit_vectors(lonlat)
    for fold in get_split("blocks.20").folds(SplitInputs(lonlat, y), 0):
        search = GridSearchCV(
            Ridge(), {"alpha": [0.1, 1e6]}, cv=fold.inner_positions, scoring="r2"
        ).fit(X[fold.train], y[fold.train])
        by_hand = [
            np.mean(
                [
                    Ridge(alpha)
                    .fit(X[one.train], y[one.train])
                    .score(X[one.validation], y[one.validation])
                    for one in fold.inner
                ]
            )
            for alpha in (0.1, 1e6)
        ]
        assert search.cv_results_["mean_test_score"] == pytest.approx(by_hand)
        refitted = Ridge(search.best_params_["alpha"]).fit(X[fold.train], y[fold.train])
        assert np.array_equal(search.predict(X[fold.test]), refitted.predict(X[fold.test]))


@pytest.mark.parametrize("split", [s for s in list_splits() if s != "official"])
def test_every_split_of_a_task(split: str) -> None:
    table = get_task("biomes").load()
    cv = as_cross_validator(split, table, seed=1)
    scores = cross_val_score(DummyRegressor(), table.lonlat, table.target, cv=cv)
    assert len(scores) == cv.get_n_splits() > 0
    assert np.isfinite(scores).all()


def test_labels_of_any_type_are_classes(lonlat: Float) -> None:
    codes = np.digitize(lonlat[:, 1], [-30, 0, 30])
    names = np.array(["a", "b", "c", "d"])[codes]
    expected = get_split("blocks.20").folds(SplitInputs(lonlat, codes.astype(np.int64)), 0)
    for target in (codes.astype(np.uint8), names, names.astype(object)):
        cv = as_cross_validator("blocks.20", lonlat, target)
        assert [f.sha256 for f in cv.folds] == [f.sha256 for f in expected]


def test_regions_are_held_out(lonlat: Float) -> None:
    region = np.where(lonlat[:, 0] < 0, "west", "east")
    cv = as_cross_validator("held-out-region", lonlat, region=region)
    assert [set(region[test]) for _, test in cv.split(lonlat)] == [{"east"}, {"west"}]


def test_a_grid_search_can_use_it(lonlat: Float) -> None:
    y = lonlat[:, 1]
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1e6]}, cv=as_cross_validator("nndm", lonlat, y))
    assert search.fit(unit_vectors(lonlat), y).best_params_ == {"alpha": 0.1}


def test_what_cannot_be_used(lonlat: Float) -> None:
    cv = as_cross_validator(get_split("random"), lonlat)
    with pytest.raises(ValueError, match="table of 2000 rows, and X has 10"):
        next(cv.split(lonlat[:10]))
    with pytest.raises(ValueError, match=r"shape \(2000,\)"):
        as_cross_validator("random", lonlat, lonlat)
    with pytest.raises(UnknownNameError):
        as_cross_validator("randm", lonlat)
    with pytest.raises(CoordinateError):
        as_cross_validator("random", lonlat[:, ::-1] * 2)
    with pytest.raises(BenchError, match="regions"):
        as_cross_validator("held-out-region", lonlat)
