from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import satclip_bench.benchmarks.runs.record
from satclip_bench.benchmarks.baselines.base import BaselineCard
from satclip_bench.benchmarks.probes.base import ProbeCard
from satclip_bench.benchmarks.runs.columns import COLUMNS
from satclip_bench.benchmarks.runs.plan import Selection, make_plan
from satclip_bench.benchmarks.runs.record import Provenance, Record, Settings, json_schema
from satclip_bench.benchmarks.runs.record_files import read_record
from satclip_bench.benchmarks.runs.remembered import RunRequest
from satclip_bench.benchmarks.runs.run_folder import writable
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import get_suite
from satclip_bench.benchmarks.splits.base import SplitCard
from satclip_bench.core.errors import BenchError, RecordError
from satclip_bench.encoders import EncoderCard

SETTINGS = Settings(
    task="biomes",
    edition="open",
    data_sha256="d" * 64,
    encoder="wrap",
    encoder_version=1,
    encoder_parameters={"degrees": 10},
    encoder_source_sha256="",
    weights_sha256="",
    dtype="float32",
    split="random",
    split_version=1,
    split_settings={"train": 0.3},
    fold="0",
    fold_sha256="f" * 64,
    probe="linear",
    probe_version=1,
    probe_settings={"tol": 1e-4},
    probe_search={"C": (0.1, 1.0)},
    protocol="satclip-bench/1",
    seed=0,
)

VALUES = st.recursive(
    st.text()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([None, True, Path("x"), date(2020, 1, 1), np.float64(0.1)]),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=5,
)
"""What probes of other packages may have in their settings, JSON or not."""


def record(settings: Settings = SETTINGS, when: str = "2026-01-01", **changes: object) -> Record:
    base: dict[str, object] = {
        "key": settings.key,
        "settings": settings,
        "task_type": "classification",
        "metric": "accuracy",
        "status": "done",
        "scores": {"accuracy": 0.5, "macro_f1": None},
        "provenance": Provenance(finished=when),
    }
    return Record.model_validate(base | changes)


def test_every_setting_is_part_of_the_key() -> None:
    other: dict[str, object] = {
        "edition": "paper",
        "encoder_parameters": {"degrees": 11},
        "encoder_time": {"month": 6},
        "dtype": "none",
        "split_settings": {"train": 0.4},
        "probe_settings": {"tol": 1e-3},
        "probe_search": {"C": (0.1,)},
    }
    keys = {SETTINGS.key}
    for name in Settings.model_fields:
        value = getattr(SETTINGS, name)
        change = other.get(name, value + 1 if isinstance(value, int) else f"{value}x")
        keys.add(SETTINGS.model_copy(update={name: change}).key)
    assert len(keys) == len(Settings.model_fields) + 1


def test_the_key_is_known() -> None:
    """Records on disk are found by it: if this changes, old records are lost to `resume`."""
    assert SETTINGS.key == Settings.model_validate_json(SETTINGS.model_dump_json()).key
    assert SETTINGS.key == "ab4d3b7dba8495dce6591ecedff7fcb246d3c2a0c9084c4d3f6fbf43664ea719"


@given(st.dictionaries(st.text(), st.lists(VALUES).map(tuple), max_size=3))
def test_the_key_is_the_hash_of_canonical_json(search: dict[str, object]) -> None:
    settings = Settings.model_validate(SETTINGS.model_dump() | {"probe_search": search})
    content = settings.model_dump(mode="json")
    # Records from before these settings existed keep their keys.
    del content["encoder_embedding_sha256"], content["encoder_time"]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert settings.key == hashlib.sha256(canonical.encode()).hexdigest()


def test_the_keys_of_the_suite_open_are_known() -> None:
    """The committed boards were measured under these keys."""
    keys = "\n".join(cell.settings.key for cell in make_plan(get_suite("open"), Selection()))
    expected = "9d5a904f2f3bbe54f1369b274e147d1a36dbc7398aea334521bdfe3735e66f64"
    assert hashlib.sha256(keys.encode()).hexdigest() == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_cards_refuse_numbers_that_a_key_cannot_have(value: float) -> None:
    common = {"name": "x", "title": "X", "description": ""}
    with pytest.raises(ValidationError, match="finite"):
        EncoderCard(name="x", title="X", dimension=2, parameters={"scale": value})
    for card in (ProbeCard, SplitCard, BaselineCard):
        with pytest.raises(ValidationError, match="finite"):
            card.model_validate(common | {"settings": {"scale": value}})


def test_provenance_is_no_part_of_the_key() -> None:
    assert record(when="2020-01-01").key == record(when="2030-01-01").key
    assert not {"device", "machine", "versions"} & set(Settings.model_fields)


def test_the_committed_schema_is_the_models() -> None:
    path = Path(satclip_bench.benchmarks.runs.record.__file__).with_name("record.schema.json")
    assert json.loads(path.read_text()) == json.loads(json.dumps(json_schema())), (
        "python -m satclip_bench.benchmarks.runs.record > benchmarks/runs/record.schema.json"
    )


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(record(), pa.table({"row": [1, 2], "prediction": [0, 1]}))
    (back,) = store.records()
    assert back == record(predictions_sha256=back.predictions_sha256)
    assert back.predictions_sha256
    assert store.predictions(back)["prediction"].tolist() == [0, 1]
    assert store.done(SETTINGS)


def test_done_means_done_with_these_settings(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert not store.done(SETTINGS)
    store.save(record(), None)
    assert not store.done(SETTINGS.model_copy(update={"seed": 1}))
    assert not store.done(SETTINGS.model_copy(update={"data_sha256": "e" * 64}))
    store.save(record(status="failed", reason="no luck", scores={}), None)
    assert not store.done(SETTINGS)


def test_a_record_whose_predictions_are_gone_is_run_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(record(), pa.table({"row": [1]}))
    (back,) = store.records()
    store.path(SETTINGS).with_suffix(".parquet").unlink()
    assert not store.done(SETTINGS)
    with pytest.raises(RecordError, match="are gone"):
        store.predictions(back)


def test_the_record_asked_for_last_counts_whatever_the_clock_says(tmp_path: Path) -> None:
    store = Store(tmp_path)
    other = SETTINGS.model_copy(update={"data_sha256": "e" * 64})
    store.save(record(other, when="2031-02-02", scores={"accuracy": 0.9}), None)
    store.save(record(when="2026-01-01"), None)
    # Nothing says which of the two was asked for.
    assert store.records() == ()
    with pytest.raises(BenchError, match=r"task biomes \(2 records\)\. Run the same command"):
        store.frame()
    for settings, score in ((SETTINGS, 0.5), (other, 0.9), (SETTINGS, 0.5)):
        store.remember({settings.key: settings}, RunRequest())
        assert [r.scores["accuracy"] for r in store.records()] == [score]
        (notice,) = store.read().notices()
        assert "the last run asked for other versions: task biomes (1 record)" in notice
    assert len(list((tmp_path / "records").rglob("*.json"))) == 2


def test_the_tidy_table(tmp_path: Path) -> None:
    import pandas as pd

    store = Store(tmp_path)
    store.save(record(), None)
    bad = SETTINGS.model_copy(update={"encoder": "direct"})
    store.save(record(bad, status="failed", reason="it raised", scores={}), None)
    frame = store.write_table()
    assert list(frame.columns) == list(COLUMNS)
    failed, *done = frame.to_dict("records")
    assert (failed["encoder"], failed["status"], failed["metric"]) == (
        "direct",
        "failed",
        "accuracy",
    )
    assert failed["reason"] == "it raised"
    assert pd.isna(failed["value"])
    assert [(r["metric"], r["status"]) for r in done] == [
        ("accuracy", "done"),
        ("macro_f1", "done"),
    ]
    first = store.table_path.read_bytes()
    store.write_table()
    assert store.table_path.read_bytes() == first
    assert len(pd.read_parquet(store.table_path)) == 3


def test_the_tidy_table_says_what_was_chosen_and_how_the_fit_ended(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ends = {"map": {"accuracy": (0.45, 0.55)}, "places": {"accuracy": (0.3, 0.7)}}
    store.save(
        record(
            best_params={"C": 10.0, "B": (1, 2)},
            converged=False,
            fit_info={"n_iter": 7},
            counts={"train": 5, "validation": 2, "test": 3, "clipped": 1},
            intervals=ends,
            interval_kind="map",
        ),
        None,
    )
    row = store.frame().set_index("metric").loc["accuracy"]
    assert row["best_params"] == '{"B":[1,2],"C":10.0}'
    assert row["converged"] is np.False_ or row["converged"] is False
    assert (row["n_validation"], row["n_clipped"]) == (2, 1)
    assert (row["interval"], row["low"], row["high"]) == ("map", 0.45, 0.55)
    assert (row["data_sha256"], row["probe_version"]) == (SETTINGS.data_sha256, 1)
    (back,) = store.records()
    assert back.intervals == ends
    assert back.fit_info == {"n_iter": 7}


def test_an_empty_folder_has_no_table(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no records"):
        Store(tmp_path).frame()


DAMAGED = {
    "empty": "",
    "cut short": "{",
    "no fields": "{}",
    "other fields": '{"key": 1, "surprise": 2}',
    "nested too deeply": "[" * 100_000,
    "not text": "\udcff",
    "a seed that is too large": record()
    .to_json()
    .decode()
    .replace('"seed": 0', f'"seed": {10**20}'),
    "a seed below 0": record().to_json().decode().replace('"seed": 0', '"seed": -1'),
    "a count that is too large": record()
    .to_json()
    .decode()
    .replace('"train": 0', f'"train": {10**20}'),
    "a score that is no number": record().to_json().decode().replace("0.5", "NaN"),
    "an infinite score": record().to_json().decode().replace("0.5", "-Infinity"),
    "no score": record().to_json().decode().replace('"accuracy": 0.5,', ""),
    "settings of another cell": record().to_json().decode().replace('"biomes"', '"elevation"'),
    "half a surrogate pair": record()
    .to_json()
    .decode()
    .replace('"caveat": ""', '"caveat": "\\ud800"'),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_record_is_named_and_costs_only_its_own_cell(
    tmp_path: Path, content: str
) -> None:
    store, other = Store(tmp_path), SETTINGS.model_copy(update={"encoder": "direct"})
    store.save(record(other), None)
    path = store.path(SETTINGS)
    path.parent.mkdir(parents=True)
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(RecordError, match="Delete it") as caught:
        read_record(path)
    assert "validation error" not in str(caught.value)
    assert store.find(SETTINGS) is None
    assert list(store.damaged) == [path]
    reading = store.read()
    assert [r.settings.encoder for r in reading.records] == ["direct"]
    (notice,) = reading.notices()
    assert str(path) in notice
    assert len(store.write_table()) == 2
    store.save(record(), None)
    assert not store.read().notices()
    assert len(store.records()) == 2


def test_a_record_that_may_not_be_read_is_not_to_be_deleted(tmp_path: Path) -> None:
    store = Store(tmp_path)
    # Tests may run as root, who may read everything but a folder in the place of a file.
    store.path(SETTINGS).mkdir(parents=True)
    (notice,) = store.read().notices()
    assert f"{store.path(SETTINGS)} cannot be read: Is a directory" in notice
    assert "Delete" not in notice


def test_a_reason_with_half_a_surrogate_pair_can_be_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(record(status="failed", reason="no file \udce9", scores={}), None)
    assert store.write_table()["reason"].tolist() == ["no file \\udce9"]
    assert not store.read().notices()


def test_only_one_run_writes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    refused = pytest.raises(BenchError, match="another run is writing")
    with FileLock(tmp_path / ".lock"), refused, store.lock():
        pass
    with store.lock():
        pass


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "ü" * 200, ".hidden", "", "a b"])
def test_names_never_leave_the_folder(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path)
    odd = SETTINGS.model_copy(update={"encoder": name, "fold": name})
    assert store.path(odd).is_relative_to(tmp_path / "records")
    assert ".." not in store.path(odd).parts
    assert store.path(odd) != store.path(odd.model_copy(update={"encoder": name + "!"}))
    store.save(record(odd), None)
    assert store.done(odd)


def test_a_folder_that_cannot_be_written_is_found_out_first(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchError, match="cannot be written"):
        writable(tmp_path / "file" / "run")
