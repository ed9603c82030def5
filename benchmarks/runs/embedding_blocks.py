"""Embedding the points of a task block by block into a file, so that memory stays bounded."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from satclip_bench.benchmarks.runs.embeddings import times_of
from satclip_bench.core.errors import EncoderError
from satclip_bench.core.files import ByteStream
from satclip_bench.core.sphere import SwappedCoordinatesWarning
from satclip_bench.encoders import LocationEncoder
from satclip_bench.encoders.base import BATCH_SIZE, Embedding, call_encoder
from satclip_bench.encoders.lookup.partial import PartialEncoder, none_covered
from satclip_bench.tasks import TaskTable

WHOLE_BYTES = 2**29
"""An embedding of up to this many bytes is computed by one call of its encoder."""

BLOCK_BYTES = 2**27
"""Bytes of a block of a larger embedding."""


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
    shape = (len(table), encoder.card.dimension)
    if 4 * shape[0] * shape[1] <= WHOLE_BYTES:
        embedding = _embed(encoder, table, slice(None))
        _require_coverage(encoder, table, covered=bool(embedding.any()))
        np.save(stream, embedding, allow_pickle=False)
        return
    descr = np.lib.format.dtype_to_descr(np.dtype(np.float32))
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    covered = False
    for block in _blocks(encoder, table):
        covered = covered or bool(block.any())
        stream.write(np.ascontiguousarray(block).data)
    _require_coverage(encoder, table, covered=covered)


def _require_coverage(encoder: LocationEncoder, table: TaskTable, *, covered: bool) -> None:
    """Raise EncoderError if an encoder with partial coverage covers no point of a task."""
    if isinstance(encoder, PartialEncoder) and not covered and len(table):
        what = f"the {len(table):,} points of {table.card.name!r}"
        raise EncoderError(none_covered(encoder, table.lonlat, what))


def _blocks(encoder: LocationEncoder, table: TaskTable) -> Iterator[Embedding]:
    # Blocks of whole batches: the encoder then gets the same batches as in one call.
    batches = BLOCK_BYTES // (4 * encoder.card.dimension * BATCH_SIZE)
    size = max(1, batches) * BATCH_SIZE
    for start in range(0, len(table), size):
        rows = slice(start, min(start + size, len(table)))
        with warnings.catch_warnings():
            # The points of a block can be polar even if those of the table are not.
            warnings.simplefilter("ignore", SwappedCoordinatesWarning)
            try:
                block = _embed(encoder, table, rows)
            except EncoderError as error:
                where = f"in rows {rows.start} to {rows.stop - 1} of {table.card.name!r}"
                raise EncoderError(f"{where}: {error}") from error
        yield block


def _embed(encoder: LocationEncoder, table: TaskTable, rows: slice) -> Embedding:
    times = {unit: values[rows] for unit, values in times_of(encoder, table).items()}
    return call_encoder(encoder, table.lonlat[rows], f"the points of {table.card.name!r}", times)
