from __future__ import annotations

import gc

import pytest

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.cli.collection import NEW_OBJECTS, rare_collection


def test_garbage_is_collected_rarely_within_the_block_and_as_before_after_it() -> None:
    before = gc.get_threshold()
    with rare_collection():
        assert gc.get_threshold() == (NEW_OBJECTS, *before[1:])
    assert gc.get_threshold() == before


def test_a_command_leaves_the_collection_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    before = gc.get_threshold()
    assert main(["list", "suites"]) == 0
    assert "quick" in capsys.readouterr().out
    assert gc.get_threshold() == before
