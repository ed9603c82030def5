"""Rows computed in threads, one tile at a time."""

from __future__ import annotations

import numpy as np
import pytest

from satclip_bench.encoders.layers.tiles import TILE, over_tiles


@pytest.mark.parametrize("rows", [0, 1, TILE, 3 * TILE + 5])
def test_every_row_is_computed_once_and_written_where_it_belongs(rows: int) -> None:
    order = np.random.default_rng(0).permutation(rows)
    plain, permuted = np.full((2, rows, 1), -1.0)

    def forward(start: int, stop: int) -> np.ndarray:
        assert 0 < stop - start <= TILE
        return np.arange(start, stop)[:, None]

    over_tiles(forward, plain)
    over_tiles(forward, permuted, order)
    assert np.array_equal(plain[:, 0], np.arange(rows))
    assert np.array_equal(permuted[order, 0], np.arange(rows))
