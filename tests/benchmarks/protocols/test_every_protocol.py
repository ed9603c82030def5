"""Every protocol: its card, its folds, and that it learns nothing from what it is judged on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from satclip_bench.benchmarks.protocols import Protocol, get_protocol, list_protocols
from satclip_bench.benchmarks.protocols import climplicit as climplicit_module
from satclip_bench.benchmarks.protocols import satclip as satclip_module
from satclip_bench.benchmarks.protocols import satclip_notebook as notebook_module
from satclip_bench.benchmarks.splits import Fold
from satclip_bench.benchmarks.splits.base import TrainTestFold
from satclip_bench.core.errors import BenchError, UnknownNameError
from satclip_bench.tasks.base import TaskType
from tests.benchmarks.protocols.tables import points, spoilt, work

TASK_TYPES: tuple[TaskType, ...] = ("regression", "classification")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of a few epochs: how they are trained is as it is, for how long is not."""
    monkeypatch.setattr(notebook_module, "EPOCHS", 30)
    monkeypatch.setattr(
        climplicit_module,
        "TRAINING",
        climplicit_module.TRAINING.model_copy(update={"max_epochs": 20}),
    )
    for name, value in (
        ("N_HIDDEN_LAYERS", 3),
        ("SIREN_HIDDEN_SIZE", 16),
        ("SIREN_OUTPUT_SIZE", 8),
    ):
        monkeypatch.setattr(climplicit_module, name, value)
    fewer = satclip_module.FIXED.model_copy(update={"max_epochs": 5, "patience": 3})
    monkeypatch.setattr(satclip_module, "FIXED", fewer)
    monkeypatch.setattr(
        satclip_module, "TUNING", satclip_module.TUNING.model_copy(update={"n_draws": 3})
    )


def cells() -> Iterator[tuple[str, str, TaskType]]:
    for name in list_protocols():
        card = get_protocol(name).card
        for probe in card.probes:
            for task_type in TASK_TYPES:
                if task_type in card.metrics and (probe != "knn" or task_type == "classification"):
                    yield name, probe, task_type


@pytest.mark.parametrize("name", list_protocols())
def test_cards_are_data_with_a_version_and_say_what_is_left_open(name: str) -> None:
    card = get_protocol(name).card
    assert card.name == name
    assert card.version >= 1
    assert card.sources
    assert card.left_open
    assert set(card.metrics.values()) == set(card.digits)
    assert card.model_validate_json(card.model_dump_json()) == card
    with pytest.raises(UnknownNameError, match="Did you mean"):
        card.split("randm")
    with pytest.raises(UnknownNameError):
        card.probe("svm")


@pytest.mark.parametrize("name", list_protocols())
def test_folds_are_disjoint_and_always_the_same(name: str) -> None:
    protocol, table = get_protocol(name), points(900)
    for split in protocol.card.splits:
        folds = protocol.folds(table, split)
        assert [f.sha256 for f in folds] == [f.sha256 for f in protocol.folds(table, split)]
        assert all(len(f.train) and len(f.test) for f in folds)
        other = protocol.folds(points(901), split)
        assert folds[0].sha256 != other[0].sha256


@pytest.mark.parametrize(("name", "probe", "task_type"), list(cells()))
def test_test_targets_change_the_score_and_nothing_else(
    name: str, probe: str, task_type: TaskType, quick: None
) -> None:
    protocol, table = get_protocol(name), points(task_type=task_type)
    split = next(iter(protocol.card.splits))
    first = list(protocol.outcomes(work(protocol, table, split, probe, task_type)))
    folds = {f.name: f for f in protocol.folds(table, split)}
    assert {o.fold for o in first} == set(folds)
    for outcome in first:
        assert len(outcome.prediction) == len(folds[outcome.fold].test)
    fold = folds[first[0].fold]
    # The largest target is the notebook's unit, so that it must stay where it is.
    rows = fold.test[table.target[fold.test] < table.target.max()][:20]
    changed = spoilt(table, rows)
    if name == "satclip-notebook":
        changed.target[rows] = table.target[rows] / 2
    again = list(protocol.outcomes(work(protocol, changed, split, probe, task_type)))
    mine = [(a, b) for a, b in zip(first, again, strict=True) if a.fold == fold.name]
    for before, after in mine:
        if name == "coordbench-harness" and probe == "ridge":
            continue
        assert np.array_equal(before.prediction, after.prediction)
        assert before.best_params == after.best_params
    assert any(before.scores != after.scores for before, after in mine)


def test_the_harness_chooses_by_what_it_reports() -> None:
    """Its penalty follows the test targets: that is why it is a protocol of its own."""
    table = points()
    rng = np.random.default_rng(3)
    noise = type(table)(table.lonlat, rng.normal(size=len(table)), table.region)
    chosen = {}
    for name in ("coordbench", "coordbench-harness"):
        protocol = get_protocol(name)
        outcomes = list(protocol.outcomes(work(protocol, noise)))
        chosen[name] = (
            {o.best_params["alpha"] for o in outcomes},
            np.mean([o.scores["r2"] for o in outcomes]),
        )
    assert len(chosen["coordbench-harness"][0]) == 1
    assert chosen["coordbench-harness"][1] >= chosen["coordbench"][1]


@pytest.mark.parametrize(("name", "probe", "task_type"), list(cells()))
def test_outcomes_depend_on_their_seed_alone(
    name: str, probe: str, task_type: TaskType, quick: None
) -> None:
    protocol, table = get_protocol(name), points(200, task_type)
    split = next(iter(protocol.card.splits))
    torch.manual_seed(5)
    state = torch.get_rng_state()
    seeds = protocol.card.seeds[:2]
    both = list(protocol.outcomes(work(protocol, table, split, probe, task_type, seeds)))
    assert torch.equal(torch.get_rng_state(), state), "the caller's generator is left alone"
    torch.manual_seed(6)
    if protocol.card.probe(probe).together:
        alone = list(protocol.outcomes(work(protocol, table, split, probe, task_type, seeds)))
    else:
        alone = [
            o
            for seed in seeds
            for o in protocol.outcomes(work(protocol, table, split, probe, task_type, (seed,)))
        ]
    key = {(o.fold, o.seed): o.prediction for o in alone}
    for outcome in both:
        assert np.array_equal(outcome.prediction, key[outcome.fold, outcome.seed])


def test_folds_without_a_validation_set_are_disjoint_and_not_empty() -> None:
    rows = np.arange(4)
    with pytest.raises(BenchError, match="more than one of its sets"):
        TrainTestFold("0", rows, rows[:1])
    with pytest.raises(BenchError, match="test set of fold '0' is empty"):
        TrainTestFold("0", rows, rows[:0])
    with pytest.raises(BenchError, match="training set of fold '0' is empty"):
        TrainTestFold("0", rows[:0], rows)
    with pytest.raises(BenchError, match="validation set of fold '0' is empty"):
        Fold("0", rows[:2], rows[:0], rows[2:])
    assert (
        TrainTestFold("0", rows[:2], rows[2:]).sha256
        != TrainTestFold("0", rows[1::-1], rows[2:]).sha256
    )


class Fixed(Protocol):
    card = get_protocol("range").card

    def folds(self, points: object, split: str) -> tuple[Fold, ...]:
        return ()

    def outcomes(self, work: object) -> Iterator[object]:  # type: ignore[override]
        return iter(())


def test_the_printed_number_is_the_mean() -> None:
    assert Fixed().printed([1.0, 2.0, 6.0]) == 3
