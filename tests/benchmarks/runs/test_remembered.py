"""The plan of a folder: which version of a cell is shown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from satclip_bench.benchmarks.runs.reading import RecordFilter
from satclip_bench.benchmarks.runs.record import Settings
from satclip_bench.benchmarks.runs.remembered import (
    PlannedCell,
    RememberedPlan,
    RunRequest,
    merge,
    planned,
    unambiguous,
)
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.core.errors import BenchError, UnknownNameError
from tests.benchmarks.runs.test_records import SETTINGS, record


def settings(**changes: object) -> Settings:
    return SETTINGS.model_copy(update=changes)


def cell(**changes: object) -> PlannedCell:
    return planned(settings(**changes))


V1, V2 = (
    {"encoder_source_sha256": number, "encoder_embedding_sha256": "e"} for number in ("1", "2")
)


def keys(cells: Iterable[PlannedCell]) -> set[str]:
    return {cell.key for cell in cells}


def test_runs_of_one_version_accumulate() -> None:
    first, second = cell(), cell(encoder="direct")
    assert keys(merge([first], [second])) == {first.key, second.key}
    assert merge([first], [first]) == (first,)


@pytest.mark.parametrize(
    "change",
    [
        {"data_sha256": "e" * 64},
        {"encoder_version": 2},
        {"encoder_parameters": {"degrees": 11}},
        {"encoder_source_sha256": "s", "encoder_embedding_sha256": "e"},
        {"encoder_embedding_sha256": "e"},
        {"weights_sha256": "w"},
        {"split_version": 2},
        {"split_settings": {"train": 0.5}},
        {"fold_sha256": "g"},
        {"probe_version": 2},
        {"probe_settings": {"tol": 1}},
        {"probe_search": {"C": (1,)}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_version_of_any_part_takes_the_place_of_the_first(
    change: dict[str, object],
) -> None:
    before, after = cell(), cell(**change)
    assert merge([before], [after]) == (after,)
    assert merge(merge([before], [after]), [before]) == (before,)
    # Without a plan there is no telling them apart.
    assert unambiguous([before, after]) == ()


def test_two_versions_of_an_encoder_are_never_averaged() -> None:
    v1 = [cell(seed=seed, **V1) for seed in range(3)]
    v1 += [cell(task="elevation", **V1)]
    other = cell(encoder="direct", seed=1)
    v2 = cell(seed=0, **V2)
    assert keys(merge([*v1, other], [v2])) == {v2.key, other.key}
    assert keys(unambiguous([*v1, v2, other])) == {other.key}


def test_two_tables_of_one_name_never_share_a_column() -> None:
    table_a = [cell(encoder=name) for name in ("wrap", "direct")]
    table_b = cell(encoder="wrap", data_sha256="b" * 64)
    elsewhere = cell(task="elevation")
    assert keys(merge([*table_a, elsewhere], [table_b])) == {table_b.key, elsewhere.key}


def test_a_table_that_is_briefly_absent_hides_nothing() -> None:
    done = cell()
    absent = cell(data_sha256="", fold="-", fold_sha256="")
    assert merge([done], [absent]) == (done,)
    assert merge(merge([], [absent]), [done]) == (done,)
    assert unambiguous([done, absent]) == (done,)
    # A cell that has no other record is shown as failed.
    assert merge([], [absent]) == (absent,)
    # The encoder that was asked for then still displaces the former one.
    newer = cell(data_sha256="", fold="-", fold_sha256="", **V2)
    assert merge([done], [newer]) == (newer,)


@pytest.mark.parametrize(
    "broken",
    [
        {**V1, "encoder_embedding_sha256": ""},
        {"encoder_version": 0, "encoder_source_sha256": "", "encoder_embedding_sha256": ""},
    ],
    ids=["cannot embed", "cannot be made"],
)
def test_an_encoder_that_is_briefly_unusable_hides_nothing(broken: dict[str, object]) -> None:
    done = [cell(seed=seed, **V1) for seed in range(2)]
    unusable = cell(seed=0, **{**V1, **broken})
    assert merge(done, [unusable]) == tuple(done)
    assert merge(merge([], [unusable]), done) == tuple(done)
    assert unambiguous([*done, unusable]) == tuple(done)
    # A cell that has no other record is shown as failed, beside those of other seeds.
    third = cell(seed=2, **{**V1, **broken})
    assert merge(done, [third]) == (*done, third)
    # Another table that was asked for still displaces the former one.
    other = cell(seed=0, data_sha256="b" * 64, **{**V1, **broken})
    assert merge(done, [other]) == (other,)


def test_records_from_before_there_were_fingerprints_have_a_version() -> None:
    before = [
        planned(settings(**{**version, "encoder_embedding_sha256": ""}), done=True)
        for version in (V1, V2)
    ]
    assert unambiguous(before) == ()
    assert merge(before[:1], before[1:]) == (before[1],)


def test_the_folds_of_a_cell_belong_together() -> None:
    before = [cell(fold=name, fold_sha256=name) for name in ("Asia", "Europe")]
    after = [cell(fold=name, fold_sha256=name + "2") for name in ("Asia", "Africa")]
    assert keys(merge(before, after)) == {c.key for c in after}


def test_baselines_share_a_probe_but_not_its_settings() -> None:
    mean = cell(encoder="baseline.mean", probe="none", dtype="none")
    knn = cell(encoder="baseline.knn", probe="none", dtype="none", probe_settings={"k": 5})
    assert keys(merge([mean], [knn])) == {mean.key, knn.key}
    assert keys(unambiguous([mean, knn])) == {mean.key, knn.key}


def test_a_plan_comes_back_as_it_was() -> None:
    request = RunRequest(suite="open", seeds=(0,))
    plan = RememberedPlan().asking(request, [cell(), cell(seed=1)]).asking(request, [cell()])
    assert plan.runs == (request,)
    assert RememberedPlan.model_validate_json(plan.to_json()) == plan


def test_the_same_request_for_the_same_cells_changes_nothing() -> None:
    request, cells = RunRequest(suite="open"), [cell(), cell(seed=1)]
    plan = RememberedPlan().asking(request, cells)
    assert plan.has_just_asked(request, keys(cells))
    assert plan.asking(request, cells) == plan
    assert not plan.has_just_asked(request, keys(cells[:1]))
    assert not plan.has_just_asked(RunRequest(suite="quick"), keys(cells))
    assert not plan.asking(RunRequest(), cells[:1]).has_just_asked(request, keys(cells))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"version": 9}'])
def test_a_damaged_plan_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    store = Store(tmp_path)
    store.save(record(), None)
    store.remember({SETTINGS.key: SETTINGS}, RunRequest())
    (tmp_path / "plan.json").write_bytes(content)
    assert [r.key for r in store.records()] == [SETTINGS.key]
    other = settings(encoder="direct")
    store.save(record(other), None)
    store.remember({other.key: other}, RunRequest())
    assert {r.key for r in store.records()} == {SETTINGS.key, other.key}


def test_a_filter_selects_records_by_name_wildcard_and_seed(tmp_path: Path) -> None:
    for change in ({}, {"encoder": "direct"}, {"task": "elevation"}, {"seed": 1}):
        Store(tmp_path).save(record(settings(**change)), None)

    def selected(**only: object) -> list[tuple[str, str, int]]:
        chosen = RecordFilter(**only)  # type: ignore[arg-type]
        rows = Store(tmp_path, chosen).records()
        return [(r.settings.task, r.settings.encoder, r.settings.seed) for r in rows]

    assert len(selected()) == 4
    assert selected(tasks=["elev*"]) == [("elevation", "wrap", 0)]
    assert selected(encoders=["direct"]) == [("biomes", "direct", 0)]
    assert selected(seeds=[1]) == [("biomes", "wrap", 1)]
    with pytest.raises(UnknownNameError, match="no task of this run is called 'biome'"):
        selected(tasks=["biome"])
    with pytest.raises(BenchError, match=r"no records of seed 7\. It has seeds 0, 1"):
        selected(seeds=[0, 7])
    with pytest.raises(BenchError, match="no records with this combination"):
        selected(tasks=["elevation"], seeds=[1])


def test_a_filter_of_splits_and_probes_keeps_baselines(tmp_path: Path) -> None:
    cells = (
        {"split": "labels.10", "probe": "ridge"},
        {"split": "labels.10", "probe": "knn"},
        {"split": "labels.10", "probe": "none", "encoder": "baseline.knn"},
        {"split": "labels.3", "probe": "ridge"},
    )
    for change in cells:
        Store(tmp_path).save(record(settings(**change)), None)
    store = Store(tmp_path, RecordFilter(splits=["*.10"], probes=["ridge"]))
    selected = {(r.settings.split, r.settings.probe) for r in store.records()}
    assert selected == {("labels.10", "ridge"), ("labels.10", "none")}
    with pytest.raises(UnknownNameError, match="no probe of this run is called 'none'"):
        Store(tmp_path, RecordFilter(probes=["none"])).records()


def test_a_new_version_of_the_protocol_takes_the_place_of_the_former_one() -> None:
    old = [cell(protocol="satclip-bench/1", encoder=name) for name in ("wrap", "direct")]
    other = cell(protocol="species/1")
    new = cell(protocol="satclip-bench/2")
    # No cell of the former version stays, not even that of an encoder that was not run again.
    assert keys(merge([*old, other], [new])) == {new.key, other.key}
    assert keys(merge([new], [old[0]])) == {old[0].key}


def test_a_folder_without_a_plan_never_mixes_versions_of_a_protocol(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(record(settings(protocol="satclip-bench/1", encoder="direct")), None)
    assert len(store.records()) == 1
    store.save(record(settings(protocol="satclip-bench/2")), None)
    assert store.records() == ()
    with pytest.raises(BenchError, match=r"protocol satclip-bench \(2 records\)"):
        store.frame()
    today = settings(protocol="satclip-bench/2")
    store.remember({today.key: today}, RunRequest())
    assert [r.settings.protocol for r in store.records()] == ["satclip-bench/2"]
    (notice,) = store.read().notices()
    assert "other versions: protocol satclip-bench (1 record)" in notice
    assert set(store.write_table()["protocol"]) == {"satclip-bench/2"}
