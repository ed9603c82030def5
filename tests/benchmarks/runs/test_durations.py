"""Durations of cells."""

from __future__ import annotations

import time

import pytest

from satclip_bench.benchmarks.runs import provenance
from satclip_bench.core.device import DEVICE_VARIABLE


def test_waiting_is_not_counted_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEVICE_VARIABLE, "cpu")
    start = provenance.seconds_spent()
    time.sleep(0.2)
    assert provenance.seconds_spent() - start < 0.1
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    assert provenance.seconds_spent() - start >= 0.05


def test_waiting_is_counted_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "on_gpu", lambda: True)
    start = provenance.seconds_spent()
    time.sleep(0.2)
    assert provenance.seconds_spent() - start >= 0.2
