"""Splits: named ways to make folds of training, validation and test sets.

>>> import numpy as np
>>> from satclip_bench.benchmarks.splits import SplitInputs, get_split
>>> rng = np.random.default_rng(0)
>>> lonlat = np.column_stack([rng.uniform(-180, 180, 1000), rng.uniform(-60, 60, 1000)])
>>> fold, *_ = get_split("blocks.10").folds(SplitInputs(lonlat, lonlat[:, 1]), seed=0)
>>> len(fold.train) + len(fold.validation) + len(fold.test)
1000
"""

from __future__ import annotations

from collections.abc import Callable

from satclip_bench.benchmarks.splits.base import Fold, InnerFold, Split, SplitCard, SplitInputs
from satclip_bench.benchmarks.splits.cross_validation import as_cross_validator
from satclip_bench.core.registry import Registry

registry: Registry[Callable[[], Split]] = Registry(
    "split",
    {
        "random": "satclip_bench.benchmarks.splits.random:RandomSplit",
        "random-grouped": "satclip_bench.benchmarks.splits.random:GroupedRandomSplit",
        "held-out-region": "satclip_bench.benchmarks.splits.held_out_region:HeldOutRegionSplit",
        "few-shot": "satclip_bench.benchmarks.splits.few_shot:FewShotSplit",
        "latitude": "satclip_bench.benchmarks.splits.bands:LatitudeSplit",
        "checkerboard": "satclip_bench.benchmarks.splits.bands:CheckerboardSplit",
        "nndm": "satclip_bench.benchmarks.splits.nndm:NndmSplit",
        "official": "satclip_bench.benchmarks.splits.official:OfficialSplit",
    },
    families={
        "blocks": "satclip_bench.benchmarks.splits.blocks:blocks",
        "buffered": "satclip_bench.benchmarks.splits.blocks:buffered",
        "thinned": "satclip_bench.benchmarks.splits.thinned:thinned",
        "labels": "satclip_bench.benchmarks.splits.labels:labels",
    },
    listed=(
        *("random", "random-grouped", "held-out-region", "few-shot", "latitude", "checkerboard"),
        *("nndm", "official"),
        *("blocks.2", "blocks.10", "blocks.20", "blocks.40", "buffered.10-500"),
        *("thinned.10-500", "labels.10"),
    ),
    group="satclip_bench.splits",
)
"""Classes and other callables that make a split, by name."""


def list_splits() -> tuple[str, ...]:
    """Names of all listed splits. `get_split` accepts more variants of each family.

    Examples:
        >>> list_splits()[:3]
        ('random', 'random-grouped', 'held-out-region')
    """
    return registry.names()


def get_split(name: str) -> Split:
    """Make the split called `name`.

    Args:
        name: a listed name, or `family.variant` such as `blocks.5`.

    Raises:
        UnknownNameError: there is no such split; the message suggests similar names.

    Examples:
        >>> get_split("blocks.5").card.title
        'Blocks of 5°'
    """
    return registry.load(name)()


def split_card(name: str) -> SplitCard:
    """Card of the split called `name`. Raises as `get_split`.

    Examples:
        >>> split_card("random").settings
        {'train_fraction': 0.3, 'validation_fraction': 0.1}
    """
    return get_split(name).card


__all__ = [
    "Fold",
    "InnerFold",
    "Split",
    "SplitCard",
    "SplitInputs",
    "as_cross_validator",
    "get_split",
    "list_splits",
    "registry",
    "split_card",
]
