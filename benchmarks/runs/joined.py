"""Combinations with custom encoders, such as `geoclip+table.farms`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from satclip_bench.benchmarks.runs.tables import TaskSource, load_table
from satclip_bench.core.errors import BenchError
from satclip_bench.core.registry import split_patterns
from satclip_bench.encoders import TABLES, LocationEncoder, combine_named
from satclip_bench.encoders.lookup.partial import none_covered


def joined_by_name(
    patterns: Iterable[str], custom: Mapping[str, LocationEncoder]
) -> dict[str, LocationEncoder]:
    """The combinations with custom encoders that are asked for, by name.

    Args:
        patterns: names or wildcards, or comma-separated lists of them.
        custom: custom encoders by name.

    Raises:
        BenchError: a part of such a combination is not known, or they cannot be combined.
    """
    joined = [name for name in split_patterns(patterns) if "+" in name and name not in custom]
    return {
        name: combine_named(name, custom)
        for name in joined
        if any(part in custom or part.startswith(TABLES) for part in name.split("+"))
    }


def joined_coverage(encoder: LocationEncoder, source: TaskSource) -> tuple[float | None, str]:
    """Share of a task's points that all tables of a combination cover.

    Its embedding does not tell, because the other blocks are not zeros.

    Returns:
        The share, None for an encoder without such tables; and why none is covered, else empty.

    Raises:
        BenchError: a file of the tables is damaged.
    """
    # Most runs have no encoder of a file and need none of its modules.
    from satclip_bench.encoders.table import joined_tables

    tables = joined_tables(encoder)
    if not tables:
        return None, ""
    try:
        points = load_table(source)
    except BenchError:
        # Its cells have this problem themselves.
        return None, ""
    covered = np.ones(len(points), dtype=np.bool_)
    for table in tables:
        covered &= table.covered(points.lonlat)
        if not covered.any():
            what = f"the {len(points):,} points of {source.task!r}"
            return 0.0, none_covered(table, points.lonlat, what)
    return float(covered.mean()), ""
