"""Captions of tables for a paper: which tables the scores are of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from satclip_bench.benchmarks.report.board import Board
from satclip_bench.benchmarks.report.paper_tables.captions import edition_sentence
from satclip_bench.tasks import task_card


def board(*tasks: str) -> Board:
    """Tasks of a board, of which those with a dot were made from user tables."""
    plain = task_card("land_cover")
    cards = [
        plain.model_copy(update={"name": name}) if "." in name else task_card(name)
        for name in tasks
    ]
    return cast(Board, SimpleNamespace(tasks=cards, editions=["open"] * len(cards)))


@pytest.mark.parametrize(
    ("tasks", "sentence"),
    [
        (["farms.yield"], "User table farms."),
        (["farms.yield", "farms.crop", "wells.depth"], "User tables farms and wells."),
        (["land_cover"], "Open edition."),
        (["land_cover", "farms.yield"], "Open edition. User table farms."),
        (["biomes"], "Open edition: its tables are not those of the papers."),
        (
            ["biomes", "farms.yield"],
            "Open edition: its tables are not those of the papers. User table farms.",
        ),
        ([], ""),
    ],
)
def test_a_user_table_is_named_and_has_no_edition(tasks: list[str], sentence: str) -> None:
    assert edition_sentence([board(*tasks)]) == sentence
