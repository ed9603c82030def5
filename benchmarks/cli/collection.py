"""Garbage collection in a command, most of whose objects are modules and records that stay."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

NEW_OBJECTS = 50_000
"""Number of new objects after which garbage is collected; Python's default is 700."""


@contextmanager
def rare_collection() -> Iterator[None]:
    """Within the block, search for garbage only after `NEW_OBJECTS` new objects.

    When the process ends, objects that refer to each other are not taken apart one by one.
    """
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
    before = gc.get_threshold()
    gc.set_threshold(NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
