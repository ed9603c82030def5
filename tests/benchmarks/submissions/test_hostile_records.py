"""Entries whose records say what none of this package does: refused or corrected, never a crash."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from satclip_bench.benchmarks.commands import submit as commands
from satclip_bench.benchmarks.submissions.board import FOLDER, save
from satclip_bench.benchmarks.submissions.checks import check_entry
from satclip_bench.benchmarks.submissions.entry import Entry, read_entry
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import encoder_card
from tests.benchmarks.cli.program import bench
from tests.benchmarks.submissions.entries import Made, edit, merge, refusal
from tests.benchmarks.submissions.falsify import Json, card, setting

HUGE = 2**70
HOSTILE = '=HYPERLINK("http://x","y") <script>\u202e\x1b[2J'
PREDICTED = ("numbers", "classes", "confidence", "target_probability")


def records_of(rows: list[Json], encoder: str) -> list[Json]:
    return [row["record"] for row in rows if row["record"]["settings"]["encoder"] == encoder]


def of_baseline(change: Callable[[Json], object]) -> dict[str, Any]:
    return {"rows": lambda rows: change(records_of(rows, "baseline.mean")[0])}


def of_huge_version(name: str) -> dict[str, Any]:
    return of_baseline(lambda record: record["settings"].update({name: HUGE}))


def of_own(change: Callable[[Json], object]) -> dict[str, Any]:
    return {"record": change}


def again_of_another_table(encoder: str) -> dict[str, Any]:
    """A second record of a cell, with the key of another table and no predictions."""

    def rows(all_rows: list[Json]) -> None:
        first = next(r for r in all_rows if r["record"]["settings"]["encoder"] == encoder)
        second = copy.deepcopy(first) | dict.fromkeys(PREDICTED)
        second["record"]["settings"]["data_sha256"] = "0" * 64
        all_rows.insert(0, second)

    return {"rows": rows}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(again_of_another_table("mine"), "is there twice", id="own cell twice"),
        pytest.param(again_of_another_table("baseline.mean"), "is there twice", id="baseline"),
        pytest.param(
            setting("encoder_version", HUGE) | card(version=HUGE), "encoder.version", id="version"
        ),
        *(
            pytest.param(
                of_huge_version(name),
                f"settings.{name}",
                id=f"baseline's {name}",
            )
            for name in ("probe_version", "split_version", "encoder_version")
        ),
        pytest.param(
            of_baseline(lambda r: r.update(status="failed", reason="no memory")),
            "failed (no memory)",
            id="failed baseline",
        ),
        pytest.param(setting("weights_sha256", HOSTILE), "is not a SHA-256", id="weights"),
        pytest.param(setting("weights_sha256", "A" * 64), "is not a SHA-256", id="capitals"),
        pytest.param(
            of_own(lambda r: r.update(best_params={"k": HOSTILE})), "be printed", id="chosen"
        ),
        pytest.param(of_own(lambda r: r.update(fit_info={"<b>": 1})), "as HTML does", id="fit"),
        pytest.param(
            of_own(lambda r: r["provenance"].update(machine="\x1b[2J")), "be printed", id="machine"
        ),
    ],
)
def test_records_that_nobody_wrote_are_refused(
    made: Made, board: Path, change: dict[str, Any], message: str
) -> None:
    assert message in refusal(board, edit(made.entry, board / "entry.parquet", **change))


def _numbers(content: object, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Places of all numbers in a JSON document."""
    items: Iterator[tuple[Any, object]] = iter(())
    if isinstance(content, dict):
        items = iter(content.items())
    elif isinstance(content, list):
        items = iter(enumerate(content))
    elif isinstance(content, int | float):
        yield place
    for key, value in items:
        yield from _numbers(value, (*place, key))


def _put(content: Any, place: tuple[Any, ...], value: object) -> None:
    for key in place[:-1]:
        content = content[key]
    content[place[-1]] = value


@pytest.mark.parametrize("encoder", ["mine", "baseline.mean"])
def test_no_huge_number_in_a_record_is_a_traceback(made: Made, board: Path, encoder: str) -> None:
    places: list[tuple[Any, ...]] = []
    path = board / "entry.parquet"
    edit(made.entry, path, rows=lambda rows: places.extend(_numbers(records_of(rows, encoder)[0])))
    assert ("settings", "probe_version") in places
    # One number of each group: of the scores, the counts and the intervals.
    kinds = {place if place[0] == "settings" else place[:1]: place for place in places}
    for place in kinds.values():

        def change(rows: list[Json], place: tuple[Any, ...] = place) -> None:
            _put(records_of(rows, encoder)[0], place, HUGE)

        entry = edit(made.entry, path, rows=change)
        assert merge(board, entry, "--check").returncode in (0, 2)


@pytest.mark.parametrize("version", [-1, 3])
def test_a_record_of_another_layout_is_kept_in_that_of_today(
    made: Made, board: Path, version: int
) -> None:
    """A merged file that could not be read would keep the whole board from being shown."""
    change = of_own(lambda r: r.update(schema_version=version, intervals={}))
    assert merge(board, edit(made.entry, board / "e.parquet", **change)).returncode == 0
    kept, expected = read_entry(board / FOLDER / "mine.parquet"), read_entry(made.entry)
    assert [r.scores for r in kept.own] == [r.scores for r in expected.own]
    assert "Mine §" in bench("leaderboard", "--out", board, cwd=board).stdout


def test_clipped_predictions_are_at_an_end_of_the_range(made: Made, board: Path) -> None:
    change = of_own(lambda r: r["counts"].update(clipped=100))
    merge(board, edit(made.entry, board / "e.parquet", **change))
    kept = read_entry(board / FOLDER / "mine.parquet")
    assert max(r.counts.clipped for r in kept.own) < 100


def test_an_encoder_of_the_package_has_its_title_and_marks(made: Made, board: Path) -> None:
    """An entry under the name of a package encoder cannot drop its marks or choose a title."""
    known = encoder_card("satclip-bluemarble.l10")
    assert "biomes" in known.recipe_tasks
    assert known.weights is not None
    weights = known.weights.sha256

    def rows(all_rows: list[Json]) -> None:
        for record in records_of(all_rows, "mine"):
            record["settings"] |= {
                "encoder": known.name,
                "encoder_version": known.version,
                "encoder_parameters": dict(known.parameters),
                "encoder_source_sha256": "",
                "encoder_embedding_sha256": "",
                "weights_sha256": weights,
            }

    def manifest(content: Json) -> None:
        content["encoder"] = known.model_dump(mode="json") | {
            "title": "Blue Marble, unseen tasks",
            "recipe_tasks": [],
            "training_data": "nothing",
        }

    entry = edit(made.entry, board / "e.parquet", rows=rows, manifest=manifest)
    assert merge(board, entry).returncode == 0
    kept = read_entry(board / FOLDER / f"{known.name}.parquet")
    assert kept.manifest.encoder.model_dump() == known.model_dump()
    shown = bench("leaderboard", "--out", board, cwd=board).stdout
    row = next(line for line in shown.splitlines() if line.startswith(f"{known.title} §"))
    assert "‡" in row
    assert "unseen tasks" not in shown
    left = bench("leaderboard", "--out", board, "--without-contaminated", cwd=board).stdout
    assert f"chosen with its labels: {known.title} §" in left


def test_what_was_added_is_said_before_a_later_file_ends_the_command(
    made: Made, board: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(entry: Entry) -> tuple[Entry, tuple[str, ...]]:
        if entry.manifest.submitter == "Second":
            raise RuntimeError("boom")
        return check_entry(entry)

    monkeypatch.setattr(commands, "check_entry", check)
    second = edit(made.entry, board / "2.parquet", manifest=lambda m: m.update(submitter="Second"))
    with pytest.raises(RuntimeError, match="boom"):
        commands.merge([made.entry, second], board, replace=True)
    assert "added: mine, 4 cells" in " ".join(capsys.readouterr().out.split())
    assert (board / FOLDER / "mine.parquet").is_file()


def test_an_entry_that_could_not_be_read_again_is_not_written(made: Made, board: Path) -> None:
    entry = read_entry(made.entry)
    own = tuple(r.model_copy(update={"schema_version": 99}) for r in entry.own)
    broken = Entry(entry.manifest, own, entry.predictions)
    with pytest.raises(BenchError, match="cannot be read"):
        save(board, broken, "0" * 64)
    assert not (board / FOLDER).exists()
