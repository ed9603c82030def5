"""Rows that are read block by block give what rows in memory give."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from satclip_bench.benchmarks.probes import make_probe, rows
from satclip_bench.benchmarks.probes.rows import TableRows, blocks, parts, select
from satclip_bench.tasks.base import TaskType
from tests.benchmarks.probes import sphere_data


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 16 rows of 32 columns."""
    monkeypatch.setattr(rows, "WHOLE_BYTES", 1000)
    monkeypatch.setattr(rows, "BLOCK_BYTES", 8 * 32 * 16)


def mapped(table: NDArray[Any], folder: Path) -> NDArray[Any]:
    np.save(folder / "table.npy", table)
    memory_map: NDArray[Any] = np.load(folder / "table.npy", mmap_mode="r")
    return memory_map


@pytest.mark.usefixtures("small_blocks")
def test_blocks_are_the_rows_in_their_order(tmp_path: Path) -> None:
    table = np.random.default_rng(0).standard_normal((200, 32)).astype(np.float32)
    chosen = np.random.default_rng(1).permutation(200)[:100]
    some = select(mapped(table, tmp_path), chosen)
    assert isinstance(some, TableRows)
    assert (some.shape, str(some.dtype), len(some)) == ((100, 32), "float32", 100)
    read = list(blocks(some))
    assert [part.stop - part.start for part, _ in read] == [16] * 6 + [4]
    np.testing.assert_array_equal(np.concatenate([block for _, block in read]), table[chosen])
    np.testing.assert_array_equal(np.asarray(some), table[chosen])
    positions = np.array([99, 0])
    np.testing.assert_array_equal(some.take(positions).read(), table[chosen[positions]])


def test_few_rows_are_one_block_in_memory(tmp_path: Path) -> None:
    table = np.zeros((50, 3), dtype=np.float32)
    some = select(mapped(table, tmp_path), np.arange(40))
    assert type(some) is np.ndarray
    assert [part for part, _ in blocks(some)] == [slice(0, 40)]
    assert list(parts(0, 3)) == []


@pytest.mark.usefixtures("small_blocks")
def test_columns_of_what_is_computed_count_too() -> None:
    assert len(list(blocks(np.zeros((32, 32))))) == 2
    assert len(list(blocks(np.zeros((32, 32)), width=64))) == 4


@pytest.mark.parametrize(
    ("name", "task_type", "nested"),
    [
        *product(("linear", "ridge", "knn"), ("regression", "classification"), (False, True)),
        # Reads all rows of the training set.
        ("lightgbm", "regression", False),
    ],
)
def test_probes_predict_the_same(
    name: str, task_type: TaskType, nested: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = sphere_data.parts(task_type, rows=120)
    table = np.concatenate([data.X, data.validation[0], data.X_test])
    ends = np.cumsum([len(data.X), len(data.validation[0])])
    train, held_out, test = np.split(np.arange(len(table)), ends)

    def fit(X: Any, X_held_out: Any) -> Any:
        if nested:
            inner = [(np.arange(40, 120), np.arange(40)), (np.arange(80), np.arange(80, 120))]
            return make_probe(name, task_type, 0).fit(X, data.y, inner=inner)
        return make_probe(name, task_type, 0).fit(X, data.y, (X_held_out, data.validation[1]))

    def predict(probe: Any, X: Any) -> Any:
        return probe.predict(X) if task_type == "regression" else probe.predict_proba(X)

    whole = fit(table[train], table[held_out])
    expected = predict(whole, table[test])
    monkeypatch.setattr(rows, "WHOLE_BYTES", 1000)
    monkeypatch.setattr(rows, "BLOCK_BYTES", 8 * 32 * 16)
    memory_map = mapped(table, tmp_path)
    probe = fit(select(memory_map, train), select(memory_map, held_out))
    assert probe.best_params_ == whole.best_params_
    X_test = select(memory_map, test)
    assert isinstance(X_test, TableRows)
    np.testing.assert_allclose(predict(probe, X_test), expected, rtol=1e-6, atol=1e-6)
