"""Embeddings that are written block by block."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from satclip_bench.benchmarks.runs import embedding_blocks
from satclip_bench.benchmarks.runs.embedding_blocks import write_embedding
from satclip_bench.benchmarks.runs.tables import TaskSource, load_table
from satclip_bench.core.dates import Dates, Times
from satclip_bench.core.errors import EncoderError
from satclip_bench.core.files import HashedStream, sha256_bytes
from satclip_bench.encoders import Encoder, EncoderCard
from satclip_bench.encoders.timed import TimedEncoder
from satclip_bench.tasks import TaskTable


class Tilt(Encoder):
    """Sines of the coordinates; NaN at latitudes above `limit`."""

    card = EncoderCard(name="tilt", title="Tilt", dimension=2)

    def __init__(self, limit: float = 90.0) -> None:
        self.limit = limit
        self.calls: list[int] = []

    def encode(self, lonlat: Any, batch_size: int = 8192) -> Any:
        self.calls.append(len(lonlat))
        return super().encode(lonlat, batch_size)

    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        return np.where(lonlat[:, 1:] > self.limit, np.nan, np.sin(np.radians(lonlat)))


class Months(TimedEncoder):
    """The month, beside a column of ones."""

    card = EncoderCard(name="months", title="Months", dimension=2, time={"month": 6})

    def forward_at(self, lonlat: NDArray[np.float64], times: Times) -> NDArray[np.float64]:
        return np.stack([np.ones(len(lonlat)), times["month"]], axis=1)


def polar_table(rows: int) -> TaskTable:
    """Points from south to north: those of the last block look like latitude and longitude."""
    table = load_table(TaskSource("median_income"))
    lonlat = np.stack([np.full(rows, 5.0), np.linspace(-80, 80, rows)], axis=1)
    return replace(table, lonlat=lonlat, target=np.zeros(rows))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of two batches of two columns."""
    monkeypatch.setattr(embedding_blocks, "WHOLE_BYTES", 100)
    monkeypatch.setattr(embedding_blocks, "BLOCK_BYTES", 4 * 2 * 2 * 8192)


def test_the_file_is_that_of_numpy() -> None:
    table, encoder, buffer, expected = polar_table(40_000), Tilt(), io.BytesIO(), io.BytesIO()
    stream = HashedStream(buffer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_embedding(stream, encoder, table)
    assert encoder.calls == [16384, 16384, 7232]
    np.save(expected, Tilt().encode(table.lonlat))
    assert buffer.getvalue() == expected.getvalue()
    assert stream.sha256 == sha256_bytes(expected.getvalue())


def test_an_error_names_the_rows_of_the_block() -> None:
    where = "in rows 32768 to 39999 of 'median_income': encoder 'tilt' .* row 37500$"
    with pytest.raises(EncoderError, match=where):
        write_embedding(io.BytesIO(), Tilt(limit=70.0), polar_table(40_000))


def test_each_block_gets_the_dates_of_its_rows() -> None:
    months = np.random.default_rng(0).integers(1, 13, 40_000)
    table = replace(polar_table(40_000), dates=Dates("day", {"month": months}))
    buffer = io.BytesIO()
    write_embedding(buffer, Months(), table)
    np.testing.assert_array_equal(np.load(io.BytesIO(buffer.getvalue()))[:, 1], months)
