"""Cells that an entry of a suite must have, with the settings of this package."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from satclip_bench.benchmarks.runs.plan import Selection, make_cells
from satclip_bench.benchmarks.runs.record import Record, Settings
from satclip_bench.benchmarks.runs.suites import get_suite
from satclip_bench.core.errors import BenchError

CellName = tuple[str, str, str, str, int]
"""Task, split, fold, probe and seed."""

OF_ENCODER = frozenset(
    {
        *("encoder", "encoder_version", "encoder_parameters", "encoder_source_sha256"),
        *("encoder_embedding_sha256", "encoder_time", "weights_sha256", "dtype"),
    }
)
"""Settings that describe the encoder; all others are those of the suite."""

STAND_IN = "direct"
"""An encoder without weights, whose cells have the settings that are asked of any encoder."""


def cell_name(settings: Settings) -> CellName:
    """Names of a cell within a suite."""
    s = settings
    return (s.task, s.split, s.fold, s.probe, s.seed)


def cell_title(name: CellName) -> str:
    """Name of a cell in messages.

    >>> cell_title(("biomes", "random", "0", "linear", 3))
    'biomes, random, linear, seed 3'
    """
    task, split, fold, probe, seed = name
    region = "" if fold == "0" else f" {fold}"
    return f"{task}, {split}{region}, {probe}, seed {seed}"


@lru_cache(maxsize=2)
def suite_cells(suite: str) -> Mapping[CellName, Settings]:
    """Settings of every cell that a suite has for an encoder, by the names of the cell.

    Args:
        suite: name of the suite.

    Raises:
        UnknownNameError: there is no such suite.
        BenchError: a table of the suite cannot be read here, or its folds cannot be made.
    """
    card = get_suite(suite)
    blocks = [block.model_copy(update={"encoders": (STAND_IN,)}) for block in card.blocks]
    cells = make_cells(blocks, Selection(edition=card.edition))
    for cell in cells:
        if cell.problem:
            raise BenchError(f"entries of the suite {suite} cannot be checked here: {cell.problem}")
    return {cell_name(cell.settings): cell.settings for cell in cells}


def differing_settings(record: Record, expected: Settings) -> tuple[str, ...]:
    """Names of the settings, but for those of the encoder, in which a record differs.

    Args:
        record: record of an entry.
        expected: settings of the same cell in this package.
    """
    given, ours = (s.model_dump(mode="json") for s in (record.settings, expected))
    return tuple(n for n in ours if n not in OF_ENCODER and given[n] != ours[n])


def encoder_settings_of(record: Record) -> dict[str, Any]:
    """The settings of a record that describe its encoder."""
    content = record.settings.model_dump(mode="json")
    return {name: content[name] for name in sorted(OF_ENCODER)}
