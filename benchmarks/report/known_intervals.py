"""Reading of intervals and differences that a run's table of scores keeps."""

from __future__ import annotations

import io
from pathlib import Path

from satclip_bench.benchmarks.ranking.known_intervals import COLUMNS, KnownIntervals
from satclip_bench.core.errors import BenchError
from satclip_bench.core.parquet import DAMAGE, reason

FILE = "scores.parquet"


def read_intervals(path: Path) -> KnownIntervals | None:
    """The intervals of a table that `scores_frame` made; None if there is no such file.

    Raises:
        BenchError: the file cannot be read, or is another one.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # pd.read_parquet imports pyarrow.dataset, which one file does not need.
        frame = pq.ParquetFile(io.BytesIO(path.read_bytes())).read().to_pandas()
    except FileNotFoundError:
        return None
    except (*DAMAGE, pa.ArrowException) as error:
        raise BenchError(
            f"{path} cannot be read: {reason(error)}. Restore it, or delete it to show the "
            "scores without intervals"
        ) from error
    if missing := [name for name in COLUMNS if name not in frame]:
        raise BenchError(
            f"{path} has no column {missing[0]!r}, so it is not a table of scores. Delete it to "
            "show the scores without intervals"
        )
    return KnownIntervals(frame, str(path))
