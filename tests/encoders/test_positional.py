"""Positional encodings, compared with their formulas point by point."""

from __future__ import annotations

import math

import numpy as np
import pytest

from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.encoders import check_encoder, get_encoder
from satclip_bench.encoders.positional import AS_IN_RANGE, ENCODINGS, geometric

LONLAT = np.array([[0, 0], [180, 0], [-180, 0], [0, 90], [120, -90], [13.4, 52.5], [-70.2, -33.5]])


def naive(name: str, lon: float, lat: float, frequencies: list[float]) -> list[float]:
    """Encoding of one point as in the papers: a list of values, scale after scale."""
    sin, cos = math.sin, math.cos
    l0, p0 = math.radians(lon), math.radians(lat)
    values: list[float] = []
    if name == "space2vec.grid":
        for angle in (lon, lat):
            for f in frequencies:
                values += [sin(angle * f), cos(angle * f)]
        return values
    if name == "nerf":
        axes = (cos(p0) * cos(l0), cos(p0) * sin(l0), sin(p0))
        for wave in (sin, cos):
            values += [wave(axis * f) for axis in axes for f in frequencies]
        return values
    for f in frequencies:
        lam, phi = l0 * f, p0 * f
        grid = [sin(phi), cos(phi), sin(lam), cos(lam)]
        mixed = [
            cos(phi) * cos(l0),
            cos(p0) * cos(lam),
            cos(phi) * sin(l0),
            cos(p0) * sin(lam),
        ]
        if name == "space2vec.theory":
            for turn in (0, 120, 240):
                a, b = cos(math.radians(turn)), sin(math.radians(turn))
                along = (lon * a + lat * b) * f
                values += [sin(along), cos(along)]
        elif name == "sphere2vec.c":
            values += [sin(phi), cos(phi) * cos(lam), cos(phi) * sin(lam)]
        elif name == "sphere2vec.cplus":
            values += [*grid, cos(phi) * cos(lam), cos(phi) * sin(lam)]
        elif name == "sphere2vec.m":
            values += [sin(phi), *mixed]
        elif name == "sphere2vec.mplus":
            values += [*grid, *mixed]
    return values


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("options", [{}, {"frequencies": 5, "min_radius": 0.5, "max_radius": 90.0}])
def test_every_encoding_is_its_formula(name: str, options: dict[str, float]) -> None:
    encoder = get_encoder(name, **options)
    usual = (16, 0.001, 1.0) if name.startswith("sphere2vec") else (16, 1.0, 360.0)
    number, low, high = options.values() if options else usual
    step = (high / low) ** (1 / (number - 1))
    frequencies = [1 / (low * step**k) for k in range(int(number))]
    if name == "nerf":
        frequencies = [math.pi * 2**k for k in range(int(number))]
    expected = [naive(name, lon, lat, frequencies) for lon, lat in LONLAT]
    assert np.abs(encoder.encode(LONLAT) - np.array(expected)).max() < 1e-6
    assert encoder.card.dimension == len(expected[0])
    assert encoder.card.parameters["frequencies"] == number
    check_encoder(encoder)


@pytest.mark.parametrize("name", AS_IN_RANGE)
def test_as_in_range_degrees_and_radians_change_places(name: str) -> None:
    encoder = get_encoder(f"{name}-range")
    number, low, high = AS_IN_RANGE[name]
    frequencies = [1 / radius for radius in np.geomspace(low, high, number).tolist()]
    theory = name.startswith("space2vec")
    turned = np.radians(LONLAT) if theory else np.degrees(LONLAT)
    expected = np.array([naive(name, lon, lat, frequencies) for lon, lat in turned.tolist()])
    if theory:
        expected[:, 1::2] -= 1
        result = encoder.encode(LONLAT)
        assert np.abs(result / np.where(expected, expected, 1) - (expected != 0)).max() < 1e-6
    else:
        expected = np.concatenate([expected, expected], axis=1)
        assert np.abs(encoder.encode(LONLAT) - expected).max() < 1e-6
    assert encoder.card.dimension == expected.shape[1]
    assert encoder.card.parameters["unit"] == ("radians" if theory else "degrees")
    check_encoder(encoder)


def test_sphere2vec_closes_at_the_antimeridian_at_its_own_scale() -> None:
    """A radius of 1 is the sphere itself, on which 180 and -180 are one meridian."""
    encoder = get_encoder("sphere2vec.c")
    west, east = encoder.encode([[-180, 20], [180, 20]])
    assert np.abs(west[-3:] - east[-3:]).max() < 1e-6
    assert np.abs(west - east).max() > 1e-3, "but not at scales that are no divisor of the circle"


def test_frequencies_run_from_the_smallest_radius() -> None:
    result = geometric(4, 1, 1000)
    assert np.allclose(1 / result, [1, 10, 100, 1000])


@pytest.mark.parametrize(
    "options",
    [
        {"frequencies": 1},
        {"min_radius": 0},
        {"min_radius": 400.0, "max_radius": 360.0},
        {"max_radius": math.inf},
        {"min_radius": math.nan},
    ],
)
def test_frequencies_that_cannot_be(options: dict[str, float]) -> None:
    with pytest.raises(EncoderError, match="at least 2 frequencies and 0 < min_radius"):
        get_encoder("space2vec.grid", **options)


@pytest.mark.parametrize("name", ["space2vec.gird", "sphere2vec.d", "sphere2vec.cplus-rnage"])
def test_unknown_variants(name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean"):
        get_encoder(name)
