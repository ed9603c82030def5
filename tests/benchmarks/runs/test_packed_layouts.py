"""Segments that an earlier version wrote."""

from __future__ import annotations

import shutil
from pathlib import Path

from satclip_bench.benchmarks.runs.store import Store
from tests.benchmarks.runs.test_packed import files

OLD = Path(__file__).parent / "old_packed"
"""Packed records of three cells in segments of layout 1, as that version wrote them."""


def test_segments_of_the_layout_before_are_read_and_swept(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(OLD, tmp_path / "run"))
    before = files(folder)
    assert "packed/00001.predictions" in before
    orphan = folder / "packed" / "00003.predictions"
    orphan.write_bytes(b"of a killed run")
    run = Store(folder)
    with run.lock():
        run.pack()
    assert files(folder) == sorted([".lock", *before])
    records = run.records()
    assert [run.predictions(r)["row"].tolist() for r in records] == [[0, 5], [1, 5], [2, 5]]
    (folder / "packed" / "00001.predictions").unlink()
    (notice,) = Store(folder).read().notices()
    assert "00001.predictions is missing" in notice
