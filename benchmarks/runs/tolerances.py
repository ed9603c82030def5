"""Tolerances of scores between kinds of processor and devices."""

from __future__ import annotations

from collections.abc import Mapping

from satclip_bench.benchmarks.metrics.scores import SEEN
from satclip_bench.benchmarks.runs.columns import BASELINE_PROBE

TOLERANCES: Mapping[str, float] = {
    BASELINE_PROBE: 1e-9,
    "ridge": 0.001,
    "linear": 0.001,
    "knn": 0.001,
    "lightgbm": 0.01,
    "mlp": 0.02,
}
"""Tolerance of a score by probe, between kinds of processor (docs/results.md).

Baselines are computed in float64 in closed form. Embeddings are float32, so that a nearest
neighbour or a class can change. A tree can split elsewhere, and a network is another one after some
thousand steps. In held-out regions, networks can choose other settings, whose scores of a single
region differ by more."""

OTHER_TOLERANCE = 0.02
"""Tolerance of a score of any other probe, such as those of a paper's protocol."""

IN_TARGET_UNITS = ("rmse", "mae", "crps", "reference_rmse")
"""Scores in the unit of the target, whose tolerance is relative to the score of the reference."""

OVER_CLASSES: Mapping[str, float] = {
    "balanced_accuracy": 5.0,
    "macro_f1": 5.0,
    "ece": 2.0,
    "log_loss": 2.0,
}
"""Factors on the tolerance of scores that a class of few points, a bin of few, or a single point
predicted with a low probability can move."""


def tolerance_of(
    metric: str, probe: str, reference: float, tolerances: Mapping[str, float]
) -> float:
    """Tolerance of a score, in its own unit.

    That of the probe, times the size of the reference if that is above 1, as R2 can be far below 0;
    of scores in the unit of the target, always times the size of the reference.

    Args:
        metric: name of the score.
        probe: name of the probe.
        reference: score of the reference.
        tolerances: tolerances by probe that replace those of `TOLERANCES`; `""` is for all probes.

    Example:
        >>> tolerance_of("r2", "mlp", 0.7, {}), tolerance_of("rmse", "mlp", 250.0, {})
        (0.02, 5.0)
    """
    default = TOLERANCES.get(probe, OTHER_TOLERANCE)
    tolerance = tolerances.get(probe, tolerances.get("", default))
    base = metric.removesuffix(SEEN)
    size = abs(reference) if base in IN_TARGET_UNITS else max(1.0, abs(reference))
    return tolerance * size * OVER_CLASSES.get(base, 1.0)
