"""Why measured scores are off, as far as it is known: notes by published encoder or task/encoder.

What was tried is in docs/reproduction.md.
"""

from __future__ import annotations

from collections.abc import Mapping

_FOUND = (
    "settings are not documented; taken from a file of its repository by their fit to SphereC and "
    "SphereM, which they give on both tasks"
)
_PENALTY = (
    "the printed score is that of the next smaller penalty, {score}; cross-validation tells the two "
    "apart by {gap}, and in which order the rows went into its folds is not documented"
)

RANGE: Mapping[str, str] = dict.fromkeys(("SphereC", "SphereC+", "SphereM", "SphereM+"), _FOUND) | {
    "Theory": "settings are not documented; the defaults of the class in its repository were taken",
    "SINR": "which of the released networks was used is not documented",
    "california_housing/SphereC+": _PENALTY.format(score=".5437", gap=".0008"),
    "air_temperature/SphereM+": _PENALTY.format(score=".8858", gap=".0011"),
    "california_housing/SphereM+": _PENALTY.format(score=".5432", gap=".0003"),
}

SATCLIP_HELD_OUT: Mapping[str, str] = {}

SATCLIP_RANDOM: Mapping[str, str] = {}

CLIMPLICIT: Mapping[str, str] = {}

COORDBENCH_HARNESS: Mapping[str, str] = {}
