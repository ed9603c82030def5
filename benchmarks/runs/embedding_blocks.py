"""Embedding the points of a task block by block into a file, so that memory stays bounded."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.runs.embeddings import times_of
from satclip_bench.core.dates import Times
from satclip_bench.core.errors import EncoderError, RowsError
from satclip_bench.core.files import ByteStream
from satclip_bench.core.sphere import SwappedCoordinatesWarning
from satclip_bench.encoders import LocationEncoder
from satclip_bench.encoders.base import BATCH_SIZE, Embedding, call_encoder
from satclip_bench.encoders.lookup.partial import (
    PartialEncoder,
    UncoveredPointsWarning,
    none_covered,
)
from satclip_bench.tasks import TaskTable

WHOLE_BYTES = 2**29
"""An embedding of up to this many bytes is computed by one call of its encoder."""

BLOCK_BYTES = 2**27
"""Bytes of a block of a larger embedding."""


def block_rows(rows: int, columns: int) -> tuple[slice, ...]:
    """Rows of the blocks in which a table is embedded; a small table is one block.

    Blocks are whole batches: an encoder gets the same batches as in one call for all points.

    Args:
        rows: number of points.
        columns: dimension of the embedding.

    >>> block_rows(100, 512)
    (slice(0, 100, None),)
    """
    if 4 * rows * columns <= WHOLE_BYTES:
        return (slice(0, rows),)
    size = max(1, BLOCK_BYTES // (4 * columns * BATCH_SIZE)) * BATCH_SIZE
    return tuple(slice(start, min(start + size, rows)) for start in range(0, rows, size))


def write_embedding(stream: ByteStream, encoder: LocationEncoder, table: TaskTable) -> None:
    """Embed the points of a task, and write the `(N, D)` float32 in NumPy's format.

    Args:
        stream: stream of the `.npy` file.
        encoder: encoder of the points.
        table: table whose points are embedded.

    Raises:
        BenchError: the encoder raised (its own exception is the cause), did not return an
            embedding of these points, or covers none of them.
    """
    parts = block_rows(len(table), encoder.card.dimension)
    if len(parts) == 1:
        embedding = PointBlock.of(encoder, table, parts[0]).embed(encoder)
        require_coverage(encoder, table, covered=bool(embedding.any()))
        np.save(stream, embedding, allow_pickle=False)
        return
    blocks = (embed_block(encoder, PointBlock.of(encoder, table, rows)) for rows in parts)
    write_blocks(stream, encoder, table, blocks)


def write_blocks(
    stream: ByteStream, encoder: LocationEncoder, table: TaskTable, blocks: Iterable[Embedding]
) -> None:
    """Write the blocks of an embedding one after the other in NumPy's format.

    Args:
        stream: stream of the `.npy` file.
        encoder: encoder that made the blocks.
        table: table whose points are embedded.
        blocks: embeddings of all its points, `(n, D)` each, in order.

    Raises:
        EncoderError: the encoder covers none of the points.
    """
    shape = (len(table), encoder.card.dimension)
    descr = np.lib.format.dtype_to_descr(np.dtype(np.float32))
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    covered = False
    for block in blocks:
        covered = covered or bool(block.any())
        stream.write(np.ascontiguousarray(block).data)
    require_coverage(encoder, table, covered=covered)


def require_coverage(encoder: LocationEncoder, table: TaskTable, *, covered: bool) -> None:
    """Check that an encoder with partial coverage covers some point of a task.

    Args:
        encoder: encoder of the points.
        table: table whose points are embedded.
        covered: whether the embedding has a value that is not zero.

    Raises:
        EncoderError: the encoder covers none of the points.
    """
    if isinstance(encoder, PartialEncoder) and not covered and len(table):
        what = f"the {len(table):,} points of {table.card.name!r}"
        raise EncoderError(none_covered(encoder, table.lonlat, what))


@dataclass(frozen=True)
class PointBlock:
    """Consecutive points of a table that an encoder embeds at once; it can be pickled.

    Attributes:
        task: name of the table's task, for messages.
        first: row of the first point in the table.
        lonlat: `(n, 2)` degrees, longitude first.
        times: months or years of the points that the encoder takes, `(n,)` each.
    """

    task: str
    first: int
    lonlat: NDArray[np.float64]
    times: Times

    @classmethod
    def of(cls, encoder: LocationEncoder, table: TaskTable, rows: slice) -> Self:
        """The points of some rows of a table."""
        times = {unit: values[rows] for unit, values in times_of(encoder, table).items()}
        return cls(table.card.name, rows.start, table.lonlat[rows], times)

    def embed(self, encoder: LocationEncoder) -> Embedding:
        """Embed the points of the block by one call of the encoder they are for, `(n, D)`.

        Raises:
            BenchError: the encoder raised (its own exception is the cause), or did not return an
                embedding of these points.
        """
        with warnings.catch_warnings():
            # Records have the share of covered points, and a run prints it for each task.
            warnings.simplefilter("ignore", UncoveredPointsWarning)
            where = f"the points of {self.task!r}"
            return call_encoder(encoder, self.lonlat, where, self.times)


def embed_block(encoder: LocationEncoder, block: PointBlock) -> Embedding:
    """Embed a block of the points of a large table, `(n, D)`.

    Raises:
        BenchError: the encoder raised (its own exception is the cause), or did not return an
            embedding of these points; the message names the rows.
    """
    with warnings.catch_warnings():
        # The points of a block can be polar even if those of the table are not.
        warnings.simplefilter("ignore", SwappedCoordinatesWarning)
        try:
            return block.embed(encoder)
        except EncoderError as error:
            last = block.first + len(block.lonlat) - 1
            where = f"in rows {block.first} to {last} of {block.task!r}"
            if isinstance(error, RowsError):
                error = error.renumbered(range(block.first, last + 1))
            raise EncoderError(f"{where}: {error}") from error
