"""Kriging by torch, compared with LAPACK's: on the CPU here, and on a GPU where there is one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from satclip_bench.benchmarks.baselines import kriging, make_baseline
from satclip_bench.benchmarks.baselines.kriging_systems import NumpySystems, Shape, Systems
from satclip_bench.benchmarks.baselines.kriging_torch import TorchSystems
from satclip_bench.benchmarks.baselines.sphere import SphereBaseline
from satclip_bench.core import device
from satclip_bench.core.sphere import unit_vectors
from satclip_bench.tasks.base import TaskType
from tests.benchmarks.baselines.test_baselines import (
    TEST,
    TRAIN,
    VALIDATION,
    by_longitude,
    classes,
    part,
)

GPU = pytest.param(
    "cuda", marks=pytest.mark.skipif(not device.gpu_available(), reason="torch finds no GPU")
)
DEVICES = pytest.mark.parametrize("name", ["cpu", GPU])

Float = NDArray[np.float64]


def both(
    fit: dict[str, Any], task_type: TaskType, name: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[SphereBaseline, SphereBaseline]:
    """The baseline fitted by LAPACK, and by torch on a device."""
    expected = make_baseline("baseline.gp", task_type).fit(**fit)
    monkeypatch.setattr(kriging, "chosen_systems", lambda: TorchSystems(torch.device(name)))
    return expected, make_baseline("baseline.gp", task_type).fit(**fit)


def close(result: Float | None, expected: Float | None) -> None:
    assert result is not None
    assert expected is not None
    np.testing.assert_allclose(result, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


@DEVICES
def test_regressions_agree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = {"X": TRAIN[0], "y": TRAIN[1], "validation": VALIDATION}
    expected, result = both(fit, "regression", name, monkeypatch)
    assert result.best_params_ == expected.best_params_
    assert result.fit_info_["sill"] == pytest.approx(expected.fit_info_["sill"], rel=1e-8)
    close(result.unclipped(TEST[0]), expected.unclipped(TEST[0]))
    for ours, theirs in zip(
        result.distribution(TEST[0]), expected.distribution(TEST[0]), strict=True
    ):
        close(ours, theirs)


@DEVICES
def test_inner_folds_agree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lonlat, y = part(150, 3)
    fit = {"X": lonlat, "y": y, "inner": by_longitude(lonlat)}
    expected, result = both(fit, "regression", name, monkeypatch)
    assert result.best_params_ == expected.best_params_
    close(result.unclipped(TEST[0]), expected.unclipped(TEST[0]))


@DEVICES
def test_classes_agree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    validation = (VALIDATION[0], classes(VALIDATION[1]))
    fit = {"X": TRAIN[0], "y": classes(TRAIN[1]), "validation": validation}
    expected, result = both(fit, "classification", name, monkeypatch)
    assert result.best_params_ == expected.best_params_
    close(result.predict_proba(TEST[0]), expected.predict_proba(TEST[0]))


@DEVICES
@pytest.mark.parametrize("smoothness", [0.5, 1.5])
def test_each_operation_agrees(name: str, smoothness: float) -> None:
    rng = np.random.default_rng(0)
    lonlat, y = part(400, 5)
    # Far from 0, with a column that does not vary and points at the same place.
    values = np.column_stack([1e6 + y, np.full(len(y), 3.0)])
    points = unit_vectors(lonlat)
    points[1] = points[0]
    both_systems: list[Systems[Any]] = [NumpySystems(), TorchSystems(torch.device(name))]
    shape = Shape(smoothness, 1000.0)
    masks = [rng.random(len(points)) < share for share in (0.1, 0.9)]
    results = []
    for systems in both_systems:
        inner = systems.self_covariance(points, shape)
        outer = systems.covariance(systems.distances(unit_vectors(TEST[0]), points), shape)
        solved = systems.krige(systems.copy(inner), 0.001, values)
        residuals = systems.left_out_residuals(systems.copy(inner), 0.001, values, masks)
        results.append(
            [
                np.asarray(torch.as_tensor(inner).cpu()),
                systems.predict(solved, outer),
                systems.relative_variance(solved, outer),
                solved.sill,
                solved.mean,
                *residuals,
            ]
        )
    for ours, theirs in zip(results[1], results[0], strict=True):
        close(ours, theirs)
    assert results[1][3][1] == 0


def test_the_chosen_device_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    with device.use_device("cpu"):
        assert isinstance(kriging.chosen_systems(), NumpySystems)
    monkeypatch.setattr(device, "existing_device", lambda name: torch.device("meta"))
    with device.use_device("cuda"):
        systems = kriging.chosen_systems()
    assert isinstance(systems, TorchSystems)
    # A matrix on torch's device without content shows that everything is computed there.
    assert systems.self_covariance(np.eye(3), Shape(1.5, 100.0)).device.type == "meta"
