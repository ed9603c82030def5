"""A command of the command line: its help, its options and what it calls."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from satclip_bench.core.program import program

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

Group = Literal[
    "evaluate encoders",
    "look at a run",
    "share results",
    "see what is available",
    "get data and weights",
    "use and train encoders",
]


CELLS_ARE_KEPT = "finished cells are kept, and the same command runs the rest"
"""What an interrupt leaves of a command that runs cells."""


@dataclass(frozen=True)
class Command:
    """A command, from its name to the function that runs it.

    Attributes:
        name: word after the program's name.
        group: heading under which `--help` lists it.
        summary: one line for that list.
        description: what `COMMAND --help` says above the options.
        add_options: function that adds the options to the command's parser.
        call: function that imports the command's code, runs it and returns the exit code.
        examples: what `COMMAND --help` says below the options.
        after_interrupt: what happens to unfinished work on Ctrl-C, for the message.

    In the description and the examples `{program}` stands for the program that was called.
    """

    name: str
    group: Group
    summary: str
    description: str
    add_options: Callable[[argparse.ArgumentParser], None]
    call: Callable[[argparse.Namespace], int]
    examples: str = ""
    after_interrupt: str = ""

    def add_to(self, subparsers: Subparsers) -> None:
        """Add the command's parser, with its options and help."""
        parser = subparsers.add_parser(
            self.name,
            description=with_program(self.description),
            epilog=with_program(self.examples),
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_options(parser)
        parser.set_defaults(command=self)


def with_program(text: str) -> str:
    """The text with `{program}` replaced by the name of the program that was called."""
    return text.replace("{program}", program())
