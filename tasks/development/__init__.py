"""The development set: land points on which recipes are chosen, and which no board reports on.

It is not a task of the benchmark: no command lists it and no run can name it. Its points are at
least 25 km from every point of every global table, and its regions are sectors of longitude, which
are not those that the split held-out-region holds out. The maps from which its targets are read are
the same as the benchmark's. `python -m satclip_bench.tasks.builder --development` builds it.
"""

from __future__ import annotations

from satclip_bench.tasks.development.table import (
    DEVELOPMENT,
    DEVELOPMENT_TASKS,
    MIN_KM,
    PROVENANCE,
    TABLE,
    development_frame,
)

__all__ = [
    "DEVELOPMENT",
    "DEVELOPMENT_TASKS",
    "MIN_KM",
    "PROVENANCE",
    "TABLE",
    "development_frame",
]
