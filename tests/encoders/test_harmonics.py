from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import roots_legendre, sph_legendre_p_all

from satclip_bench.encoders.harmonics import MAX_DEGREES
from satclip_bench.encoders.layers.spherical_harmonics import Recurrence, real_harmonics


def by_scipy(lonlat: NDArray[np.float64], degrees: int) -> NDArray[np.float64]:
    """The same basis from scipy's Legendre functions, whose phase is (-1)**m."""
    lon, lat = np.radians(lonlat).T
    top = degrees - 1
    legendre = sph_legendre_p_all(top, top, np.pi / 2 - lat)[0]
    out = np.empty((len(lonlat), degrees**2))
    for degree in range(degrees):
        out[:, degree * degree + degree] = legendre[degree, 0]
        for m in range(1, degree + 1):
            wave = (-1) ** m * np.sqrt(2) * legendre[degree, m]
            out[:, degree * degree + degree + m] = wave * np.cos(m * lon)
            out[:, degree * degree + degree - m] = wave * np.sin(m * lon)
    return out


def points(n: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    near_poles = np.array([[10, 90], [-170, -90], [5, 89.9999], [5, -89.99999], [180, 0]])
    spread = np.stack([rng.uniform(-180, 180, n), rng.uniform(-90, 90, n)], axis=1)
    return np.concatenate([near_poles, spread])


@pytest.mark.parametrize("degrees", [1, 2, 3, 10, 40, 100, MAX_DEGREES])
def test_against_scipy_everywhere_poles_included(degrees: int) -> None:
    lonlat = points(60)
    result, expected = real_harmonics(lonlat, degrees), by_scipy(lonlat, degrees)
    assert result.shape == (len(lonlat), degrees**2)
    assert np.abs(result - expected).max() < 1e-10


def test_the_basis_is_orthonormal() -> None:
    degrees = 12
    z, weight = roots_legendre(degrees)
    lon = np.arange(2 * degrees) * 360 / (2 * degrees) - 180
    grid = np.stack(np.meshgrid(lon, np.degrees(np.arcsin(z))), axis=-1).reshape(-1, 2)
    area = np.repeat(weight, len(lon)) * 2 * np.pi / len(lon)
    Y = real_harmonics(grid, degrees)
    assert pytest.approx(np.eye(degrees**2), abs=1e-12) == (Y * area[:, None]).T @ Y


@pytest.mark.parametrize("degrees", [1, 10, 60])
def test_the_addition_theorem(degrees: int) -> None:
    """Unsöld: the squares of one degree sum to (2l + 1) / 4 pi at every point."""
    Y = real_harmonics(points(200), degrees)
    for degree in range(degrees):
        square = (Y[:, degree**2 : (degree + 1) ** 2] ** 2).sum(axis=1)
        assert square == pytest.approx(np.full(len(Y), (2 * degree + 1) / (4 * np.pi)), rel=1e-10)


def test_no_seam_at_the_antimeridian() -> None:
    lat = np.linspace(-90, 90, 19)
    west, east = (np.stack([np.full(19, lon), lat], axis=1) for lon in (-180.0, 180.0))
    assert real_harmonics(west, 40) == pytest.approx(real_harmonics(east, 40), abs=1e-11)


def test_no_degrees_are_no_basis() -> None:
    with pytest.raises(ValueError, match="at least one"):
        real_harmonics(np.zeros((1, 2)), 0)


@pytest.mark.parametrize("degrees", [1, 2, 3, 10, 40, 100, 200])
def test_single_precision_is_the_double_rounded(degrees: int) -> None:
    """The tolerance is three roundings to 24 bits of values up to 8."""
    rng = np.random.default_rng(0)
    lonlat = np.stack([rng.uniform(-180, 180, 300), rng.uniform(-90, 90, 300)], axis=1)
    lonlat[:4] = [[180, 90], [-180, -90], [0, 0], [180, 0]]
    out = np.empty((degrees**2, 300), np.float32)
    Recurrence(degrees).fill(lonlat, out)
    exact = real_harmonics(lonlat, degrees).T
    assert np.abs(out - exact).max() < 3 * 2.0**-24 * max(1.0, np.abs(exact).max())
