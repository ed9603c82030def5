"""Signals that end a program, and how they wait until a piece of work is done."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


@contextmanager
def signals_held() -> Iterator[None]:
    """Hold back signals that end the program until the end of the block, where the first is raised.

    If an exception is on its way through the block, the program ends already, and signals are
    dropped. Processes that are started in the block hold them back, too, until they call
    `release_signals`. In another thread than the main one, signals are left as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ending = sys.exc_info()[0] is not None
    held: list[int] = []
    numbers = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    # A signal can come to a thread that does not block it: then only the handler holds it back.
    before = {number: signal.signal(number, lambda n, _: held.append(n)) for number in numbers}
    blocked = _mask("SIG_BLOCK", SIGNALS)
    try:
        yield
    finally:
        _mask("SIG_SETMASK", blocked)
        for number, handler in before.items():
            signal.signal(number, handler)
        if held and not ending:
            signal.raise_signal(held[0])


def release_signals() -> None:
    """Let signals through that were held back when this process was started."""
    _mask("SIG_UNBLOCK", SIGNALS)


def _mask(how: str, numbers: Collection[int]) -> Collection[int]:
    """Change which signals this thread blocks; returns those that it did. Windows blocks none."""
    if not hasattr(signal, "pthread_sigmask"):
        return ()
    return signal.pthread_sigmask(getattr(signal, how), numbers)
