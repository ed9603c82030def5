"""CoordBench: ridge against scikit-learn, folds against the harness's rule written out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from satclip_bench.benchmarks.protocols import get_protocol
from satclip_bench.benchmarks.protocols.coordbench import (
    ALPHAS,
    CHUNKED,
    CoordbenchProtocol,
    floored_mean,
)
from satclip_bench.benchmarks.protocols.ridge import chunk_factors, ridge_path
from satclip_bench.benchmarks.splits import SplitInputs
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import get_encoder
from satclip_bench.tasks import get_task
from tests.benchmarks.protocols.tables import features, points, work


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("columns", [4, 90])
def test_ridge_is_scikit_learns(free: bool, columns: int) -> None:
    """More columns than rows too, and one that does not vary."""
    rng = np.random.default_rng(columns)
    X, Z = rng.normal(3, 2, (50, columns)), rng.normal(3, 2, (20, columns))
    X[:, 1] = Z[:, 1] = 7.0
    y = rng.normal(5, 1, (50, 2))
    scale = X.std(axis=0, ddof=1)
    scale[1] = 1e-6
    A, B = (X - X.mean(axis=0)) / scale, (Z - X.mean(axis=0)) / scale
    alphas = (1e-4, 1.0, 1e3)
    for alpha, found in zip(alphas, ridge_path(X, y, Z, alphas, free_intercept=free), strict=True):
        if free:
            wanted = Ridge(alpha=alpha).fit(A, y).predict(B)
        else:
            ones = [np.column_stack([M, np.ones(len(M))]) for M in (A, B)]
            wanted = Ridge(alpha=alpha, fit_intercept=False).fit(ones[0], y).predict(ones[1])
        assert np.abs(found - wanted).max() < 1e-6


@pytest.mark.parametrize("beta", [3.0, 100.0])
def test_a_chunked_penalty_is_that_of_its_normal_equations(beta: float) -> None:
    rng = np.random.default_rng(0)
    X, Z, y = rng.normal(3, 2, (50, 7)), rng.normal(3, 2, (20, 7)), rng.normal(5, 1, (50, 2))
    A, B = ((M - X.mean(axis=0)) / X.std(axis=0, ddof=1) for M in (X, Z))
    penalty = np.diag([1, 1, beta, beta, beta, beta**2, beta**2])
    factors = chunk_factors(7, beta, (2, 5))
    for alpha in (1e-2, 10.0):
        weights = np.linalg.solve(A.T @ A + alpha * penalty, A.T @ (y - y.mean(axis=0)))
        (found,) = ridge_path(X, y, Z, [alpha], free_intercept=True, factors=factors)
        assert found == pytest.approx(B @ weights + y.mean(axis=0))


def test_a_chunked_penalty_is_chosen_where_later_columns_are_noise() -> None:
    protocol, table = CoordbenchProtocol(), points(150)
    noise = np.random.default_rng(0).normal(size=(150, 70))
    embedding = np.column_stack([features(table, columns=64), noise]).astype(np.float32)
    done = work(protocol, table, probe=CHUNKED, embedding=embedding, seeds=(0,))
    results = list(protocol.outcomes(done))
    assert min(result.best_params["beta"] for result in results) > 1
    plain = work(protocol, table, probe="ridge", embedding=embedding, seeds=(0,))
    without = list(protocol.outcomes(plain))
    assert np.mean([r.scores["r2"] for r in results]) > np.mean([r.scores["r2"] for r in without])
    assert all("beta" not in result.best_params for result in without)


def test_penalties_are_half_decades() -> None:
    assert len(ALPHAS) == 21
    assert ALPHAS[0] == pytest.approx(1e-4)
    assert ALPHAS[-1] == pytest.approx(1e6)
    assert np.allclose(np.diff(np.log10(ALPHAS)), 0.5)


@pytest.mark.parametrize("side", [2, 10, 20, 40])
def test_blocks_are_dealt_as_in_the_harness(side: int) -> None:
    table = points(700)
    lon, lat = table.lonlat.T
    cell = np.floor(lat / side).astype(int) * 100003 + np.floor(lon / side).astype(int)
    known = sorted(set(cell.tolist()))
    order = np.random.default_rng(0).permutation(len(known))
    fold_of = {c: order[i] % 5 for i, c in enumerate(known)}
    folds = get_protocol("coordbench").folds(table, f"blocks.{side}")
    for number, fold in enumerate(folds):
        wanted = [row for row, c in enumerate(cell.tolist()) if fold_of[c] == number]
        assert fold.test.tolist() == wanted
        assert sorted(fold.train.tolist()) == sorted(set(range(700)) - set(wanted))


def test_random_folds_are_every_fifth_of_a_permutation() -> None:
    order = np.random.default_rng(0).permutation(103)
    folds = get_protocol("coordbench").folds(points(103), "random")
    assert [f.test.tolist() for f in folds] == [order[i::5].tolist() for i in range(5)]


def test_the_penalty_is_chosen_within_the_training_part() -> None:
    """By the mean score over inner folds of the same task_type, done here the long way."""
    protocol, table = CoordbenchProtocol(), points(300)
    X, y = features(table).astype(np.float64), table.target.astype(np.float32).astype(np.float64)
    outcome = next(iter(protocol.outcomes(work(protocol, table, embedding=X))))
    train = protocol.folds(table, "random")[0].train
    order = train[np.random.default_rng(0).permutation(len(train))]
    inner = [order[i::5] for i in range(5)]
    means = []
    for alpha in ALPHAS:
        scores = []
        for i, judge in enumerate(inner):
            rest = np.concatenate([p for j, p in enumerate(inner) if j != i])
            mean, scale = X[rest].mean(axis=0), X[rest].std(axis=0, ddof=1)
            probe = Ridge(alpha=alpha).fit((X[rest] - mean) / scale, y[rest])
            scores.append(probe.score((X[judge] - mean) / scale, table.target[judge]))
        means.append(np.mean(scores))
    assert outcome.best_params["alpha"] == ALPHAS[int(np.argmax(means))]


class PenalisedIntercept(CoordbenchProtocol):
    """The paper's protocol as it was in the first version of its page."""

    FREE_INTERCEPT = False


def test_a_penalised_intercept_costs_scores_where_blocks_are_held_out() -> None:
    """As on the page: R2 under 10-degree blocks falls, that of random folds does not move.

    Where labels are far away, strong penalties are best, and a penalised intercept then leaves the
    mean of the target behind; by how much depends on what the target is counted from.
    """
    table = get_task("median_income").load()
    rows = np.random.default_rng(0).permutation(len(table))[:500]
    embedding = get_encoder("harmonics.l6").encode(table.lonlat[rows])

    def r2(protocol: CoordbenchProtocol, split: str, offset: float) -> float:
        target = table.target[rows].astype(np.float64) + offset
        shifted = SplitInputs(table.lonlat[rows], target)
        results = protocol.outcomes(work(protocol, shifted, split, embedding=embedding, seeds=(0,)))
        return float(np.mean([result.scores["r2"] for result in results]))

    free, penalised = CoordbenchProtocol(), PenalisedIntercept()
    offset = 20 * float(table.target.std())
    near, far = r2(free, "random", offset), r2(free, "blocks.10", offset)
    assert r2(penalised, "random", offset) == pytest.approx(near, abs=0.01)
    assert r2(penalised, "blocks.10", offset) < far - 0.05


def test_what_cannot_be_done_is_said() -> None:
    protocol = CoordbenchProtocol()
    one = SplitInputs(np.full((50, 2), 5.0), np.arange(50.0))
    with pytest.raises(BenchError, match="two blocks or more"):
        protocol.folds(one, "blocks.10")
    with pytest.raises(BenchError, match="for classes only"):
        list(protocol.outcomes(work(protocol, points(), probe="knn")))


def test_scores_are_floored_where_they_are_averaged() -> None:
    assert floored_mean([0.5, -7.0]) == -0.25
