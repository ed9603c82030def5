"""Harmonics that an embedding expresses, against scikit-learn's ridge regression."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from satclip_bench.benchmarks.profiles.frequency import PENALTIES, Sets, expressed, half_degree
from satclip_bench.core.sphere import lonlat_of
from satclip_bench.encoders import get_encoder
from satclip_bench.encoders.layers.spherical_harmonics import real_harmonics


def make_sets(encoder: str, points: int) -> Sets:
    lonlat = lonlat_of(np.random.default_rng(0).standard_normal((points, 3)))
    sizes = (points // 2, points // 4)
    return Sets(lonlat, get_encoder(encoder).encode(lonlat), sizes)


def test_harmonics_express_their_degrees_and_no_others() -> None:
    scores = expressed(make_sets("harmonics.l10", 2000), (1, 5, 9, 10, 20))
    np.testing.assert_allclose(scores[:3], 1, atol=1e-6)
    np.testing.assert_allclose(scores[3:], 0, atol=0.1)


def test_scores_are_those_of_sklearn() -> None:
    sets = make_sets("wrap", 400)
    train, validation, test = np.split(np.arange(400), np.cumsum(sets.sizes))
    x = (
        StandardScaler()
        .fit(sets.embedding[train].astype(np.float64))
        .transform(sets.embedding.astype(np.float64))
    )
    for degree, score in zip((1, 3), expressed(sets, (1, 3)), strict=True):
        y = real_harmonics(sets.lonlat, degree + 1)[:, -(2 * degree + 1) :]
        fits = [Ridge(200 * penalty).fit(x[train], y[train]) for penalty in PENALTIES]
        best = min(fits, key=lambda f: ((f.predict(x[validation]) - y[validation]) ** 2).sum())
        expected = r2_score(y[test], best.predict(x[test]), multioutput="variance_weighted")
        assert score == pytest.approx(expected, rel=1e-6)


def test_constant_columns_change_nothing() -> None:
    sets = make_sets("wrap", 400)
    wider = np.column_stack([sets.embedding, np.full(400, 0.1, dtype=np.float32)])
    np.testing.assert_allclose(
        expressed(Sets(sets.lonlat, wider, sets.sizes), (1, 2)), expressed(sets, (1, 2))
    )


@pytest.mark.parametrize(
    ("scores", "expected"), [((0.4, 0.9), 0), ((0.9, 0.6), float("inf")), ((0.75, 0.25), 2)]
)
def test_half_degree(scores: tuple[float, float], expected: float) -> None:
    assert half_degree((1, 4), np.array(scores)) == expected
