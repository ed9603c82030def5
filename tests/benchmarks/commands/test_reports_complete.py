"""Reports of a run are made again if they are not complete, or not of the present records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.report import figures, manifest
from satclip_bench.core.files import process_mark
from satclip_bench.tasks import registry
from tests.tasks.user_tables.test_table_file import points, write


@pytest.fixture(autouse=True)
def _forget_added_tasks() -> Iterator[None]:
    yield
    registry._added.clear()


def run(folder: Path, encoders: str = "wrap") -> int:
    registry._added.clear()
    return main(
        [
            *("run", "--encoders", encoders, "--splits", "random", "--probes", "linear"),
            *("--seeds", "0", "--jobs", "1", "--out", str(folder / "out")),
            *("--task-file", str(folder / "farms.csv"), "--target", "yield"),
        ]
    )


def contents(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for name in ("tables", "figures")
        for path in sorted((out / name).rglob("*"))
        if path.is_file()
    }


def test_reports_are_made_again_unless_they_are_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(points(200), tmp_path / "farms.csv")
    out = tmp_path / "out"
    assert run(tmp_path) == 0
    first = contents(out)
    board = "tables/leaderboard.random.linear.md"
    assert {board, "figures/maps/farms.yield.png"} <= set(first)
    times = {name: (out / name).stat().st_mtime_ns for name in first}

    # Complete reports are left as they are.
    assert run(tmp_path) == 0
    assert times == {name: (out / name).stat().st_mtime_ns for name in first}

    # A file that is missing, another that was changed, and what killed processes left behind.
    (out / "figures/maps/farms.yield.png").unlink()
    (out / board).write_text("something else")
    # No process has this number.
    mark = process_mark(2**30)
    left = [
        out / f"figures/.maps.png.{mark}abcdefgh.part",
        out / f".results.parquet.{mark}abcdefgh.part",
    ]
    for path in left:
        path.write_bytes(b"")
    staged = out / f"{manifest.STAGING}{mark}abcdefgh"
    staged.mkdir()
    assert run(tmp_path) == 0
    assert contents(out) == first
    assert not any(path.exists() for path in (*left, staged))

    # Interrupted while it draws: the old reports stay, and the next run makes the new ones.
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(figures, "draw_split_maps", interrupted)
        assert run(tmp_path, "wrap,direct") == 130
    assert contents(out) == first
    assert not list(out.glob(f"{manifest.STAGING}*"))
    assert run(tmp_path, "wrap,direct") == 0
    assert "Direct" in (out / board).read_text()


def test_a_kill_while_files_are_replaced_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tables").mkdir()
    for name in ("old.md", "both.md"):
        (tmp_path / "tables" / name).write_text("old")
    manifest._write(
        tmp_path,
        manifest.Manifest(
            made_from="a", files=dict.fromkeys(("tables/old.md", "tables/both.md"), "")
        ),
    )

    def stage(folder: Path) -> None:
        (folder / "tables").mkdir()
        for name in ("both.md", "new.md"):
            (folder / "tables" / name).write_text("new")

    def killed(*_: object) -> tuple[Path, ...]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, manifest.staging(tmp_path) as folder:
        stage(folder)
        patch.setattr(manifest, "move", killed)
        with pytest.raises(KeyboardInterrupt):
            manifest.publish(folder, tmp_path, "b")
    assert not manifest.is_current(tmp_path, "a")
    assert not manifest.is_current(tmp_path, "b")
    with manifest.staging(tmp_path) as folder:
        stage(folder)
        manifest.publish(folder, tmp_path, "b")
    assert manifest.is_current(tmp_path, "b")
    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert names == {"both.md", "new.md"}, "what is not made any more is deleted"


def test_a_manifest_names_no_files_outside_of_the_reports(tmp_path: Path) -> None:
    for name in ("../x", "records/x", "tables/../records/x", "/etc/x"):
        manifest._write(tmp_path, manifest.Manifest(made_from="a", files={name: ""}))
        assert manifest.read_manifest(tmp_path) == manifest.Manifest()
    (tmp_path / manifest.FILE).write_text("{")
    assert manifest.read_manifest(tmp_path) == manifest.Manifest()
