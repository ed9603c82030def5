"""Results: every board is made once, and is the one that every report shows."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

import satclip_bench.benchmarks.ranking.shifts
import satclip_bench.benchmarks.report.ranks
import satclip_bench.benchmarks.report.results
from satclip_bench.benchmarks.report.figures import write_figures
from satclip_bench.benchmarks.report.results import Results, choose_board
from satclip_bench.benchmarks.report.tables import write_tables
from satclip_bench.core.errors import BenchError
from tests.benchmarks.frames import ENCODERS, METRICS, frame


def test_every_board_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, ...]] = []

    def counted(module: ModuleType, name: str) -> None:
        made = getattr(module, name)

        def make(*args: object) -> object:
            calls.append((name, *(a for a in args if isinstance(a, str))))
            return made(*args)

        monkeypatch.setattr(module, name, make)

    counted(satclip_bench.benchmarks.report.results, "make_board")
    counted(satclip_bench.benchmarks.report.ranks, "rank_table")
    counted(satclip_bench.benchmarks.ranking.shifts, "rank_changes")
    results = Results.from_frame(frame())
    write_tables(results, tmp_path)
    write_figures(results, {}, tmp_path)
    assert results.board("random", "linear") is results.board("random", "linear")
    assert sorted(calls) == [
        ("make_board", "held-out-region", "linear"),
        ("make_board", "random", "linear"),
        ("rank_changes", "linear"),
        ("rank_table",),
        ("rank_table",),
    ]


def test_cards_and_titles_come_from_the_frame() -> None:
    results = Results.from_frame(frame())
    assert set(results.cards) == set(METRICS)
    assert results.titles == {name: name.upper() for name in ENCODERS}
    assert results.probes == {"linear": ("random", "held-out-region")}


def test_the_first_board_has_the_linear_probe() -> None:
    table = frame()
    table.loc[table["probe"] == "linear", "probe"] = "knn"
    assert choose_board(table, None, None) == ("random", "knn")
    assert choose_board(frame(), "held-out-region", None) == ("held-out-region", "linear")
    with pytest.raises(BenchError, match="--split random --probe linear"):
        choose_board(frame(), "latitude", None)
