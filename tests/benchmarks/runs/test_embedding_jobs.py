"""Embeddings of a run: the same bytes from one process and several, and what a failure costs."""

from __future__ import annotations

import errno
import io
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from typing_extensions import override

from satclip_bench.benchmarks.runs import embedding_jobs
from satclip_bench.benchmarks.runs.callbacks import Callbacks
from satclip_bench.benchmarks.runs.embedding_cache import EmbeddingCache
from satclip_bench.benchmarks.runs.embedding_jobs import Place, embed_all
from satclip_bench.benchmarks.runs.embeddings import embedding_key
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table
from satclip_bench.core.errors import UnfinishedError
from satclip_bench.core.files import CACHE_VARIABLE
from satclip_bench.encoders import LocationEncoder, get_encoder
from satclip_bench.tasks import TaskTable
from tests.benchmarks.runs.waves import Waves


@dataclass(frozen=True)
class Points:
    """Points of a task that are quick to embed."""

    first: int = 0
    only_in: int = 0
    """The only process that survives loading them; 0 if every process does."""

    def load(self) -> TaskTable:
        if self.only_in not in (0, os.getpid()):
            os.kill(os.getpid(), signal.SIGKILL)
        table = load_table(TaskSource("median_income"))
        rows = slice(self.first, self.first + 50)
        return replace(
            table,
            lonlat=table.lonlat[rows],
            target=table.target[rows],
            sha256=f"{table.sha256} {self.first}",
        )


class Steps(Callbacks):
    def __init__(self) -> None:
        self.total = 0
        self.titles: list[str] = []

    @override
    def start(self, stage: str, total: int) -> None:
        self.total = total

    @override
    def advance(self, stage: str, title: str) -> None:
        self.titles.append(title)


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    # Otherwise these few values would be computed in one process.
    monkeypatch.setattr(embedding_jobs, "SMALL", 0)
    return tmp_path / "cache" / "embeddings"


def embed(
    places: Sequence[Place], folder: Path, jobs: int, callbacks: Callbacks | None = None
) -> tuple[dict[Place, bytes], dict[Place, str]]:
    """The content of every file, and the reasons why others are missing."""
    folder.mkdir(exist_ok=True)
    with EmbeddingCache() as cache:
        paths, reasons = embed_all(
            places, {"waves": Waves()}, folder, cache, callbacks or Callbacks(), jobs
        )
        return {place: path.read_bytes() for place, path in paths.items()}, reasons


def test_processes_give_the_same_bytes_which_are_cached(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("harmonics.l10", "wrap", "waves")
    places = [Place(name, Points(first)) for first in (0, 50) for name in names]
    from_workers, reasons = embed(places, tmp_path / "two", 2)
    assert reasons == {}
    assert sorted(path.name for path in cache_folder.glob("*.npy")) == sorted(
        f"{embedding_key(get_encoder(place.encoder), place.source.load())}.npy"
        for place in places
        if place.encoder != "waves"
    )
    steps = Steps()
    from_cache, _ = embed(places, tmp_path / "again", 1, steps)
    assert {path.name for path in (tmp_path / "again").iterdir()} == {"2.npy", "5.npy"}
    assert (steps.total, len(steps.titles)) == (6, 6)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "other"))
    from_one, _ = embed(places, tmp_path / "one", 1)
    assert from_workers == from_cache == from_one
    expected = get_encoder("wrap").encode(Points(50).load().lonlat)
    np.testing.assert_array_equal(places[4].compute(), expected)
    assert np.load(io.BytesIO(from_one[places[4]])).tobytes() == expected.tobytes()


def test_a_process_that_is_killed_costs_one_embedding(tmp_path: Path) -> None:
    """An encoder that is not registered is used in this process, where the table can be read."""
    fatal = Points(only_in=os.getpid())
    places = [Place("wrap", fatal), Place("waves", fatal), Place("wrap", Points())]
    steps = Steps()
    files, reasons = embed(places, tmp_path / "run", 2, steps)
    assert files.keys() == {*places[1:]}
    assert reasons.keys() == {places[0]}
    assert "the process that computed it was killed twice" in reasons[places[0]]
    assert sorted(steps.titles) == sorted(f"median_income {place.encoder}" for place in places)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_cannot_be_made_or_written_is_a_reason(tmp_path: Path, jobs: int) -> None:
    places = [Place("harmonics.l10", Points()), Place("harmonics.l0", Points())]
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "0.npy").mkdir()
    files, reasons = embed(places, folder, jobs)
    assert files == {}
    assert "0.npy cannot be written" in reasons[places[0]]
    assert "harmonics.l0" in reasons[places[1]]


def test_a_file_that_cannot_be_read_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(encoder: LocationEncoder, table: TaskTable) -> str:
        if encoder.card.name == "harmonics.l10":
            raise PermissionError(errno.EACCES, "Permission denied", "weights.pth")
        return embedding_key(encoder, table)

    monkeypatch.setattr(embedding_jobs, "embedding_key", refused)
    places = [Place("harmonics.l10", Points()), Place("wrap", Points())]
    files, reasons = embed(places, tmp_path / "run", 1)
    assert files.keys() == {places[1]}
    assert "Permission denied: 'weights.pth'" in reasons[places[0]]


def test_a_system_that_refuses_a_process_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> Iterator[object]:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        yield

    monkeypatch.setattr(embedding_jobs, "run_in_workers", refused)
    with pytest.raises(UnfinishedError, match="temporarily unavailable"):
        embed([Place("wrap", Points())], tmp_path / "run", 2)


def test_few_values_start_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    only_here = Place("wrap", Points(only_in=os.getpid()))
    files, reasons = embed([only_here], tmp_path / "run", 2)
    assert files.keys() == {only_here}
    assert reasons == {}
