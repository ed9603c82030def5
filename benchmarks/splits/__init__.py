"""Splits: named ways to make folds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from satclip_bench.benchmarks.splits.base import Fold, Split, SplitCard, SplitInputs
from satclip_bench.core.errors import UnknownNameError
from satclip_bench.core.registry import Registry, match_names, unknown_name

registry: Registry[type[Split]] = Registry(
    "split",
    {
        "random": "satclip_bench.benchmarks.splits.random:RandomSplit",
        "held-out-region": "satclip_bench.benchmarks.splits.held_out_region:HeldOutRegionSplit",
        "few-shot": "satclip_bench.benchmarks.splits.few_shot:FewShotSplit",
        "latitude": "satclip_bench.benchmarks.splits.bands:LatitudeSplit",
        "checkerboard": "satclip_bench.benchmarks.splits.bands:CheckerboardSplit",
        "nndm": "satclip_bench.benchmarks.splits.nndm:NndmSplit",
        "official": "satclip_bench.benchmarks.splits.official:OfficialSplit",
    },
    group="satclip_bench.splits",
)

families: Registry[Callable[[str], Split]] = Registry(
    "split family",
    {
        "blocks": "satclip_bench.benchmarks.splits.blocks:blocks",
        "buffered": "satclip_bench.benchmarks.splits.blocks:buffered",
    },
)
"""First parts of `family.variant` names to callables that make a split from the variant."""

_LISTED = ("blocks.2", "blocks.10", "blocks.20", "blocks.40", "buffered.10-500")
"""Variants that are listed; families answer to others too."""


def list_splits() -> tuple[str, ...]:
    """The names of all splits. Families answer to more variants than are listed."""
    return (*registry.names(), *_LISTED)


def get_split(name: str) -> Split:
    """The split called `name`: as listed, or `family.variant` such as `blocks.5`.

    Raises:
        UnknownNameError: there is no such split.
    """
    if name in registry.names():
        return registry.load(name)()
    family, dot, variant = name.partition(".")
    if dot and family in families.names():
        return families.load(family)(variant)
    raise UnknownNameError(unknown_name("split", name, list_splits()))


def match_splits(patterns: Iterable[str]) -> tuple[str, ...]:
    """Names that the patterns select among the listed ones, and unlisted variants.

    Raises:
        UnknownNameError: a pattern selects nothing.
    """
    wanted = [part.strip() for pattern in patterns for part in pattern.split(",") if part.strip()]
    known = list_splits()
    variants = []
    for name in wanted:
        family, dot, _ = name.partition(".")
        wild = any(letter in name for letter in "*?[")
        if dot and family in families.names() and name not in known and not wild:
            get_split(name)
            variants.append(name)
    return match_names("split", wanted, (*known, *variants))


__all__ = [
    "Fold",
    "Split",
    "SplitCard",
    "SplitInputs",
    "families",
    "get_split",
    "list_splits",
    "match_splits",
    "registry",
]
