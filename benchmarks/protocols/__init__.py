"""Protocols: how a paper evaluates, frozen and versioned."""

from __future__ import annotations

from benchmarks.protocols.base import Protocol, ProtocolCard
from core.registry import Registry

registry: Registry[type[Protocol]] = Registry(
    "protocol",
    {"range": "benchmarks.protocols.range:RangeProtocol"},
    group="satclip_bench.protocols",
)


def list_protocols() -> tuple[str, ...]:
    """The names of all protocols."""
    return registry.names()


def get_protocol(name: str) -> Protocol:
    """The protocol called `name`. Raises UnknownNameError."""
    return registry.load(name)()


__all__ = ["Protocol", "ProtocolCard", "get_protocol", "list_protocols", "registry"]
