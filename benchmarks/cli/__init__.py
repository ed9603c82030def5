"""The command line.

Each module here declares the help and the options of the commands that the module of the same name
in `satclip_bench.benchmarks.commands` implements; that module is imported when a command runs.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from satclip_bench.benchmarks.cli.collection import rare_collection
from satclip_bench.benchmarks.cli.command import Command
from satclip_bench.benchmarks.cli.parser import COMMANDS, make_parser
from satclip_bench.benchmarks.cli.signals import StoppedError, stop_on_signals
from satclip_bench.benchmarks.cli.warning_lines import plain_warnings
from satclip_bench.core.errors import ASK_PERMISSION, BenchError, UnfinishedError
from satclip_bench.core.registry import unknown_name

READER_CLOSED = 141
"""Exit code if the reader of the output has gone, as in `... | head`: that of SIGPIPE."""


ANY_TEXT = ("--", "--sep")
"""Options whose value may be a blank or a comma."""


@rare_collection()
def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, as `EXIT_CODES` in `cli.parser` lists them.

    Args:
        argv: words after the program's name; by default those of the process.
    """
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows a question mark in its place.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    parser = make_parser()
    arguments = list(sys.argv[1:] if argv is None else argv)
    names = [command.name for command in COMMANDS]
    if not arguments or arguments[0] not in (*names, "-h", "--help", "--version"):
        if arguments and not arguments[0].startswith("-"):
            parser.error(unknown_name("command", arguments[0], names))
        # Options without a command belong to `run`.
        arguments.insert(0, "run")
    if empty := _empty_option(arguments):
        parser.error(f"{empty} has an empty value: give it one, or leave it out")
    options = parser.parse_args(arguments)
    command: Command = options.command
    try:
        with stop_on_signals(), plain_warnings():
            code = command.call(options)
            sys.stdout.flush()
            return code
    except UnfinishedError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except BenchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt as interrupt:
        kept = f"; {command.after_interrupt}" if command.after_interrupt else ""
        _discard_output(sys.stdout)
        if isinstance(interrupt, StoppedError):
            _write_error(f"{interrupt}{kept}")
            return interrupt.exit_code
        _write_error(f"interrupted{kept}")
        return 130
    except (OSError, SystemExit) as error:
        # rich turns a closed pipe into SystemExit.
        broken = isinstance(error, BrokenPipeError) or isinstance(
            error.__context__, BrokenPipeError
        )
        if isinstance(error, SystemExit) and not broken:
            raise
        _discard_output(sys.stdout)
        if broken:
            _discard_output(sys.stderr)
            return READER_CLOSED
        if isinstance(error, PermissionError) and error.filename is not None:
            _write_error(
                f"error: {error.filename} cannot be used: {error.strerror}. {ASK_PERMISSION}"
            )
        else:
            _write_error(f"error: {error}")
        return 1


def _open_closed_streams() -> None:
    """Let output that a process was started without, as with `>&-`, go nowhere.

    Otherwise the next file that is opened would take its place, and what is printed.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))


def _empty_option(arguments: Sequence[str]) -> str:
    """The first option whose value is empty, as that of a shell variable which is not set.

    >>> _empty_option(["run", "--encoders", "", "--sep", " "])
    '--encoders'
    """
    for word, following in zip(arguments, [*arguments[1:], "-"], strict=True):
        option, equals, value = word.partition("=")
        named = option.startswith("--") and option not in ANY_TEXT
        if named and not (value if equals else following).strip(" ,"):
            return option
    return ""


def _write_error(message: str) -> None:
    try:
        sys.stderr.write(f"{message}\n")
    except OSError:
        # The terminal has gone, as after a hang-up.
        _discard_output(sys.stderr)


def _discard_output(stream: object) -> None:
    """Send what a stream still holds nowhere, so that Python's exit does not fail to write it."""
    if isinstance(stream, io.TextIOWrapper):
        try:
            target = stream.fileno()
        except io.UnsupportedOperation:
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, target)
        os.close(nowhere)
