"""The parser of the command line: the table of commands, and the help that lists them."""

from __future__ import annotations

import argparse
from itertools import groupby

from satclip_bench.benchmarks.cli.cache import CACHE
from satclip_bench.benchmarks.cli.command import Command, with_program
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
from satclip_bench.core.program import program

COMMANDS: tuple[Command, ...] = (
    *(RUN, REPRODUCE, SPECIES),
    *(LEADERBOARD, DIAGNOSE, TABLES, FIGURES),
    *(LIST, INFO),
    *(DOWNLOAD, VERIFY, CACHE),
    *(EMBED, PRETRAIN, SPEED),
)
"""All commands, in the order of `--help`; commands of a group stand together."""

DESCRIPTION = """\
Benchmark location encoders: models that map (longitude, latitude) to an embedding.

Called without arguments, the program runs the suite `open`: tasks whose data ships with
the repository, the default encoders, four probes, random and held-out-region splits.
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

`{program} COMMAND --help` explains a command and its options.
Options without a command belong to `run`. Names accept wildcards and comma-separated lists.

exit codes:
  0    success
  1    some items failed; the others are kept
  2    nothing was done: the command or its input is wrong
  130  interrupted"""


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands; the parsed options have the `Command` as `command`."""
    parser = argparse.ArgumentParser(
        prog=program(),
        usage=f"{program()} [COMMAND] [OPTIONS]",
        allow_abbrev=False,
        description=with_program(f"{DESCRIPTION}\n\n{command_list()}"),
        epilog=with_program(EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # The list of commands is part of the description, where it can have headings.
    subparsers = parser.add_subparsers(prog=program(), help=argparse.SUPPRESS)
    for command in COMMANDS:
        command.add_to(subparsers)
    return parser


def command_list() -> str:
    """The commands in groups, one line each."""
    width = max(len(command.name) for command in COMMANDS)
    blocks = [
        "\n".join([f"{group}:", *(f"  {c.name:{width}}  {c.summary}" for c in commands)])
        for group, commands in groupby(COMMANDS, key=lambda command: command.group)
    ]
    return "\n\n".join(blocks)
