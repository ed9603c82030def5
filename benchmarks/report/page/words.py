"""Names of splits, probes and encoders in plain words, and names of pages."""

from __future__ import annotations

import re
from collections.abc import Iterable

from satclip_bench.benchmarks.baselines.base import is_baseline
from satclip_bench.benchmarks.probes import probe_card
from satclip_bench.benchmarks.splits import split_card
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import file_name, sha256_bytes
from satclip_bench.encoders import TABLES
from satclip_bench.tasks import TaskCard

SPLIT_WORDS = {
    "random": "between the training points",
    "random-grouped": "between the training points, no shared places",
    "held-out-region": "another continent or region",
    "few-shot": "another continent or region, with a few labels from it",
    "latitude": "other latitudes",
    "checkerboard": "the next square of a checkerboard",
    "nndm": "as far away as a map asks",
    "official": "the split of the table's authors",
}
"""Where the test points of a split lie, as seen from the training points."""

REGION_WORDS = {
    "continent": "another continent",
    "census region": "another census region",
    "equal-area block": "another equal-area block",
    "region": "another region",
}
"""Where they lie under `held-out-region`, by the task's type of region."""

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|index)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices, and the name that servers show for a folder."""


def split_words(split: str, card: TaskCard | None = None) -> str:
    """Where the test points of a split lie, in plain words.

    Args:
        split: name of the split.
        card: card of a task; None for all tasks of a board.

    >>> split_words("held-out-region"), split_words("buffered.10-500")
    ('another continent or region', 'blocks of 10°, at least 500 km away')
    """
    if card is not None and split == "held-out-region":
        return REGION_WORDS[card.region]
    if blocks := re.fullmatch(r"blocks\.(\d+)", split):
        return f"other blocks of {blocks[1]}°"
    if buffered := re.fullmatch(r"buffered\.(\d+)-(\d+)", split):
        return f"blocks of {buffered[1]}°, at least {buffered[2]} km away"
    return SPLIT_WORDS.get(split, "") or _title(split)


def info_arguments(name: str, *, registered: bool) -> str:
    """Arguments with which the command `info` finds an encoder.

    Args:
        name: name of the encoder.
        registered: whether its name is enough.

    >>> info_arguments("geoclip", registered=True), info_arguments("mine", registered=False)
    ('geoclip', 'FILE.py:CLASS')
    >>> info_arguments("geoclip+table.farms", registered=False)
    'geoclip+table.farms --encoder-table FILE --table-name farms'
    """
    if registered:
        return name
    tables = [part.removeprefix(TABLES) for part in name.split("+") if part.startswith(TABLES)]
    if len(tables) == 1:
        combination = f"{name} " if "+" in name else ""
        return f"{combination}--encoder-table FILE --table-name {tables[0]}"
    return "FILE.py:CLASS"


def _title(split: str) -> str:
    try:
        return split_card(split).title
    except BenchError:
        # A split of another package, which is not installed here.
        return split


def probe_words(probe: str) -> str:
    """Title of a probe in a sentence, or its name if it is not registered.

    >>> probe_words("knn"), probe_words("mine")
    ('k nearest neighbours', 'mine')
    """
    try:
        title = probe_card(probe).title
    except BenchError:
        return probe
    return title[:1].lower() + title[1:]


def family(encoder: str) -> str:
    """Family of an encoder, by its name.

    >>> family("harmonics.l10"), family("geoclip+wrap"), family("baseline.gp")
    ('harmonics', 'combined', 'baseline')
    """
    if is_baseline(encoder):
        return "baseline"
    return "combined" if "+" in encoder else encoder.partition(".")[0]


def page_names(names: Iterable[str]) -> dict[str, str]:
    """File names without ending for things with these names, on any file system.

    Two names never share a file, even where case does not count.

    >>> page_names(["wrap", "Wrap", "../up"])
    {'../up': '-up-8c722b8a', 'wrap': 'wrap', 'Wrap': 'Wrap-70bfd7fb'}
    """
    pages: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(set(names), key=lambda name: (name != name.casefold(), name)):
        page = file_name(name)
        if RESERVED.fullmatch(page) or page.casefold() in taken:
            page = f"{page[:60].partition('.')[0]}-{sha256_bytes(name.encode())[:8]}"
        taken.add(page.casefold())
        pages[name] = page
    return pages
