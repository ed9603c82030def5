"""Bootstrap scores of committed results, whose predictions are too large to commit.

<folder>/bootstrap.parquet      (one row per cell: its loss in every replicate)
<folder>/bootstrap-2.parquet    (the same of cells that were added later, and so on)

The score of a replicate is 1 - loss / total: R2 with the total sum of squares, accuracy with the
number of points. Total and loss of the reference are those of the fold, which all encoders share.
Numbers are kept to 36 bits of their mantissa, a relative error of 10^-11: the ranks of replicates
come out the same, which they do not in float32, and the file is a quarter smaller than in float64.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satclip_bench.benchmarks.metrics.replicates import Replicates, RunReplicates
from satclip_bench.benchmarks.metrics.resampling import REPLICATES
from satclip_bench.benchmarks.runs.columns import REPLICATE_KEY
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import atomic_write
from satclip_bench.core.parquet import DAMAGE, reason

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "bootstrap.parquet"
ADDED = "bootstrap-*.parquet"
"""Files of cells that were added later, so that version control keeps the large first file once."""

Float = NDArray[np.float64]

_NUMBER = np.dtype("<f8")
_DROPPED_BITS = 16
_FOLD = ["task", "split", "seed", "fold"]


def write_bootstrap(
    folder: Path, frame: pd.DataFrame, replicates: RunReplicates, file: str = FILE
) -> None:
    """Write the bootstrap scores of committed results; the same scores give the same bytes.

    Args:
        folder: folder of the committed results.
        frame: their tidy table.
        replicates: bootstrap scores of all of its cells.
        file: name of the file; that of cells which are added to others matches `ADDED`.

    Raises:
        BenchError: a cell has no bootstrap scores, or the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    cells = _cells(frame)
    rows = replicates.score.rows(pd.MultiIndex.from_frame(cells[REPLICATE_KEY]))
    if (rows < 0).any():
        missing = cells.iloc[int(np.argmax(rows < 0))]
        raise BenchError(
            f"{folder / file} cannot be written: {missing['encoder']} on {missing['task']} has no "
            "bootstrap scores"
        )
    score, loss = replicates.score.scores[rows], replicates.loss.scores[rows]
    with np.errstate(invalid="ignore", divide="ignore"):
        total = loss / (1 - score)
    # A perfect score does not tell its total, but those of others in its fold do.
    for group in cells.groupby(_FOLD).indices.values():
        known = np.where(np.isfinite(total[group]), total[group], -np.inf).max(axis=0)
        defined = np.isfinite(score[group]).any(axis=0)
        total[group] = np.where(defined, np.where(np.isfinite(known), known, 1.0), np.nan)
    columns = (total, replicates.reference.scores[rows])
    table = pa.table(
        [
            cells["key"].tolist(),
            list(_rounded(loss)),
            *([row.tobytes() for row in _rounded(column)] for column in columns),
        ],
        schema=_schema(),
    )
    with atomic_write(folder / file) as stream:
        pq.write_table(
            table,
            stream,
            compression="zstd",
            compression_level=9,
            use_dictionary=["total", "reference"],
            dictionary_pagesize_limit=2**26,
            column_encoding={"loss.list.element": "BYTE_STREAM_SPLIT"},
        )


def read_bootstrap(folder: Path, frame: pd.DataFrame) -> RunReplicates | None:
    """The bootstrap scores of committed results; None if there are none.

    Args:
        folder: folder of the committed results.
        frame: their tidy table.

    Raises:
        BenchError: the file is damaged, or is not that of this table.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    cells = _cells(frame)
    files = [_read(file) for file in (path, *sorted(folder.glob(ADDED)))]
    keys = pd.Index([key for of_file, *_ in files for key in of_file])
    loss, total, reference = (np.concatenate(part) for part in list(zip(*files, strict=True))[1:])
    if sorted(keys) != sorted(cells["key"]) or not (
        len(loss) == len(total) == len(reference) == len(keys)
    ):
        written = path if len(files) == 1 else folder / "bootstrap*.parquet"
        raise BenchError(f"{written} is of other results than those beside it. {_ADVICE}")
    rows = keys.get_indexer(pd.Index(cells["key"]))
    index = pd.MultiIndex.from_frame(cells[REPLICATE_KEY])
    with np.errstate(invalid="ignore", divide="ignore"):
        score = 1 - loss / total
    return RunReplicates(*(Replicates(part[rows], index) for part in (score, loss, reference)))


def _read(path: Path) -> tuple[list[str], Float, Float, Float]:
    """Keys of the cells of a file, and their losses, totals and losses of the reference."""
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        if not table.schema.equals(_schema()):
            raise ValueError("it has other columns")
        loss = _numbers(table["loss"].combine_chunks().flatten())
        total, reference = (
            _numbers(b"".join(table[name].to_pylist())) for name in ("total", "reference")
        )
        return table["key"].to_pylist(), loss, total, reference
    except (*DAMAGE, TypeError) as error:
        raise BenchError(f"{path} is damaged: {reason(error)}. {_ADVICE}") from error


_ADVICE = "Restore it from version control; without the file, mean ranks have no intervals"


def _cells(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per finished cell, with the labels of its bootstrap scores."""
    done = frame[frame["status"] == "done"].drop_duplicates("key")
    return done[[*REPLICATE_KEY, "key"]].reset_index(drop=True)


def _numbers(content: object) -> Float:
    numbers = np.frombuffer(content, _NUMBER) if isinstance(content, bytes) else np.asarray(content)
    return numbers.astype(np.float64).reshape(-1, REPLICATES)


def _rounded(numbers: Float) -> Float:
    """Numbers of at least 0 without the last bits of their mantissas, which do not compress."""
    bits = np.ascontiguousarray(numbers, _NUMBER).view(np.int64)
    half = 1 << (_DROPPED_BITS - 1)
    return ((bits + half) & -(1 << _DROPPED_BITS)).view(np.float64)


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        {
            "key": pa.string(),
            "loss": pa.list_(pa.field("element", pa.float64())),
            "total": pa.binary(),
            "reference": pa.binary(),
        }
    )
