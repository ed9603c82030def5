"""Look-up of packed records, also beside loose ones of the same cells."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from satclip_bench.benchmarks.runs import segments
from satclip_bench.benchmarks.runs.segments import list_segments
from satclip_bench.benchmarks.runs.store import Store
from tests.benchmarks.runs.test_packed import CELLS, loose, packed, shown, small_segments

__all__ = ["loose", "packed", "small_segments"]


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_loose_records_that_were_copied_again_without_predictions_do_not_count(
    loose: Path, packed: Path, damage: str
) -> None:
    expected = shown(packed)
    shutil.copytree(loose / "records", packed / "records", dirs_exist_ok=True)
    for path in (packed / "records").rglob("*.parquet"):
        path.unlink() if damage == "missing" else path.write_bytes(b"PAR1")
    run = Store(packed)
    assert run.done_keys(run.listing()) == {cell.key for cell in CELLS}
    assert shown(packed) == expected
    assert Store(packed).find_all(CELLS) == {r.key: r for r in expected[0] if r.status == "done"}
    # Such files do not keep others from being packed.
    Store(packed).pack()
    assert shown(packed) == expected


def test_segments_are_read_once_when_many_records_are_looked_up(
    packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    records = segments.Segment.records

    def counted(segment: segments.Segment) -> list[str]:
        read.append(segment.path)
        return records(segment)

    monkeypatch.setattr(segments.Segment, "records", counted)
    found = Store(packed).find_all([CELLS[i] for i in (0, 5, 1, 4, 2, 3)])
    assert len(read) == len(set(read)) == len(list_segments(packed)) == 3
    assert [found[cell.key].settings.seed for cell in CELLS[:6]] == list(range(6))
