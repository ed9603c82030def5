"""Numbers of a profile as texts, for the terminal and for pages."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from satclip_bench.benchmarks.profiles.profile import DEGREES, Area, Profile
from satclip_bench.benchmarks.report.wording import DASH
from satclip_bench.core.sphere import EARTH_RADIUS_KM


def half_sill(area: Area) -> str:
    """Half-sill distance in km as text; a limit if it is below or above all distances."""
    if area.half_sill_km == 0:
        return f"< {area.variogram.km[0]:.0f}"
    return f"{area.half_sill_km:,.0f}" if math.isfinite(area.half_sill_km) else DASH


def half_degree(area: Area) -> str:
    """Half degree as text; a limit if it is below or above all degrees."""
    if area.half_degree == 0:
        return f"< {DEGREES[0]}"
    return f"{area.half_degree:.1f}" if math.isfinite(area.half_degree) else f"> {DEGREES[-1]}"


def half_wave(area: Area) -> str:
    """Half the wavelength in km of the half degree, pi R / l, as text."""
    if area.half_degree == 0 or not math.isfinite(area.half_degree):
        return DASH
    return f"{math.pi * EARTH_RADIUS_KM / area.half_degree:,.0f}"


def share(value: float) -> str:
    """A number up to 1 with two digits, without the zero before the point or the sign of -0."""
    text = f"{value + 0:.2f}".replace("0.", ".", 1)
    return ".00" if text == "-.00" else text


def profile_table(measured: Profile) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Numbers of a profile as rows: a label, and a text for each of its areas."""
    areas = tuple(measured.areas.values())
    counts = sorted({n for area in areas for n in area.local_dimension})
    rows: list[tuple[str, Callable[[Area], str]]] = [
        ("Covered", lambda area: f"{area.coverage:.0%}"),
        ("Half sill, km", half_sill),
        ("Participation ratio", lambda area: f"{area.participation_ratio:,.1f}"),
        ("Effective rank", lambda area: f"{area.effective_rank:,.1f}"),
        *((f"Local dimension, {n:,} points", partial(local_dimension, points=n)) for n in counts),
        ("Half degree", half_degree),
        ("Half wavelength of that degree, km", half_wave),
    ]
    return tuple((label, tuple(map(text, areas))) for label, text in rows)


def local_dimension(area: Area, points: int) -> str:
    """Local dimension measured at a number of points as text; a dash if it was not."""
    return f"{area.local_dimension[points]:.1f}" if points in area.local_dimension else DASH
