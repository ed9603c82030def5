"""Systems of ordinary kriging by torch, in float64, for GPUs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from typing_extensions import override

from satclip_bench.benchmarks.baselines.kriging_systems import (
    Float,
    Kriged,
    Mask,
    Shape,
    Systems,
    restricted_sill,
)
from satclip_bench.core.sphere import EARTH_RADIUS_KM


class TorchSystems(Systems[torch.Tensor]):
    """The operations by torch on a device; formulas and sources are those of `kriging_systems`.

    Args:
        device: device of the matrices.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def _tensor(self, array: Float) -> torch.Tensor:
        return torch.tensor(array, dtype=torch.float64, device=self._device)

    @override
    def distances(self, a: Float, b: Float) -> torch.Tensor:
        # By differences: a matrix product would lose half the digits of near points' distances.
        # torch.cdist can do so too, but on a GPU it starts a block of threads for every pair.
        squares = torch.zeros((len(a), len(b)), dtype=torch.float64, device=self._device)
        for of_a, of_b in zip(self._tensor(a.T), self._tensor(b.T), strict=True):
            difference = of_a[:, None] - of_b
            squares.addcmul_(difference, difference)
        return squares.sqrt_().mul_(EARTH_RADIUS_KM)

    @override
    def covariance(self, km: torch.Tensor, shape: Shape) -> torch.Tensor:
        scaled = km * (np.sqrt(2 * shape.smoothness) / shape.length_scale_km)
        decay: torch.Tensor = scaled.neg().exp_()
        if shape.smoothness == 0.5:
            return decay
        return decay.mul_(scaled.add_(1))

    @override
    def self_covariance(self, points: Float, shape: Shape) -> torch.Tensor:
        return self.covariance(self.distances(points, points), shape)

    @override
    def copy(self, matrix: torch.Tensor) -> torch.Tensor:
        return matrix.clone()

    @override
    def krige(self, covariances: torch.Tensor, noise: float, values: Float) -> Kriged[torch.Tensor]:
        covariances.diagonal().add_(noise)
        factor = torch.linalg.cholesky(covariances)
        level = values.mean(axis=0)
        centred = self._tensor(values - level)
        right = torch.cat([torch.ones_like(centred[:, :1]), centred], dim=1)
        solved = torch.cholesky_solve(right, factor)
        ones, rest = solved[:, :1], solved[:, 1:]
        mean = rest.sum(dim=0) / ones.sum()
        weights = rest - ones * mean
        sill = restricted_sill(_array((centred * weights).sum(dim=0)), values)
        return Kriged(level + _array(mean), weights, sill, factor, ones[:, 0])

    @override
    def predict(self, kriged: Kriged[torch.Tensor], across: torch.Tensor) -> Float:
        return _array(across @ kriged.weights) + kriged.mean

    @override
    def relative_variance(self, kriged: Kriged[torch.Tensor], across: torch.Tensor) -> Float:
        solved = torch.linalg.solve_triangular(kriged.factor, across.T, upper=False)
        of_mean = (1 - across @ kriged.ones) ** 2 / kriged.ones.sum()
        return _array((1 - solved.square_().sum(dim=0) + of_mean).clamp_(min=0))

    @override
    def left_out_residuals(
        self, covariances: torch.Tensor, noise: float, values: Float, left_out: Sequence[Mask]
    ) -> list[Float]:
        covariances.diagonal().add_(noise)
        precision = torch.cholesky_inverse(torch.linalg.cholesky(covariances))
        ones = precision.sum(dim=0)
        precision -= ones[:, None] * (ones / ones.sum())
        projected = precision @ self._tensor(values - values.mean(axis=0))
        residuals = []
        for mask in left_out:
            rows = torch.from_numpy(np.flatnonzero(mask)).to(self._device)
            factor = torch.linalg.cholesky(precision[rows[:, None], rows])
            residuals.append(_array(torch.cholesky_solve(projected[rows], factor)))
        return residuals


def _array(tensor: torch.Tensor) -> Float:
    array: Float = tensor.cpu().numpy()
    return array
