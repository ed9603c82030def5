"""Protocols: how a paper evaluates, frozen and versioned."""

from __future__ import annotations

from satclip_bench.benchmarks.protocols.base import (
    Kind,
    Outcome,
    Parts,
    ProbeMethod,
    Protocol,
    ProtocolCard,
    SplitMethod,
    Work,
)
from satclip_bench.core.registry import Registry

registry: Registry[type[Protocol]] = Registry(
    "protocol",
    {
        "satclip": "satclip_bench.benchmarks.protocols.satclip:SatclipProtocol",
        "satclip-notebook": "satclip_bench.benchmarks.protocols.satclip_notebook:SatclipNotebookProtocol",
        "range": "satclip_bench.benchmarks.protocols.range:RangeProtocol",
        "climplicit": "satclip_bench.benchmarks.protocols.climplicit:ClimplicitProtocol",
        "coordbench": "satclip_bench.benchmarks.protocols.coordbench:CoordbenchProtocol",
        "coordbench-harness": "satclip_bench.benchmarks.protocols.coordbench:CoordbenchHarnessProtocol",
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
