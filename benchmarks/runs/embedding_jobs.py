"""The embeddings that a run needs: found in the cache, or computed in one process or several."""

from __future__ import annotations

from collections.abc import Container, Generator, Hashable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.runs.callbacks import Callbacks
from satclip_bench.benchmarks.runs.embedding_blocks import write_embedding
from satclip_bench.benchmarks.runs.embedding_cache import EmbeddingCache
from satclip_bench.benchmarks.runs.embeddings import embedding_key, is_outside
from satclip_bench.benchmarks.runs.threads import thread_limit
from satclip_bench.benchmarks.runs.workers import run_in_workers
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import HashedStream, atomic_write
from satclip_bench.encoders import LocationEncoder, get_encoder
from satclip_bench.tasks import TaskTable

SMALL = 4_000_000
"""Number of values up to which embeddings take less time than starting processes for them."""


class Source(Hashable, Protocol):
    """Identifies a table and loads it; units with an equal source share an embedding."""

    def load(self) -> TaskTable:
        """The table of points to be embedded. Raises BenchError."""


Digest: TypeAlias = "str | BenchError"
"""SHA-256 of an embedding's file, or why there is no such file."""


@dataclass(frozen=True)
class Place:
    """An embedding by what it is made from; workers of a cluster compute it.

    Attributes:
        encoder: name of an encoder.
        source: table whose points it embeds.
    """

    encoder: str
    source: Source

    def compute(self) -> NDArray[np.float32]:
        """The `(N, D)` embedding by an encoder that is not a custom one.

        It is read from the cache of this machine, or computed in this process.

        Raises:
            BenchError: the encoder cannot be made or used, or the table cannot be read.
        """
        with TemporaryDirectory() as folder, EmbeddingCache() as cache:
            paths, reasons = embed_all([self], {}, Path(folder), cache, Callbacks())
            if self in reasons:
                raise BenchError(reasons[self])
            embedding: NDArray[np.float32] = np.load(paths[self])
        return embedding


@dataclass(frozen=True)
class Missing:
    """An embedding that has to be computed.

    Attributes:
        place: what it is made from.
        name: name of its file in the cache; empty if it is not kept there.
        file: file that it is written to.
        title: short description for progress.
        values: number of its values.
    """

    place: Place
    name: str
    file: Path
    title: str
    values: int


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
            encoder, table = encoders[place.encoder], place.source.load()
            title = f"{table.card.name} {place.encoder}"
            name = "" if is_outside(encoder) else f"{embedding_key(encoder, table)}.npy"
            path = cache.find(name) if name else None
        except BenchError as error:
            reasons[place] = str(error)
        else:
            if path is None:
                values = len(table) * encoder.card.dimension
                file = scratch / f"{number}.npy"
                missing[number] = Missing(place, name, file, title, values)
                continue
            paths[place] = path
        callbacks.advance("embeddings", title)
    with closing(_compute(missing, encoders, custom, scratch, processes)) as digests:
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
    processes: int,
) -> Generator[tuple[int, Digest]]:
    """Write embeddings to their files, and yield the digests in the order of finishing."""
    by_name = {i: item for i, item in missing.items() if item.place.encoder not in custom}
    if processes == 1 or sum(item.values for item in by_name.values()) <= SMALL:
        by_name = {}
    else:
        # In the order of the encoders, because a worker keeps one of them at a time.
        items = sorted(by_name.items(), key=lambda entry: entry[1].place.encoder)
        tasks = {i: partial(_embed_by_name, item.place, item.file) for i, item in items}
        yield from run_in_workers(tasks, processes, scratch / "running")
    for number, item in missing.items():
        if number not in by_name:
            yield number, _embed(encoders[item.place.encoder], item.place.source, item.file)


def _embed_by_name(place: Place, file: Path) -> Digest:
    try:
        encoder = _encoder(place.encoder)
    except BenchError as error:
        return BenchError(str(error))
    return _embed(encoder, place.source, file)


def _embed(encoder: LocationEncoder, source: Source, file: Path) -> Digest:
    """Write an embedding to a file. With one thread it does not depend on the number of cores."""
    try:
        table = source.load()
        with thread_limit(1), atomic_write(file) as content:
            stream = HashedStream(content)
            write_embedding(stream, encoder, table)
        return stream.sha256
    except BenchError as error:
        # The subclass and the cause may not survive the way between processes.
        return BenchError(str(error))


@lru_cache(maxsize=1)
def _encoder(name: str) -> LocationEncoder:
    """An encoder whose weights are read once for all tables that a worker process embeds."""
    return get_encoder(name)
