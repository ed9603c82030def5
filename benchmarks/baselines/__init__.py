"""Baselines that need no encoder: what a score is worth depends on how far it is above these."""

from __future__ import annotations

from satclip_bench.benchmarks.baselines.base import BaselineCard
from satclip_bench.benchmarks.baselines.sphere import (
    CARDS,
    PREFIX,
    SphereBaseline,
    baseline_card,
    list_baselines,
)

__all__ = [
    "CARDS",
    "PREFIX",
    "BaselineCard",
    "SphereBaseline",
    "baseline_card",
    "list_baselines",
]
