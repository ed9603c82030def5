"""All diagnostics of the encoders on one task, for one split and probe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.diagnostics.autocorrelation import (
    NEIGHBOURS,
    UNDEFINED,
    Moran,
    morans_i,
    neighbour_weights,
)
from satclip_bench.benchmarks.diagnostics.fairness import Fairness, fairness
from satclip_bench.benchmarks.diagnostics.geo_bias import GeoBias, geo_bias, marks
from satclip_bench.benchmarks.diagnostics.predictions import Predictions
from satclip_bench.benchmarks.diagnostics.strata import (
    Stratum,
    band_of,
    distance_strata,
    errors_by_stratum,
    latitude_strata,
    named_strata,
)
from satclip_bench.benchmarks.metrics.resampling import block_ids

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Locations:
    """Locations of the rows of a task's table, with their regions and biomes.

    Attributes:
        lonlat: `(N, 2)` degrees, longitude first.
        extent: extent of the task, which decides the size of the bootstrap's blocks.
        region: `(N,)` names of regions.
        biome: `(N,)` names of biomes; `unknown` without a labelled point nearby.
    """

    lonlat: Float
    extent: str
    region: NDArray[np.str_]
    biome: NDArray[np.str_]


@dataclass(frozen=True)
class Spatial:
    """Spatial statistics of the errors of one encoder under one seed.

    Attributes:
        moran: Moran's I of the residuals.
        bias: geo-bias scores by name.
        shuffled: the same scores after the encoder's good and bad marks were assigned to the points
            at random: the scores of errors without any geography.
        ssi_km, sri_km: radii of the neighbourhoods.
        foci: number of focal points.
    """

    moran: Moran
    bias: Mapping[str, float]
    shuffled: Mapping[str, float]
    ssi_km: float
    sri_km: float
    foci: int


@dataclass(frozen=True)
class Diagnosis:
    """Diagnostics of one encoder on one task.

    Attributes:
        encoder: name of the encoder.
        n: number of test points, over all seeds.
        error: mean error of these points.
        fairness: scores by region.
        strata: errors by stratum.
        spatial: spatial statistics of the errors, seed by seed.
    """

    encoder: str
    n: int
    error: float
    fairness: Fairness
    strata: tuple[Stratum, ...]
    spatial: tuple[Spatial, ...]


def diagnose(
    predictions: Mapping[str, Sequence[Predictions]],
    locations: Locations,
    radius_km: float | None = None,
    advance: Callable[[], None] = lambda: None,
) -> tuple[Diagnosis, ...]:
    """Diagnose every encoder, all over the same strata and neighbourhoods.

    Args:
        predictions: predictions of each encoder, seed by seed.
        locations: locations of the rows of the task's table.
        radius_km: radius of the neighbourhoods of SSI; by default `geo_bias.default_radius`.
        advance: callback after every encoder and seed, for a progress bar.
    """
    spatial = _spatial(predictions, locations, radius_km, advance)
    strata = _errors(predictions, locations)
    return tuple(
        Diagnosis(
            encoder,
            sum(len(p.row) for p in seeds),
            float(np.concatenate([p.error for p in seeds]).mean()),
            fairness(seeds, locations.region),
            strata[encoder],
            tuple(spatial[encoder, p.seed] for p in seeds),
        )
        for encoder, seeds in predictions.items()
    )


def _errors(
    predictions: Mapping[str, Sequence[Predictions]], locations: Locations
) -> dict[str, tuple[Stratum, ...]]:
    everything = [p for seeds in predictions.values() for p in seeds]
    distance, edges = distance_strata(np.concatenate([p.nearest_km for p in everything]))
    by_row = (
        latitude_strata(locations.lonlat[:, 1], band_of(locations.extent)),
        named_strata("biome", locations.biome),
        named_strata("region", locations.region),
    )
    block = block_ids(locations.lonlat, locations.extent)
    errors = {}
    for encoder, seeds in predictions.items():
        row = np.concatenate([p.row for p in seeds])
        error = np.concatenate([p.error for p in seeds])
        km = np.concatenate([p.nearest_km for p in seeds])
        binned = np.searchsorted(edges, km, side="right")
        kinds = [(distance, binned), *((strata, stratum[row]) for strata, stratum in by_row)]
        errors[encoder] = tuple(
            stratum
            for strata, of_row in kinds
            for stratum in errors_by_stratum(strata, of_row, error, block[row])
            if stratum.n
        )
    return errors


def _spatial(
    predictions: Mapping[str, Sequence[Predictions]],
    locations: Locations,
    radius_km: float | None,
    advance: Callable[[], None],
) -> dict[tuple[str, int], Spatial]:
    # Encoders tested on the same rows share neighbourhoods and weights, which take the most time.
    groups: dict[tuple[int, bytes], list[Predictions]] = {}
    for seeds in predictions.values():
        for p in seeds:
            rows, _ = p.once(p.error)
            groups.setdefault((p.seed, rows.tobytes()), []).append(p)
    statistics = {}
    for (seed, _), group in groups.items():
        rows, _ = group[0].once(group[0].error)
        for p, spatial in zip(
            group, _of_group(group, locations.lonlat[rows], radius_km, seed, advance), strict=True
        ):
            statistics[p.encoder, p.seed] = spatial
    return statistics


def _of_group(
    group: Sequence[Predictions],
    lonlat: Float,
    radius_km: float | None,
    seed: int,
    advance: Callable[[], None],
) -> Iterable[Spatial]:
    marked = np.stack([marks(p.once(p.error)[1], p.task_type) for p in group], axis=1)
    order = np.random.default_rng([seed, len(marked)]).permutation(len(marked))
    bias = geo_bias(lonlat, np.concatenate([marked, marked[order]], axis=1), radius_km, seed=seed)
    moran: Sequence[Moran] = [UNDEFINED] * len(group)
    if len(lonlat) > NEIGHBOURS:
        residuals = np.stack([p.once(p.residual)[1] for p in group], axis=1)
        moran = morans_i(residuals, neighbour_weights(lonlat), seed)
    for number in range(len(group)):
        yield Spatial(
            moran[number],
            _column(bias, number),
            _column(bias, len(group) + number),
            bias.ssi_km,
            bias.sri_km,
            bias.foci,
        )
        advance()


def _column(bias: GeoBias, number: int) -> dict[str, float]:
    return {name: float(values[number]) for name, values in bias.scores.items()}
