"""Bootstrap scores kept in a run's folder, so that a finished run does not draw them again.

<run>/replicates.parquet        (one row per cell: its score and losses in every replicate)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks import metrics
from satclip_bench.benchmarks.metrics.resampling import REPLICATES
from satclip_bench.core.files import atomic_write, sha256_bytes, sha256_file, sha256_folder
from satclip_bench.core.parquet import DAMAGE

if TYPE_CHECKING:
    import pyarrow as pa

    from satclip_bench.benchmarks.runs.record import Record

Float = NDArray[np.float64]

KeptReplicates: TypeAlias = Mapping[str, Float]
"""`(3, B)` score, loss and loss of the reference of cells, by `source_key`, in the file's order."""

FILE = "replicates.parquet"

PARTS = 3
"""Score, loss and loss of the reference."""

_NUMBER = np.dtype("<f8")


def source_key(record: Record) -> str:
    """Hash of all that a cell's bootstrap scores are made from, including the bootstrap's code.

    Args:
        record: record of a finished cell that has predictions.
    """
    made_from = (
        *(record.predictions_sha256, record.task_type, record.metric, record.interval_kind),
        *(str(REPLICATES), np.__version__, _code_sha256()),
    )
    return sha256_bytes("\n".join(made_from).encode())


def read_replicates(folder: Path) -> KeptReplicates:
    """The bootstrap scores that a run's folder keeps; none if there are none, or they are damaged.

    Args:
        folder: folder of the run.
    """
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(folder / FILE, page_checksum_verification=True)
    except (*DAMAGE, KeyError):
        return {}
    if not table.schema.equals(_schema()) or any(column.null_count for column in table.columns):
        return {}
    scores: dict[str, Float] = {}
    for batch in table.to_batches():
        content = batch["scores"].buffers()[1]
        rows = np.frombuffer(content, _NUMBER).reshape(-1, PARTS, REPLICATES)
        start = batch["scores"].offset
        scores |= dict(zip(batch["source"].to_pylist(), rows[start:], strict=False))
    return scores


def keeps_replicates(folder: Path) -> bool:
    """Whether a run's folder keeps bootstrap scores; they may be damaged, or those of other cells.

    Args:
        folder: folder of the run.
    """
    return (folder / FILE).is_file()


def write_replicates(folder: Path, kept: KeptReplicates) -> None:
    """Write bootstrap scores into a run's folder; the same scores give the same bytes.

    Args:
        folder: folder of the run, whose lock the caller holds.
        kept: bootstrap scores of cells.

    Raises:
        BenchError: the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [np.ascontiguousarray(scores, _NUMBER).tobytes() for scores in kept.values()]
    table = pa.table([[*kept], rows], schema=_schema())
    with atomic_write(folder / FILE) as stream:
        # Nothing compresses random digits.
        pq.write_table(
            table, stream, compression="none", use_dictionary=False, write_page_checksum=True
        )


def _schema() -> pa.Schema:
    import pyarrow as pa

    size = PARTS * REPLICATES * _NUMBER.itemsize
    return pa.schema({"source": pa.string(), "scores": pa.binary(size)})


@lru_cache(maxsize=1)
def _code_sha256() -> str:
    code = (sha256_folder(Path(folder), "*.py") for folder in metrics.__path__)
    return "".join((*code, sha256_file(Path(__file__).with_name("replicates.py"))))
