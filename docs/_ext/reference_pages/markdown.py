"""Text of cards and docstrings as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_URL = re.compile(r"(https?://[^\s,;]*[^\s,;.)])")
_ARXIV = re.compile(r"\barXiv (\d{4}\.\d{4,5})\b")
_SPECIAL = re.compile(r"([\\*_\[\]<>|$])")


def prose(text: str) -> str:
    r"""A card's text as Markdown: code spans are kept, addresses become links, the rest is plain.

    >>> print(prose("columns `a_b` and c_d, see https://example.org/x_y."))
    columns `a_b` and c\_d, see <https://example.org/x_y>.
    """
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else _plain(part) for part in parts)


def _plain(text: str) -> str:
    parts = _URL.split(text)
    escaped = [
        f"<{part}>" if i % 2 else _SPECIAL.sub(r"\\\1", part) for i, part in enumerate(parts)
    ]
    return _ARXIV.sub(r"[arXiv \1](https://arxiv.org/abs/\1)", "".join(escaped))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of cells that are Markdown already.

    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [list(header), *map(list, rows)]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([text[0], "|" + "---|" * len(header), *text[1:]])


def code_block(text: str, language: str) -> str:
    """A fenced block of code."""
    return f"```{language}\n{text.rstrip()}\n```"
