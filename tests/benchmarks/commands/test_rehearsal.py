"""Every encoder and table with an origin, from download to a run, with servers on this machine.

No file is the real one, which the tests cannot download; see `tests.rehearsal` for what stands in
for them, and how the published hashes are replaced.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.commands.download import Item, items_of
from satclip_bench.core.files import CACHE_VARIABLE, cache_dir
from satclip_bench.encoders import encoder_card, get_encoder, list_encoders
from satclip_bench.encoders.lookup.partial import UncoveredPointsWarning
from tests.encoders import test_alphaearth, test_mosaiks
from tests.rehearsal import (
    LONLAT,
    Rehearsal,
    expect,
    redirect,
    serve,
    serving,
    write_content,
)

LIMIT_S = 60


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Made-up files by the names on their cards."""
    folder, scratch = tmp_path_factory.mktemp("contents"), tmp_path_factory.mktemp("scratch")
    made = {}
    for item in items_of([], None):
        if item.card.origins:
            made[item.card.file] = folder / item.card.file
            write_content(item.card.file, made[item.card.file], scratch)
    return made


@pytest.fixture
def server(
    contents: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rehearsal]:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    with serving() as it:
        redirect(it, monkeypatch)
        expect(contents, monkeypatch)
        yield it


def with_origin() -> list[Item]:
    return [item for item in items_of([], None) if item.card.origins]


def place_tables_by_hand() -> None:
    """The tables of features that no origin serves; with them, every encoder has its file."""
    (cache_dir() / "weights").mkdir(parents=True)
    table = test_mosaiks.frame(LONLAT, columns=4000)
    test_mosaiks.write(table, cache_dir() / "weights" / "mosaiks.parquet")
    values = test_alphaearth.quantised(1, len(LONLAT)).reshape(64, -1).T
    test_alphaearth.table(cache_dir() / "weights" / "alphaearth.parquet", values, LONLAT)


def test_everything_is_downloaded_verified_and_run(
    server: Rehearsal,
    contents: Mapping[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    start = time.process_time()
    (tmp_path / "archives").mkdir()
    serve(server, contents, with_origin(), 0, tmp_path / "archives")
    place_tables_by_hand()
    assert main(["download", "--all", "--yes"]) == 0, capsys.readouterr().out
    assert all(item.path.exists() for item in with_origin())

    assert main(["verify"]) == 0
    states = capsys.readouterr().out.split()
    assert states.count("unverified") == 2 + 1, "the two tables placed by hand, and their number"
    assert not {"missing", "corrupt", "stale"} & set(states)
    assert main(["download", "--all", "--yes"]) == 0
    assert "Everything is here" in capsys.readouterr().out

    names = [name for name in list_encoders() if encoder_card(name).weights is not None]
    assert len(names) >= 32
    points = tmp_path / "points.csv"
    target = np.sin(LONLAT[:, 0] * 3) + LONLAT[:, 1]
    pd.DataFrame({"lon": LONLAT[:, 0], "lat": LONLAT[:, 1], "y": target}).to_csv(
        points, index=False
    )
    arguments = ["run", "--task-file", str(points), "--target", "y", "--tasks", "points.y"]
    arguments += ["--encoders", ",".join(names), "--splits", "random", "--probes", "linear"]
    arguments += ["--seeds", "0", "--jobs", "1", "--out", str(tmp_path / "out")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UncoveredPointsWarning)
        assert main(arguments) == 0, capsys.readouterr().err
    frame = pd.read_parquet(tmp_path / "out" / "results.parquet")
    assert set(frame["encoder"]) >= set(names)
    assert set(frame["status"]) == {"done"}
    for name in names:
        embedding = get_encoder(name).encode(LONLAT)
        assert np.ptp(embedding, axis=0).max() > 0, name
    assert time.process_time() - start < LIMIT_S


@pytest.mark.parametrize("origin", [1, 2, 3])
def test_every_mirror_is_rehearsed(
    origin: int, server: Rehearsal, contents: Mapping[str, Path], tmp_path: Path
) -> None:
    """Only one origin of each card serves the file; the others answer 404."""
    items = [item for item in with_origin() if len(item.card.origins) > origin]
    (tmp_path / "archives").mkdir()
    serve(server, contents, items, origin, tmp_path / "archives")
    assert items
    owners = sorted({item.owner for item in items})
    # The package index answers in seconds; it is rehearsed once, where it serves.
    assert main(["download", *owners, "--yes"]) == 0
    for item in items:
        assert item.path.read_bytes() == contents[item.card.file].read_bytes()


def test_a_changed_file_on_a_server_is_refused(
    server: Rehearsal,
    contents: Mapping[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    changed = tmp_path / "changed"
    changed.write_bytes(contents["satclip-resnet18-l10.ckpt"].read_bytes()[:-1])
    items = [item for item in with_origin() if item.owner == "satclip.resnet18-l10"]
    serve(server, {items[0].card.file: changed}, items, 0, tmp_path)
    assert main(["download", "satclip.resnet18-l10", "--yes"]) == 1
    assert "it should have" in " ".join(capsys.readouterr().out.split())
    assert not items[0].path.exists()
