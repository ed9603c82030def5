"""Files of RANGE's database: what can be read, and what is refused and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders.lookup.retrieval import load_database
from tests.encoders.range_files import apart, arrays, database, weights, written
from tests.encoders.test_satclip import Bomb

__all__ = ["arrays", "database", "weights"]


def with_row(array: NDArray[np.float64], row: int, value: Any) -> NDArray[np.float64]:
    changed = array.copy()
    changed[row] = value
    return changed


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("locs", None, r"arrays \['locs'\] are missing"),
        ("locs", lambda a: a[1:], "different numbers of rows: .*'locs': 149"),
        ("locs", lambda a: a[:, ::-1], "columns look swapped"),
        ("locs", lambda a: with_row(a, 3, [0, 91]), "row 3: 0, 91"),
        ("locs", lambda a: a[0, 0], r"shape \(\); it should be .* \(rows, 2\)"),
        ("locs", lambda a: a.astype(int), "locs is int64"),
        ("satclip_embeddings", lambda a: a[:, 1:], r"\(150, 255\); .*\(rows, 256\)"),
        ("satclip_embeddings", lambda a: with_row(a, 5, 0), "row 5 are all zero"),
        ("image_embeddings", lambda a: with_row(a, 7, np.nan), "not finite in 1 rows.*row 7"),
        ("image_embeddings", lambda a: with_row(a, 7, 1e39), "not finite in 1 rows.*row 7"),
        ("image_embeddings", lambda a: a[:0], r"\(0, 1024\)"),
    ],
)
def test_arrays_that_cannot_be_used_are_named(
    arrays: dict[str, Any],
    tmp_path: Path,
    name: str,
    change: Callable[[Any], Any] | None,
    words: str,
) -> None:
    changed = {k: v for k, v in arrays.items() if k != name}
    if change is not None:
        changed[name] = change(arrays[name])
    path = written(changed, tmp_path)
    with pytest.raises(EncoderError, match=words) as caught:
        load_database(path)
    assert str(path) in str(caught.value)


def test_other_arrays_and_precisions_and_compression_do_not_matter(
    arrays: dict[str, Any], database: Path, tmp_path: Path
) -> None:
    path = tmp_path / "small.npz"
    single = {name: array.astype(np.float32) for name, array in arrays.items()}
    np.savez_compressed(path, notes=np.array(["x"]), **single)
    a, b = load_database(path), load_database(database)
    for name in ("keys", "values", "places"):
        assert getattr(a, name).dtype == np.float32
        assert apart(getattr(a, name), getattr(b, name)) < 1e-6


def test_a_database_that_would_execute_code_is_refused(
    arrays: dict[str, Any], tmp_path: Path
) -> None:
    mark = tmp_path / "executed"
    path = written(arrays | {"locs": np.array([Bomb(mark)], dtype=object)}, tmp_path)
    with pytest.raises(EncoderError, match="could execute code"):
        load_database(path)
    assert not mark.exists()


def test_damaged_files(database: Path, tmp_path: Path) -> None:
    content = database.read_bytes()
    middle = len(content) // 2
    flipped = bytearray(content)
    flipped[middle] ^= 255
    path = tmp_path / "damaged.npz"
    for damaged, words in (
        (content[:middle], "truncated or damaged"),
        (content[:-30], "truncated or damaged"),
        (bytes(flipped), "damaged, or contains pickled objects"),
        (b"", "empty"),
        (b"not a file of arrays", "text that begins with 'not a file of arrays'"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(EncoderError, match=rf"damaged\.npz is {words}"):
            load_database(path)
    np.save(tmp_path / "one.npy", np.zeros((3, 2)))
    with pytest.raises(EncoderError, match=r"one\.npy is a \.npy file, not an \.npz file"):
        load_database(tmp_path / "one.npy")
