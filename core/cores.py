"""Number of processor cores that this process may use."""

from __future__ import annotations


def cores() -> int:
    """Number of cores, 1 or more, within what the machine, its scheduler and a container allow.

    `os.cpu_count` counts all cores of the machine, also where a batch system or a container gives
    this process a few of them.
    """
    from joblib import cpu_count

    return int(cpu_count())
