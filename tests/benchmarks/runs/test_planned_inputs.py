"""Cells are measured on the table and with the encoder that their record names, or they fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from satclip_bench.benchmarks.reproduction.tables import PaperSource
from satclip_bench.benchmarks.runs import software
from satclip_bench.benchmarks.runs.cell import Cell
from satclip_bench.benchmarks.runs.embedding_jobs import Place, PlaceShard
from satclip_bench.benchmarks.runs.embeddings import encoder_hashes
from satclip_bench.benchmarks.runs.engine import evaluate
from satclip_bench.benchmarks.runs.plan import Selection, make_cells
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import Block
from satclip_bench.benchmarks.runs.tables import TaskSource, get_fold, load_table, make_folds
from satclip_bench.core.errors import BenchError, EncoderError
from satclip_bench.encoders import get_encoder
from satclip_bench.tasks import add_task
from satclip_bench.tasks.user_tables.task import UserTable, UserTableTask

OTHER = "0" * 64


def write(path: Path, seed: int) -> None:
    """A table whose places do not depend on the seed, so that folds are those of any other."""
    lon, lat = np.random.default_rng(0).uniform(30, 50, (2, 300))
    target = np.random.default_rng(seed).normal(size=300)
    pd.DataFrame({"lon": lon, "lat": lat, "y": target}).to_csv(path)


def planned(path: Path, *encoders: str) -> tuple[Cell, ...]:
    file = UserTable(path, "y")
    task = UserTableTask(file)
    add_task(task)
    block = Block(
        tasks=(task.card.name,),
        encoders=encoders,
        splits=("random",),
        probes=("ridge",),
        seeds=(0,),
    )
    return make_cells([block], Selection(files={task.card.name: file}))


@pytest.mark.parametrize("encoder", ["wrap", "baseline.knn"])
def test_a_table_that_has_changed_since_the_plan_fails_its_cells(
    tmp_path: Path, encoder: str
) -> None:
    table = tmp_path / "farms.csv"
    write(table, seed=0)
    cells = planned(table, encoder)
    (card,) = tmp_path.glob("*.card.json")
    card.unlink()
    write(table, seed=1)
    store = Store(tmp_path / "run")
    with store.lock():
        (outcome,) = evaluate(cells, store)
    assert "not the one that the run was planned with" in outcome.reason
    assert not outcome.records
    # A process that measures a cell writes no card, which would hide the change.
    assert list(tmp_path.glob("*.card.json")) == []
    write(table, seed=0)
    with store.lock():
        (outcome,) = evaluate(cells, store)
    assert outcome.complete


def test_a_source_with_a_hash_accepts_this_table_only() -> None:
    source = TaskSource("median_income")
    table = load_table(source)
    same, other = replace(source, sha256=table.sha256), replace(source, sha256=OTHER)
    (fold,) = make_folds(source, "random", 0)
    # Neither is read or made a second time.
    assert load_table(same) is table
    assert get_fold(same, "random", 0, fold.name, fold.sha256) is fold
    for use in (load_table, TaskSource.load, lambda s: make_folds(s, "random", 0)):
        with pytest.raises(BenchError, match=r"'median_income' is not the one .* 000000000000"):
            use(other)


def test_a_paper_table_with_another_hash_is_refused() -> None:
    source = PaperSource("california_housing")
    table = source.load()
    assert replace(source, sha256=table.sha256).load() is table
    with pytest.raises(BenchError, match="is not the one that the run was planned with"):
        replace(source, sha256=OTHER).load()


@pytest.mark.parametrize("other", [(99, None, None), (None, OTHER, None), (None, None, OTHER)])
def test_an_encoder_with_another_version_code_or_weights_embeds_nothing(
    other: tuple[int | None, str | None, str | None],
) -> None:
    name = "satclip-bluemarble.l10"
    encoder, source = get_encoder(name), TaskSource("median_income")
    version, code, weights = hashes = encoder_hashes(encoder)
    assert weights
    assert PlaceShard(Place(name, source, hashes), 0, 5).compute().shape == (5, 256)
    changed = Place(name, source, (other[0] or version, other[1] or code, other[2] or weights))
    with pytest.raises(EncoderError, match="is not the one that the run was planned with"):
        PlaceShard(changed, 0, 5).compute()
    with pytest.raises(BenchError, match="is not the one that the run was planned with"):
        changed.compute()


def test_the_software_of_a_machine_includes_plug_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    class Distribution:
        name, version = "daylight-encoder", "0.3"

    class Point:
        dist = Distribution()

    class Points:
        groups = frozenset({"console_scripts", "satclip_bench.encoders"})

        def select(self, group: str) -> list[Point]:
            assert group == "satclip_bench.encoders"
            return [Point()]

    monkeypatch.setattr(software, "installed_entry_points", Points)
    software.software.cache_clear()
    try:
        assert software.software()["daylight-encoder"] == "0.3"
    finally:
        software.software.cache_clear()
