"""The SatCLIP paper's protocol, and its notebook's."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_bench.benchmarks.protocols import get_protocol
from satclip_bench.benchmarks.protocols import satclip as module
from satclip_bench.benchmarks.protocols import satclip_notebook as notebook
from satclip_bench.benchmarks.protocols.paper_networks import (
    full_batch,
    outputs_of,
    seeded,
    tied_perceptron,
)
from satclip_bench.core.errors import BenchError
from tests.benchmarks.protocols.tables import features, points, work


def test_shares_of_the_parts() -> None:
    (parts,) = get_protocol("satclip").folds(points(1000), "random")
    assert [len(p) for p in (parts.train, parts.validation, parts.test)] == [300, 100, 600]


@pytest.mark.parametrize("continent", module.CONTINENTS)
def test_a_continent_is_held_out_whole_or_but_for_one_label_in_a_hundred(continent: str) -> None:
    table = points(1500)
    assert table.region is not None
    inside = np.flatnonzero(table.region == continent)
    protocol = get_protocol("satclip")
    (zero,) = protocol.folds(table, f"zero-shot.{continent}")
    assert sorted(zero.test.tolist()) == inside.tolist()
    (few,) = protocol.folds(table, f"few-shot.{continent}")
    labels = np.intersect1d(few.train, inside)
    assert len(labels) == pytest.approx(len(inside) / 100, abs=1)
    assert len(labels) + len(np.intersect1d(few.test, inside)) <= len(inside)
    for parts in (zero, few):
        assert not np.isin(table.region[parts.test], table.region[parts.validation]).any()
        assert not np.isin(np.setdiff1d(parts.train, labels), inside).any()
        assert not parts.inner
    assert not np.isin(table.region[zero.validation], table.region[zero.train]).any()


def test_a_continent_that_is_not_there_is_said() -> None:
    table = points(1500)
    assert table.region is not None
    elsewhere = np.where(table.region == "Asia", "Oceania", table.region)
    moved = type(table)(table.lonlat, table.target, elsewhere)
    with pytest.raises(BenchError, match="not enough points in Asia"):
        get_protocol("satclip").folds(moved, "zero-shot.Asia")


def test_what_was_chosen_before_is_not_searched_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fewer = module.FIXED.model_copy(update={"max_epochs": 5, "patience": 3})
    monkeypatch.setattr(module, "FIXED", fewer)
    monkeypatch.setattr(module, "TUNING", module.TUNING.model_copy(update={"n_draws": 2}))
    protocol, table = get_protocol("satclip"), points()
    first, second = protocol.outcomes(work(protocol, table))

    def never(*_: object) -> None:
        raise AssertionError("searched again")

    monkeypatch.setattr(module, "choose", never)
    (again,) = protocol.outcomes(
        work(protocol, table, seeds=(second.seed,), best_params={first.fold: first.best_params})
    )
    assert np.array_equal(again.prediction, second.prediction)
    assert again.best_params == second.best_params


def test_the_notebook_divides_by_the_largest_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "EPOCHS", 40)
    protocol, table = get_protocol("satclip-notebook"), points(201)
    (outcome,) = protocol.outcomes(work(protocol, table))
    (parts,) = protocol.folds(table, "random")
    assert (len(parts.train), len(parts.test)) == (100, 101)
    X, y = features(table), (table.target / table.target.max()).astype(np.float32)
    import torch

    with seeded(0):
        network = tied_perceptron(X.shape[1], 64, 2, 1)
        full_batch(network, (torch.tensor(X[parts.train]), torch.tensor(y[parts.train])), 1e-3, 40)
    wanted = outputs_of(network, X[parts.test])[:, 0]
    assert outcome.prediction == pytest.approx(wanted * table.target.max(), rel=1e-5)
    assert outcome.scores["mse"] == pytest.approx(np.mean((y[parts.test] - wanted) ** 2), rel=1e-4)
    below = type(table)(table.lonlat, -np.abs(table.target))
    with pytest.raises(BenchError, match="must exceed 0"):
        list(protocol.outcomes(work(protocol, below)))
