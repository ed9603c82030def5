"""Why measured scores are off, as far as it is known: notes by published encoder or task/encoder.

What was tried is in docs/reproduction.md.
"""

from __future__ import annotations

from collections.abc import Mapping

_UNDOCUMENTED = "frequencies and radii are not documented; the encoder's own defaults were taken"

RANGE: Mapping[str, str] = dict.fromkeys(
    ("Theory", "SphereC", "SphereC+", "SphereM", "SphereM+"), _UNDOCUMENTED
) | {"SINR": "which of the released networks was used is not documented"}

SATCLIP_HELD_OUT: Mapping[str, str] = {}

SATCLIP_RANDOM: Mapping[str, str] = {}

CLIMPLICIT: Mapping[str, str] = {}

COORDBENCH_HARNESS: Mapping[str, str] = {}
