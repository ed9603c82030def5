"""The competition's files: compared with a simple JSON loader, and errors for invalid files."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from satclip_bench.core.download.cards import UrlOrigin
from satclip_bench.core.errors import BenchError, CoordinateError, IntegrityError, TaskError
from satclip_bench.tasks import check_task, get_task, task_card
from satclip_bench.tasks.base import TaskCard
from satclip_bench.tasks.inaturalist.competition import located, read_competition, read_photographs
from satclip_bench.tasks.inaturalist.files import COMPETITION
from tests.tasks.inaturalist.competition_files import CONTINENTS, write_competition


def files(folder: Path) -> list[Path]:
    return [folder / card.file for card in COMPETITION.files]


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_both_sets_agree_with_a_simple_json_loader(tmp_path: Path) -> None:
    """Rows are in the order of `images`; species and locations are matched by id."""
    write_competition(tmp_path)
    competition = read_competition(tmp_path)
    assert (len(competition.train), len(competition.validation), competition.classes) == (
        400,
        120,
        10,
    )
    for photos, name in ((competition.train, "train"), (competition.validation, "val")):
        document = json.loads((tmp_path / f"inaturalist/{name}2018.json").read_text())
        places = json.loads((tmp_path / f"inaturalist/{name}2018_locations.json").read_text())
        species = {a["image_id"]: a["category_id"] for a in document["annotations"]}
        place = {p["id"]: p for p in places}
        ids = [image["id"] for image in document["images"]]
        lonlat = [
            [np.nan if place[i]["lon"] is None else place[i][c] for c in ("lon", "lat")]
            for i in ids
        ]
        assert photos.image_id.tolist() == ids
        assert photos.species.tolist() == [species[i] for i in ids]
        assert np.array_equal(photos.lonlat, np.array(lonlat), equal_nan=True)
        assert 0 < (~photos.located).sum() < len(photos) / 4
        with pytest.raises(ValueError, match="read-only"):
            photos.species[0] = 0


def test_the_table_has_the_located_photographs_and_passes_the_contract(tmp_path: Path) -> None:
    write_competition(tmp_path)
    competition = read_competition(tmp_path)
    card = task_card("inaturalist")
    paper = card.editions["paper"].model_copy(update={"classes": 10})
    task = get_task("inaturalist", "paper", tmp_path)
    task.card = card.model_copy(update={"editions": {"paper": paper}})
    check_task(task)
    table = task.load()
    known = np.concatenate([competition.train.located, competition.validation.located])
    species = np.concatenate([competition.train.species, competition.validation.species])
    assert np.array_equal(table.target, species[known])
    assert table.classes == tuple(f"{c:04d}" for c in range(10))
    assert f"{(~known).sum()} rows without a location left out" in table.notes
    assert table.region is not None
    assert set(table.region.tolist()) == set(CONTINENTS)


def test_the_card_names_the_competitions_files() -> None:
    card: TaskCard = task_card("inaturalist")
    edition = card.editions["paper"]
    assert edition.rows == card.paper_rows == 437_513 + 24_426
    assert edition.classes == 8142
    names = [file.file for file in edition.variants[0].files]
    assert names == [
        f"inaturalist/{name}2018{suffix}.json"
        for name in ("train", "val")
        for suffix in ("", "_locations")
    ]
    for file in edition.variants[0].files:
        assert file.sha256 is None
        assert isinstance(file.origins[0], UrlOrigin)
        assert file.origins[0].member
        assert file.origins[0].member.endswith(file.file.rpartition("/")[2])


def test_missing_files_are_named_with_instructions(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"download inaturalist.*train2018\.json"):
        read_competition(tmp_path)
    write_competition(tmp_path)
    (tmp_path / "inaturalist/val2018_locations.json").unlink()
    with pytest.raises(TaskError, match=r"val2018_locations\.json is missing"):
        read_competition(tmp_path)


def test_reading_needs_little_memory(tmp_path: Path) -> None:
    """Less than the size of the files, of which a simple loader needs a multiple."""
    write_competition(tmp_path, rows=(5_000, 100))
    size = sum(path.stat().st_size for path in files(tmp_path))
    located(files(tmp_path))
    tracemalloc.start()
    read_photographs(*files(tmp_path)[:2])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000 * 200 < size


@pytest.mark.parametrize(
    ("file", "changes", "words"),
    [
        ("train2018.json", {"categories": [{"id": 0}, {"id": 2}]}, "numbered 0, 1, 2"),
        ("train2018.json", {"categories": []}, "numbered 0, 1, 2"),
        ("train2018.json", {"images": []}, "no photographs"),
        ("train2018.json", {"images": [{"id": 1}, {"id": 1}]}, "photograph 1 more than once"),
        ("train2018.json", {"images": [{"file_name": "a"}]}, "images without the integers id"),
        ("train2018.json", {"images": [{"id": "one"}]}, "images without the integers id"),
        ("train2018.json", {"annotations": []}, "without a species, such as"),
        (
            "val2018.json",
            {"categories": [{"id": i} for i in range(11)]},
            "not files of the same competition",
        ),
    ],
)
def test_invalid_annotations_are_refused(
    tmp_path: Path, file: str, changes: dict[str, Any], words: str
) -> None:
    write_competition(tmp_path)
    edit(tmp_path / "inaturalist" / file, **changes)
    with pytest.raises(TaskError, match=words):
        located(files(tmp_path))


def test_unknown_labels_and_locations_of_another_set_are_refused(tmp_path: Path) -> None:
    train, _ = write_competition(tmp_path)
    path = tmp_path / "inaturalist/train2018.json"
    labels = [{"image_id": p["id"], "category_id": 99} for p in train]
    edit(path, annotations=labels)
    with pytest.raises(TaskError, match="not categories, such as 99"):
        located(files(tmp_path))
    write_competition(tmp_path)
    locations = files(tmp_path)[1]
    locations.write_bytes(files(tmp_path)[3].read_bytes())
    with pytest.raises(TaskError, match="another set"):
        located(files(tmp_path))


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ('[{"id": 1, "lat": 5.0, "lo', IntegrityError, "not complete JSON"),
        ("<!DOCTYPE html><html>", TaskError, "web page"),
        ('[{"id": 1, "lat": 5.0}]', TaskError, "without id, lon or lat"),
        ('[{"id": 1, "lat": "north", "lon": 3}]', TaskError, "without id, lon or lat"),
        ('[{"id": 1, "lat": 95.0, "lon": 120.0}]', CoordinateError, "beyond 90"),
        ("", IntegrityError, "not complete JSON"),
    ],
)
def test_locations_that_cannot_be_read(
    tmp_path: Path, content: str, error: type[BenchError], words: str
) -> None:
    write_competition(tmp_path)
    path = files(tmp_path)[1]
    path.write_text(content)
    with pytest.raises(error, match=words):
        located(files(tmp_path))


def test_a_changed_file_is_refused_after_its_download(tmp_path: Path) -> None:
    from satclip_bench.core.download.lock import lock_file
    from satclip_bench.core.files import sha256_file

    write_competition(tmp_path)
    card = COMPETITION.files[0]
    lock_file(tmp_path, card.file, sha256_file(tmp_path / card.file), "an origin")
    before = read_competition(tmp_path).sha256
    edit(tmp_path / card.file, info={"year": 2019})
    with pytest.raises(IntegrityError, match="has changed"):
        read_competition(tmp_path)
    write_competition(tmp_path)
    assert read_competition(tmp_path).sha256 == before
