"""Formats of numbers, titles and lists on boards and figures."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from satclip_bench.tasks import CATALOGUES, WIDE_TASKS, TaskCard

WIDE = "wide"
"""Name of the board of the tasks that the SatCLIP paper does not have."""

SHORT = {
    "air_temperature": "Air temp.",
    "elevation": "Elev.",
    "median_income": "Income",
    "california_housing": "Cal. hous.",
    "population_density": "Pop. dens.",
    "countries": "Coun-tries",
    "biomes": "Biomes",
    "ecoregions": "Eco-reg.",
    "precipitation": "Precip.",
    "koppen_geiger": "Köppen",
    "land_cover": "Land cover",
    "solar_irradiance": "Solar irr.",
    "maximum_temperature": "Max. temp.",
    "wind_speed": "Wind",
    "degree_of_urbanisation": "Urban",
    "airport_elevation": "Air-port elev.",
    "zip_density": "ZIP dens.",
    "zip_income": "ZIP income",
    "county_unemployment": "Unem-ploy.",
    "county_homicide": "Homi-cide",
    "county_gini": "Gini",
    "county_density": "County dens.",
}
"""Short headings of tasks. A terminal breaks them at a space or hyphen; elsewhere hyphens are
dropped."""


DASH = "\N{EN DASH}"
"""Shown in place of a missing number."""


DAGGER = "\N{DAGGER}"
"""Mark of a score of an encoder that was trained on the task's data."""


DOUBLE_DAGGER = "\N{DOUBLE DAGGER}"
"""Mark of a score of an encoder whose recipe was chosen with labels of the task."""


SECTION = "\N{SECTION SIGN}"
"""Mark of an encoder whose scores were submitted by others."""


METRIC_SIGNS = {"r2": "R²", "accuracy": "acc.", "top1": "top-1", "skill": "skill"}
"""Symbols of the metrics in tables."""


SPLIT_TITLES = {"random": "random", "held-out-region": "held-out region"}


INTERVALS = {"map": "other points of this map", "places": "other places like these"}
"""What the kinds of 95 % intervals are about: another sample of points of the same land, by a
bootstrap of points, or other land, by a bootstrap of spatial blocks."""


def number(value: float, digits: int = 3) -> str:
    """A score as papers print it: `.852`, `-.031`, `1.000`, `-12.3`, `-1.4e5`; a dash for NaN.

    >>> number(0.8524), number(-12.345), number(-1.4e5), number(-0.0001)
    ('.852', '-12.3', '-1.4e5', '.000')
    """
    if np.isnan(value):
        return DASH
    # Adding zero turns the -0.0 of a score such as -1e-5 into 0.0.
    value = round(value, digits) + 0.0
    if abs(value) >= 1000:
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"


def user_table(card: TaskCard) -> str:
    """Name of the user table that a task was made from; empty for all other tasks.

    >>> from satclip_bench.tasks import task_card
    >>> user_table(task_card("biomes")), user_table(task_card("land_cover"))
    ('', '')
    """
    board = separate_board(card)
    return "" if board in ("", WIDE, *CATALOGUES) else board


def separate_board(card: TaskCard) -> str:
    """Name of the board of a task that is not ranked with the SatCLIP paper's tasks, else empty.

    That is `wide` for the tasks of the suite open-wide, and for others the name of the catalogue or
    of the user table.

    >>> from satclip_bench.tasks import task_card
    >>> separate_board(task_card("biomes")), separate_board(task_card("land_cover"))
    ('', 'wide')
    """
    if card.paper_rows:
        return ""
    return WIDE if card.name in WIDE_TASKS else card.name.split(".")[0]


def listed(parts: Iterable[str]) -> str:
    """Texts joined to a list: `a`, `a and b`, `a, b and c`; empty for none.

    >>> listed(["a", "b", "c"]), listed([])
    ('a, b and c', '')
    """
    *first, last = [*parts] or [""]
    return f"{', '.join(first)} and {last}" if first else last
