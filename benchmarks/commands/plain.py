"""Prints texts with names and paths of users, which rich would read as markup or break."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text


def print_plain(text: object, console: Console, style: str = "") -> None:
    """Print a text as it is: brackets and colons in it stay, and long lines are not broken.

    Args:
        text: text, or a path.
        console: console to print on.
        style: style of the whole text, such as `red`.
    """
    console.print(Text(str(text), style=style), soft_wrap=True, highlight=False)
