"""Slepian functions of caps, compared with the energy matrix integrated over the sphere."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import roots_legendre

from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.core.sphere import great_circle_km
from satclip_bench.encoders import check_encoder, get_encoder
from satclip_bench.encoders.layers.spherical_harmonics import real_harmonics
from satclip_bench.encoders.slepian import cap_coefficients, from_variant


def integrated(degrees: int, low: float, high: float) -> NDArray[np.float64]:
    """Integrals of products of all harmonics between two latitudes' sines, `(L**2, L**2)`."""
    z, weight = roots_legendre(degrees + 3)
    z, weight = (high + low) / 2 + (high - low) / 2 * z, (high - low) / 2 * weight
    lon = np.arange(2 * degrees + 1) * 360 / (2 * degrees + 1) - 180
    grid = np.stack(np.meshgrid(lon, np.degrees(np.arcsin(z))), axis=-1).reshape(-1, 2)
    area = np.repeat(weight, len(lon)) * 2 * np.pi / len(lon)
    Y = real_harmonics(grid, degrees)
    return np.asarray((Y * area[:, None]).T @ Y)


@pytest.mark.parametrize(("degrees", "radius"), [(9, 40.0), (12, 90.0), (6, 150.0), (1, 120.0)])
def test_they_are_eigenvectors_of_the_energy_in_the_cap(degrees: int, radius: float) -> None:
    energy = integrated(degrees, np.cos(np.radians(radius)), 1.0)
    coefficients, shares = cap_coefficients(degrees, radius)
    assert energy @ coefficients == pytest.approx(coefficients * shares, abs=1e-10)
    assert coefficients.T @ coefficients == pytest.approx(np.eye(len(shares)), abs=1e-10)
    # None with half of its energy is missing: a hemisphere has some with exactly that.
    values = np.linalg.eigvalsh(energy)
    assert np.sort(shares) == pytest.approx(values[values > 0.5 - 1e-9], abs=1e-10)
    shannon = degrees**2 * (1 - np.cos(np.radians(radius))) / 2
    assert abs(len(shares) - shannon) <= degrees


def test_energy_lies_around_the_centre() -> None:
    encoder = get_encoder("slepian.l20-20deg-100.5w-40n")
    rng = np.random.default_rng(0)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, 20_000)))
    points = np.stack([rng.uniform(-180, 180, 20_000), lat], axis=1)
    energy = (encoder.encode(points).astype(np.float64) ** 2).sum(axis=1)
    centre = np.broadcast_to([-100.5, 40.0], points.shape)
    near = great_circle_km(points, centre) < 20 * 111.2
    assert energy[near].sum() / energy.sum() > 0.8
    assert near.mean() < 0.04


def test_turning_the_cap_turns_the_functions() -> None:
    pole, equator = get_encoder("slepian.l9-50deg-0e-90n"), get_encoder("slepian.l9-50deg-30e-0n")
    distance = np.arange(0.0, 180, 7)
    meridian = np.stack([np.full_like(distance, 30.0), 90 - distance], axis=1)
    along = np.stack([30 + distance, np.zeros_like(distance)], axis=1)
    energies = [(e.encode(p) ** 2).sum(axis=1) for e, p in ((pole, meridian), (equator, along))]
    assert energies[0] == pytest.approx(energies[1], abs=1e-4)


def test_the_contract_and_the_names() -> None:
    encoder = from_variant("l12-60deg-15e-50s")
    check_encoder(encoder)
    assert encoder.card.name == "slepian.l12-60deg-15e-50s"
    assert encoder.card.parameters["lat"] == -50
    for wrong in ("l10", "l201-20deg-0e-0n", "l10-180deg-0e-0n", "l10-20deg-0e-91n", "l9-9deg-0-0"):
        with pytest.raises(UnknownNameError, match=r"as in 'slepian\.l40-25deg-15e-50n'"):
            get_encoder(f"slepian.{wrong}")
    with pytest.raises(EncoderError, match="more degrees, or a greater radius"):
        get_encoder("slepian.l3-5deg-0e-0n")
