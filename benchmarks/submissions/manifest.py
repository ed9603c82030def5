"""Manifest of a submission: who measured which encoder, on what, with which versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import Field

from satclip_bench.core.card import Card
from satclip_bench.encoders.base import EncoderCard

FORMAT = 1
"""Version of the layout of an entry."""

MAX_TEXT = 2000
"""Maximum number of characters of a text in a manifest."""

MAX_TITLE = 60
"""Maximum number of characters of what boards show of an entry."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_TITLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._()=+,:-]*")
_FORMULA = ("=", "+", "-", "@")
_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "8": "b"})


class Manifest(Card):
    """What an entry says of itself.

    Attributes:
        format: version of the layout of the file.
        submitter: person or group that measured the encoder.
        contact: address at which questions are answered, such as that of the code or a paper.
        licence: licence under which the entry may be published.
        encoder: metadata of the encoder.
        suite: name of the suite that was run.
        protocol: name and version of the protocol.
        tables: SHA-256 of every table, by task.
        splits: version of every split, by name.
        versions: versions of the software that measured it, by package.
    """

    format: int = FORMAT
    submitter: str = Field(min_length=1)
    contact: str = ""
    licence: str = Field(min_length=1)
    encoder: EncoderCard
    suite: str
    protocol: str
    tables: Mapping[str, str]
    splits: Mapping[str, int]
    versions: Mapping[str, str] = {}


def manifest_problems(manifest: Manifest) -> Iterator[str]:
    """Why texts of a manifest cannot be shown to others; nothing if all can.

    Args:
        manifest: manifest of an entry, from a stranger.
    """
    card = manifest.encoder
    if problem := name_problem(card.name):
        yield f"encoder name {card.name!r:.80}: {problem}"
    if problem := title_problem(card.title):
        yield f"encoder title {card.title!r:.80}: {problem}"
    for field, text, problem in text_problems(manifest.model_dump(mode="json")):
        yield f"{field} {text!r:.80}: {problem}"


def text_problems(content: Any) -> Iterator[tuple[str, str, str]]:
    """Texts of a JSON document, keys included, that cannot be shown: where, the text, and why."""
    for field, text in _texts(content):
        if problem := text_problem(text):
            yield field, text, problem


def name_problem(name: str) -> str:
    """Why an encoder of an entry cannot have a name; empty if it can.

    Names become names of files and stand in tables, pages and spreadsheets, and no two may look
    alike. They are therefore ASCII.

    >>> name_problem("geo-net.v2"), name_problem("../geoclip") != ""
    ('', True)
    """
    if _NAME.fullmatch(name):
        return ""
    return (
        "a name has 1 to 64 ASCII letters, digits, dots, dashes and underscores, with a letter or "
        "digit at both ends"
    )


def title_problem(title: str) -> str:
    """Why boards cannot show a title; empty if they can.

    >>> title_problem("SatCLIP ViT16 L=40"), title_problem("=HYPERLINK(1)") != ""
    ('', True)
    """
    if _TITLE.fullmatch(title) and len(title) <= MAX_TITLE and title == title.rstrip():
        return ""
    return (
        f"a title has 1 to {MAX_TITLE} ASCII letters, digits, blanks and . _ ( ) = + , : -, and "
        "begins with a letter or digit"
    )


def text_problem(text: str) -> str:
    """Why a text of an entry cannot be shown; empty if it can.

    >>> text_problem("Zoë, ETH Zürich"), text_problem("<script>")
    ('', 'it contains < or >, as HTML does')
    """
    if len(text) > MAX_TEXT:
        return f"it is longer than {MAX_TEXT:,} characters"
    if not text.isprintable():
        return "it contains characters that cannot be printed, or that change the order of others"
    if "<" in text or ">" in text:
        return "it contains < or >, as HTML does"
    if text.startswith(_FORMULA):
        return "it begins like a formula of a spreadsheet: with = + - or @"
    return ""


def look_alike(name: str, others: Iterable[str]) -> str:
    """The first of other names or titles that a reader could take a name for; empty if none.

    Letters and digits that look alike count as equal; blanks, dots, dashes and case do not count.

    >>> look_alike("GeoC1ip", ["wrap", "geoclip"]), look_alike("geoclip-2", ["geoclip"])
    ('geoclip', '')
    """
    skeleton = _skeleton(name)
    return next((other for other in others if _skeleton(other) == skeleton), "")


def _skeleton(text: str) -> str:
    plain = re.sub(r"[\s._()=+,:-]+", "", text.casefold()).translate(_ALIKE)
    return plain.replace("rn", "m").replace("vv", "w")


def _texts(content: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """All texts of a JSON document, keys included, and where they stand."""
    if isinstance(content, str):
        yield field, content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            inner = f"{field}.{key}" if field else str(key)
            yield f"a name in {field or 'the document'}", str(key)
            yield from _texts(value, inner)
    elif isinstance(content, list):
        for value in content:
            yield from _texts(value, field)
