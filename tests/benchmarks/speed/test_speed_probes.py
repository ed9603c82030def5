"""The commands `speed probes` and `speed baselines`, and what they compare with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from satclip_bench.benchmarks.baselines import make_baseline
from satclip_bench.benchmarks.baselines.kriging_systems import NumpySystems
from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.commands import speed, speed_probes
from satclip_bench.benchmarks.probes.mlp_search import Candidate
from satclip_bench.benchmarks.speed import perceptrons
from satclip_bench.benchmarks.speed.boosted_trees import boosted_trees
from satclip_bench.benchmarks.speed.comparison import Comparison, Durations, measure
from satclip_bench.benchmarks.speed.embedded import Embedded, Labelled, embed
from satclip_bench.benchmarks.speed.kriging import decompositions
from satclip_bench.benchmarks.speed.lbfgs import (
    SAME_OBJECTIVE,
    Goal,
    Leg,
    count_iterations,
    first_iterations,
    run,
)
from satclip_bench.benchmarks.speed.plain_perceptron import trained
from satclip_bench.core.errors import UnwritableError


def objective(model: Any, Z: np.ndarray, codes: np.ndarray) -> float:
    true = model.predict_log_proba(Z)[np.arange(len(codes)), codes]
    return float(-true.sum() + np.square(model.coef_).sum() / (2 * model.C))


@pytest.fixture(scope="module")
def classes() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((300, 6)) * np.logspace(0, -2, 6)
    return Z, (Z @ rng.standard_normal((6, 4)) + rng.gumbel(size=(300, 4))).argmax(axis=1)


def test_scikit_learn_reaches_the_goal_after_the_counted_iterations(
    classes: tuple[np.ndarray, np.ndarray],
) -> None:
    strengths = (0.1, 100.0)
    optima = [
        objective(LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(*classes), *classes)
        for C in strengths
    ]
    goals = [Goal(C, optimum) for C, optimum in zip(strengths, optima, strict=True)]
    count = count_iterations(*classes, goals, 10_000)
    assert count.reached
    assert [leg.C for leg in count.legs] == [0.1, 100.0]
    assert 0 <= count.gap <= SAME_OBJECTIVE
    gap = objective(run(*classes, count.legs), *classes) / optima[-1] - 1
    # Sums are rounded differently, so that the two do not take exactly the same steps.
    assert -1e-9 < gap < 3 * SAME_OBJECTIVE
    *first, (C, iterations) = count.legs
    early = run(*classes, [*first, Leg(C, iterations * 2 // 3)])
    assert objective(early, *classes) > optima[-1] * (1 + 10 * SAME_OBJECTIVE)


def test_iterations_end_at_the_limit_and_say_so(
    classes: tuple[np.ndarray, np.ndarray],
) -> None:
    count = count_iterations(*classes, [Goal(0.1, 1e3), Goal(100.0, 1.0), Goal(1e3, 1.0)], 12)
    assert not count.reached
    assert sum(leg.iterations for leg in count.legs) == 12
    assert [leg.C for leg in count.legs] == [0.1, 100.0]
    assert count.gap > 0


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(1, 200))
def test_the_first_iterations_are_those_of_the_first_legs(lengths: list[int], number: int) -> None:
    legs = [Leg(float(C), length) for C, length in enumerate(lengths)]
    every = [leg.C for leg in legs for _ in range(leg.iterations)]
    first = first_iterations(legs, number)
    assert [leg.C for leg in first for _ in range(leg.iterations)] == every[:number]
    assert all(leg.iterations > 0 for leg in first)


@pytest.mark.parametrize("points", [300, 600])
def test_the_counted_decompositions_are_those_of_a_fit(
    points: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: dict[int, int] = {}
    krige = NumpySystems.krige

    def counted(self: Any, covariances: Any, noise: float, values: Any) -> Any:
        sizes[len(values)] = sizes.get(len(values), 0) + 1
        return krige(self, covariances, noise, values)

    monkeypatch.setattr(NumpySystems, "krige", counted)
    rng = np.random.default_rng(0)
    lonlat = np.stack([rng.uniform(-180, 180, points), rng.uniform(-80, 80, points)], axis=1)
    y = np.sin(np.radians(lonlat[:, 1]))
    make_baseline("baseline.gp", "regression").fit(lonlat, y, (lonlat[:50], y[:50]))
    assert sizes == decompositions(points)


def test_jobs_take_turns_and_a_part_is_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    clock = iter([0.0, 1.0, 1.0, 4.0, 4.0, 6.0, 6.0, 7.0])
    monkeypatch.setattr("time.process_time", lambda: next(clock))
    comparison = Comparison(
        "m",
        "t",
        None,
        "a",
        ours=lambda: calls.append("ours"),
        reference=lambda: calls.append("reference"),
        scale=10,
    )
    *_, durations = measure(comparison, rounds=2)
    assert calls == ["ours", "reference"] * 2
    assert durations == Durations(comparison, (1.0, 2.0), (30.0, 10.0))
    assert durations.ratio == 17.5


def test_embedded_labels_are_those_of_the_training_set() -> None:
    data = embed("countries", "direct")
    assert np.array_equal(np.unique(data.train.y), np.arange(data.classes))
    assert set(data.validation.y) <= set(data.train.y)
    assert embed("median_income", None).classes == 0


def test_speed_probes_writes_what_it_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "speed.json"
    options = ["--tasks", "biomes,median_income", "--encoders", "direct", "--rounds", "2"]
    options += ["--probes", "linear,ridge,knn", "--max-iterations", "200", "--out", str(out)]
    assert main(["speed", "probes", *options]) == 0
    report = json.loads(out.read_text())
    alone, search, votes, *ridges, means = report["probes"]
    assert (alone["result"], search["reference_is_lower_bound"]) == ("same objective", True)
    assert alone["gap"] <= SAME_OBJECTIVE < search["gap"]
    assert alone["converged"]
    for neighbours in (votes, means):
        assert neighbours["n_neighbors"] == neighbours["reference_n_neighbors"]
    assert len(ridges) == 3
    assert all(ridge["largest_difference_in_std"] < 1e-8 for ridge in ridges)
    assert all(len(entry["seconds"]["ours"]) == 2 for entry in report["probes"])
    shown = capsys.readouterr().out
    assert {"objective", "biomes,", "k"} <= set(shown.split())
    # A log file gets a line for each comparison when it is finished.
    assert len(re.findall(r", median_income, direct: [.\d]+ s; .*: [.\d]+ s$", shown, re.M)) == 4


def fact(comparison: Comparison, name: str) -> float:
    return float(str(comparison.facts[name]))


@pytest.fixture(params=[0, 4])
def tiny(request: pytest.FixtureRequest) -> Embedded:
    """A regression, and four classes of which one is rare."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 3)).astype(np.float32)
    numbers = 5 + np.sin(2 * X[:, 0]) + 0.1 * rng.standard_normal(500)
    y = np.searchsorted([4.2, 5.0, 5.9], numbers) if request.param else numbers
    parts = (slice(0, 300), slice(300, 400), slice(400, 500))
    task_type: Any = "classification" if request.param else "regression"
    return Embedded("t", task_type, "e", *(Labelled(X[part], y[part]) for part in parts))


def test_batched_perceptrons_are_those_of_the_loop(
    tiny: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = [
        Candidate(depth=depth, width=8, learning_rate=rate, weight_decay=0.1)
        for depth, rate in ((2, 1e-2), (1, 3e-3))
    ]
    monkeypatch.setattr(perceptrons, "CANDIDATES", small)
    comparisons = list(perceptrons.perceptrons(tiny))
    assert [c.method for c in comparisons] == [
        *["MLP, 10 networks of 1 x 8, 40 steps"] * 2,
        *["MLP, 2 candidates of the search, 40 steps"] * 2,
    ]
    assert all(0 < fact(c, "largest_difference_in_std") < 1e-3 for c in comparisons)
    for comparison in comparisons:
        *_, durations = measure(comparison, rounds=1)
        assert durations.ratio > 0
    # Two batches of an epoch have 300 of 512 rows; four of 40 steps are run.
    assert [c.scale for c in comparisons] == [10, 10 * 10 * 300 / 512, 1, 10 * 300 / 512]


def test_another_loop_would_show(tiny: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(member: Any, settings: Any, outputs: Any, steps: int) -> Any:
        return trained(member._replace(seed=member.seed + 1), settings, outputs, steps)

    small = Candidate(depth=1, width=8, learning_rate=1e-2, weight_decay=0.1)
    monkeypatch.setattr(perceptrons, "CANDIDATES", [small])
    monkeypatch.setattr(perceptrons, "trained", other)
    differences = {str(c.facts["largest_difference_in_std"]) for c in perceptrons.perceptrons(tiny)}
    assert all(float(difference) > 0.1 for difference in differences)


def test_boosted_trees_predict_as_the_estimator_of_lightgbm(tiny: Embedded) -> None:
    naive, growing = boosted_trees(tiny)
    kind = "Classifier" if tiny.classes else "Regressor"
    assert naive.against == f"LGBM{kind} of LightGBM"
    assert fact(naive, "largest_difference") < 1e-10
    assert fact(naive, "trees") == fact(naive, "rounds") * (tiny.classes or 1)
    assert naive.facts["test_rows"] == 100
    growing.reference()
    assert "growing" in growing.against


def test_finished_comparisons_survive_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(task: str, encoder: str | None) -> Any:
        if task == "biomes":
            raise KeyboardInterrupt
        return embed(task, encoder)

    monkeypatch.setattr(speed_probes, "embed", interrupted)
    out = tmp_path / "speed.json"
    options = ["--tasks", "median_income,biomes", "--encoders", "direct", "--rounds", "1"]
    options += ["--probes", "ridge,knn", "--out", str(out)]
    assert main(["speed", "probes", *options]) == 130
    assert len(json.loads(out.read_text())["probes"]) == 4


@pytest.mark.parametrize("subject", ["encoders", "probes", "baselines"])
def test_a_file_that_cannot_be_written_is_an_error_before_anything_is_timed(
    subject: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(speed_probes, "embed", pytest.fail)
    monkeypatch.setattr(speed, "contest", pytest.fail)
    (tmp_path / "file").touch()
    assert main(["speed", subject, "--out", str(tmp_path / "file" / "speed.json")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_disk_that_is_full_ends_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its error is not taken for one of missing weights, and no file is named that is not there."""

    def full(*_: object) -> None:
        raise UnwritableError("speed.json cannot be written: No space left on device.")

    monkeypatch.setattr(speed_probes, "write_report", full)
    options = ["--tasks", "median_income,biomes", "--encoders", "direct", "--rounds", "1"]
    options += ["--probes", "knn", "--out", str(tmp_path / "speed.json")]
    assert main(["speed", "probes", *options]) == 2
    shown = capsys.readouterr()
    assert "No space left" in shown.err
    assert "All times are in" not in shown.out
    assert not (tmp_path / "speed.json").exists()


def test_weights_that_are_missing_leave_the_others_timed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATCLIP_BENCH_CACHE", str(tmp_path))
    options = ["--tasks", "median_income", "--probes", "knn", "--rounds", "1"]
    options += ["--out", str(tmp_path / "speed.json")]
    assert main(["speed", "probes", "--encoders", "geoclip,direct", *options]) == 1
    entries = json.loads((tmp_path / "speed.json").read_text())["probes"]
    assert {entry["encoder"] for entry in entries} == {"direct"}
    assert "geoclip" in capsys.readouterr().out
    assert main(["speed", "probes", "--encoders", "geoclip", *options]) == 2


@pytest.mark.parametrize(
    ("subject", "option"),
    [
        ("baselines", ("--encoders", "wrap")),
        ("probes", ("--points", "9")),
        ("encoders", ("--tasks", "biomes")),
        ("baselines", ("--probes", "ridge")),
    ],
)
def test_options_of_other_subjects_are_errors(
    subject: str, option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["speed", subject, *option]) == 2
    assert f"{option[0]} does not apply to `speed {subject}`" in capsys.readouterr().err
