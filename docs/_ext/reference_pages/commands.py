"""Pages of the command line, written from its real parser."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial

from reference_pages.markdown import code_block, prose, table
from satclip_bench.benchmarks.cli.command import Command

_WIDTH = 88
"""Number of columns of a command's help on its page."""


def command_page(command: Command, help_text: str) -> str:
    """Page of a command: its summary and what `--help` prints."""
    title = f"# `{command.name}`"
    return f"{title}\n\n{_sentence(command.summary)}\n\n{code_block(help_text, 'text')}\n"


def commands_page(commands: tuple[Command, ...], exit_codes: Mapping[int, str]) -> str:
    """Page with all commands by group, and the exit codes."""
    parts = ["# Commands", "What `COMMAND --help` prints, page by page."]
    for group in dict.fromkeys(command.group for command in commands):
        rows = [
            [f"[`{c.name}`]({c.name}.md)", prose(c.summary)] for c in commands if c.group == group
        ]
        parts += [f"## {_sentence(group).removesuffix('.')}", table(["Command", "Summary"], rows)]
    codes = [[f"`{code}`", prose(meaning)] for code, meaning in exit_codes.items()]
    parts += ["## Exit codes", table(["Code", "Meaning"], codes)]
    return "\n\n".join(parts) + "\n"


def help_of(parser: argparse.ArgumentParser, name: str) -> str:
    """Help of one command of a parser with subparsers, as the terminal shows it."""
    (subparsers,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    command: argparse.ArgumentParser = subparsers.choices[name]
    # A fixed width, so that the page does not depend on the terminal of the build.
    command.formatter_class = partial(argparse.RawDescriptionHelpFormatter, width=_WIDTH)
    return command.format_help()


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{prose(text[1:])}."
