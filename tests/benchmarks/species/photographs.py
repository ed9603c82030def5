"""Features of photographs, for tests of species."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from satclip_bench.benchmarks.species.evaluation import Photos
from satclip_bench.benchmarks.species.inputs import Part
from satclip_bench.benchmarks.species.settings import SoftmaxSettings

QUICK = SoftmaxSettings(max_epochs=2, threads=1)


def informative(photos: Photos) -> Part:
    """Features that tell the two halves of the species apart, whose places differ."""
    rng = np.random.default_rng(2)
    values = np.eye(2)[photos.species // 5] + 0.1 * rng.normal(size=(len(photos.species), 2))
    return Part(values.astype(np.float16), np.arange(len(photos.species)))


def write_features(path: Path, ids: NDArray[np.int64], values: NDArray[Any], name: str) -> Path:
    order = np.random.default_rng(3).permutation(len(ids))
    if path.suffix == ".npz":
        columns: dict[str, Any] = {"image_id": ids[order], name: values[order]}
        np.savez(path, **columns)
    else:
        lists = pa.FixedSizeListArray.from_arrays(pa.array(values[order].ravel()), values.shape[1])
        pq.write_table(pa.table({"image_id": ids[order], name: lists}), path, row_group_size=7)
    return path
