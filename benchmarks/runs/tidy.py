"""The tidy table of records, and its bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from satclip_bench.benchmarks.runs.columns import COLUMNS
from satclip_bench.benchmarks.runs.record import Record

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def tidy_frame(records: Iterable[Record]) -> pd.DataFrame:
    """A tidy table with the columns `COLUMNS`: one row per record and metric.

    A failed record has one row, without a value.

    Args:
        records: records, one per cell.
    """
    import pandas as pd

    rows = [row for record in records for row in _rows(record)]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as bytes of Parquet; the same table gives the same bytes."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), sink, compression="zstd")
    return sink.getvalue()


def frame_bytes(frame: pd.DataFrame) -> bytes:
    """A frame without its index as bytes of Parquet; the same frame gives the same bytes."""
    import pyarrow as pa

    return parquet_bytes(pa.Table.from_pandas(frame, preserve_index=False))


def _rows(record: Record) -> Iterator[list[object]]:
    s, c = record.settings, record.counts
    scores = {record.metric: None} if record.status == "failed" else record.scores
    intervals = record.intervals.get(record.interval_kind, {})
    best_params = record.model_dump(mode="json", include={"best_params"})["best_params"]
    best_params = json.dumps(best_params, sort_keys=True, separators=(",", ":"))
    for metric, value in sorted(scores.items()):
        ends = intervals.get(metric, (float("nan"), float("nan")))
        yield [
            *(
                s.task,
                record.task_type,
                s.edition,
                s.encoder,
                record.encoder_title or s.encoder,
                s.split,
                s.fold,
                s.probe,
                s.seed,
            ),
            *(metric, float("nan") if value is None else value, *ends, record.interval_kind),
            *(record.status, record.reason, best_params, record.converged),
            *(c.train, c.validation, c.test, c.unseen, c.clipped, c.shared),
            *(record.contaminated, record.recipe_chosen, record.caveat, s.protocol),
            *(s.data_sha256, s.encoder_version, s.weights_sha256),
            *(s.split_version, s.fold_sha256, s.probe_version, record.key),
        ]
