"""Choice of the columns of a table that make up an embedding."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from satclip_bench.core.errors import EncoderError
from satclip_bench.core.points import DARWIN_CORE, LATITUDE, LONGITUDE, shown_names
from satclip_bench.core.registry import match_names

MIN_NUMBERED = 2
"""Number of columns from which on numbered columns are recognised as an embedding."""


def numbered_columns(names: Sequence[str], pattern: str, where: str) -> list[str]:
    r"""Numbered columns that match a pattern, in the order of their numbers.

    Args:
        names: names of all columns.
        pattern: regular expression of the column names, with the number as its group.
        where: description of the table in messages.

    Raises:
        EncoderError: no column matches, or the numbers are not 0, 1, 2 and so on.

    >>> numbered_columns(["lon", "lat", "A01", "A00"], r"A(\d\d)", "the table")
    ['A00', 'A01']
    """
    numbered = sorted((int(m[1]), name) for name in names if (m := re.fullmatch(pattern, name)))
    if not numbered:
        shown = ", ".join(names[:6])
        raise EncoderError(f"{where} has no column like {pattern}; it has {shown}, ...")
    numbers = [number for number, _ in numbered]
    if numbers != list(range(len(numbered))):
        wrong = next(i for i, number in enumerate(numbers) if i != number)
        raise EncoderError(
            f"{where}: the columns like {pattern} should be numbered 0, 1, 2 and so on, each "
            f"once; there is {numbered[wrong][1]} where number {wrong} should come"
        )
    return [name for _, name in numbered]


def embedding_columns(
    names: Sequence[str], patterns: str | None, where: str, lists: Sequence[str] = ()
) -> list[str]:
    """Columns of an embedding: those that are asked for, or else those that can only be it.

    Without a choice, they are the only column of lists, or the only columns whose names differ in
    their number, such as A00 to A63, `e0` to `e511` or `0` to `1023`.

    Args:
        names: names of all columns that are not coordinates.
        patterns: names or wildcards, separated by commas, such as `A*`; None for no choice.
        where: description of the table in messages.
        lists: names of the columns whose values are lists of numbers.

    Returns:
        The names, a wildcard's in the order of the file, numbered ones by their numbers.

    Raises:
        EncoderError: no column fits, or it is not clear which do; the message lists the columns.
        UnknownNameError: a name or wildcard matches no column.

    >>> embedding_columns(["year", "e1", "e0"], None, "the table")
    ['e0', 'e1']
    >>> embedding_columns(["year", "b2", "b1"], "b*", "the table")
    ['b2', 'b1']
    """
    if patterns is not None:
        return list(match_names("column", [patterns], names))
    if len(lists) == 1:
        return list(lists)
    families = {} if lists else _numbered_families(names)
    if len(families) == 1:
        (family,) = families.values()
        return family
    several = "; ".join(f"{f[0]} to {f[-1]}" for f in families.values()) or ", ".join(lists)
    why = (
        f"has several columns that may be the embedding: {several}"
        if several
        else "has no columns with numbered names, such as A00, A01, ...; it has "
        f"{shown_names(names, limit=10)}"
    )
    raise EncoderError(f"{where} {why}. Name the columns of the embedding, for example by 'A*'")


def without_coordinates(names: Iterable[str], lon: str | None, lat: str | None) -> list[str]:
    """The columns that are not coordinates.

    Args:
        names: names of all columns.
        lon: column of longitudes, if the user named it.
        lat: column of latitudes, if the user named it.

    >>> without_coordinates(["Lat", "Lon", "e0"], None, None)
    ['e0']
    """
    usual = {*LONGITUDE, *LATITUDE, *DARWIN_CORE} if lon is None else set()
    return [name for name in names if name not in (lon, lat) and name.strip().lower() not in usual]


def _numbered_families(names: Iterable[str]) -> dict[str, list[str]]:
    """Columns with consecutive numbers from 0 or 1 at the end of their names, by what precedes."""
    numbered: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for name in names:
        if match := re.fullmatch(r"(.*?)(\d+)", name):
            numbered[match[1]].append((int(match[2]), name))
    families = {}
    for prefix, found in numbered.items():
        numbers = sorted(number for number, _ in found)
        start = min(numbers[0], 1)
        consecutive = numbers == list(range(start, start + len(numbers)))
        if len(numbers) >= MIN_NUMBERED and consecutive:
            families[prefix] = [name for _, name in sorted(found)]
    return families
