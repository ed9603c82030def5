"""The command line.

Each module here declares the help and the options of the commands that the module of the same name
in `satclip_bench.benchmarks.commands` implements; that module is imported when a command runs.
"""

from __future__ import annotations

import os
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
        code = command.call(options)
        # Otherwise output that nobody reads any more would only be noticed after the exit code.
        sys.stdout.flush()
    except SystemExit as error:
        # rich ends the program with exit code 1, which means failed cells, on a broken pipe.
        if isinstance(error.__context__, BrokenPipeError):
            return _broken_pipe()
        raise
    except BenchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        kept = f"; {command.after_interrupt}" if command.after_interrupt else ""
        sys.stderr.write(f"interrupted{kept}\n")
        return 130
    except BrokenPipeError:
        return _broken_pipe()
    return code


def _broken_pipe() -> int:
    """The exit code after the reader of the output has gone, as in `... | head`."""
    # What is still in the buffer would raise the same error once more when the process ends.
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(null, stream.fileno())
    os.close(null)
    return 141
