"""Numbers, titles and lists as boards word them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

SHORT = {
    "air_temperature": "Air temp.",
    "elevation": "Elev.",
    "median_income": "Income",
    "california_housing": "Cal. hous.",
    "population_density": "Pop. dens.",
    "countries": "Coun-tries",
    "biomes": "Biomes",
    "ecoregions": "Eco-reg.",
}
"""Headings; a terminal breaks them at a space or hyphen, elsewhere the hyphen goes."""


DASH = "\N{EN DASH}"
"""Stands where there is no number."""


DAGGER = "\N{DAGGER}"
"""Marks a score of an encoder that was trained on the task's data."""


METRIC_SIGNS = {"r2": "R²", "accuracy": "acc.", "top1": "top-1"}


SPLIT_TITLES = {"random": "random", "held-out-region": "held-out region"}


def number(value: float, digits: int = 3) -> str:
    """A score as papers print it: `.852`, `-.031`, `1.000`, `-12.3`, `-1.4e5`; a dash for NaN."""
    if np.isnan(value):
        return DASH
    if abs(value) >= 1000:
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"


def short_title(title: str) -> str:
    """A title fit for a label of a figure."""
    short = title if len(title) <= 36 else title[:35] + "…"
    # Titles are the user's: a pair of dollar signs in one would be set as mathematics.
    return short.replace("$", r"\$")


def listed(parts: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
