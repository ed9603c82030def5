"""Garbage collection of a command: its modules and records are not searched again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

NEW_OBJECTS = 50_000
"""Number of new objects after which garbage is collected; Python's default is 700. Most objects of
a command are parts of modules and records, which stay until it ends."""


@contextmanager
def rare_collection() -> Iterator[None]:
    """Within the block, search for garbage only after `NEW_OBJECTS` new objects."""
    before = gc.get_threshold()
    gc.set_threshold(NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
