"""Signals that are held back: none is lost, and none reaches a process that has just started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from satclip_bench.core.signals import SIGNALS, signals_held

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no POSIX signals")


@pytest.fixture
def seen() -> Iterator[list[int]]:
    """Numbers of the signals that were handled."""
    numbers: list[int] = []
    before = {n: signal.signal(n, lambda number, _: numbers.append(number)) for n in SIGNALS}
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


def send(*numbers: int) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_waits_until_the_end_of_the_block(seen: list[int], number: int) -> None:
    with signals_held():
        send(number)
        assert not seen
    assert seen == [number]
    send(number)
    assert seen == [number, number]


def test_the_first_of_several_signals_is_raised(seen: list[int]) -> None:
    # Another thread, to which the system may give the signals, blocks none of them.
    other = threading.Event()
    thread = threading.Thread(target=other.wait)
    thread.start()
    with signals_held():
        send(signal.SIGTERM)
        send(signal.SIGINT)
    other.set()
    thread.join()
    assert len(seen) == 1


def test_a_signal_is_dropped_if_the_program_ends_already(seen: list[int]) -> None:
    def end() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            with signals_held():
                send(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        end()
    assert not seen
    send(signal.SIGINT)
    assert seen == [signal.SIGINT]


def test_a_signal_that_is_ignored_stays_ignored(seen: list[int]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with signals_held():
        send(signal.SIGHUP)
    assert not seen
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_signals_that_were_blocked_before_stay_blocked(seen: list[int]) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    try:
        with signals_held():
            pass
        assert signal.SIGHUP in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_another_thread_leaves_signals_as_they_are(seen: list[int]) -> None:
    masks = []

    def work() -> None:
        with signals_held():
            masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not masks[0] & set(SIGNALS)


def test_a_process_that_is_started_in_the_block_holds_signals_until_it_releases_them() -> None:
    code = """
import os, signal
from satclip_bench.core.signals import release_signals
os.kill(os.getpid(), signal.SIGTERM)
print("held", flush=True)
release_signals()
print("not reached")
"""
    with signals_held():
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == ("held\n", -signal.SIGTERM)
