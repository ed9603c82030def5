"""Cards of user tables: where they are saved, and which edits are refused."""

from __future__ import annotations

import errno
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from satclip_bench.core.errors import BenchError, TaskError
from satclip_bench.tasks.user_tables.file import slug
from satclip_bench.tasks.user_tables.task import UserTable, UserTableTask
from tests.tasks.user_tables.test_table_file import points, write


@pytest.mark.parametrize(
    ("target", "edits", "words"),
    [
        ("yield", {"name": "../../x"}, "name: String should match"),
        ("yield", {"name": "a/b"}, "name: String should match"),
        ("yield", {"name": ".."}, "name: String should match"),
        ("yield", {"name": ""}, "name: String should match"),
        ("yield", {"region": "column"}, "region_column should name a column"),
        ("yield", {"region_column": "crop"}, 'region should be "column"'),
        ("yield", {"block_degrees": None}, "block_degrees should be the side of a block"),
        ("yield", {"block_degrees": -5}, "block_degrees: Input should be greater than"),
        ("yield", {"block_degrees": 0}, "block_degrees: Input should be greater than"),
        ("yield", {"block_degrees": 400}, "block_degrees: Input should be less than"),
        ("yield", {"title": ""}, "title: String should have at least 1 character"),
        ("yield", {"no_data": ["x"]}, "no_data.0: Input should be a valid number"),
        ("yield", {"task_type": "classification"}, "has fractions, such as"),
        ("crop", {"task_type": "regression"}, "has text, such as"),
        ("yield", {"column": "gone"}, "has no column 'gone', which its card names"),
        ("yield", {"region": "column", "region_column": "gone"}, "has no column 'gone'"),
    ],
)
def test_edits_that_contradict_the_table_or_each_other_are_refused(
    tmp_path: Path, target: str, edits: dict[str, Any], words: str
) -> None:
    file = UserTable(write(points(300), tmp_path / "t.csv"), target)
    UserTableTask(file)
    file.card_path.write_text(json.dumps(json.loads(file.card_path.read_bytes()) | edits))
    with pytest.raises(TaskError) as caught:
        UserTableTask(file).load()
    assert words in str(caught.value)


def test_two_files_of_one_stem_have_a_card_each(tmp_path: Path) -> None:
    csv = UserTable(write(points(300), tmp_path / "t.csv"), "yield")
    other = UserTable(write(points(300, seed=1), tmp_path / "t.gpkg"), "yield")
    names = [UserTableTask(file).card.name for file in (csv, other)]
    assert names == ["t.yield", "t-gpkg.yield"]
    assert [file.card_path.name for file in (csv, other)] == [
        "t.yield.card.json",
        "t.gpkg.yield.card.json",
    ]
    for file, name in zip((csv, other), names, strict=True):
        task = UserTableTask(file)
        assert not task.made
        assert task.load().card.name == name


def test_the_card_of_a_read_only_folder_goes_to_the_other_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, make = tmp_path / "data", tempfile.mkstemp
    path = write(points(300), folder / "t.csv")

    def mkstemp(*args: Any, **options: Any) -> tuple[int, str]:
        if Path(options["dir"]) == folder:
            raise OSError(errno.EROFS, "Read-only file system")
        return make(*args, **options)

    monkeypatch.setattr(tempfile, "mkstemp", mkstemp)
    with pytest.raises(BenchError, match="Read-only file system"):
        UserTableTask(UserTable(path, "yield"))
    file = UserTable(path, "yield", card_folder=tmp_path / "cards")
    assert UserTableTask(file).made
    assert file.card_path.parent == tmp_path / "cards"
    assert [p.name for p in folder.iterdir()] == ["t.csv"]
    entries = json.loads(file.card_path.read_bytes()) | {"unit": "tons"}
    file.card_path.write_text(json.dumps(entries))
    again = UserTableTask(file)
    assert not again.made
    assert again.card.unit == "tons"
    namesake = UserTable(tmp_path / "elsewhere/t.csv", "yield", card_folder=tmp_path / "cards")
    assert namesake.fallback_card_path != file.fallback_card_path


def test_a_card_is_not_saved_unless_that_is_wanted(tmp_path: Path) -> None:
    file = UserTable(write(points(300), tmp_path / "t.csv"), "yield", save_card=False)
    assert UserTableTask(file).load().card.name == "t.yield"
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


def test_long_and_foreign_column_names_have_cards_of_their_own(tmp_path: Path) -> None:
    names = ["温度", "湿度", "x" * 300, "x" * 301, "../../up", "a/b"]
    assert len({slug(name) for name in names}) == len(names)
    frame = points(300)
    for name in names:
        frame[name] = frame["yield"]
    path = write(frame, tmp_path / "t.csv")
    tasks = [UserTableTask(UserTable(path, name)).card.name for name in names]
    assert len(set(tasks)) == len(names)
    assert len([*tmp_path.iterdir()]) == len(names) + 1


@pytest.mark.parametrize("edit", [{"extent": "global"}, {"block_degrees": 4.0}])
def test_entries_that_change_intervals_or_folds_change_the_hash_of_the_table(
    tmp_path: Path, edit: dict[str, Any]
) -> None:
    file = UserTable(write(points(300), tmp_path / "t.csv"), "yield")
    first = UserTableTask(file).load()
    assert UserTableTask(file).load().sha256 == first.sha256
    entries = json.loads(file.card_path.read_bytes())
    file.card_path.write_text(json.dumps(entries | {"title": "Yields", "unit": "tons"}))
    assert UserTableTask(file).load().sha256 == first.sha256
    file.card_path.write_text(json.dumps(entries | edit))
    assert UserTableTask(file).load().sha256 != first.sha256


def test_columns_whose_names_differ_in_their_signs_alone_have_cards_of_their_own(
    tmp_path: Path,
) -> None:
    frame = points(300)
    frame["carbon"], frame["carbon (%)"] = frame["yield"], -2 * frame["yield"]
    path = write(frame, tmp_path / "t.csv")
    for folder in (None, tmp_path / "cards"):
        for _ in range(2):
            tables = [
                UserTableTask(UserTable(path, name, card_folder=folder)).load()
                for name in ("carbon", "carbon (%)")
            ]
            assert (tables[1].target == -2 * tables[0].target).all()
            assert tables[0].card.name == "t.carbon"
            assert tables[1].card.name.startswith("t.carbon-")
            assert tables[0].sha256 != tables[1].sha256
