"""Profile of an encoder: what its embedding is like, over the sphere and over land."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.profiles.coverage import embed_covered
from satclip_bench.benchmarks.profiles.dimension import (
    effective_rank,
    participation_ratio,
    two_nearest_neighbours,
    variances,
)
from satclip_bench.benchmarks.profiles.frequency import Sets, expressed, half_degree
from satclip_bench.benchmarks.profiles.similarity import linear_cka
from satclip_bench.benchmarks.profiles.variogram import (
    Variogram,
    pair_variogram,
    partners,
    semivariance,
    sill,
)
from satclip_bench.benchmarks.runs.embeddings import weights_sha256
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import lonlat_of
from satclip_bench.encoders import LocationEncoder
from satclip_bench.encoders.base import Embedding
from satclip_bench.encoders.combine import fibonacci_lattice
from satclip_bench.tasks import get_task

Float = NDArray[np.float64]

LAND = "countries"
"""Open table whose 10,000 points were drawn uniformly over all land but Antarctica."""
DEGREES = (1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64)
"""Degrees of the spherical harmonics, about half an octave apart."""
MIN_COVERED = 500
"""Minimum number of covered points of an area that is described."""
LAND_FRACTIONS = (0.6, 0.1)
"""Shares of the points on land in the training and in the validation set of the harmonics."""
EDGES_KM = np.geomspace(20, 20037, 21)
"""Limits of the variogram's bins over land, half an octave wide."""


@dataclass(frozen=True)
class Sizes:
    """Numbers of points of a profile.

    Attributes:
        lattice: points spread evenly over the sphere, for covariances and for fitting harmonics.
        random: points drawn uniformly over the sphere, for the local dimension and for choosing
            and testing harmonics.
        bases: points that the variogram over the sphere compares with others, at each distance.
        distances: number of these distances, from 2 to 20,000 km.
        land: points on land, at most the 10,000 of the table.
        local: numbers of random points at which the local dimension is measured.
    """

    lattice: int = 8192
    random: int = 4096
    bases: int = 512
    distances: int = 27
    land: int = 10_000
    local: tuple[int, ...] = (256, 1024, 4096)


@dataclass(frozen=True)
class Area:
    """Properties of an embedding over an area: the sphere, or land.

    Attributes:
        coverage: share of the area that the encoder covers; all others are of that share.
        participation_ratio, effective_rank: see `dimension`.
        local_dimension: two-nearest-neighbours dimension by number of points.
        half_sill_km: see `Variogram.half_sill_km`; 0 if it is below the first distance.
        variogram: semivariance over distance.
        expressed: R² of spherical harmonics by degree.
        half_degree: see `frequency.half_degree`; infinite if it is above the last degree.
    """

    coverage: float
    participation_ratio: float
    effective_rank: float
    local_dimension: dict[int, float]
    half_sill_km: float
    variogram: Variogram
    expressed: dict[int, float]
    half_degree: float


@dataclass(frozen=True)
class Profile:
    """What an embedding is like.

    Attributes:
        encoder: name of the encoder.
        title: title of the encoder.
        dimension: columns of the embedding.
        version: version of the encoder, as on its card.
        weights_sha256: SHA-256 of its weights; empty if it has none or does not report it.
        seed: seed of all draws.
        areas: properties over the `sphere` and over `land`, as far as the encoder covers them.
    """

    encoder: str
    title: str
    dimension: int
    version: int
    weights_sha256: str
    seed: int
    areas: dict[str, Area]


def profile(encoder: LocationEncoder, seed: int = 0, sizes: Sizes | None = None) -> Profile:
    """Measure what an embedding is like, without labels.

    The columns are used as the encoder returns them, except for harmonics, for which they are
    standardised as the linear probe does. Memory is bounded by the embedding of 12,000 points in
    float64 and a square matrix of its columns.

    Args:
        encoder: encoder of any origin.
        seed: seed of the random points and pairs.
        sizes: numbers of points; smaller ones are faster and less exact.

    Raises:
        BenchError: the encoder fails, covers too few points of both areas, or is constant.
    """
    sizes = sizes or Sizes()
    areas = {"sphere": _sphere(encoder, seed, sizes), "land": _land(encoder, seed, sizes)}
    covered = {name: area for name, area in areas.items() if area is not None}
    if not covered:
        raise BenchError(
            f"{encoder.card.name} covers fewer than {MIN_COVERED} of {sizes.lattice:,} points "
            f"spread over the sphere and of {sizes.land:,} on land: too few for a profile"
        )
    card = encoder.card
    return Profile(
        encoder=card.name,
        title=card.title,
        dimension=card.dimension,
        version=card.version,
        weights_sha256=weights_sha256(encoder),
        seed=seed,
        areas=covered,
    )


def similarities(
    encoders: Sequence[LocationEncoder], sizes: Sizes | None = None
) -> dict[str, Float]:
    """Linear CKA of all pairs of encoders, `(E, E)` over the sphere and over land.

    A pair is compared on the points that both cover; if these are too few, its number is NaN.

    Raises:
        BenchError: an encoder fails, or is constant.
    """
    sizes = sizes or Sizes()
    lattice = fibonacci_lattice(sizes.lattice)
    return {
        "sphere": _similarities(encoders, lattice, "points spread evenly over the sphere"),
        "land": _similarities(encoders, _land_points(), "points on land"),
    }


def _similarities(encoders: Sequence[LocationEncoder], lonlat: Float, where: str) -> Float:
    embedded = [embed_covered(encoder, lonlat, where) for encoder in encoders]
    matrix = np.eye(len(encoders))
    for (i, (x, in_x)), (j, (y, in_y)) in combinations(enumerate(embedded), 2):
        both = in_x & in_y
        enough = both.sum() >= MIN_COVERED
        matrix[i, j] = matrix[j, i] = linear_cka(x[both], y[both]) if enough else np.nan
    return matrix


def _land_points() -> Float:
    return get_task(LAND).load().lonlat


def _sphere(encoder: LocationEncoder, seed: int, sizes: Sizes) -> Area | None:
    rng = np.random.default_rng(seed)
    lattice = fibonacci_lattice(sizes.lattice)
    random = lonlat_of(rng.standard_normal((sizes.random, 3)))
    even, in_even = embed_covered(encoder, lattice, "points spread evenly over the sphere")
    drawn, in_drawn = embed_covered(encoder, random, "random points of the sphere")
    coverage = float(in_even.mean())
    even, drawn = even[in_even], drawn[in_drawn]
    if min(len(even), len(drawn)) < MIN_COVERED:
        return None
    sets = Sets(
        np.concatenate([lattice[in_even], random[in_drawn]]),
        np.concatenate([even, drawn]),
        (len(even), len(drawn) // 4),
    )
    _require_variance(encoder, even, "over the sphere")
    return _area(
        coverage, even, drawn, _sphere_variogram(encoder, sill(even), rng, sizes), sets, sizes
    )


def _land(encoder: LocationEncoder, seed: int, sizes: Sizes) -> Area | None:
    rng = np.random.default_rng(seed)
    points = rng.permutation(_land_points())[: sizes.land]
    embedding, covered = embed_covered(encoder, points, "points on land")
    coverage = float(covered.mean())
    points, embedding = points[covered], embedding[covered]
    if len(points) < MIN_COVERED:
        return None
    _require_variance(encoder, embedding, "on land")
    train, validation = (round(part * len(points)) for part in LAND_FRACTIONS)
    return _area(
        coverage,
        embedding,
        embedding,
        pair_variogram(points, embedding, EDGES_KM, rng),
        Sets(points, embedding, (train, validation)),
        sizes,
    )


def _require_variance(encoder: LocationEncoder, embedding: Embedding, where: str) -> None:
    """Raise BenchError if all embeddings of an area are the same: no number describes them."""
    if (embedding == embedding[0]).all():
        raise BenchError(
            f"{encoder.card.name} returned the same embedding for all {len(embedding):,} points "
            f"{where}: there is nothing to describe"
        )


def _area(
    coverage: float,
    even: Embedding,
    drawn: Embedding,
    variogram: Variogram,
    sets: Sets,
    sizes: Sizes,
) -> Area:
    variance = variances(even)
    scores = expressed(sets, DEGREES)
    return Area(
        coverage=coverage,
        participation_ratio=participation_ratio(variance),
        effective_rank=effective_rank(variance),
        local_dimension={
            n: two_nearest_neighbours(drawn[:n]) for n in sizes.local if n <= len(drawn)
        },
        half_sill_km=variogram.half_sill_km,
        variogram=variogram,
        expressed=dict(zip(DEGREES, scores.tolist(), strict=True)),
        half_degree=half_degree(DEGREES, scores),
    )


def _sphere_variogram(
    encoder: LocationEncoder, total: float, rng: np.random.Generator, sizes: Sizes
) -> Variogram:
    """Variogram of points and of others at exact distances, also at small ones."""
    bases = fibonacci_lattice(sizes.bases)
    first, in_first = embed_covered(encoder, bases, "points spread evenly over the sphere")
    distances = np.geomspace(2, 20_000, sizes.distances)
    values, pairs = np.full(len(distances), np.nan), np.zeros(len(distances), dtype=np.int64)
    for number, km in enumerate(distances):
        others = partners(bases, float(km), rng)
        second, in_second = embed_covered(encoder, others, f"points at {km:.0f} km")
        both = in_first & in_second
        pairs[number] = both.sum()
        if both.any():
            values[number] = semivariance(first[both], second[both]) / total
    kept = pairs > 0
    return Variogram(distances[kept], values[kept], pairs[kept])
