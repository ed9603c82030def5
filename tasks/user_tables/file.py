"""A user table: its file, its target column, and the place of its card."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path

from satclip_bench.core.files import sha256_bytes, sha256_file
from satclip_bench.core.point_files import CSV, PARQUET, VECTOR, file_stem, file_suffix
from satclip_bench.core.read_options import AUTOMATIC, ReadOptions

MAX_SLUG = 80
"""Largest number of characters of a part of a file name."""


@dataclass(frozen=True)
class UserTable:
    """A user table: the path of its file, and the name of the target column.

    Attributes:
        path: path of the file.
        target: name of the target column.
        options: columns of the coordinates, separator and layer, as far as the user named them.
        card_folder: folder for the card if the folder of the file cannot be written; None to have
            an error then.
        save_card: whether a new card is saved; tables that differ in this alone are equal.
    """

    path: Path
    target: str
    options: ReadOptions = AUTOMATIC
    card_folder: Path | None = None
    save_card: bool = field(default=True, compare=False)

    @property
    def card_path(self) -> Path:
        """Path of the card, one per target: in `card_folder` if one is there, else beside the file.

        The card of the second of two files whose names differ in the suffix only has the suffix
        in its name.
        """
        return self._card_path(self.target_slug)

    @property
    def fallback_card_path(self) -> Path | None:
        """Path of the card in `card_folder`, where files of one name have different cards."""
        return self._fallback_card_path(self.target_slug)

    @property
    def target_slug(self) -> str:
        """The target as a part of file names and of the name of the task.

        If another column that would have the same one has a card already, it ends with a hash.
        """
        plain = slug(self.target)
        content = _json(self._card_path(plain))
        column = content.get("column") if isinstance(content, dict) else None
        if not isinstance(column, str) or column == self.target or slug(column) != plain:
            return plain
        return f"{plain}-{sha256_bytes(self.target.encode())[:6]}"

    def _card_path(self, target: str) -> Path:
        fallback = self._fallback_card_path(target)
        if fallback is not None and fallback.is_file():
            return fallback
        long, short = (
            self.path.with_name(f"{name}.{target}.card.json")
            for name in (self.path.name, file_stem(self.path))
        )
        return long if long.is_file() or self._is_of_sibling(short) else short

    def _fallback_card_path(self, target: str) -> Path | None:
        if self.card_folder is None:
            return None
        place = sha256_bytes(str(self.path).encode())[:8]
        return self.card_folder / f"{self.path.name}.{target}.{place}.card.json"

    @property
    def task_stem(self) -> str:
        """First part of the name of a new task: the file's name, or its folder's for `data`."""
        stem = file_stem(self.path)
        if self._is_of_sibling(self.path.with_name(f"{stem}.{slug(self.target)}.card.json")):
            return self.path.name
        return self.path.parent.name if stem == "data" else stem

    def _is_of_sibling(self, card: Path) -> bool:
        """Whether a card was made from another file of the same stem in the folder."""
        stem = file_stem(self.path)
        siblings = [
            path
            for path in card.parent.glob(f"{escape(stem)}.*")
            if path != self.path
            and file_stem(path) == stem
            and file_suffix(path) in (*CSV, *PARQUET, *VECTOR)
        ]
        if not siblings or not card.is_file():
            return False
        content = _json(card)
        sha256 = content.get("sha256") if isinstance(content, dict) else None
        return sha256 != sha256_file(self.path) and any(sha256 == sha256_file(p) for p in siblings)


def _json(path: Path) -> object:
    """The content of a file of JSON; None if it cannot be read."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def slug(text: str) -> str:
    """Text as a valid part of a file name: at most 80 letters, digits, underscores and dashes.

    Accents are dropped. Text of which other letters are dropped, or which is too long, gets a
    hash at its end, so that different texts stay different.

    Examples:
        >>> slug("Soil pH (0-5 cm)"), slug("Größe"), slug("温度")
        ('Soil-pH-0-5-cm', 'Gro-e-aedc3f', 'table-3732e2')
    """
    plain = unicodedata.normalize("NFKD", text)
    short = re.sub(r"[^A-Za-z0-9_-]+", "-", re.sub(r"[\u0300-\u036f]", "", plain)).strip("-")
    lost = any(c.isalnum() and not c.isascii() for c in plain)
    if lost or len(short) > MAX_SLUG:
        return f"{short[: MAX_SLUG - 7] or 'table'}-{sha256_bytes(text.encode())[:6]}"
    return short or "table"
