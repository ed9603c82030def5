"""Errors by stratum: distance to the nearest training point, latitude, biome and region."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from satclip_bench.benchmarks.metrics.bootstrap import MIN_UNITS, interval, mean_replicates
from satclip_bench.benchmarks.metrics.resampling import make_blocks
from satclip_bench.core.sphere import chord_to_km, unit_vectors

Float = NDArray[np.float64]
Index = NDArray[np.int64]

DISTANCE_BINS = 8
"""Number of bins of distance, cut at quantiles so that all bins hold equally many points."""

BAND_DEGREES = {"global": 10.0, "contiguous United States": 5.0, "California": 2.0}
"""Height of a band of absolute latitude in degrees, by the extent of a task."""

BIOME_KM = 150.0
"""Maximum distance at which a point takes the biome of the nearest labelled point. Labelled points
lie about 120 km apart on land, so few points on land have none."""

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Strata:
    """Names and places of the strata of one kind.

    Attributes:
        kind: kind of the strata: distance, latitude, biome or region.
        names: names of the strata, in order.
        place: `(len(names),)` places of the strata in a figure: the median distance in km, the
            middle of a band in degrees, or the number of the stratum.
    """

    kind: str
    names: tuple[str, ...]
    place: Float


@dataclass(frozen=True)
class Stratum:
    """Error of an encoder in one stratum, over all seeds.

    Attributes:
        kind: kind of the stratum, as of `Strata`.
        name: name of the stratum.
        place: place of the stratum in a figure.
        n: number of test points in it; a point tested under several seeds counts for each.
        error: mean error; NaN if there are no points.
        low, high: ends of its 95 % interval; NaN if the points lie in too few blocks.
    """

    kind: str
    name: str
    place: float
    n: int
    error: float
    low: float
    high: float


def distance_strata(km: Float, bins: int = DISTANCE_BINS) -> tuple[Strata, Float]:
    """Strata of the distance to the nearest training point, and their `(bins - 1,)` inner edges.

    Args:
        km: `(n,)` distances of a task and split, of all encoders.
        bins: number of bins; repeated distances can make fewer.
    """
    # Edges that are themselves distances leave no bin empty.
    edges = np.unique(np.quantile(km, np.linspace(0, 1, bins + 1), method="inverted_cdf"))
    inner = edges[1:-1]
    stratum = np.searchsorted(inner, km, side="right")
    present = np.arange(len(inner) + 1)
    ends = [edges[0], *inner, edges[-1]]
    names = tuple(f"{_km(a)}-{_km(b)} km" for a, b in pairwise(ends))
    return Strata(
        "distance", names, np.array([np.median(km[stratum == s]) for s in present])
    ), inner


def _km(distance: float) -> str:
    return f"{distance:.3g}" if distance < 100 else f"{distance:.0f}"


def latitude_strata(latitude: Float, band: float) -> tuple[Strata, Index]:
    """Bands of absolute latitude that contain points, and the `(N,)` band of each point.

    Example:
        >>> import numpy as np
        >>> strata, band = latitude_strata(np.array([3.0, -12.0, 14.0]), 10)
        >>> strata.names, band.tolist()
        (('0-10°', '10-20°'), [0, 1, 1])
    """
    count = int(np.ceil(90 / band))
    number = np.minimum((np.abs(latitude) / band).astype(np.int64), count - 1)
    present, stratum = np.unique(number, return_inverse=True)
    names = tuple(f"{b * band:g}-{min(90, (b + 1) * band):g}°" for b in present)
    return Strata("latitude", names, (present + 0.5) * band), stratum


def band_of(extent: str) -> float:
    """Height of a band of latitude in degrees, for the extent of a task.

    >>> band_of("California")
    2.0
    """
    return BAND_DEGREES.get(extent, BAND_DEGREES["global"])


def named_strata(kind: str, labels: NDArray[np.str_]) -> tuple[Strata, Index]:
    """One stratum per name, in alphabetical order, and the `(N,)` stratum of each point.

    Example:
        >>> import numpy as np
        >>> strata, stratum = named_strata("region", np.array(["Europe", "Asia", "Europe"]))
        >>> strata.names, stratum.tolist()
        (('Asia', 'Europe'), [1, 0, 1])
    """
    names, stratum = np.unique(labels, return_inverse=True)
    return Strata(kind, tuple(map(str, names)), np.arange(len(names), dtype=np.float64)), stratum


def biome_of(
    lonlat: Float, labelled: Float, biome: NDArray[np.str_], within_km: float = BIOME_KM
) -> NDArray[np.str_]:
    """Biome of each point, `(N,)`: that of the nearest labelled point, or `unknown`.

    Args:
        lonlat: `(N, 2)` degrees of the points, longitude first.
        labelled: `(M, 2)` degrees of the labelled points.
        biome: `(M,)` biomes of the labelled points.
        within_km: maximum great-circle distance to a labelled point.
    """
    chord, nearest = KDTree(unit_vectors(labelled)).query(unit_vectors(lonlat))
    return np.where(chord_to_km(np.asarray(chord)) <= within_km, biome[nearest], UNKNOWN)


def errors_by_stratum(
    strata: Strata, stratum: Index, error: Float, block: Index
) -> tuple[Stratum, ...]:
    """Mean error in each stratum, with an interval by the bootstrap of spatial blocks.

    Args:
        strata: names and places of the strata.
        stratum: `(n,)` stratum of each test point.
        error: `(n,)` error of each test point.
        block: `(n,)` block of each test point; all encoders share the draws of a block.
    """
    errors = []
    for number, (name, place) in enumerate(zip(strata.names, strata.place, strict=True)):
        inside = stratum == number
        n = int(inside.sum())
        mean = float(error[inside].mean()) if n else float("nan")
        low, high = _ends(error[inside], block[inside])
        errors.append(Stratum(strata.kind, name, float(place), n, mean, low, high))
    return tuple(errors)


def _ends(error: Float, block: Index) -> tuple[float, float]:
    blocks = make_blocks(block)
    ends = interval(mean_replicates(blocks, error)) if blocks.count >= MIN_UNITS else None
    return ends or (float("nan"), float("nan"))
