"""Messages that docs/troubleshooting.md explains are messages of the program."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FROM_PYTHON = "ModuleNotFoundError"


def messages() -> list[str]:
    """Messages at the beginning of the page's paragraphs, as bold code."""
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    bold: list[str] = re.findall(r"\*\*`([^`]+)`\*\*", text)
    found = [" ".join(message.split()) for message in bold]
    return [message for message in found if not message.startswith(FROM_PYTHON)]


@pytest.fixture(scope="module")
def texts() -> str:
    """All text constants of the package, with those of f-strings, and the Makefile."""
    constants = [(ROOT / "Makefile").read_text(encoding="utf-8")]
    for folder in ("benchmarks", "core", "encoders", "tasks"):
        for path in (ROOT / folder).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            strings = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
            constants += [string for string in strings if isinstance(string, str)]
    return "\n".join(constants)


@pytest.mark.parametrize("message", messages())
def test_a_message_is_one_of_the_program(message: str, texts: str) -> None:
    parts = [part for part in re.split(r"\s*…\s*", message) if part]
    assert parts
    for part in parts:
        assert part in texts


def test_messages_are_found() -> None:
    assert len(messages()) > 20
