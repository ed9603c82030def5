"""Protocols: how a paper evaluates, frozen and versioned."""

from __future__ import annotations

from satclip_bench.benchmarks.protocols.base import (
    FoldResult,
    Parts,
    ProbeMethod,
    Protocol,
    ProtocolCard,
    SplitMethod,
    Work,
)
from satclip_bench.core.registry import Registry
from satclip_bench.tasks.base import TaskType

_HERE = "satclip_bench.benchmarks.protocols"

registry: Registry[type[Protocol]] = Registry(
    "protocol",
    {
        "satclip": f"{_HERE}.satclip:SatclipProtocol",
        "satclip-notebook": f"{_HERE}.satclip_notebook:SatclipNotebookProtocol",
        "range": f"{_HERE}.range:RangeProtocol",
        "climplicit": f"{_HERE}.climplicit:ClimplicitProtocol",
        "coordbench": f"{_HERE}.coordbench:CoordbenchProtocol",
        "coordbench-harness": f"{_HERE}.coordbench:CoordbenchHarnessProtocol",
    },
    group="satclip_bench.protocols",
)


def list_protocols() -> tuple[str, ...]:
    """The names of all protocols."""
    return registry.names()


def get_protocol(name: str) -> Protocol:
    """The protocol called `name`. Raises UnknownNameError."""
    return registry.load(name)()


__all__ = [
    "FoldResult",
    "Parts",
    "ProbeMethod",
    "Protocol",
    "ProtocolCard",
    "SplitMethod",
    "TaskType",
    "Work",
    "get_protocol",
    "list_protocols",
    "registry",
]
