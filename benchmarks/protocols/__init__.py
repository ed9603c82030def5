"""Protocols: how a paper evaluates, as frozen and versioned data and code."""

from __future__ import annotations

from satclip_bench.benchmarks.protocols.base import FoldResult, Protocol, Work
from satclip_bench.benchmarks.protocols.card import ProbeMethod, ProtocolCard, SplitMethod
from satclip_bench.core.registry import Registry

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
"""Protocol classes by name."""


def list_protocols() -> tuple[str, ...]:
    """Names of all protocols.

    Examples:
        >>> list_protocols()[:3]
        ('satclip', 'satclip-notebook', 'range')
    """
    return registry.names()


def get_protocol(name: str) -> Protocol:
    """Make the protocol called `name`.

    Raises:
        UnknownNameError: there is no such protocol; the message suggests similar names.

    Examples:
        >>> get_protocol("coordbench").card.title
        'CoordBench'
    """
    return registry.load(name)()


def protocol_card(name: str) -> ProtocolCard:
    """Card of the protocol called `name`. Raises as `get_protocol`.

    Examples:
        >>> protocol_card("range").seeds
        (42,)
    """
    return get_protocol(name).card


__all__ = [
    "FoldResult",
    "ProbeMethod",
    "Protocol",
    "ProtocolCard",
    "SplitMethod",
    "Work",
    "get_protocol",
    "list_protocols",
    "protocol_card",
    "registry",
]
