"""Fairness, strata and Moran's I against plain formulas."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import r2_score

from satclip_bench.benchmarks.diagnostics.autocorrelation import (
    UNDEFINED,
    morans_i,
    neighbour_weights,
)
from satclip_bench.benchmarks.diagnostics.diagnosis import Locations, diagnose
from satclip_bench.benchmarks.diagnostics.fairness import fairness
from satclip_bench.benchmarks.diagnostics.frames import strata_frame, summary_row
from satclip_bench.benchmarks.diagnostics.predictions import Predictions, nearest_km, together
from satclip_bench.benchmarks.diagnostics.strata import (
    UNKNOWN,
    biome_of,
    distance_strata,
    errors_by_stratum,
    latitude_strata,
    named_strata,
)
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import EARTH_RADIUS_KM

Float = NDArray[np.float64]


def globe(n: int, seed: int = 0) -> Float:
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    return np.stack([rng.uniform(-180, 180, n), lat], axis=1)


def haversine(a: Float, b: Float) -> float:
    lon, lat, lon2, lat2 = map(radians, (*a, *b))
    h = sin((lat2 - lat) / 2) ** 2 + cos(lat) * cos(lat2) * sin((lon2 - lon) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(h)))


def predictions(
    target: Float,
    prediction: Float,
    task_type: str = "regression",
    encoder: str = "a",
    seed: int = 0,
) -> Predictions:
    n = len(target)
    km = np.linspace(0, 100, n)
    return Predictions(encoder, seed, task_type, np.arange(n), target, prediction, km)  # type: ignore[arg-type]


def plain_moran(residual: Float, neighbours: list[list[int]]) -> float:
    """n / S0 * sum_ij w_ij z_i z_j / sum_i z_i^2, with w_ij = 1 / k."""
    z = residual - residual.mean()
    k = len(neighbours[0])
    pairs = sum(z[i] * z[j] / k for i, others in enumerate(neighbours) for j in others)
    return float(pairs / (z**2).sum())


def test_morans_i_is_the_plain_formula_on_great_circle_neighbours() -> None:
    lonlat = np.concatenate([globe(60), [[179.9, 0], [-179.9, 0.1], [0, 90], [90, 89.9], [5, -90]]])
    residuals = np.stack([lonlat[:, 1] ** 2, np.random.default_rng(1).normal(size=65)], axis=1)
    neighbours = [
        [
            j
            for _, j in sorted((haversine(lonlat[i], lonlat[j]), j) for j in range(65) if j != i)[
                :8
            ]
        ]
        for i in range(65)
    ]
    found = morans_i(residuals, neighbour_weights(lonlat))
    for moran, residual in zip(found, residuals.T, strict=True):
        assert moran.i == pytest.approx(plain_moran(residual, neighbours), rel=1e-9)
    assert found[0].p <= 0.005 < found[1].p


def test_p_values_of_noise_are_uniform_and_seeded() -> None:
    lonlat = globe(120, 2)
    weights = neighbour_weights(lonlat)
    noise = np.random.default_rng(3).normal(size=(120, 200))
    p = np.array([m.p for m in morans_i(noise, weights, seed=4, permutations=199)])
    assert 0.02 <= (p <= 0.1).mean() <= 0.2
    assert 0.4 <= p.mean() <= 0.6
    again = morans_i(noise[:, :3], weights, seed=4, permutations=199)
    assert [m.p for m in again] == p[:3].tolist()


def test_residuals_that_do_not_vary_have_no_morans_i() -> None:
    weights = neighbour_weights(globe(30))
    varied = np.random.default_rng(0).normal(size=30)
    first, second = morans_i(np.stack([np.ones(30), varied], axis=1), weights)
    assert first is UNDEFINED
    assert np.isfinite(second.i)
    with pytest.raises(BenchError, match="more than 8 points"):
        neighbour_weights(globe(8))


def test_the_worst_region_counts_only_with_enough_points() -> None:
    rng = np.random.default_rng(5)
    target = rng.normal(size=200)
    region = np.repeat(["north", "south", "isle"], [100, 90, 10])
    prediction = target + rng.normal(size=200) * np.repeat([0.1, 0.5, 5.0], [100, 90, 10])
    found = fairness([predictions(target, prediction)], region)
    by_name = {r.region: r for r in found.regions}
    assert not by_name["isle"].counted
    assert by_name["isle"].score < by_name["south"].score
    assert found.worst is not None
    assert found.worst.region == "south"
    south = region == "south"
    assert found.worst.score == pytest.approx(r2_score(target[south], prediction[south]))
    north = by_name["north"].score
    assert found.gap == pytest.approx(north - found.worst.score)
    assert fairness([predictions(target, prediction)], region, min_points=10).worst == by_name[
        "isle"
    ].__class__("isle", by_name["isle"].score, 10, True)


def test_fairness_is_a_mean_over_seeds_and_may_be_undefined() -> None:
    classes = np.zeros(80)
    right, wrong = classes.copy(), classes.copy()
    wrong[:40] = 1
    region = np.repeat(["a", "b"], 40)
    found = fairness(
        [
            predictions(classes, right, "classification"),
            predictions(classes, wrong, "classification", seed=1),
        ],
        region,
    )
    assert [r.score for r in found.regions] == [0.5, 1.0]
    assert found.gap == 0.5
    flat = fairness([predictions(np.ones(80), np.zeros(80))], region)
    assert flat.worst is None
    assert np.isnan(flat.gap)


def test_distances_to_the_nearest_training_point() -> None:
    lonlat = np.concatenate([globe(40), [[-179.99, 0.0], [179.99, 0.0], [0, 90.0]]])
    test, train = np.array([3, 7, 40, 42]), np.array([0, 1, 2, 5, 41])
    expected = [min(haversine(lonlat[i], lonlat[j]) for j in train) for i in test]
    assert nearest_km(lonlat, test, train) == pytest.approx(expected)


@given(n=st.integers(1, 400), seed=st.integers(0, 20), repeat=st.booleans())
@settings(max_examples=40, deadline=None)
def test_distance_bins_hold_every_point_once(n: int, seed: int, repeat: bool) -> None:
    km = np.random.default_rng(seed).exponential(100, n)
    if repeat:
        km = np.round(km / 100)
    strata, edges = distance_strata(km)
    assert len(strata.names) == len(edges) + 1 == len(strata.place)
    stratum = np.searchsorted(edges, km, side="right")
    counts = np.bincount(stratum, minlength=len(strata.names))
    assert counts.sum() == n
    assert (counts > 0).all()
    if not repeat and n >= 16:
        assert counts.max() - counts.min() <= 2
    assert (np.diff(strata.place) > 0).all()


def test_bands_of_latitude() -> None:
    strata, stratum = latitude_strata(np.array([0, -9.99, 10, 89, -90, 90]), 10)
    assert strata.names == ("0-10°", "10-20°", "80-90°")
    assert stratum.tolist() == [0, 0, 1, 2, 2, 2]
    assert strata.place.tolist() == [5, 15, 85]


def test_biomes_are_taken_from_near_labels_only() -> None:
    labelled = np.array([[0.0, 0.0], [179.9, 10.0], [0.0, 89.5]])
    names = np.array(["desert", "forest", "ice"])
    points = np.array([[0.5, 0.5], [-179.9, 10.2], [180.0, 89.9], [20.0, 20.0]])
    assert biome_of(points, labelled, names).tolist() == ["desert", "forest", "ice", UNKNOWN]
    assert biome_of(points, labelled, names, 10).tolist() == [UNKNOWN] * 4


def test_means_of_strata_and_their_intervals() -> None:
    rng = np.random.default_rng(6)
    error = rng.exponential(size=500)
    block = rng.integers(0, 40, 500)
    strata, stratum = named_strata("biome", np.where(np.arange(500) < 480, "a", "b"))
    a, b = errors_by_stratum(strata, stratum, error, block)
    assert (a.n, b.n) == (480, 20)
    assert a.error == pytest.approx(error[:480].mean())
    assert a.low < a.error < a.high
    few = errors_by_stratum(strata, stratum, error, block % 4)
    assert np.isnan([few[0].low, few[1].high]).all()


def test_rows_of_several_folds_count_once_in_space() -> None:
    one = predictions(np.array([1.0, 2.0]), np.array([0.0, 0.0]))
    both = together([one, predictions(np.array([1.0, 2.0]), np.array([3.0, 2.0]))])
    assert both.row.tolist() == [0, 1, 0, 1]
    rows, residual = both.once(both.residual)
    assert rows.tolist() == [0, 1]
    assert residual.tolist() == [-0.5, 1.0]
    with pytest.raises(BenchError, match="the same length"):
        Predictions("a", 0, "regression", np.arange(3), np.ones(2), np.ones(2), np.ones(2))


def test_a_diagnosis_finds_where_a_model_was_broken() -> None:
    lonlat = globe(1200, 8)
    target = np.sin(np.radians(lonlat[:, 1])) + np.random.default_rng(9).normal(0, 0.05, 1200)
    noise = np.random.default_rng(10).normal(0, 0.1, 1200)
    south = lonlat[:, 1] < -30
    everywhere, broken = target + noise, target + noise + south * 0.8
    locations = Locations(
        lonlat, "global", np.where(south, "south", "north"), np.where(south, "ice", "forest")
    )
    found = diagnose(
        {
            "fine": [predictions(target, everywhere, encoder="fine")],
            "broken": [predictions(target, broken, encoder="broken")],
        },
        locations,
    )
    fine, failing = (summary_row(d) for d in found)
    assert failing["worst_region"] == "south"
    assert failing["gap"] > 3 * fine["gap"]  # type: ignore[operator]
    assert failing["moran_i"] > 0.5 > abs(fine["moran_i"])  # type: ignore[operator, arg-type]
    assert failing["moran_p"] == 0.001
    assert failing["ssi"] > fine["ssi"]  # type: ignore[operator]
    assert failing["sri_grid"] > 5 * fine["sri_grid"]  # type: ignore[operator]
    assert failing["ssi_unmarked"] == fine["ssi_unmarked"]
    frame = strata_frame(found, {"task": "t", "split": "s", "probe": "p"})
    assert set(frame["kind"]) == {"distance", "latitude", "biome", "region"}
    for _, part in frame.groupby(["encoder", "kind"]):
        assert part["n"].sum() == 1200
    ice = frame[(frame["stratum"] == "ice") & (frame["encoder"] == "broken")]
    assert ice["error"].item() == pytest.approx(np.abs(broken - target)[south].mean())


def test_statistics_of_tiny_input_are_nan_if_undefined() -> None:
    locations = Locations(globe(5), "global", np.array(["a"] * 5), np.array(["b"] * 5))
    (found,) = diagnose({"a": [predictions(np.arange(5.0), np.zeros(5))]}, locations)
    row = summary_row(found)
    assert row["n"] == 5
    assert row["error"] == 2
    assert row["worst_region"] == ""
    for name in ("gap", "moran_i", "ssi", "sri_lag"):
        assert np.isnan(float(str(row[name]))), name
