"""The tidy table of records, and its bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

from satclip_bench.benchmarks.runs.columns import COLUMNS
from satclip_bench.benchmarks.runs.record import Record

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


_OF_METRIC = {name: COLUMNS[name] for name in ("metric", "value", "low", "high")}
_OF_CELL = {name: dtype for name, dtype in COLUMNS.items() if name not in _OF_METRIC}


def tidy_frame(records: Iterable[Record]) -> pd.DataFrame:
    """A tidy table with the columns `COLUMNS`: one row per record and metric.

    A failed record has one row, without a value.

    Args:
        records: records, one per cell.
    """
    import numpy as np
    import pandas as pd

    records = tuple(records)
    scores = [_scores(record) for record in records]
    # A record has ten metrics or so: what they share is converted once and repeated.
    cells = pd.DataFrame([_cell(record) for record in records], columns=list(_OF_CELL))
    frame = cells.astype(_OF_CELL).take(np.repeat(np.arange(len(records)), [*map(len, scores)]))
    of_metric = pd.DataFrame(chain.from_iterable(scores), columns=list(_OF_METRIC))
    for name, values in of_metric.astype(_OF_METRIC).items():
        frame[name] = values.array
    return frame.reset_index(drop=True)[list(COLUMNS)]


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


def _scores(record: Record) -> list[tuple[object, ...]]:
    """The columns `_OF_METRIC` of each row of a record."""
    scores = {record.metric: None} if record.status == "failed" else record.scores
    intervals = record.intervals.get(record.interval_kind, {})
    unknown = (float("nan"), float("nan"))
    return [
        (metric, float("nan") if value is None else value, *intervals.get(metric, unknown))
        for metric, value in sorted(scores.items())
    ]


def _cell(record: Record) -> tuple[object, ...]:
    """The columns `_OF_CELL` of all rows of a record."""
    s, c = record.settings, record.counts
    best_params = record.model_dump(mode="json", include={"best_params"})["best_params"]
    best_params = json.dumps(best_params, sort_keys=True, separators=(",", ":"))
    return (
        *(s.task, record.task_type, s.edition, s.encoder, record.encoder_title or s.encoder),
        *(s.split, s.fold, s.probe, s.seed),
        *(record.interval_kind, record.status, record.reason, best_params, record.converged),
        *(c.train, c.validation, c.test, c.unseen, c.clipped, c.shared),
        *(record.contaminated, record.recipe_chosen, record.caveat, s.protocol),
        *(s.data_sha256, s.encoder_version, s.weights_sha256),
        *(s.split_version, s.fold_sha256, s.probe_version, record.key),
    )
