"""Splits: named ways to make folds."""

from __future__ import annotations

from benchmarks.splits.base import Fold, Points, Split, SplitCard
from core.registry import Registry

registry: Registry[type[Split]] = Registry(
    "split",
    {
        "random": "benchmarks.splits.random:RandomSplit",
        "held-out-region": "benchmarks.splits.held_out_region:HeldOutRegionSplit",
    },
    group="satclip_bench.splits",
)


def list_splits() -> tuple[str, ...]:
    """The names of all splits."""
    return registry.names()


def get_split(name: str) -> Split:
    """The split called `name`. Raises UnknownNameError."""
    return registry.load(name)()


__all__ = ["Fold", "Points", "Split", "SplitCard", "get_split", "list_splits", "registry"]
