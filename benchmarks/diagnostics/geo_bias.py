"""Geo-bias scores SSI and SRI: how unevenly good and bad predictions are spread in a neighbourhood.

Definitions: SSI, spatial self-information, from Wu et al. 2024 (TorchSpatial, NeurIPS Datasets and
Benchmarks, arXiv 2406.15658), on Wang et al. 2024 (Probing the Information Theoretical Roots of
Spatial Dependence Measures, COSIT, arXiv 2405.18459); SRI, spatial relative information, from
Wang et al. 2025 (GeoBS, arXiv 2509.23482). Where the papers leave a choice open, this follows how
the authors' PyGBS computed the scores of its published tables; see docs/diagnostics.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from satclip_bench.benchmarks.diagnostics.neighbourhood import (
    Neighbourhood,
    Surroundings,
    background,
    direction_sectors,
    distance_lags,
    grid_cells,
    nearest_others,
)

Float = NDArray[np.float64]
Index = NDArray[np.int64]

LINKS = 4
"""Number of nearest neighbours that a point is linked to, as in TorchSpatial's tables."""

FLOOR = 1e-256
"""Added to a probability before its logarithm: no SSI is above -ln(1e-256) = 589.5."""

SMOOTHING = 1e-8
"""Added to the shares of a patch, so that a patch without any bad prediction has a finite SRI."""

NEIGHBOURS = 100
"""The default radius is the median distance to the neighbour of this number."""

MAX_NEIGHBOURS = 400
"""Maximum number of points of an SSI neighbourhood; its disc shrinks to them, which bounds time."""

MIN_NEIGHBOURS = 20
"""Minimum number of points of a neighbourhood or patch; smaller ones are left out."""

SRI_SCALE, SQUARES, LAGS, SECTORS = 2.0, 2, 5, 8
"""SRI neighbourhoods have twice the radius of SSI's; squares have a side of half of that radius,
lags a fifth, and there are eight sectors."""

MAX_FOCI = 500
"""Maximum number of focal points; from more test points this many are drawn with a seed."""

MAX_RADIUS_KM = 5000.0
"""Maximum radius of an SRI neighbourhood."""

SCORES = ("ssi_unmarked", "ssi", "sri_grid", "sri_lag", "sri_sector")


@dataclass(frozen=True)
class GeoBias:
    """Geo-bias scores of several sets of marks on the same points.

    Attributes:
        scores: `(E,)` means over neighbourhoods by name of score, weighted by their numbers of
            points; NaN if no neighbourhood has enough points. `ssi_unmarked` does not depend on any
            model: it measures the clustering of the test points.
        ssi_km, sri_km: radii of the neighbourhoods.
        foci: number of focal points.
    """

    scores: dict[str, Float]
    ssi_km: float
    sri_km: float
    foci: int


def marks(error: Float, task_type: str) -> Float:
    """Marks of predictions, `(n,)`: 1 for a good prediction, -1 for a bad one.

    A predicted class is good if it is correct. A predicted value is good if its absolute error is
    at most the median error of the same encoder: half of the points are bad regardless of the size
    of the errors, so that the scores describe where errors lie and not how large they are.

    Example:
        >>> import numpy as np
        >>> marks(np.array([0.1, 0.2, 5.0]), "regression")
        array([ 1.,  1., -1.])
    """
    threshold = 0.0 if task_type == "classification" else float(np.median(error))
    return np.where(error <= threshold, 1.0, -1.0)


def default_radius(surroundings: Surroundings, neighbours: int = NEIGHBOURS) -> float:
    """Median great-circle distance in km to the 100th nearest point.

    With fewer than 500 points, a fifth of their number takes the place of 100.
    """
    count = min(neighbours, max(1, len(surroundings.vectors) // 5))
    distance = float(np.median(surroundings.distance_to_nth(count)))
    # Hundreds of points can share one place, but a disc must have an area.
    return float(np.clip(distance, 0.01, MAX_RADIUS_KM / SRI_SCALE))


def geo_bias(
    lonlat: Float,
    marked: Float,
    radius_km: float | None = None,
    max_foci: int = MAX_FOCI,
    seed: int = 0,
) -> GeoBias:
    """SSI and SRI over great-circle neighbourhoods of test points.

    Time and memory are bounded: at most `max_foci` neighbourhoods are computed, one at a time, and
    SSI uses at most 400 points of each.

    Args:
        lonlat: `(n, 2)` degrees of the test points, longitude first.
        marked: `(n, E)` marks of 1 and -1, one column per encoder.
        radius_km: radius of an SSI neighbourhood; `default_radius` by default.
        max_foci: number of focal points to draw if there are more points.
        seed: seed of that draw.
    """
    surroundings = Surroundings(lonlat)
    ssi_km = default_radius(surroundings) if radius_km is None else radius_km
    sri_km = SRI_SCALE * ssi_km
    if not 0 < sri_km <= MAX_RADIUS_KM:
        raise ValueError(
            f"a radius must be in (0, {MAX_RADIUS_KM / SRI_SCALE:g}] km, not {ssi_km:g}"
        )
    foci = np.arange(len(lonlat))
    if len(foci) > max_foci:
        foci = np.sort(np.random.default_rng(seed).choice(foci, max_foci, replace=False))
    total = {name: np.zeros(marked.shape[1]) for name in SCORES}
    weight = dict.fromkeys(SCORES, 0)
    for focus in foci:
        around = surroundings.of(int(focus), sri_km)
        for name, score, size in _scores(around, marked, ssi_km):
            total[name] += size * score
            weight[name] += size
    means = {
        name: total[name] / weight[name] if weight[name] else np.full(marked.shape[1], np.nan)
        for name in SCORES
    }
    return GeoBias(means, ssi_km, sri_km, len(foci))


def _scores(
    around: Neighbourhood, marked: Float, ssi_km: float
) -> Iterator[tuple[str, Float, int]]:
    """Name, `(E,)` score and weight of every score that the neighbourhood has enough points for."""
    near = around.within(ssi_km).nearest(MAX_NEIGHBOURS)
    # Points that all coincide do not span a disc.
    if len(near.member) >= MIN_NEIGHBOURS and near.radius_km > 0:
        empty = background(near)
        links = nearest_others(np.concatenate([near.vectors, empty]), LINKS)
        seen = marked[near.member]
        every = np.concatenate([np.ones((len(seen), 1)), seen], axis=1)
        values = np.concatenate([every, np.zeros((len(empty), every.shape[1]))])
        information = self_information(values, links)
        yield "ssi_unmarked", np.full(seen.shape[1], information[0]), len(near.member)
        yield "ssi", information[1:], len(near.member)
    if len(around.member) < MIN_NEIGHBOURS:
        return
    good = marked[around.member] > 0
    for name, patch in (
        ("sri_grid", grid_cells(around, around.radius_km / SQUARES)),
        ("sri_lag", distance_lags(around, around.radius_km / LAGS)),
        ("sri_sector", direction_sectors(around, SECTORS)),
    ):
        yield name, relative_information(good, patch), len(around.member)


def self_information(values: Float, links: Index) -> Float:
    """Spatial self-information of each column, `(E,)` nats: how surprising its arrangement is.

    This is the surprisal -ln p of the unscaled Moran's I, sum_ij w_ij (x_i - mean)(x_j - mean),
    where p is the density of the normal distribution that approximates it over all arrangements of
    the same values (Wang et al. 2024).

    Args:
        values: `(N, E)` values: 1 and -1 for good and bad predictions and 0 for the background,
            which must be the most common of the three.
        links: `(N, k)` neighbours j with w_ij = 1 of each point i.
    """
    centred = values - values.mean(axis=0)
    statistic = (centred * centred[links].sum(axis=1)).sum(axis=0)
    counts = np.stack([(values == level).sum(axis=0) for level in (0.0, -1.0, 1.0)])
    mean, variance = moments(np.array([0.0, -1.0, 1.0]), counts, links.shape[1])
    log_density = -((statistic - mean) ** 2) / (2 * variance) - np.log(2 * np.pi * variance) / 2
    return np.asarray(-np.logaddexp(log_density, np.log(FLOOR)))


def moments(levels: Float, counts: Index, k: int) -> tuple[Float, Float]:
    """Approximate mean and variance of the unscaled Moran's I over arrangements of given values.

    Let c_p be the values, n_p their counts, N the sum of the counts and r the most common value.
    The number of links from p to q has the mean k n_p n_q / N, or k n_p (n_p - 1) / N - 1 for
    p = q; links that touch r are the remaining ones (Wang et al. 2024, in the form that PyGBS
    uses).

    Args:
        levels: `(M,)` values, the most common one first.
        counts: `(M, E)` counts of the values.
        k: number of links from each point.

    Returns:
        `(E,)` means and `(E,)` variances.
    """
    n = counts.astype(np.float64)
    total = n.sum(axis=0)
    centred = levels[:, None] - (levels[:, None] * n).sum(axis=0) / total
    common = centred[0]
    mean, variance = np.zeros_like(total), np.zeros_like(total)
    for p, q in product(range(len(levels)), repeat=2):
        if p == q:
            links = np.where(n[p] > 0, k * n[p] * (n[p] - 1) / total - 1, 0)
        else:
            links = k * n[p] * n[q] / total
        mean += centred[p] * centred[q] * links
        if 0 in (p, q):
            continue
        if p == q:
            spread = 2 * _within(n[p], total, k)
            effect = (levels[p] - levels[0]) ** 2
        else:
            share = k * np.maximum(n[p], n[q]) / total
            spread = np.minimum(n[p], n[q]) * share * (1 - share)
            effect = centred[p] * centred[q] - 2 * centred[p] * common + common**2
        variance += effect**2 * spread
    return mean, variance


def _within(n: Float, total: Float, k: int) -> Float:
    """Half the variance of the number of links among `n` of `total` points, `(E,)`."""
    return (n - 1) * k * n / total * (1 - k * (2 * n - 1) / (3 * total)) * (n > 0)


def relative_information(good: NDArray[np.bool_], patch: Index) -> Float:
    """Spatial relative information of each column, `(E,)` nats: how patches differ from the whole.

    This is sum_k |P_k| / |P| KL(P || P_k) over the patches P_k of a neighbourhood P, where a
    distribution consists of the shares of good and of bad predictions (Wang et al. 2025,
    definitions of the scale-grid, distance-lag and direction-sector scores). Patches of fewer than
    20 points are left out.

    Args:
        good: `(n, E)` whether a prediction is good.
        patch: `(n,)` patch of each point.
    """
    size = np.bincount(patch)
    member = (patch[:, None] == np.arange(len(size))).astype(np.float64)
    kept = size >= MIN_NEIGHBOURS
    share = (member.T @ good)[kept] / size[kept, None]
    overall = good.mean(axis=0)
    divergence = _term(overall, share) + _term(1 - overall, 1 - share)
    return np.asarray((size[kept, None] / len(good) * divergence).sum(axis=0))


def _term(overall: Float, share: Float) -> Float:
    return np.asarray(rel_entr(overall, share + SMOOTHING))
