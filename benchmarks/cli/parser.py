"""The parser of the command line: the table of commands, and the help that lists them."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from itertools import groupby, takewhile
from typing import NoReturn

from typing_extensions import override

from satclip_bench import __version__
from satclip_bench.benchmarks.cli.cache import CACHE
from satclip_bench.benchmarks.cli.command import Command, with_program
from satclip_bench.benchmarks.cli.compare import COMPARE
from satclip_bench.benchmarks.cli.diagnose import DIAGNOSE
from satclip_bench.benchmarks.cli.download import DOWNLOAD, VERIFY
from satclip_bench.benchmarks.cli.embed import EMBED
from satclip_bench.benchmarks.cli.pretrain import PRETRAIN
from satclip_bench.benchmarks.cli.report import FIGURES, LEADERBOARD, TABLES
from satclip_bench.benchmarks.cli.reproduce import REPRODUCE
from satclip_bench.benchmarks.cli.run import RUN
from satclip_bench.benchmarks.cli.show import INFO, LIST
from satclip_bench.benchmarks.cli.species import SPECIES
from satclip_bench.benchmarks.cli.speed import SPEED
from satclip_bench.benchmarks.cli.submit import MERGE, SUBMIT
from satclip_bench.core.program import program
from satclip_bench.core.registry import unknown_name

COMMANDS: tuple[Command, ...] = (
    *(RUN, REPRODUCE, SPECIES),
    *(LEADERBOARD, DIAGNOSE, COMPARE, TABLES, FIGURES),
    *(SUBMIT, MERGE),
    *(LIST, INFO),
    *(DOWNLOAD, VERIFY, CACHE),
    *(EMBED, PRETRAIN, SPEED),
)
"""All commands, in the order of `--help`; commands of a group stand together."""

DESCRIPTION = """\
Benchmark location encoders: models that map (longitude, latitude) to an embedding.

Called without arguments, the program runs the suite `open`: tasks whose data ships with
the repository, the default encoders, three probes, random and held-out-region splits.
Finished work is kept, and the same command again runs only what is missing."""

EXAMPLES = """\
examples:
  {program}                                   the main job
  {program} run --suite quick                 check the installation
  {program} run --tasks 'bio*,ecoregions' --encoders geoclip --probes mlp
  {program} run --encoder my.py:MyEncoder     evaluate a custom encoder
  {program} run --task-file my.parquet --target yield --encoders geoclip
  {program} list encoders
  {program} info air_temperature --map
  {program} embed --encoder geoclip --points my.csv --out embeddings.parquet
  {program} leaderboard --split held-out-region --probe linear
  {program} compare results/runs/open results/leaderboard

`{program} COMMAND --help` explains a command and its options.
Options without a command belong to `run`. Names accept wildcards and comma-separated lists.

"""

EXIT_CODES = {
    0: "success",
    1: "some items failed, or the work stopped before its end; what was finished is kept",
    2: "nothing was done: the command or its input is wrong",
    129: "stopped by a hang-up (SIGHUP); what was finished is kept",
    130: "stopped by Ctrl-C (SIGINT); what was finished is kept",
    141: "the reader of the output has gone, as in `... | head`",
    143: "stopped by SIGTERM; what was finished is kept",
}
"""What the exit codes of the program mean."""


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands; the parsed options have the `Command` as `command`."""
    parser: argparse.ArgumentParser = Parser(
        prog=program(),
        usage=f"{program()} [COMMAND] [OPTIONS]",
        allow_abbrev=False,
        description=with_program(f"{DESCRIPTION}\n\n{command_list()}"),
        epilog=with_program(f"{EXAMPLES}{exit_code_list()}"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"satclip-bench {__version__}",
        help="show the version of the program and exit",
    )
    # The list of commands is part of the description, where it can have headings.
    subparsers = parser.add_subparsers(prog=program(), help=argparse.SUPPRESS)
    for command in COMMANDS:
        command.add_to(subparsers)
    return parser


class Parser(argparse.ArgumentParser):
    """A parser that proposes similar options for one that does not exist, in a short message."""

    @override
    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse a command's arguments; those that are not known are an error."""
        words = list(sys.argv[1:] if args is None else args)
        if self._subparsers is not None:
            return super().parse_known_args(words, namespace)
        for word in takewhile(lambda word: word != "--", words):
            name = word.partition("=")[0]
            if re.match(r"--?[A-Za-z]", name) and name not in self._option_string_actions:
                options = [o for o in self._option_string_actions if o.startswith("--")]
                self.error(unknown_name("option", name, options))
        parsed, extra = super().parse_known_args(words, namespace)
        if extra:
            self.error(f"unexpected argument {extra[0]!r}")
        return parsed, extra

    @override
    def error(self, message: str) -> NoReturn:
        """Print a message and where to read more, and exit with 2."""
        self.exit(2, f"error: {message}\n`{self.prog} --help` explains all options.\n")


def exit_code_list() -> str:
    """The exit codes and their meaning, one per line."""
    return "exit codes:\n" + "\n".join(
        f"  {code:<4} {meaning}" for code, meaning in EXIT_CODES.items()
    )


def command_list() -> str:
    """The commands in groups, one line each."""
    width = max(len(command.name) for command in COMMANDS)
    blocks = [
        "\n".join([f"{group}:", *(f"  {c.name:{width}}  {c.summary}" for c in commands)])
        for group, commands in groupby(COMMANDS, key=lambda command: command.group)
    ]
    return "\n\n".join(blocks)
