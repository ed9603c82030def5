"""Signals that end the program: Ctrl-C, SIGTERM and SIGHUP end a command in the same way."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from satclip_bench.core.signals import SIGNALS

PATIENCE_SECONDS = 5.0
"""Time during which more signals are ignored after the first one, so that files are cleaned up;
a later one ends the process at once."""


class StoppedError(KeyboardInterrupt):
    """An interrupt by a signal.

    Attributes:
        number: number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number

    @property
    def exit_code(self) -> int:
        """The exit code that shells give for the signal: 130, 143 or 129.

        >>> StoppedError(signal.SIGTERM).exit_code
        143
        """
        return 128 + self.number


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Within the block, the first of the signals raises StoppedError in the main thread.

    A signal that is ignored already, as by `nohup`, stays ignored. In another thread than the main
    one, signals are left as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    first: list[float] = []

    def stop(number: int, _: FrameType | None) -> None:
        if not first:
            first.append(time.monotonic())
            raise StoppedError(number)
        if time.monotonic() > first[0] + PATIENCE_SECONDS:
            os._exit(128 + number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    handled = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in handled:
        signal.signal(number, stop)
    try:
        yield
    finally:
        if not first:
            for number in handled:
                signal.signal(number, before[number])
        else:
            # The program ends now: a signal while it does so would only print a traceback.
            for number in handled:
                signal.signal(number, signal.SIG_IGN)
