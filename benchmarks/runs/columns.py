"""Columns of the tidy table of results."""

from __future__ import annotations

CELL = ["task", "seed", "fold"]
"""Columns by which the scores of encoders are paired."""

BASELINE_PROBE = "none"
"""Name that stands for the probe in records of baselines."""

REPLICATE_KEY = [*CELL, "encoder", "split", "probe"]
"""Columns that identify a row of bootstrap replicates."""

COLUMNS = {
    "task": "str",
    "task_type": "str",
    "edition": "str",
    "encoder": "str",
    "encoder_title": "str",
    "split": "str",
    "fold": "str",
    "probe": "str",
    "seed": "int64",
    "metric": "str",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "status": "str",
    "reason": "str",
    "n_train": "int64",
    "n_test": "int64",
    "n_unseen": "int64",
    "contaminated": "bool",
    "caveat": "str",
    "protocol": "str",
    "key": "str",
}
"""The tidy table's columns and their pandas types."""
