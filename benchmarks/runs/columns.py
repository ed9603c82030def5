"""Columns of the tidy table of results."""

from __future__ import annotations

SUBMITTED, MEASURED = "submitted", "run"
"""Values of the column `source` of reports: scores that others submitted, or of the run itself."""

CELL = ["task", "seed", "fold"]
"""Columns by which the scores of encoders are paired."""

BASELINE_PROBE = "none"
"""Name that stands for the probe in records of baselines."""

SPECIES_PROTOCOL = "species"
"""Name of the protocol of iNaturalist, which has no other, so that its scores may stand beside
those of tasks of another protocol."""

REPLICATE_KEY = [*CELL, "encoder", "split", "probe"]
"""Columns that identify a row of bootstrap replicates."""

VERSIONS = ["data_sha256", "encoder_version", "weights_sha256"]
VERSIONS += ["split_version", "fold_sha256", "probe_version", "key"]
"""Columns that say why two keys differ."""

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
    "interval": "str",
    "status": "str",
    "reason": "str",
    "best_params": "str",
    "converged": "boolean",
    "n_train": "int64",
    "n_validation": "int64",
    "n_test": "int64",
    "n_unseen": "int64",
    "n_clipped": "int64",
    "n_shared": "int64",
    "contaminated": "bool",
    "recipe_chosen": "bool",
    "caveat": "str",
    "protocol": "str",
    "data_sha256": "str",
    "encoder_version": "int64",
    "weights_sha256": "str",
    "split_version": "int64",
    "fold_sha256": "str",
    "probe_version": "int64",
    "key": "str",
}
"""The tidy table's columns and their pandas types.

`interval` is the kind of the interval from `low` to `high`; `best_params` is canonical JSON;
`converged` is missing where it is not known. The columns from `data_sha256` on are `VERSIONS`."""
