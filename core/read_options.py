"""How to read a file of points, where the file does not say."""

from __future__ import annotations

from pydantic import Field

from satclip_bench.core.card import Card
from satclip_bench.core.errors import BenchError


class ReadOptions(Card):
    """Columns, separator and layer of a file of points; None where the file is asked.

    Examples:
        >>> ReadOptions(lon="x", lat="y").layer is None
        True
    """

    lon: str | None = Field(None, description="column of longitudes")
    lat: str | None = Field(None, description="column of latitudes")
    sep: str | None = Field(None, description="separator of a text file, one character")
    layer: str | None = Field(None, description="layer of a file with several layers")


AUTOMATIC = ReadOptions()
"""Everything is found out from the file."""


def separator(text: str) -> str:
    r"""The character that `text` stands for: itself, or a tab for `tab` or `\t`.

    Raises:
        BenchError: the text is not one character, or the character cannot separate columns.

    Examples:
        >>> separator(";"), separator("tab")
        (';', '\t')
    """
    character = "\t" if text.lower() in ("tab", r"\t") else text
    if len(character) != 1 or character in '"\r\n' or character.isalnum() or ord(character) > 127:
        raise BenchError(
            f"{text!r} cannot separate columns: give one character, such as ';' or 'tab'"
        )
    return character
