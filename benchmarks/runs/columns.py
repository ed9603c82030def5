"""Columns of the tidy table of results."""

from __future__ import annotations

CELL = ["task", "seed", "fold"]
"""What an encoder's scores are paired by."""


BASELINE_PROBE = "none"


REPLICATE_KEY = [*CELL, "encoder", "split", "probe"]
"""What a row of replicates is known by."""


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
