"""Records of earlier and of newer versions: what is read of them, and which cells run again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from satclip_bench.benchmarks.runs.columns import COLUMNS
from satclip_bench.benchmarks.runs.plan import Selection, make_plan
from satclip_bench.benchmarks.runs.record import SCHEMA
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import get_suite
from satclip_bench.core.errors import BenchError
from tests.benchmarks.runs.test_records import SETTINGS, record


def test_a_record_of_layout_1_is_read_and_its_cell_runs_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(record(schema_version=1), None)
    assert [r.scores["accuracy"] for r in store.records()] == [0.5]
    assert store.frame()["low"].isna().all()
    assert not store.done(SETTINGS)
    store.save(record(), None)
    assert store.done(SETTINGS)


OLD = Path(__file__).parent / "old_records"
"""Records of layout 2, as that version wrote them: a baseline with its predictions, and an encoder
with a probe whose settings have other names since."""


def test_records_of_the_layout_before_are_read_under_todays_names(tmp_path: Path) -> None:
    store = Store(Path(shutil.copytree(OLD, tmp_path / "run")))
    baseline, wrap = store.records()
    assert (wrap.task_type, wrap.best_params) == ("regression", {"alpha": 0.0001})
    frame = store.frame()
    assert list(frame.columns) == list(COLUMNS)
    assert frame["value"].notna().all()
    # Records of today with these fields are not known to have converged.
    assert frame["converged"].isna().all()
    assert set(frame["interval"]) == {"places"}
    assert frame.loc[frame["metric"] == "rmse", "low"].notna().all()
    assert store.predictions(baseline)["target"].size == baseline.counts.test
    cells = make_plan(
        get_suite("open"),
        Selection(["median_income"], ["baseline.mean", "wrap"], ["random"], ["linear"], [0]),
    )
    # Settings of the split and the probe were renamed, so that the cells have other keys.
    assert not {record.key for record in (baseline, wrap)} & {c.settings.key for c in cells}
    assert not any(store.done(cell.settings) for cell in cells)


@pytest.mark.parametrize("added", [{}, {"energy_joules": 3.0}])
def test_a_record_of_a_newer_version_is_not_to_be_deleted(
    tmp_path: Path, added: dict[str, float]
) -> None:
    store = Store(tmp_path)
    store.save(record(), None)
    path = store.path(SETTINGS)
    content = json.loads(path.read_bytes()) | added | {"schema_version": SCHEMA + 1}
    path.write_text(json.dumps(content))
    (notice,) = store.read().notices()
    assert str(path) in notice
    assert f"newer version of satclip-bench (records of version {SCHEMA + 1}" in notice
    assert "Update satclip-bench" in notice
    assert "Delete" not in notice
    assert not store.done(SETTINGS)


def test_a_record_of_the_layout_before_counts_if_its_key_is_todays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    places = {"places": {"accuracy": (0.4, 0.6)}}
    store.save(record(intervals=places), None)
    path = store.path(SETTINGS)
    content = json.loads(path.read_bytes())
    content |= {"schema_version": 2, "kind": content.pop("task_type")}
    content["intervals"] = content["intervals"]["places"]
    for name in ("interval_kind", "converged", "fit_info"):
        del content[name]
    del content["counts"]["clipped"]
    path.write_text(json.dumps(content | {"chosen": content.pop("best_params")}))
    assert store.find(SETTINGS) == record(intervals=places)


def test_a_record_without_coverage_keeps_its_intervals(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kinds = {"map": {"accuracy": (0.45, 0.55)}, "places": {"accuracy": (0.4, 0.6)}}
    store.save(record(intervals=kinds), None)
    path = store.path(SETTINGS)
    content = json.loads(path.read_bytes()) | {"schema_version": 4}
    del content["coverage"]
    path.write_text(json.dumps(content))
    assert store.find(SETTINGS) == record(intervals=kinds)


@pytest.mark.parametrize("version", [2, 5])
def test_intervals_of_scores_over_classes_are_left_out_of_older_records(
    tmp_path: Path, version: int
) -> None:
    store = Store(tmp_path)
    store.save(record(), None)
    path = store.path(SETTINGS)
    kept = {"accuracy": [0.4, 0.6], "log_loss": [1.0, 1.2]}
    names = ("balanced_accuracy", "balanced_accuracy_seen", "macro_f1", "macro_f1_seen", "ece")
    ends = kept | {name: [0.1, 0.2] for name in names}
    intervals = ends if version == 2 else {"places": ends}
    content = json.loads(path.read_bytes()) | {"schema_version": version, "intervals": intervals}
    path.write_text(json.dumps(content))
    found = store.find(SETTINGS)
    assert found is not None
    assert found.intervals["places"].keys() == kept.keys()


def test_results_of_species_before_records_are_named_and_never_to_be_deleted(
    tmp_path: Path,
) -> None:
    path = tmp_path / "records" / "0123.json"
    path.parent.mkdir()
    path.write_text('{"settings": {"way": "location"}, "scores": {"top": {"1": 0.2}}}')
    with pytest.raises(BenchError, match="Run the same `species` command again") as error:
        Store(tmp_path).frame()
    assert "elete" not in str(error.value)
    Store(tmp_path).save(record(), None)
    assert len(Store(tmp_path).frame()) == 2
