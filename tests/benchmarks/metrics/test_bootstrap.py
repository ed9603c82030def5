"""Bootstrap intervals against resampled rows, and their coverage of the true value."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import poisson
from sklearn import metrics

from satclip_bench.benchmarks.metrics import resampling
from satclip_bench.benchmarks.metrics.bootstrap import (
    LEVEL,
    interval,
    mean_replicates,
    regression_replicates,
)
from satclip_bench.benchmarks.metrics.intervals import (
    _classification,
    classification_intervals,
    interval_kind,
    regression_intervals,
)
from satclip_bench.benchmarks.metrics.replicates import Replicates
from satclip_bench.benchmarks.metrics.resampling import (
    BATCH,
    BLOCK_DEGREES,
    CHUNK,
    Blocks,
    ByCode,
    Columns,
    Points,
    Resampled,
    block_ids,
    make_blocks,
)
from satclip_bench.benchmarks.metrics.scores import rank_classes
from satclip_bench.core.sphere import chord_to_km, unit_vectors
from satclip_bench.tasks import Edition, get_task, task_card

RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 12, 300)


ROWS = np.random.default_rng(5).permutation(900)[:300]


def _draws(kind: str) -> tuple[Resampled, np.ndarray]:
    """Units of 300 points, and how often each point occurs in each of 40 replicates."""
    if kind == "places":
        blocks = make_blocks(IDS, 40)
        return blocks, blocks.draws[:, blocks.index].astype(int)
    points = Points(ROWS, 40)
    # One column of the totals by code is the weight of one point.
    return points, points.sums(ByCode(np.arange(300), 300, np.ones(300)))[0].astype(int)


@pytest.mark.parametrize("kind", ["map", "places"])
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_regression_replicates_are_scores_of_repeated_rows(kind: str, shift: float) -> None:
    y = RNG.normal(size=300) + shift
    predicted = y + RNG.normal(size=300) * 0.3
    units, times = _draws(kind)
    found = regression_replicates(units, y, predicted, 0.4 + shift)
    for replicate in range(40):
        rows = np.repeat(np.arange(300), times[replicate])
        constant = np.full(len(rows), 0.4 + shift)
        reference = metrics.mean_squared_error(y[rows], constant)
        spread = y[rows].var()
        if kind == "places":
            reference, spread = metrics.mean_squared_error(y, np.full(300, 0.4 + shift)), y.var()
        expected = {
            "r2": 1 - metrics.mean_squared_error(y[rows], predicted[rows]) / spread,
            "rmse": metrics.root_mean_squared_error(y[rows], predicted[rows]),
            "mae": metrics.mean_absolute_error(y[rows], predicted[rows]),
            "skill": 1 - metrics.mean_squared_error(y[rows], predicted[rows]) / reference,
        }
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name][replicate] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("kind", ["map", "places"])
def test_classification_replicates_are_scores_of_repeated_rows(kind: str) -> None:
    truth = RNG.integers(0, 7, 300)
    probabilities = RNG.dirichlet(np.ones(7) * 0.5, 300)
    probabilities[np.arange(300), truth] += 0.4
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    ranked, _ = rank_classes(probabilities, np.arange(7))
    p_true = probabilities[np.arange(300), truth].astype(np.float32)
    units, times = _draws(kind)
    found = _classification(units, truth, ranked, p_true, 2)
    for replicate in range(40):
        rows = np.repeat(np.arange(300), times[replicate])
        t, first = truth[rows], ranked[rows, 0]
        expected = {
            "accuracy": metrics.accuracy_score(t, first),
            "balanced_accuracy": metrics.recall_score(
                t, first, labels=np.unique(t), average="macro", zero_division=0
            ),
            "macro_f1": metrics.f1_score(t, first, average="macro", zero_division=0),
            "top5_accuracy": metrics.top_k_accuracy_score(
                t, probabilities[rows], k=5, labels=range(7)
            ),
            "log_loss": metrics.log_loss(t, probabilities[rows], labels=range(7)),
            "skill": 1 - (first != t).mean() / ((t if kind == "map" else truth) != 2).mean(),
        }
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name][replicate] == pytest.approx(value, rel=1e-4), name


def test_a_row_of_a_table_has_the_same_draws_in_every_test_set() -> None:
    def draws(rows: np.ndarray) -> np.ndarray:
        points = Points(rows, 200)
        return points.sums(ByCode(np.arange(len(rows)), len(rows), np.ones(len(rows))))[0]

    rows = np.array([3, CHUNK - 1, CHUNK, 5 * CHUNK + 2, 100_000])
    whole = draws(rows)
    assert np.array_equal(whole, draws(rows))
    assert np.array_equal(whole[:, [3, 1]], draws(rows[[3, 1]]))
    many = draws(np.arange(2000))
    assert many.mean() == pytest.approx(1, abs=0.01)
    assert many.var() == pytest.approx(1, abs=0.02)
    assert np.abs(np.corrcoef(many[:, :300].T) - np.eye(300)).max() < 0.4
    shares = np.bincount(many.astype(int).ravel(), minlength=5)[:5] / many.size
    assert shares == pytest.approx(poisson.pmf(np.arange(5), 1.0), abs=0.003)


def test_totals_of_many_points_are_those_of_their_batches() -> None:
    rows = np.random.default_rng(2).permutation(3 * BATCH)[: BATCH + 50]
    values = rows.astype(float)
    parts = [Points(part, 20) for part in (rows[:BATCH], rows[BATCH:])]
    total = parts[0].totals(values[:BATCH]) + parts[1].totals(values[BATCH:])
    assert Points(rows, 20).totals(values) == pytest.approx(total)
    code = rows % 7
    (by_code,) = Points(rows, 20).sums(ByCode(code, 7, values))
    assert by_code.sum(axis=1) == pytest.approx(total[0])
    assert by_code[:, 3] == pytest.approx(Points(rows, 20).totals(values * (code == 3))[0])


@pytest.mark.parametrize("units", [Points(np.arange(2 * BATCH + 9), 20), make_blocks(IDS, 20)])
def test_sums_of_several_parts_are_those_of_each_part(units: Resampled) -> None:
    n = len(IDS) if isinstance(units, Blocks) else 2 * BATCH + 9
    values = np.random.default_rng(3).normal(size=(3, n))
    parts = Columns((values[0], values[1])), ByCode(np.arange(n) % 5, 5, values[2])
    together = units.sums(*parts)
    assert together[0].shape == (2, 20)
    assert together[1].shape == (20, 5)
    assert np.array_equal(together[0], units.sums(parts[0])[0])
    assert np.array_equal(together[1], units.sums(parts[1])[0])


def test_draws_of_many_points_are_made_once_for_all_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    original = resampling._draws_of

    def counted(rows: np.ndarray, replicates: int) -> np.ndarray:
        made.append(len(rows))
        return original(rows, replicates)

    monkeypatch.setattr(resampling, "_draws_of", counted)
    y = np.random.default_rng(4).normal(size=BATCH + 3)
    regression_replicates(Points(np.arange(len(y)), 10), y, y + 1, 0.0)
    assert made == [BATCH, 3]


def test_the_kind_of_an_interval_follows_the_table_and_the_split() -> None:
    tables: tuple[tuple[str, Edition], ...] = (
        ("elevation", "open"),
        ("elevation", "paper"),
        ("california_housing", "open"),
        ("median_income", "open"),
    )
    kinds = {
        (task, edition, split): interval_kind(task_card(task).editions[edition], split)
        for task, edition in tables
        for split in ("random", "random-grouped", "held-out-region", "few-shot", "official")
    }
    assert {cell for cell, kind in kinds.items() if kind == "map"} == {
        ("elevation", "open", "random"),
        ("elevation", "open", "random-grouped"),
    }


def test_a_block_has_the_same_draws_wherever_it_occurs() -> None:
    whole, part = make_blocks(IDS), make_blocks(IDS[IDS > 8])
    assert np.array_equal(whole.draws[:, 9:], part.draws)
    assert np.array_equal(whole.draws, make_blocks(IDS).draws)
    assert whole.draws.mean() == pytest.approx(1, abs=0.05)
    assert whole.draws.var() == pytest.approx(1, abs=0.1)
    assert np.abs(np.corrcoef(whole.draws.T) - np.eye(12)).max() < 0.15


def test_too_few_blocks_give_no_interval() -> None:
    truth = np.zeros(90, dtype=np.int64)
    ranked = np.zeros((90, 10), dtype=np.int64)
    sure = np.ones(90)
    for count, known in ((9, False), (10, True)):
        ids = np.arange(90) % count
        trained = np.array([0])
        found = classification_intervals(np.arange(90), ids, truth, ranked, sure, trained, 1)
        assert ("places" in found) is known
        assert {"accuracy", "accuracy_seen", "skill"} <= found["map"].keys()
        y = np.linspace(0, 1, 90)
        for kind, number in (("places", 90), ("map", count)):
            some = slice(number)
            ends = regression_intervals(np.arange(90)[some], ids[some], y[some], y[some], 0.5)
            assert (kind in ends) is known
    unseen = classification_intervals(np.arange(90), ids, truth, ranked, sure, np.array([3]), 3)
    assert "accuracy_seen" not in unseen["places"]
    # A majority class that is never wrong leaves nothing to be skilful about.
    constant = classification_intervals(np.arange(90), ids, truth, ranked, sure, np.array([0]), 0)
    assert "skill" not in constant["map"]


@pytest.mark.parametrize("kind", ["map", "places"])
def test_units_of_a_code_are_counted_once(kind: str) -> None:
    units, _ = _draws(kind)
    first, second = RNG.integers(0, 5, (2, 300))
    unit = np.arange(300) if kind == "map" else IDS
    for labels in ((first,), (first, second), (first, first)):
        expected = [
            len(set().union(*(unit[label == code].tolist() for label in labels)))
            for code in range(6)
        ]
        assert units.of_codes(6, *labels).tolist() == expected


def test_there_is_no_interval_if_few_replicates_are_defined() -> None:
    values = np.arange(100.0)
    assert interval(values) == pytest.approx((2.475, 96.525))
    assert interval(values, 50.0) == interval(values)
    assert interval(values, 99.0) == pytest.approx((2.475, 99))
    assert interval(values, -3.0) == pytest.approx((-3, 96.525))
    values[:11] = np.nan
    assert interval(values) is None
    assert np.isnan(Replicates(values[None]).variance()).all()
    values = np.random.default_rng(0).normal(size=100)
    assert Replicates(values[None]).variance()[0] == pytest.approx(values.var(ddof=1))


def test_cells_without_drawn_blocks_are_left_out_of_a_mean() -> None:
    scores = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan]])
    assert Replicates(scores).mean().scores[:2].tolist() == [2.0, 5.0]
    assert np.isnan(Replicates(scores).mean().scores[2])


def test_blocks_are_cells_of_the_extents_size() -> None:
    lonlat = np.array([[0.0, 0.0], [0.3, 0.3], [179.9, 5.0], [-179.9, 5.0], [0, 90], [90, 90]])
    ids = block_ids(lonlat, "global")
    # The antimeridian parts cells as any meridian does; a pole belongs to one cell a longitude.
    assert ids[2] != ids[3]
    assert len(np.unique(ids)) > 3
    fine = block_ids(lonlat, "California")
    assert fine.max() > 300 * ids.max()
    assert [block_ids(lonlat[:1], e) for e in BLOCK_DEGREES]


def _field(lonlat: np.ndarray, reach: float, draws: int, seed: int) -> np.ndarray:
    """Normal errors of variance 1 whose correlation has fallen to 5 % at `reach` km."""
    km = chord_to_km(squareform(pdist(unit_vectors(lonlat))))
    covariance = np.exp(-3 * km / reach) + 1e-9 * np.eye(len(km))
    noise = np.random.default_rng(seed).standard_normal((len(km), draws))
    found: np.ndarray = np.linalg.cholesky(covariance) @ noise
    return found


def test_intervals_contain_the_true_value_as_often_as_they_claim() -> None:
    """Errors that reach 800 km, further than those of encoders, at 900 points of land.

    docs/studies/uncertainty.py does the same at greater length. Intervals from single points are
    the control: they must fail, or the simulation would not test the blocks.
    """
    table = get_task("elevation").load()
    rows = np.random.default_rng(1).choice(len(table), 900, replace=False)
    lonlat, draws = table.lonlat[rows], 240
    error = _field(lonlat, 800, 2 * draws, seed=2)
    hits = {"blocks": np.zeros(3), "points": np.zeros(3)}
    for name, ids in (("blocks", block_ids(lonlat, "global")), ("points", np.arange(900))):
        blocks = make_blocks(ids, 400)
        for k in range(draws):
            one, other = (
                regression_replicates(blocks, e, np.zeros(900))["rmse"]
                for e in (error[:, k], error[:, draws + k])
            )
            right = mean_replicates(blocks, np.abs(error[:, k]) < 1)
            truths = ((one, 1.0), (right, 0.6827), (one - other, 0.0))
            for i, (values, truth) in enumerate(truths):
                ends = interval(values)
                assert ends is not None
                hits[name][i] += ends[0] <= truth <= ends[1]
    # Two standard errors of 240 trials at 95 % are 2.8 %; blocks are a little short, as is known.
    assert (hits["blocks"] / draws > LEVEL - 0.055).all(), hits
    assert (hits["points"] / draws < hits["blocks"] / draws - 0.02).all(), hits


def _study() -> ModuleType:
    path = Path(__file__).parents[3] / "docs" / "studies" / "uncertainty.py"
    spec = importlib.util.spec_from_file_location("uncertainty_study", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_score_has_its_coverage_under_both_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short version of the tables of docs/uncertainty.md.

    The control draws the spread of targets that reach 4,000 km, and must fail.
    """
    study, trials = _study(), 60
    for name, size in (("POINTS", 500), ("POPULATION", 900), ("DRAWS", 200)):
        monkeypatch.setattr(study, name, size)
    for simulate in (study.of_map, study.of_places):
        hits: dict[str, int] = {}
        for estimates in simulate(4000, 400, trials):
            for name, (values, truth) in estimates.items():
                ends = interval(values)
                assert ends is not None
                hits[name] = hits.get(name, 0) + (ends[0] <= truth <= ends[1])
        control = hits.pop("spread drawn", 0)
        assert min(hits.values()) / trials > LEVEL - 0.12, hits
        assert control / trials < 0.9


def test_correlations_of_errors_are_those_of_all_pairs() -> None:
    study = _study()
    rng = np.random.default_rng(0)
    lonlat, errors = rng.uniform(0, 10, (700, 2)), rng.normal(size=(2, 700))
    errors[1] += lonlat[:, 0]
    bins = (0, 100, 300)
    km = chord_to_km(squareform(pdist(unit_vectors(lonlat))))
    upper = np.triu_indices(700, 1)
    for row, error in zip(study.correlations(lonlat, errors, bins), errors, strict=True):
        scaled = (error - error.mean()) / error.std()
        product = (scaled[:, None] * scaled)[upper]
        for value, low, high in zip(row, bins[:-1], bins[1:], strict=True):
            near = (km[upper] >= low) & (km[upper] < high)
            assert value == pytest.approx(product[near].mean(), abs=1e-6)
