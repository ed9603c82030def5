"""Checks of an entry whose encoder looks up precomputed embeddings, `table.<name>`.

The file is not in the entry. Its SHA-256 and the options say which embeddings were looked up, and
whoever has the file can measure them again.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import get_args

from satclip_bench.benchmarks.submissions.entry import Entry
from satclip_bench.encoders.lookup.partial import Uncovered
from satclip_bench.encoders.table import FAMILY, VERSION, Match

SHA256 = re.compile(r"[0-9a-f]{64}")

_NOT_OF_CODE = ("encoder_source_sha256", "encoder_embedding_sha256")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_distance(value: object) -> bool:
    return value == "no limit" or (isinstance(value, int | float) and 0 < value < float("inf"))


_PARAMETERS: Mapping[str, Callable[[object], bool]] = {
    "uncovered": lambda value: value in get_args(Uncovered),
    "match": lambda value: value in get_args(Match),
    "max_km": _is_distance,
    "locations_sha256": lambda value: isinstance(value, str) and bool(SHA256.fullmatch(value)),
    **dict.fromkeys(("columns", "lon", "lat", "sep", "layer"), _is_text),
}
"""Options of a table, and whether a value is one."""


def is_table(name: str) -> bool:
    """Whether an encoder's name is that of a file of embeddings.

    >>> is_table("table.farms"), is_table("tables")
    (True, False)
    """
    return name.startswith(f"{FAMILY}.")


def table_problems(entry: Entry, described: Mapping[str, object]) -> Iterator[str]:
    """Problems of an entry of a file of embeddings.

    Args:
        entry: entry of such an encoder, with records.
        described: settings of its records that describe the encoder.
    """
    card = entry.manifest.encoder
    if card.version != VERSION:
        yield f"tables have version {VERSION} in this package, and the card has {card.version}"
    if any(described[name] for name in _NOT_OF_CODE) or card.weights is not None or card.time:
        yield (
            f"{card.name} is the name of a file of embeddings, and these records are of an encoder "
            "with code or weights of its own: choose another name"
        )
    if not SHA256.fullmatch(str(described["weights_sha256"])):
        yield (
            "the records do not say which file of embeddings was looked up: weights_sha256 is not "
            "a SHA-256"
        )
    wrong = [
        name
        for name, value in card.parameters.items()
        if name not in _PARAMETERS or not _PARAMETERS[name](value)
    ]
    if wrong:
        yield f"{', '.join(wrong)[:200]} on the card cannot be an option of a file of embeddings"
    yield from _coverage_problems(entry)


def _coverage_problems(entry: Entry) -> Iterator[str]:
    shares: defaultdict[str, set[float | None]] = defaultdict(set)
    for record in entry.own:
        shares[record.settings.task].add(record.coverage)
    silent = sorted(task for task, values in shares.items() if not all(values))
    if silent:
        yield (
            f"the records do not say which share of the points of {', '.join(silent)[:200]} the "
            "file covers, or say that it covers none"
        )
    several = sorted(task for task, values in shares.items() if len(values) > 1)
    if several:
        yield f"the records of {', '.join(several)[:200]} give several shares of covered points"
