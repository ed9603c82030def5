"""Shards of the embedding of a large table: blocks of rows that are computed one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import numpy as np

from satclip_bench.benchmarks.runs.embedding_blocks import (
    PointBlock,
    block_rows,
    embed_block,
    write_blocks,
)
from satclip_bench.benchmarks.runs.embedding_cache import EmbeddingCache
from satclip_bench.benchmarks.runs.embeddings import embedding_key, is_outside
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import HashedStream, atomic_write
from satclip_bench.encoders import LocationEncoder, get_encoder
from satclip_bench.encoders.base import Embedding
from satclip_bench.tasks import TaskTable

Digest: TypeAlias = "str | BenchError"
"""SHA-256 of an embedding's file, or why there is no such file."""


@dataclass
class ShardedEmbedding:
    """An embedding whose shards are computed and cached one by one, and joined in the end.

    An interruption or a failed shard leaves the other shards in the cache, where the next run finds
    them. They are deleted while they are joined, so that an embedding is never on the disk twice.

    Attributes:
        encoder: one of the suite's own encoders.
        table: table whose points are embedded.
        name: name of the embedding's file in the cache; empty if it is not kept there.
        file: file outside the cache that the embedding is written to; those of its shards are
            beside it.
        cache: cached embeddings.
    """

    encoder: LocationEncoder
    table: TaskTable
    name: str
    file: Path
    cache: EmbeddingCache
    _paths: dict[int, Path] = field(default_factory=dict)
    _errors: dict[int, BenchError] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rows = block_rows(len(self.table), self.encoder.card.dimension)

    def missing(self, make: Callable[[], LocationEncoder]) -> dict[int, Callable[[], Digest]]:
        """Functions that write the shards that are not in the cache, by the number of the shard.

        They have the points that they need, so that no worker has to read the table.

        Args:
            make: function that makes the encoder where it is used.
        """
        tasks: dict[int, Callable[[], Digest]] = {}
        for number, rows in enumerate(self._rows):
            if self.name and (path := self.cache.find(shard_name(self.name, rows))):
                self._paths[number] = path
            else:
                block = PointBlock.of(self.encoder, self.table, rows)
                tasks[number] = partial(write_shard, make, block, self._file(number))
        return tasks

    def add(self, number: int, digest: Digest) -> None:
        """Take a shard that has been written into the cache, or note why it could not be written.

        Args:
            number: number of the shard.
            digest: what its function returned.
        """
        if isinstance(digest, BenchError):
            self._errors[number] = digest
            return
        file = self._file(number)
        name = shard_name(self.name, self._rows[number])
        kept = self.cache.add(name, file, digest) if self.name else None
        self._paths[number] = kept or file

    @property
    def finished(self) -> bool:
        """Whether no shard is left to be computed."""
        return len(self._paths) + len(self._errors) == len(self._rows)

    def join(self) -> Digest:
        """Write the embedding to `file`; if shards have failed, the error of the first of them."""
        if self._errors:
            return self._errors[min(self._errors)]
        try:
            with atomic_write(self.file) as content:
                stream = HashedStream(content)
                write_blocks(stream, self.encoder, self.table, self._blocks())
            return stream.sha256
        except BenchError as error:
            return error
        except (OSError, ValueError) as error:
            return BenchError(f"shards of the embedding cannot be read: {error}")

    def _blocks(self) -> Iterator[Embedding]:
        for number, rows in enumerate(self._rows):
            block: Embedding = np.load(self._paths[number])
            yield block
            self._file(number).unlink(missing_ok=True)
            if self.name:
                self.cache.discard(shard_name(self.name, rows))

    def _file(self, number: int) -> Path:
        return self.file.with_name(f"{self.file.stem}-{number}.npy")


def shard_name(name: str, rows: slice) -> str:
    """Name of the file of a shard in the cache.

    >>> shard_name("5f0c.npy", slice(0, 8192))
    '5f0c-0-8192.npy'
    """
    return f"{name.removesuffix('.npy')}-{rows.start}-{rows.stop}.npy"


def write_shard(make: Callable[[], LocationEncoder], block: PointBlock, file: Path) -> Digest:
    """Embed a block of the points of a large table, and write it to a file of its own.

    Args:
        make: function that makes the encoder.
        block: points of the block.
        file: file to write, in NumPy's format.

    Returns:
        SHA-256 of the file, or why there is none.
    """
    try:
        with thread_limit(1), atomic_write(file) as content:
            stream = HashedStream(content)
            np.save(stream, embed_block(make(), block), allow_pickle=False)
        return stream.sha256
    except (BenchError, OSError) as error:
        # The subclass and the cause may not survive the way between processes.
        return BenchError(str(error))


def compute_shard(encoder: LocationEncoder, table: TaskTable, rows: slice) -> Embedding:
    """The embedding of a block of rows: read from the cache of this machine, or computed.

    Args:
        encoder: encoder that is not a custom one.
        table: table whose points are embedded.
        rows: rows of the block.

    Raises:
        BenchError: the encoder raised, or did not return an embedding of these points.
    """
    with TemporaryDirectory() as folder, EmbeddingCache() as cache:
        whole = "" if is_outside(encoder) else f"{embedding_key(encoder, table)}.npy"
        name = shard_name(whole, rows) if whole else ""
        path = cache.find(name) if name else None
        if path is None:
            file = Path(folder) / "shard.npy"
            digest = write_shard(lambda: encoder, PointBlock.of(encoder, table, rows), file)
            if isinstance(digest, BenchError):
                raise digest
            path = (cache.add(name, file, digest) if name else None) or file
        block: Embedding = np.load(path)
    return block


@lru_cache(maxsize=1)
def kept_encoder(name: str) -> LocationEncoder:
    """An encoder whose weights are read once for all that a worker process embeds with it."""
    return get_encoder(name)
