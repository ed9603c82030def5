"""Bootstrap scores that a run's folder keeps are those that would be drawn again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from satclip_bench.benchmarks.metrics.replicates import RunReplicates
from satclip_bench.benchmarks.runs import kept_replicates, replicates
from satclip_bench.benchmarks.runs.record import Record
from satclip_bench.benchmarks.runs.replicates import cell_replicates, load_replicates
from satclip_bench.benchmarks.runs.store import Store
from tests.benchmarks.runs.test_records import SETTINGS, record

CELLS = [SETTINGS.model_copy(update={"seed": seed}) for seed in range(3)]


def save(store: Store, seed: int, draw: int) -> None:
    rng = np.random.default_rng([seed, draw])
    columns = {"row": np.arange(40), "block": np.arange(40) // 4}
    classes = {name: rng.integers(0, 3, 40) for name in ("target", "prediction")}
    store.save(record(CELLS[seed], interval_kind="map"), pa.table(columns | classes))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    for seed in range(3):
        save(store, seed, 0)
    return store


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seeds of the cells whose bootstrap scores were drawn."""
    seeds: list[int] = []

    def counted(predictions: pd.DataFrame, of: Record) -> np.ndarray[tuple[int, ...], np.dtype]:
        seeds.append(of.settings.seed)
        return cell_replicates(predictions, of)

    monkeypatch.setattr(replicates, "cell_replicates", counted)
    return seeds


def load(store: Store, keep: bool = False) -> RunReplicates:
    loaded = load_replicates(Store(store.folder), keep=keep)
    assert loaded is not None
    return loaded


def assert_equal(one: RunReplicates, other: RunReplicates) -> None:
    for name in ("score", "loss", "reference"):
        ours, theirs = getattr(one, name), getattr(other, name)
        assert ours.index.equals(theirs.index)
        np.testing.assert_array_equal(ours.scores, theirs.scores)


def test_kept_scores_are_not_drawn_again(store: Store, drawn: list[int]) -> None:
    first = load(store)
    path = store.folder / kept_replicates.FILE
    assert not path.exists()
    assert_equal(load(store, keep=True), first)
    content = path.read_bytes()
    drawn.clear()
    for keep in (False, True):
        assert_equal(load(store, keep), first)
    assert drawn == []
    assert path.read_bytes() == content


def test_other_predictions_or_another_bootstrap_are_drawn_again(
    store: Store, drawn: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load(store, keep=True)
    save(store, 1, draw=1)
    drawn.clear()
    after = load(store, keep=True)
    assert drawn == [1]
    assert (after.score.scores[1] != before.score.scores[1]).any()
    np.testing.assert_array_equal(after.score.scores[[0, 2]], before.score.scores[[0, 2]])
    drawn.clear()
    load(store)
    assert drawn == []
    monkeypatch.setattr(kept_replicates, "_code_sha256", lambda: "other code")
    load(store)
    assert drawn == [0, 1, 2]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def other_columns(path: Path) -> None:
    pd.DataFrame({"source": ["a"], "scores": [1.0]}).to_parquet(path)


@pytest.mark.parametrize("damage", [cut, flip, other_columns, Path.unlink])
def test_a_damaged_file_is_made_again(
    store: Store, drawn: list[int], damage: Callable[[Path], None]
) -> None:
    first = load(store, keep=True)
    path = store.folder / kept_replicates.FILE
    content = path.read_bytes()
    damage(path)
    drawn.clear()
    assert_equal(load(store, keep=True), first)
    assert drawn == [0, 1, 2]
    assert path.read_bytes() == content


def test_damaged_predictions_are_named_although_their_scores_are_kept(store: Store) -> None:
    load(store, keep=True)
    store.path(CELLS[0]).with_suffix(".parquet").write_bytes(b"")
    messages: list[str] = []
    assert load_replicates(Store(store.folder), unreadable=messages.append) is None
    assert "are damaged" in messages[0]
