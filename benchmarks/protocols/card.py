"""The card of a protocol: its splits, probes, seeds and metrics, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar

from pydantic import Field, JsonValue, model_validator

from satclip_bench.benchmarks.protocols.tuning import Tuning
from satclip_bench.core.card import Card, Version
from satclip_bench.core.errors import UnknownNameError
from satclip_bench.core.registry import unknown_name
from satclip_bench.tasks.base import TaskType

Entry = TypeVar("Entry")
Metric = Literal["r2", "r2_percent", "accuracy", "accuracy_percent", "f1_percent", "mse"]


class SplitMethod(Card):
    """One way in which a protocol makes folds."""

    description: str
    settings: Mapping[str, str | int | float]


class ProbeMethod(Card):
    """One probe of a protocol."""

    description: str
    settings: Mapping[str, JsonValue] = Field(description="settings that are not searched")
    tuning: Tuning | None = Field(None, description="search for settings; None if there is none")
    together: bool = Field(
        False, description="whether results depend on one another: if one is missing, all are run"
    )


class ProtocolCard(Card):
    """Metadata of a protocol. Splits, probes and version are part of a record's key."""

    name: str
    version: Version = Field(description="raised when the same name starts to give other scores")
    title: str
    citation: str
    sources: tuple[str, ...] = Field(
        description="where its details are stated: public code, sections of the paper"
    )
    splits: Mapping[str, SplitMethod]
    preprocessing: str
    probes: Mapping[str, ProbeMethod]
    seeds: tuple[int, ...] = Field(
        description="seeds of the probe's initialisation, one result each"
    )
    metrics: Mapping[TaskType, Metric]
    digits: Mapping[Metric, int] = Field(description="decimals that the paper prints")
    left_open: tuple[str, ...] = Field(
        (), description="details that the paper does not state, and our choices"
    )

    @model_validator(mode="after")
    def _digits_of_every_metric(self) -> ProtocolCard:
        if set(self.digits) != set(self.metrics.values()):
            raise ValueError(
                "digits must be given for the metrics of the protocol, and only for them"
            )
        return self

    def split(self, name: str) -> SplitMethod:
        """Split called `name`.

        Raises:
            UnknownNameError: the protocol has no such split; the message suggests similar names.
        """
        return self._entry("split", self.splits, name)

    def probe(self, name: str) -> ProbeMethod:
        """Probe called `name`.

        Raises:
            UnknownNameError: the protocol has no such probe; the message suggests similar names.
        """
        return self._entry("probe", self.probes, name)

    def _entry(self, kind: str, entries: Mapping[str, Entry], name: str) -> Entry:
        if name not in entries:
            raise UnknownNameError(unknown_name(f"{kind} of {self.name}", name, tuple(entries)))
        return entries[name]
