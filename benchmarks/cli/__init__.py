"""The command line.

Each module here declares the help and the options of the commands that the module of the same name
in `satclip_bench.benchmarks.commands` implements; that module is imported when a command runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from satclip_bench.benchmarks.cli.command import Command
from satclip_bench.benchmarks.cli.parser import COMMANDS, make_parser
from satclip_bench.core.errors import BenchError
from satclip_bench.core.registry import unknown_name


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: words after the program's name; by default those of the process.
    """
    parser = make_parser()
    arguments = list(sys.argv[1:] if argv is None else argv)
    names = [command.name for command in COMMANDS]
    if not arguments or arguments[0] not in (*names, "-h", "--help"):
        if arguments and not arguments[0].startswith("-"):
            parser.error(unknown_name("command", arguments[0], names))
        # Options without a command belong to `run`.
        arguments.insert(0, "run")
    options = parser.parse_args(arguments)
    command: Command = options.command
    try:
        return command.call(options)
    except BenchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        kept = f"; {command.after_interrupt}" if command.after_interrupt else ""
        sys.stderr.write(f"interrupted{kept}\n")
        return 130
    except BrokenPipeError:
        # The reader of the output has gone, as in `... | head`: no message can reach it.
        sys.stderr.close()
        return 141
