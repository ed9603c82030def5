"""Protocols: how a paper evaluates, frozen and versioned."""

from __future__ import annotations

from benchmarks.protocols.base import (
    Kind,
    Outcome,
    Parts,
    ProbeMethod,
    Protocol,
    ProtocolCard,
    SplitMethod,
    Work,
)
from core.registry import Registry

registry: Registry[type[Protocol]] = Registry(
    "protocol",
    {
        "satclip": "benchmarks.protocols.satclip:SatclipProtocol",
        "satclip-notebook": "benchmarks.protocols.satclip_notebook:SatclipNotebookProtocol",
        "range": "benchmarks.protocols.range:RangeProtocol",
        "climplicit": "benchmarks.protocols.climplicit:ClimplicitProtocol",
        "coordbench": "benchmarks.protocols.coordbench:CoordbenchProtocol",
        "coordbench-harness": "benchmarks.protocols.coordbench:CoordbenchHarnessProtocol",
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
    "Kind",
    "Outcome",
    "Parts",
    "ProbeMethod",
    "Protocol",
    "ProtocolCard",
    "SplitMethod",
    "Work",
    "get_protocol",
    "list_protocols",
    "registry",
]
