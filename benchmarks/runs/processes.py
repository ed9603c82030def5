"""Processes of a run's own: signals end the program that started them, which then ends them."""

from __future__ import annotations

import os
import signal

from satclip_bench.core.signals import SIGNALS, release_signals, signals_held


def start_trackers() -> None:
    """Start the processes that free semaphores so that signals leave them to do their work.

    Python's own, if it were started with the first worker, would let signals through to that.
    """
    from multiprocessing import resource_tracker as pythons

    from joblib.externals.loky.backend import resource_tracker as lokys

    with signals_held():
        lokys.ensure_running()
        if os.name == "posix":
            pythons.ensure_running()


def leave_signals_to_parent() -> None:
    """In a worker process, ignore Ctrl-C and hang-ups, which reach the parent process, too.

    SIGTERM is not ignored: Python ends the processes that are left with it when it exits.
    """
    for number in SIGNALS:
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
    release_signals()


def dask_setup(_: object) -> None:
    """Prepare a Dask worker that this program has started; Dask calls it when the worker starts."""
    leave_signals_to_parent()
