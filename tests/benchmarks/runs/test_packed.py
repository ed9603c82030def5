"""Records that are packed into segments: the same results as from loose files, through any kill."""

from __future__ import annotations

import contextlib
import errno
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies

from satclip_bench.benchmarks.runs import segments, store
from satclip_bench.benchmarks.runs.record import Record
from satclip_bench.benchmarks.runs.record_files import read_record
from satclip_bench.benchmarks.runs.remembered import RunRequest
from satclip_bench.benchmarks.runs.segments import list_segments
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.core.errors import BenchError, RecordError, UnwritableError
from tests.benchmarks.runs.test_records import SETTINGS, record

CELLS = [SETTINGS.model_copy(update={"seed": seed}) for seed in range(7)]
FAILED = SETTINGS.model_copy(update={"encoder": "direct"})


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PACK_FROM", 5)
    monkeypatch.setattr(store, "MIN_PACKED", 2)
    monkeypatch.setattr(store, "MAX_RECORDS", 3)


@pytest.fixture(scope="module")
def loose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of seven finished cells and a failed one; that of the last seed has no predictions."""
    folder = tmp_path_factory.mktemp("loose") / "run"
    run = Store(folder)
    for cell in CELLS:
        scores = {"accuracy": cell.seed / 10, "macro_f1": None}
        predictions = pa.table({"row": [cell.seed, 5]}) if cell.seed < 6 else None
        run.save(record(cell, scores=scores), predictions)
    run.save(record(FAILED, status="failed", reason="no luck", scores={}), None)
    run.remember({cell.key: cell for cell in (*CELLS, FAILED)}, RunRequest())
    run.write_table()
    return folder


@pytest.fixture
def packed(loose: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(loose, tmp_path / "run"))
    Store(folder).pack()
    return folder


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def shown(folder: Path) -> tuple[tuple[Record, ...], list[bytes], tuple[str, ...]]:
    """The records of a run, their predictions and the notices."""
    run = Store(folder)
    reading = run.read()
    contents = [
        run.predictions(r).to_csv().encode() for r in reading.records if r.predictions_sha256
    ]
    return reading.records, contents, reading.notices()


def test_packed_records_give_the_results_of_loose_ones(loose: Path, packed: Path) -> None:
    left = [name for name in files(packed) if name.startswith("records/")]
    assert left == [Store(loose).path(FAILED).relative_to(loose).as_posix()]
    assert [len(segment.index) for segment in list_segments(packed)] == [2, 3, 2]
    assert shown(packed) == shown(loose)
    Store(packed).write_table()
    assert (packed / "results.parquet").read_bytes() == (loose / "results.parquet").read_bytes()
    run, before = Store(packed), Store(loose)
    assert run.done_keys(run.listing()) == {cell.key for cell in CELLS}
    for cell in (*CELLS, FAILED):
        assert run.find(cell) == before.find(cell)
        assert Store(packed).find_loose(cell) in (None, before.find(cell))
    after = files(packed)
    run.pack()
    assert files(packed) == after


def test_a_segment_can_be_read_without_this_package(loose: Path, packed: Path) -> None:
    segment = list_segments(packed)[0]
    path = segment.path
    row = pq.read_table(path).to_pylist()[1]
    original = loose / row["file"]
    assert row["record"] == original.read_text()
    assert (row["task"], row["seed"]) == ("biomes", read_record(original).settings.seed)
    assert segment.predictions_path == path.with_suffix(".predictions")
    with path.with_suffix(".predictions").open("rb") as stream:
        stream.seek(row["start"])
        content = stream.read(row["size"])
    assert content == original.with_suffix(".parquet").read_bytes()
    assert pq.read_table(io.BytesIO(content)).column_names == ["row"]


def test_few_records_stay_loose(
    loose: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(loose, tmp_path / "run"))
    monkeypatch.setattr(store, "PACK_FROM", 9)
    before = files(folder)
    Store(folder).pack()
    assert files(folder) == before


STEPS = [
    (Path, "unlink"),
    (segments, "sync_folder"),
    (Path, "replace"),
    (segments, "sha256_bytes"),
]
"""Functions that packing calls between its steps."""


@settings(max_examples=20, deadline=None)
@given(
    step=strategies.sampled_from(STEPS),
    call=strategies.integers(0, 12),
    after=strategies.booleans(),
)
def test_a_kill_at_any_moment_loses_nothing_and_shows_nothing_twice(
    loose: Path,
    tmp_path_factory: pytest.TempPathFactory,
    step: tuple[object, str],
    call: int,
    after: bool,
) -> None:
    folder = Path(shutil.copytree(loose, tmp_path_factory.mktemp("killed") / "run"))
    owner, name = step
    original: Callable[..., object] = getattr(owner, name)
    calls: Iterator[int] = iter(range(1000))

    def killed(*args: object, **options: object) -> object:
        now = next(calls) == call
        if now and not after:
            raise Killed
        result = original(*args, **options)
        if now:
            raise Killed
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, killed)
        with contextlib.suppress(Killed):
            Store(folder).pack()
    assert shown(folder) == shown(loose)
    with Store(folder).lock():
        Store(folder).pack()
    assert shown(folder) == shown(loose)
    written = list_segments(folder)
    of_segments = {p for s in written for p in (s.path, s.predictions_path)}
    assert {*(folder / "packed").iterdir()} == of_segments
    kept = list((folder / "records").rglob("*.parquet"))
    assert all(path.with_suffix(".json").is_file() for path in kept)


def test_readers_see_every_record_while_it_is_packed(
    loose: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(loose, tmp_path / "run"))
    expected = shown(loose)
    reader, reading = Store(folder), Store(folder).read()

    def packing_first(path: Path) -> Record:
        # The files were listed, and are gone when they are opened.
        Store(folder).pack()
        return read_record(path)

    monkeypatch.setattr(store, "read_record", packing_first)
    assert shown(folder) == expected
    # Records that were read before can still be asked for their predictions.
    contents = [
        reader.predictions(r).to_csv().encode() for r in reading.records if r.predictions_sha256
    ]
    assert contents == expected[1]


def test_a_damaged_table_is_named_and_its_cells_run_again(packed: Path) -> None:
    segment, *others = list_segments(packed)
    lost = set(segment.index)
    content = bytearray(segment.path.read_bytes())
    content[len(content) // 2] ^= 1
    segment.path.write_bytes(content)
    run = Store(packed)
    (notice,) = run.read().notices()
    assert str(segment.path) in notice
    assert "Delete it" in notice
    assert not run.done_keys(run.listing()) & lost
    assert run.done_keys(run.listing()) == set().union(*(other.index for other in others))
    assert all(run.done(cell) == (cell.key not in lost) for cell in CELLS)
    segment.path.unlink()
    assert not Store(packed).read().notices()


def missing(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [missing, cut])
def test_cells_whose_packed_predictions_are_not_whole_run_again(
    packed: Path, damage: Callable[[Path], None]
) -> None:
    segment = list_segments(packed)[0]
    damage(segment.predictions_path)
    run = Store(packed)
    again = [cell for cell in CELLS if not run.done(cell)]
    assert {cell.key for cell in again} == set(segment.index)
    assert {cell.key for cell in CELLS} - run.done_keys(run.listing()) == set(segment.index)
    reading = run.read()
    assert len(reading.records) == 8
    (notice,) = reading.notices()
    assert str(segment.predictions_path) in notice
    of_segment = [r for r in reading.records if r.key in segment.index and r.predictions_sha256]
    with pytest.raises(RecordError, match="are gone"):
        run.predictions(of_segment[0])
    for cell in again:
        run.save(record(cell, scores={"accuracy": 0.9}), pa.table({"row": [9]}))
    reading = Store(packed).read()
    assert not reading.notices()
    scores = {r.key: r.scores["accuracy"] for r in reading.records if r.status == "done"}
    assert [scores[cell.key] for cell in again] == [0.9] * len(again)
    Store(packed).pack()
    assert len(Store(packed).read().records) == 8


def test_packed_predictions_are_verified_when_they_are_read(packed: Path) -> None:
    segment = list_segments(packed)[0]
    content = bytearray(segment.predictions_path.read_bytes())
    content[10] ^= 1
    segment.predictions_path.write_bytes(content)
    run = Store(packed)
    first = next(r for r in run.records() if r.key == next(iter(segment.index)))
    with pytest.raises(RecordError, match=r"00001\.\w{16}\.predictions is damaged.*Delete it"):
        run.predictions(first)
    segment.predictions_path.unlink()
    assert not Store(packed).done(first.settings)


def test_segments_that_may_not_be_read_are_not_to_be_deleted(packed: Path) -> None:
    segment = list_segments(packed)[0]
    first = next(r for r in Store(packed).records() if r.key == next(iter(segment.index)))
    # Tests may run as root, who may read everything but a folder in the place of a file.
    for path in (segment.predictions_path, segment.path):
        path.rename(path.with_suffix(".kept"))
        path.mkdir()
    with pytest.raises(RecordError, match=r"predictions cannot be read: Is a directory.*once it"):
        segment.predictions(first.key)
    (notice,) = Store(packed).read().notices()
    assert f"{segment.path} cannot be read: Is a directory" in notice
    assert "Delete" not in notice


def test_damaged_loose_records_are_not_packed(loose: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(loose, tmp_path / "run"))
    run = Store(folder)
    run.path(CELLS[0]).write_text("{")
    run.path(CELLS[1]).with_suffix(".parquet").write_bytes(b"")
    run.pack()
    packed = set().union(*(segment.index for segment in list_segments(folder)))
    assert packed
    assert not packed & {CELLS[0].key, CELLS[1].key}
    assert run.path(CELLS[0]).read_text() == "{"


def test_a_full_disk_leaves_all_records_as_they_are(
    loose: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(loose, tmp_path / "run"))

    def full(path: Path) -> object:
        raise BenchError(f"{path} cannot be written: no space left on device")

    monkeypatch.setattr(segments, "atomic_write", full)
    with pytest.raises(BenchError, match="no space"):
        Store(folder).pack()
    monkeypatch.undo()
    assert shown(folder) == shown(loose)


def test_files_that_a_person_put_beside_segments_are_left_alone(packed: Path, loose: Path) -> None:
    strays = ["00001 copy.predictions", "9x.abc.parquet", "notes.parquet", "2 (1).a.parquet"]
    for name in strays:
        (packed / "packed" / name).write_bytes(b"")
    assert shown(packed) == shown(loose)
    for cell in CELLS:
        Store(packed).save(record(cell, scores={"accuracy": 0.9}), None)
    Store(packed).pack()
    assert len(list_segments(packed)) == 6
    assert all((packed / "packed" / name).is_file() for name in strays)


def test_a_segment_of_a_newer_version_is_named(packed: Path) -> None:
    segment = list_segments(packed)[0]
    table = segment.table(*pq.read_schema(segment.path).names)
    newer = [
        text.replace('"schema_version": ', '"schema_version": 9')
        for text in table["record"].to_pylist()
    ]
    sink = io.BytesIO()
    pq.write_table(table.set_column(table.column_names.index("record"), "record", [newer]), sink)
    segment.path.unlink()
    segment.path.with_name(segments._name(1, sink.getvalue())).write_bytes(sink.getvalue())
    with pytest.raises(RecordError, match=r"packed/00001.*newer version.*Update satclip-bench"):
        Store(packed).read()


def test_a_file_that_cannot_be_deleted_leaves_all_records_as_they_are(
    loose: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(loose, tmp_path / "run"))
    unlink = Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".json":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(UnwritableError, match=r"json cannot be moved.*Permission denied.*are kept"):
        Store(folder).pack()
    monkeypatch.undo()
    assert shown(folder) == shown(loose)
    Store(folder).pack()
    assert shown(folder) == shown(loose)


@pytest.mark.parametrize("name", ["../victim.json", "plan.json", "records/../../victim.json"])
def test_a_segment_never_has_other_files_deleted(
    packed: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    victim = packed.parent / "victim.parquet"
    victim.write_bytes(b"mine")
    segment = list_segments(packed)[-1]
    table = segment.table(*pq.read_schema(segment.path).names)
    table = table.set_column(table.column_names.index("file"), "file", [[name] * len(table)])
    sink = io.BytesIO()
    pq.write_table(table, sink)
    path = segment.path.with_name(segments._name(3, sink.getvalue()))
    path.write_bytes(sink.getvalue())
    segment.predictions_path.rename(path.with_suffix(".predictions"))
    segment.path.unlink()
    with pytest.raises(BenchError, match="names a file that is not a record"):
        Store(packed).pack()
    assert victim.read_bytes() == b"mine"
    assert (packed / "plan.json").is_file()


def test_packed_records_of_several_runs_can_be_copied_into_one_folder(
    packed: Path, tmp_path: Path
) -> None:
    """Their segments have the same numbers."""
    others = [SETTINGS.model_copy(update={"task": "countries", "seed": seed}) for seed in range(7)]
    other, both = Store(tmp_path / "other"), tmp_path / "both"
    for cell in others:
        other.save(record(cell, scores={"accuracy": 0.7}), pa.table({"row": [cell.seed]}))
    other.pack()
    for folder in (packed, other.folder):
        for name in ("packed", "records"):
            shutil.copytree(folder / name, both / name, dirs_exist_ok=True)
    expected = {r.key: r for r in (*Store(packed).records(), *other.records())}
    assert len(expected) == 15
    merged = Store(both)
    assert {r.key: r for r in merged.records()} == expected
    kept = [r for r in expected.values() if r.predictions_sha256]
    assert {r.key: merged.predictions(r)["row"][0] for r in kept} == {
        cell.key: cell.seed for cell in (*CELLS[:6], *others)
    }
    with merged.lock():
        merged.pack()
    assert {r.key: r for r in Store(both).records()} == expected
