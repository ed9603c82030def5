"""Entries of files of embeddings: an honest one, and those that say what they are not."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from satclip_bench.core.files import sha256_file
from satclip_bench.encoders.lookup.partial import UncoveredPointsWarning
from satclip_bench.tasks import get_task
from tests.benchmarks.cli.program import Finished, bench
from tests.benchmarks.submissions.entries import edit
from tests.benchmarks.submissions.falsify import Json, better_numbers, card

NAME = "table.farms"
SUBMIT = ("submit", "--suite", "tiny", "--run", "run", "--submitter", "A. Author")
TABLE = ("--encoder-table", "farms.parquet", "--table-max-km", "5")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a table, a run of it, its entry and a board without it."""
    root = tmp_path_factory.mktemp("tables")
    points = [get_task(name).load().lonlat[:-50] for name in ("median_income", "biomes")]
    lonlat = np.unique(np.concatenate(points), axis=0)
    waves = np.sin(lonlat @ np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]]))
    frame = pd.DataFrame(waves.astype(np.float32), columns=["e0", "e1", "e2"])
    frame.assign(lon=lonlat[:, 0], lat=lonlat[:, 1]).to_parquet(root / "farms.parquet")
    run = ("run", "--suite", "tiny", "--jobs", "1", "--out", "run")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UncoveredPointsWarning)
        finished = bench(*run, *TABLE, cwd=root)
    assert finished.returncode == 0, finished.stderr
    finished = bench(*SUBMIT, *TABLE, "--out", "entry.parquet", cwd=root)
    assert finished.returncode == 0, finished.stderr
    (root / "board").mkdir()
    scores = pd.read_parquet(root / "run" / "results.parquet")
    scores[scores["encoder"] != NAME].to_parquet(root / "board/results.parquet", index=False)
    return root


@pytest.fixture
def board(root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(root / "board", tmp_path / "board"))


def merge(board: Path, entry: Path) -> Finished:
    return bench("merge", entry, "--into", board, cwd=board)


def test_an_honest_entry_joins_the_board(root: Path, board: Path) -> None:
    finished = merge(board, root / "entry.parquet")
    assert f"added: {NAME}, 4 cells, scored again and equal" in finished.stdout
    assert "Table farms §" in bench("leaderboard", "--out", board, cwd=board).stdout
    assert "is there already" in merge(board, root / "entry.parquet").stdout


def test_submit_needs_the_file_as_it_was_run(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "run", tmp_path / "run")
    table = pd.read_parquet(root / "farms.parquet")
    table.iloc[:-1].to_parquet(tmp_path / "farms.parquet")
    out = ("--out", "entry.parquet")
    changed = bench(*SUBMIT, *TABLE, *out, cwd=tmp_path)
    assert "table.farms has changed since it was run (weights_sha256)" in changed.stderr
    options = "--encoder-table farms.parquet --table-name farms --table-max-km 5"
    assert options in " ".join(changed.stderr.split())
    shutil.copy(root / "farms.parquet", tmp_path)
    other = bench(*SUBMIT, *TABLE[:2], *out, cwd=tmp_path)
    assert "has changed since it was run (encoder_parameters)" in other.stderr
    both = bench(*SUBMIT, *TABLE, "--encoder", "direct", *out, cwd=tmp_path)
    assert "name one encoder" in both.stderr
    joined = bench(*SUBMIT, *TABLE, "--encoder", "wrap+table.farms", *out, cwd=tmp_path)
    assert "submit the file alone" in joined.stderr
    assert "name one encoder" in bench(*SUBMIT, *out, cwd=tmp_path).stderr
    assert not (tmp_path / "entry.parquet").exists()


def records(change: Callable[[Json], object], first: bool = False) -> dict[str, Any]:
    def rows(all_rows: list[Json]) -> None:
        own = [row["record"] for row in all_rows if row["record"]["settings"]["encoder"] == NAME]
        for record in own[:1] if first else own:
            change(record)

    return {"rows": rows}


def setting(name: str, value: object) -> dict[str, Any]:
    return records(lambda record: record["settings"].update({name: value}))


def parameters(**options: object) -> dict[str, Any]:
    """An entry with other options on its card and in its records."""
    given = {"uncovered": "zeros", "match": "nearest", "max_km": 5.0} | options
    return {**setting("encoder_parameters", given), **card(parameters=given)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"rows": better_numbers}, "other scores than its predictions", id="numbers"),
        pytest.param(setting("weights_sha256", ""), "which file of embeddings", id="no file"),
        pytest.param(setting("weights_sha256", "0" * 63), "which file of embeddings", id="hash"),
        pytest.param(setting("encoder_source_sha256", "0" * 64), "with code or", id="code"),
        pytest.param(setting("encoder_embedding_sha256", "0" * 64), "with code or", id="print"),
        pytest.param(setting("encoder_version", 2), "encoder_version 2", id="records of a version"),
        pytest.param(
            setting("encoder_version", 2) | card(version=2), "tables have version 1", id="version"
        ),
        pytest.param(
            card(weights={"file": "x.pt", "sha256": None}), "with code or weights", id="weights"
        ),
        pytest.param(card(parameters={}), "records have encoder_parameters", id="other options"),
        pytest.param(parameters(trained="yes"), "trained on the card cannot be", id="an option"),
        pytest.param(parameters(match="guess"), "match on the card cannot be", id="match"),
        pytest.param(parameters(max_km=-1), "max_km on the card cannot be", id="distance"),
        pytest.param(parameters(locations_sha256="x"), "locations_sha256 on the", id="locations"),
        pytest.param(records(lambda r: r.update(coverage=None)), "which share", id="no share"),
        pytest.param(records(lambda r: r.update(coverage=0.0)), "covers none", id="none"),
        pytest.param(records(lambda r: r.update(coverage=2.0)), "cannot be read", id="more"),
        pytest.param(
            records(lambda r: r.update(coverage=1.0), first=True), "several shares", id="shares"
        ),
    ],
)
def test_a_falsified_entry_is_refused(
    root: Path, board: Path, change: dict[str, Any], message: str
) -> None:
    finished = merge(board, edit(root / "entry.parquet", board / "entry.parquet", **change))
    assert finished.returncode == 2
    assert finished.stderr == ""
    assert message in finished.stdout
    assert not (board / "submissions").exists()


def test_the_same_file_under_another_name_is_a_copy(root: Path, board: Path) -> None:
    assert merge(board, root / "entry.parquet").returncode == 0
    copy = setting("encoder", "table.woods") | card(name="table.woods", title="Table woods")
    finished = merge(board, edit(root / "entry.parquet", board / "copy.parquet", **copy))
    assert f"it is the encoder of the entry {NAME}" in finished.stdout


def test_the_entry_names_the_file_by_its_hash(root: Path) -> None:
    content = (root / "entry.parquet").read_bytes()
    assert str(root).encode() not in content
    table = pd.read_parquet(root / "entry.parquet")
    of_table = table[table["record"].str.contains(NAME)]
    assert of_table["record"].str.contains(sha256_file(root / "farms.parquet")).all()
