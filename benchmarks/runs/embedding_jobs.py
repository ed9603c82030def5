"""The embeddings that a run needs: found in the cache, or computed in one process or several."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Generator, Hashable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.runs.callbacks import Callbacks
from satclip_bench.benchmarks.runs.embedding_blocks import (
    block_rows,
    require_coverage,
    write_embedding,
)
from satclip_bench.benchmarks.runs.embedding_cache import EmbeddingCache
from satclip_bench.benchmarks.runs.embedding_shards import (
    Digest,
    ShardedEmbedding,
    compute_shard,
    kept_encoder,
)
from satclip_bench.benchmarks.runs.embeddings import embedding_key, encoder_hashes, is_outside
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.benchmarks.runs.work import finished_by
from satclip_bench.benchmarks.runs.workers import run_in_workers
from satclip_bench.core.errors import BenchError, EncoderError
from satclip_bench.core.files import HashedStream, atomic_write
from satclip_bench.encoders import LocationEncoder, get_encoder
from satclip_bench.tasks import TaskTable

SMALL = 4_000_000
"""Number of values up to which embeddings take less time than starting processes for them."""


class Source(Hashable, Protocol):
    """Identifies a table and loads it; units with an equal source share an embedding."""

    def load(self) -> TaskTable:
        """The table of points to be embedded. Raises BenchError."""


@dataclass(frozen=True)
class Place:
    """An embedding by what it is made from; workers of a cluster compute it.

    Attributes:
        encoder: name of an encoder.
        source: table whose points it embeds.
        hashes: `encoder_hashes` of the encoder when the run was planned; None if any will do.
    """

    encoder: str
    source: Source
    hashes: tuple[int, str, str] | None = None

    def require(self, encoder: LocationEncoder) -> None:
        """Raise EncoderError unless an encoder is the one that the run was planned with."""
        if self.hashes and (hashes := encoder_hashes(encoder)) != self.hashes:
            here, planned = (", ".join(map(str, each)) for each in (hashes, self.hashes))
            raise EncoderError(
                f"encoder {self.encoder!r} is not the one that the run was planned with: its "
                f"version and the hashes of its source and weights are {here}, not {planned}. If "
                "they have changed, run the same command again; on a cluster, they have to be the "
                "same on all machines"
            )

    def compute(self) -> NDArray[np.float32]:
        """The `(N, D)` embedding by an encoder that is not a custom one.

        It is read from the cache of this machine, or computed in this process.

        Raises:
            BenchError: the encoder or the table cannot be used, or is another one here.
        """
        with TemporaryDirectory() as folder, EmbeddingCache() as cache:
            paths, reasons = embed_all([self], {}, Path(folder), cache, Callbacks())
            if self in reasons:
                raise BenchError(reasons[self])
            embedding: NDArray[np.float32] = np.load(paths[self])
        return embedding

    def shards(self) -> tuple[PlaceShard, ...]:
        """Blocks of rows of the embedding of a large table; empty if it is computed as a whole."""
        try:
            columns, rows = kept_encoder(self.encoder).card.dimension, len(self.source.load())
        except BenchError:
            # What cannot be made here may be made where it is computed; if not, that is the reason.
            return ()
        blocks = block_rows(rows, columns)
        return tuple(PlaceShard(self, b.start, b.stop) for b in blocks) if len(blocks) > 1 else ()

    def join(self, blocks: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """The `(N, D)` embedding made of its blocks.

        Raises:
            EncoderError: the encoder covers none of the points.
        """
        if not any(bool(block.any()) for block in blocks):
            require_coverage(kept_encoder(self.encoder), self.source.load(), covered=False)
        return np.concatenate(blocks)


@dataclass(frozen=True)
class PlaceShard:
    """A block of rows of an embedding; workers of a cluster compute it.

    Attributes:
        place: what the embedding is made from.
        start: first row.
        stop: row after the last one.
    """

    place: Place
    start: int
    stop: int

    def compute(self) -> NDArray[np.float32]:
        """The `(stop - start, D)` embedding of these rows, from the cache of this machine or not.

        Raises:
            BenchError: the encoder or the table cannot be used, or is another one here.
        """
        encoder = kept_encoder(self.place.encoder)
        self.place.require(encoder)
        return compute_shard(encoder, self.place.source.load(), slice(self.start, self.stop))


@dataclass(frozen=True)
class Missing:
    """An embedding that has to be computed.

    Attributes:
        place: what it is made from.
        name: name of its file in the cache; empty if it is not kept there.
        file: file that it is written to.
        title: short description for progress.
        values: number of its values.
        shards: its shards, if the table is a large one and the encoder not a custom one.
    """

    place: Place
    name: str
    file: Path
    title: str
    values: int
    shards: ShardedEmbedding | None = None


def embed_all(
    places: Sequence[Place],
    custom: Mapping[str, LocationEncoder],
    scratch: Path,
    cache: EmbeddingCache,
    callbacks: Callbacks,
    processes: int = 1,
) -> tuple[dict[Place, Path], dict[Place, str]]:
    """Files with embeddings, and why the others could not be computed.

    Embeddings by the suite's own encoders are kept in the cache, under a key of everything that
    can change them. What a custom encoder depends on is not known, so that its embeddings go to
    `scratch` and are computed in every run. So do all embeddings if the cache cannot be written.

    Args:
        places: the embeddings, each given once.
        custom: encoders that are not registered, by name. Other processes could not make them,
            so that this one uses them.
        scratch: folder for embeddings that are not in the cache yet, or never.
        cache: cached embeddings.
        callbacks: progress callbacks.
        processes: maximum number of worker processes; 1 to compute all embeddings in this one.
    """
    callbacks.start("embeddings", len(places))
    encoders = dict(custom)
    paths: dict[Place, Path] = {}
    reasons: dict[Place, str] = {}
    missing: dict[int, Missing] = {}
    for number, place in enumerate(places):
        title = place.encoder
        try:
            if place.encoder not in encoders:
                encoders[place.encoder] = get_encoder(place.encoder)
            if place.encoder not in custom:
                place.require(encoders[place.encoder])
            encoder, table = encoders[place.encoder], place.source.load()
            title = f"{table.card.name} {place.encoder}"
            name = "" if is_outside(encoder) else f"{embedding_key(encoder, table)}.npy"
            path = cache.find(name) if name else None
        except (BenchError, OSError) as error:
            reasons[place] = str(error)
        else:
            if path is None:
                shape = (len(table), encoder.card.dimension)
                file = scratch / f"{number}.npy"
                shards = (
                    ShardedEmbedding(encoder, table, name, file, cache)
                    if len(block_rows(*shape)) > 1 and place.encoder not in custom
                    else None
                )
                missing[number] = Missing(place, name, file, title, math.prod(shape), shards)
                continue
            paths[place] = path
        callbacks.advance("embeddings", title)
    computed = finished_by(_compute(missing, encoders, custom, scratch, cache, processes))
    with closing(computed) as digests:
        for number, digest in digests:
            item = missing[number]
            if isinstance(digest, BenchError):
                reasons[item.place] = str(digest)
            else:
                kept = cache.add(item.name, item.file, digest) if item.name else None
                paths[item.place] = kept or item.file
            callbacks.advance("embeddings", item.title)
    cache.evict()
    return paths, reasons


def _compute(
    missing: Mapping[int, Missing],
    encoders: Mapping[str, LocationEncoder],
    custom: Container[str],
    scratch: Path,
    cache: EmbeddingCache,
    processes: int,
) -> Generator[tuple[int, Digest]]:
    """Write embeddings to their files, and yield the digests in the order of finishing.

    Tasks of worker processes are whole embeddings of small tables and shards of large ones.
    """
    # In the order of the encoders, because a worker keeps one of them at a time.
    by_name = sorted(
        (number for number, item in missing.items() if item.place.encoder not in custom),
        key=lambda number: missing[number].place.encoder,
    )
    in_workers = processes > 1 and sum(missing[number].values for number in by_name) > SMALL
    tasks: list[tuple[int, int | None, Callable[[], Digest]]] = []
    for number in by_name:
        item = missing[number]
        make = partial(kept_encoder if in_workers else encoders.__getitem__, item.place.encoder)
        if item.shards is None:
            tasks.append((number, None, partial(_embed, make, item.place.source, item.file)))
            continue
        tasks += [(number, shard, task) for shard, task in item.shards.missing(make).items()]
        if item.shards.finished:
            yield number, item.shards.join()
    functions = {i: function for i, (_, _, function) in enumerate(tasks)}
    results: Generator[tuple[int, Digest]] = (
        run_in_workers(functions, processes, scratch / "running")
        if in_workers
        else ((i, function()) for i, function in functions.items())
    )
    with closing(results):
        for i, digest in results:
            number, shard, _ = tasks[i]
            shards = missing[number].shards
            if shards is None or shard is None:
                yield number, digest
                continue
            shards.add(shard, digest)
            if shards.finished:
                yield number, shards.join()
    for number, item in missing.items():
        if item.place.encoder in custom:
            make = partial(encoders.__getitem__, item.place.encoder)
            yield number, _embed(make, item.place.source, item.file)


def _embed(make: Callable[[], LocationEncoder], source: Source, file: Path) -> Digest:
    """Write an embedding to a file. With one thread it does not depend on the number of cores."""
    try:
        encoder, table = make(), source.load()
        with thread_limit(1), atomic_write(file) as content:
            stream = HashedStream(content)
            write_embedding(stream, encoder, table)
        return stream.sha256
    except (BenchError, OSError) as error:
        # The subclass and the cause may not survive the way between processes.
        return BenchError(str(error))
