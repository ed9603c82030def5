"""Large embeddings that are computed in shards: the same bytes, and what a failure costs."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from satclip_bench.benchmarks.runs import embedding_blocks, embedding_jobs, embedding_shards
from satclip_bench.benchmarks.runs.callbacks import Callbacks
from satclip_bench.benchmarks.runs.cluster import DaskCluster
from satclip_bench.benchmarks.runs.embedding_blocks import PointBlock
from satclip_bench.benchmarks.runs.embedding_cache import EmbeddingCache
from satclip_bench.benchmarks.runs.embedding_jobs import Place, embed_all
from satclip_bench.benchmarks.runs.embeddings import embedding_key
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table
from satclip_bench.benchmarks.runs.work import Work
from satclip_bench.core.errors import BenchError, EncoderError
from satclip_bench.core.files import CACHE_VARIABLE
from satclip_bench.encoders import LocationEncoder, get_encoder
from satclip_bench.encoders.base import BATCH_SIZE
from satclip_bench.tasks import TaskTable
from tests.benchmarks.runs.in_threads import cluster_in_threads

ENCODER, ROWS = "cartesian3d", 5 * BATCH_SIZE // 2
SHARDS = ["0-8192", "8192-16384", "16384-20480"]
KILLS = "SATCLIP_BENCH_TEST_KILLS"


class Deadly(np.ndarray[Any, np.dtype[np.float64]]):
    """Points that kill the worker process that embeds them, if they are the second shard."""

    def copy(self, order: Any = "C") -> Deadly:
        kills = Path(os.environ[KILLS])
        left = int(kills.read_text())
        if left and self[0, 0] == BATCH_SIZE / ROWS:
            kills.write_text(str(left - 1))
            os.kill(os.getpid(), signal.SIGKILL)
        return super().copy(order)


@dataclass(frozen=True)
class ManyPoints:
    """A table of two and a half batches of points, whose longitudes are shares of its length."""

    deadly: bool = False

    def load(self) -> TaskTable:
        table = load_table(TaskSource("median_income"))
        lonlat = np.column_stack([np.arange(ROWS) / ROWS, np.linspace(-80, 80, ROWS)])
        points = lonlat.view(Deadly) if self.deadly else lonlat
        return replace(table, lonlat=points, target=np.zeros(ROWS), sha256="many points")


@pytest.fixture(autouse=True)
def small_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of one batch, and a cache of its own."""
    monkeypatch.setattr(embedding_blocks, "WHOLE_BYTES", 100)
    monkeypatch.setattr(embedding_blocks, "BLOCK_BYTES", 1)
    monkeypatch.setattr(embedding_jobs, "SMALL", 0)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))


@pytest.fixture
def expected() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, get_encoder(ENCODER).encode(ManyPoints().load().lonlat))
    return buffer.getvalue()


def embed(folder: Path, processes: int, source: ManyPoints | None = None) -> bytes:
    """The content of the embedding's file. Raises BenchError with the reason if there is none."""
    place = Place(ENCODER, source or ManyPoints())
    folder.mkdir(exist_ok=True)
    with EmbeddingCache() as cache:
        paths, reasons = embed_all([place], {}, folder, cache, Callbacks(), processes)
        if reasons:
            raise BenchError(reasons[place])
        return paths[place].read_bytes()


def cached(tmp_path: Path) -> list[str]:
    """Names of the cached files without the embedding's key."""
    key = embedding_key(get_encoder(ENCODER), ManyPoints().load())
    names = sorted(
        (path.stem for path in (tmp_path / "cache" / "embeddings").glob("*.npy")), key=len
    )
    return sorted((name.removeprefix(key).removeprefix("-") for name in names), key=len)


def failing(
    shard: int, error: BaseException, embedded: list[int]
) -> Callable[..., NDArray[np.float32]]:
    """A function that embeds a block, and raises the error in one shard."""

    def embed_block(encoder: LocationEncoder, block: PointBlock) -> NDArray[np.float32]:
        embedded.append(block.first)
        if block.first == shard * BATCH_SIZE:
            raise error
        return embedding_blocks.embed_block(encoder, block)

    return embed_block


@pytest.mark.parametrize("processes", [1, 2])
def test_shards_become_the_file_of_one_call(
    tmp_path: Path, expected: bytes, processes: int
) -> None:
    assert embed(tmp_path / "run", processes) == expected
    assert cached(tmp_path) == [""]
    assert [path.name for path in (tmp_path / "run").rglob("*.npy")] == []


def test_shards_that_cannot_be_cached_become_the_same_file(tmp_path: Path, expected: bytes) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert embed(tmp_path / "run", 1) == expected
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["0.npy"]


@pytest.mark.parametrize("error", [EncoderError("out of cheese"), KeyboardInterrupt("Ctrl-C")])
def test_other_shards_are_kept_if_one_fails(
    tmp_path: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(embedding_shards, "embed_block", failing(1, error, []))
        with pytest.raises((BenchError, KeyboardInterrupt), match=str(error)):
            embed(tmp_path / "run", 1)
    kept = [SHARDS[0], SHARDS[2]] if isinstance(error, EncoderError) else SHARDS[:1]
    assert sorted(cached(tmp_path)) == sorted(kept)

    embedded: list[int] = []
    monkeypatch.setattr(embedding_shards, "embed_block", failing(-1, error, embedded))
    assert embed(tmp_path / "again", 1) == expected
    assert embedded == [i * BATCH_SIZE for i in range(3) if SHARDS[i] not in kept]
    assert cached(tmp_path) == [""]


def test_a_damaged_shard_is_computed_again(
    tmp_path: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(embedding_shards, "embed_block", failing(2, KeyboardInterrupt(), []))
        with pytest.raises(KeyboardInterrupt):
            embed(tmp_path / "run", 1)
    shard = next((tmp_path / "cache" / "embeddings").glob("*-0-8192.npy"))
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    assert embed(tmp_path / "again", 1) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("kills", [1, 2])
def test_a_killed_worker_costs_its_shard(
    tmp_path: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    (tmp_path / "kills").write_text(str(kills))
    monkeypatch.setenv(KILLS, str(tmp_path / "kills"))
    if kills == 2:
        with pytest.raises(BenchError, match="the process that computed it was killed twice"):
            embed(tmp_path / "run", 2, ManyPoints(deadly=True))
        assert sorted(cached(tmp_path)) == sorted([SHARDS[0], SHARDS[2]])
    assert embed(tmp_path / "again", 3 - kills, ManyPoints(deadly=True)) == expected
    assert (tmp_path / "kills").read_text() == "0"


def test_dask_workers_share_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    place = Place(ENCODER, ManyPoints())
    embedded: list[int] = []
    monkeypatch.setattr(embedding_shards, "embed_block", failing(-1, BenchError(), embedded))
    work = {i: Work(np.array, place) for i in range(2)}
    with cluster_in_threads(2) as cluster:
        executor = DaskCluster(cluster.scheduler_address, 2)
        results: dict[int, Any] = dict(executor.run(work, tmp_path, lambda _message: None))
    whole = get_encoder(ENCODER).encode(ManyPoints().load().lonlat)
    for result in results.values():
        assert result.tobytes() == whole.tobytes()
    assert sorted(embedded) == [0, BATCH_SIZE, 2 * BATCH_SIZE]
    assert sorted(cached(tmp_path)) == sorted(SHARDS)
