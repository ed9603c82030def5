"""Tidy frames of diagnoses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from satclip_bench.benchmarks.diagnostics.diagnosis import Diagnosis, Spatial
from satclip_bench.benchmarks.diagnostics.geo_bias import SCORES

if TYPE_CHECKING:
    import pandas as pd

STRATA_COLUMNS = (
    *("task", "encoder", "split", "probe", "kind", "stratum", "place"),
    *("n", "error", "low", "high", "score", "counted"),
)
"""Columns of `strata.csv`; `score` and `counted` are given for strata of the kind region only."""


def summary_row(diagnosis: Diagnosis) -> dict[str, object]:
    """Summary of one encoder as one row: means over seeds, and the largest p of Moran's I."""
    fair, spatial = diagnosis.fairness, diagnosis.spatial
    nan = float("nan")
    return {
        "n": diagnosis.n,
        "error": diagnosis.error,
        "worst_region": fair.worst.region if fair.worst else "",
        "worst_score": fair.worst.score if fair.worst else nan,
        "best_region": fair.best.region if fair.best else "",
        "best_score": fair.best.score if fair.best else nan,
        "gap": fair.gap,
        "regions": len(fair.counted),
        "moran_i": float(np.mean([s.moran.i for s in spatial])),
        "moran_p": float(np.max([s.moran.p for s in spatial])),
        **_bias(spatial),
        "ssi_km": float(np.mean([s.ssi_km for s in spatial])),
        "sri_km": float(np.mean([s.sri_km for s in spatial])),
        "foci": max(s.foci for s in spatial),
    }


def _bias(spatial: Sequence[Spatial]) -> dict[str, float]:
    means = {}
    for name in SCORES:
        means[name] = float(np.mean([s.bias[name] for s in spatial]))
        if name != "ssi_unmarked":
            means[f"{name}_shuffled"] = float(np.mean([s.shuffled[name] for s in spatial]))
    return means


def strata_frame(diagnoses: Iterable[Diagnosis], common: Mapping[str, object]) -> pd.DataFrame:
    """Errors by stratum as a frame, one row per encoder and stratum.

    Args:
        diagnoses: diagnoses of one task, split and probe.
        common: columns task, split and probe with their values.
    """
    import pandas as pd

    rows = []
    for d in diagnoses:
        scores = {r.region: r for r in d.fairness.regions}
        for s in d.strata:
            row = {**common, "encoder": d.encoder, "kind": s.kind, "stratum": s.name}
            row |= {"place": s.place, "n": s.n, "error": s.error, "low": s.low, "high": s.high}
            if s.kind == "region":
                row |= {"score": scores[s.name].score, "counted": scores[s.name].counted}
            rows.append(row)
    return pd.DataFrame(rows, columns=list(STRATA_COLUMNS))
