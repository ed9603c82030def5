"""Memory that is taken by large embeddings: a part of them, in every stage that reads them."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from satclip_bench.benchmarks.probes import (
    logistic_axes,
    logistic_loss,
    make_probe,
    ridge_path,
    rows,
)
from satclip_bench.benchmarks.probes.rows import blocks, select
from satclip_bench.benchmarks.runs import embedding_blocks
from satclip_bench.benchmarks.runs.cell import Cell
from satclip_bench.benchmarks.runs.embedding_blocks import write_embedding
from satclip_bench.benchmarks.runs.plan import Selection, make_plan
from satclip_bench.benchmarks.runs.suites import get_suite
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table
from satclip_bench.encoders import get_encoder
from satclip_bench.tasks.base import TaskType

ROWS, COLUMNS = 20_000, 64
TABLE_BYTES = 4 * ROWS * COLUMNS


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that make the table a large one: blocks of 512 rows."""
    block = 8 * COLUMNS * 512
    for module, name, value in (
        (rows, "WHOLE_BYTES", block),
        (rows, "BLOCK_BYTES", block),
        (ridge_path, "BLOCK_NUMBERS", block // 8),
        (logistic_axes, "MAX_BYTES", block),
        (logistic_loss, "MAX_SAMPLE", 512),
        (embedding_blocks, "WHOLE_BYTES", block),
        (embedding_blocks, "BLOCK_BYTES", block),
    ):
        monkeypatch.setattr(module, name, value)


def make_table(folder: Path) -> NDArray[np.float32]:
    """A table of random embeddings in a file that is mapped into memory."""
    table = np.lib.format.open_memmap(
        folder / "table.npy", mode="w+", dtype=np.float32, shape=(ROWS, COLUMNS)
    )
    table[:] = np.random.default_rng(0).standard_normal((ROWS, COLUMNS))
    del table
    memory_map: NDArray[np.float32] = np.load(folder / "table.npy", mmap_mode="r")
    return memory_map


def peak_bytes(run: Callable[[], object]) -> int:
    """Most bytes that were allocated at the same time; memory maps do not count."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    ("name", "task_type"),
    [("linear", "regression"), ("linear", "classification"), ("ridge", "classification")],
)
def test_linear_probes_keep_a_part_of_the_table_in_memory(
    name: str, task_type: TaskType, nested: bool, tmp_path: Path
) -> None:
    X = make_table(tmp_path)
    y: NDArray[Any] = X[:, 0] + np.random.default_rng(1).standard_normal(ROWS)
    if task_type == "classification":
        y = np.digitize(y, [-1, 1])
    train, held_out, test = np.split(np.arange(ROWS), [ROWS // 2, ROWS * 3 // 4])
    inner = np.split(np.arange(len(train)), 2)
    probe: Any = make_probe(name, task_type, 0)

    def run() -> None:
        if nested:
            probe.fit(select(X, train), y[train], inner=[tuple(inner), tuple(inner[::-1])])
        else:
            probe.fit(select(X, train), y[train], (select(X, held_out), y[held_out]))
        probe.predict(select(X, test))

    assert peak_bytes(run) < TABLE_BYTES / 2


@pytest.mark.usefixtures("small_blocks")
def test_neighbours_keep_a_part_of_the_table_in_memory(tmp_path: Path) -> None:
    X = make_table(tmp_path)
    probe: Any = make_probe("knn", "regression", 0)
    train, held_out, test = np.split(np.arange(ROWS), [ROWS - 60, ROWS - 30])

    def run() -> None:
        probe.fit(select(X, train), X[train, 0], (select(X, held_out), X[held_out, 0]))
        probe.predict(select(X, test))

    assert peak_bytes(run) < TABLE_BYTES / 2


@pytest.mark.usefixtures("small_blocks")
def test_an_embedding_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    table = load_table(TaskSource("median_income"))
    lonlat = np.random.default_rng(0).uniform(-80, 80, (300_000, 2))
    table = replace(table, lonlat=lonlat, target=np.zeros(len(lonlat)))
    encoder = get_encoder("harmonics.l5")
    with (tmp_path / "embedding.npy").open("wb") as file:
        peak = peak_bytes(lambda: write_embedding(file, encoder, table))
    embedding = np.load(tmp_path / "embedding.npy", mmap_mode="r")
    assert peak < embedding.nbytes / 4
    assert embedding.shape == (len(lonlat), encoder.card.dimension)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's count of pages")
def test_pages_of_a_mapped_file_are_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resident() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith("RssFile")))

    peak, release = 0, rows.release

    def measured_release(table: NDArray[Any]) -> None:
        nonlocal peak
        peak = max(peak, resident() - before)
        release(table)

    monkeypatch.setattr(rows, "release", measured_release)
    X = make_table(tmp_path)
    before = resident()
    for _ in blocks(select(X, np.arange(ROWS))):
        pass
    # Few rows, which are one block, but lie in many pages.
    few = np.random.default_rng(0).permutation(ROWS)[:500]
    np.testing.assert_array_equal(select(X, few), np.load(tmp_path / "table.npy")[few])
    assert 0 < peak < TABLE_BYTES / 4
    assert X.sum() < ROWS
    assert resident() - before > TABLE_BYTES / 2


@pytest.mark.parametrize("task", ["median_income", "biomes"])
def test_a_cell_whose_rows_are_read_in_blocks_has_the_same_scores(
    task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    selection = Selection([task], ["harmonics.l5"], ["random"], ["ridge"], [0])
    (cell,) = make_plan(get_suite("open"), selection)
    X = get_encoder("harmonics.l5").encode(load_table(cell.source).lonlat)

    def scores(cell: Cell) -> Any:
        ((record, _),) = cell.measure(X, {})
        return [record.scores[name] for name in sorted(record.scores)], record.best_params

    expected = scores(cell)
    monkeypatch.setattr(rows, "WHOLE_BYTES", 0)
    monkeypatch.setattr(rows, "BLOCK_BYTES", 8 * X.shape[1] * 500)
    found = scores(cell)
    assert found[1] == expected[1]
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-9)
