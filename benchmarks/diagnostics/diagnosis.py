"""All diagnostics of the encoders of one task, split and probe."""

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
from satclip_bench.benchmarks.metrics.bootstrap import block_ids

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Where:
    """What is known of the places of a task's table.

    Attributes:
        lonlat: `(N, 2)` degrees.
        extent: the task's, which sizes the blocks of the bootstrap.
        region: `(N,)` names.
        biome: `(N,)` names, `unknown` where there is no label nearby.
    """

    lonlat: Float
    extent: str
    region: NDArray[np.str_]
    biome: NDArray[np.str_]


@dataclass(frozen=True)
class Spatial:
    """How the errors of one encoder lie under one seed.

    Attributes:
        moran: of the residuals.
        bias: geo-bias scores by name.
        shuffled: the same scores after the encoder's own good and bad marks were dealt out to the
            points at random: what its scores would be if errors had no geography.
        ssi_km, sri_km: radii of the neighbourhoods.
        foci: focal points.
    """

    moran: Moran
    bias: Mapping[str, float]
    shuffled: Mapping[str, float]
    ssi_km: float
    sri_km: float
    foci: int


@dataclass(frozen=True)
class Diagnosis:
    """Where one encoder fails.

    Attributes:
        encoder: its name.
        n: points judged, over all seeds.
        error: their mean error.
        fairness: scores by region.
        strata: errors by stratum.
        spatial: seed by seed.
    """

    encoder: str
    n: int
    error: float
    fairness: Fairness
    strata: tuple[Stratum, ...]
    spatial: tuple[Spatial, ...]


def diagnose(
    judged: Mapping[str, Sequence[Predictions]],
    where: Where,
    radius_km: float | None = None,
    advance: Callable[[], None] = lambda: None,
) -> tuple[Diagnosis, ...]:
    """Diagnose every encoder; all are cut into the same strata and neighbourhoods.

    Args:
        judged: by encoder, its predictions seed by seed.
        where: the places.
        radius_km: of the neighbourhoods of SSI; the usual one by default.
        advance: called after every encoder and seed.
    """
    spatial = _spatial(judged, where, radius_km, advance)
    strata = _errors(judged, where)
    return tuple(
        Diagnosis(
            encoder,
            sum(len(j.row) for j in seeds),
            float(np.concatenate([j.error for j in seeds]).mean()),
            fairness(seeds, where.region),
            strata[encoder],
            tuple(spatial[encoder, j.seed] for j in seeds),
        )
        for encoder, seeds in judged.items()
    )


def _errors(
    judged: Mapping[str, Sequence[Predictions]], where: Where
) -> dict[str, tuple[Stratum, ...]]:
    everything = [j for seeds in judged.values() for j in seeds]
    distance, edges = distance_strata(np.concatenate([j.nearest_km for j in everything]))
    by_row = (
        latitude_strata(where.lonlat[:, 1], band_of(where.extent)),
        named_strata("biome", where.biome),
        named_strata("region", where.region),
    )
    block = block_ids(where.lonlat, where.extent)
    found = {}
    for encoder, seeds in judged.items():
        row = np.concatenate([j.row for j in seeds])
        error = np.concatenate([j.error for j in seeds])
        km = np.concatenate([j.nearest_km for j in seeds])
        binned = np.searchsorted(edges, km, side="right")
        kinds = [(distance, binned), *((strata, stratum[row]) for strata, stratum in by_row)]
        found[encoder] = tuple(
            s for of, at in kinds for s in errors_by_stratum(of, at, error, block[row]) if s.n
        )
    return found


def _spatial(
    judged: Mapping[str, Sequence[Predictions]],
    where: Where,
    radius_km: float | None,
    advance: Callable[[], None],
) -> dict[tuple[str, int], Spatial]:
    # Encoders judged on the same rows share neighbourhoods and weights, which take the time.
    groups: dict[tuple[int, bytes], list[Predictions]] = {}
    for seeds in judged.values():
        for j in seeds:
            rows, _ = j.once(j.error)
            groups.setdefault((j.seed, rows.tobytes()), []).append(j)
    found = {}
    for (seed, _), group in groups.items():
        rows, _ = group[0].once(group[0].error)
        for j, spatial in zip(
            group, _of_group(group, where.lonlat[rows], radius_km, seed, advance), strict=True
        ):
            found[j.encoder, j.seed] = spatial
    return found


def _of_group(
    group: Sequence[Predictions],
    lonlat: Float,
    radius_km: float | None,
    seed: int,
    advance: Callable[[], None],
) -> Iterable[Spatial]:
    marked = np.stack([marks(j.once(j.error)[1], j.task_type) for j in group], axis=1)
    order = np.random.default_rng([seed, len(marked)]).permutation(len(marked))
    bias = geo_bias(lonlat, np.concatenate([marked, marked[order]], axis=1), radius_km, seed=seed)
    moran: Sequence[Moran] = [UNDEFINED] * len(group)
    if len(lonlat) > NEIGHBOURS:
        residuals = np.stack([j.once(j.residual)[1] for j in group], axis=1)
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
