"""Profiles as JSON: what `info ENCODER --profile --json` prints, and files with it.

The profiles of the default encoders ship as `measured.json` beside this module.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from satclip_bench.benchmarks.profiles.profile import DEGREES, Area, Profile
from satclip_bench.benchmarks.profiles.variogram import Variogram
from satclip_bench.core.card import Card, problems
from satclip_bench.core.errors import BenchError

MEASURED = "measured.json"
"""Name of the file with the profiles that ship."""

_Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
_Limit = Annotated[float, BeforeValidator(lambda value: math.inf if value is None else value)]


class _VariogramFields(Card):
    km: tuple[float, ...]
    value: tuple[float, ...]
    pairs: tuple[int, ...]

    @model_validator(mode="after")
    def _same_lengths(self) -> Self:
        if not len(self.km) == len(self.value) == len(self.pairs) > 0:
            raise ValueError("km, value and pairs must have one entry for each distance")
        return self


class _AreaFields(Card):
    coverage: Annotated[float, Field(ge=0, le=1)]
    half_sill_km: _Limit
    participation_ratio: _Number
    effective_rank: _Number
    local_dimension: dict[int, _Number]
    half_degree: _Limit
    expressed: dict[int, _Number]
    variogram: _VariogramFields

    @field_validator("expressed")
    @classmethod
    def _all_degrees(cls, scores: dict[int, float]) -> dict[int, float]:
        if set(scores) != set(DEGREES):
            raise ValueError(f"must have the degrees {', '.join(map(str, DEGREES))}")
        return {degree: scores[degree] for degree in DEGREES}


class _ProfileFields(Card):
    encoder: str
    title: str
    dimension: int
    version: int
    weights_sha256: str
    seed: int
    areas: Annotated[dict[Literal["sphere", "land"], _AreaFields], Field(min_length=1)]


class _File(Card):
    profiles: tuple[_ProfileFields, ...]
    linear_cka: dict[str, list[list[float | None]]]


def as_dict(measured: Profile) -> dict[str, object]:
    """A profile as JSON takes it; numbers that are not finite are null."""
    return {
        "encoder": measured.encoder,
        "title": measured.title,
        "dimension": measured.dimension,
        "version": measured.version,
        "weights_sha256": measured.weights_sha256,
        "seed": measured.seed,
        "areas": {name: _area_dict(area) for name, area in measured.areas.items()},
    }


def _area_dict(area: Area) -> object:
    return finite(
        {
            "coverage": area.coverage,
            "half_sill_km": area.half_sill_km,
            "participation_ratio": area.participation_ratio,
            "effective_rank": area.effective_rank,
            "local_dimension": area.local_dimension,
            "half_degree": area.half_degree,
            "expressed": area.expressed,
            "variogram": {
                "km": area.variogram.km.tolist(),
                "value": area.variogram.value.tolist(),
                "pairs": area.variogram.pairs.tolist(),
            },
        }
    )


def finite(content: object) -> object:
    """The same content with null for every number that is not finite."""
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, list):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def read_profiles(paths: Iterable[Path] = ()) -> dict[str, Profile]:
    """Profiles by name of the encoder: those that ship, and those of files that take precedence.

    Args:
        paths: files with what `info ENCODER --profile --json` printed.

    Raises:
        BenchError: a file cannot be read, or holds something else.
    """
    shipped = (files(__package__) / MEASURED).read_bytes()
    profiles = _parse(shipped, MEASURED)
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BenchError(f"{path} cannot be read: {error.strerror or error}") from error
        profiles |= _parse(content, str(path))
    return profiles


def _parse(content: bytes, origin: str) -> dict[str, Profile]:
    try:
        parsed = _File.model_validate_json(content)
    except ValidationError as error:
        raise BenchError(
            f"{origin} is not what `info ENCODER --profile --json` prints: {problems(error)}"
        ) from error
    return {fields.encoder: _profile(fields) for fields in parsed.profiles}


def _profile(fields: _ProfileFields) -> Profile:
    return Profile(
        encoder=fields.encoder,
        title=fields.title,
        dimension=fields.dimension,
        version=fields.version,
        weights_sha256=fields.weights_sha256,
        seed=fields.seed,
        areas={name: _area(area) for name, area in fields.areas.items()},
    )


def _area(fields: _AreaFields) -> Area:
    v = fields.variogram
    return Area(
        coverage=fields.coverage,
        participation_ratio=fields.participation_ratio,
        effective_rank=fields.effective_rank,
        local_dimension=fields.local_dimension,
        half_sill_km=fields.half_sill_km,
        variogram=Variogram(np.array(v.km), np.array(v.value), np.array(v.pairs, dtype=np.int64)),
        expressed=fields.expressed,
        half_degree=fields.half_degree,
    )
