"""The command line: verbs and their options. Heavy things are imported inside each verb."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from satclip_bench.benchmarks.cli.parser import _parser, _pretrain, _reproduce, _run, _species
from satclip_bench.core.errors import BenchError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser, verbs = _parser()
    if not arguments or (arguments[0] not in verbs and arguments[0] not in ("-h", "--help")):
        # Options without a verb belong to `run`; any other word is a verb misspelt.
        if arguments and not arguments[0].startswith("-"):
            parser.error(_unknown_verb(arguments[0], verbs))
        arguments.insert(0, "run")
    options = parser.parse_args(arguments)
    verb: Callable[[argparse.Namespace], int] = options.verb
    try:
        return verb(options)
    except BenchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        kept = "; what is done is kept: the same command goes on from here"
        if verb is _pretrain:
            kept = "; finished epochs are kept: --resume goes on from there"
        keeps = verb in (_run, _reproduce, _pretrain, _species)
        sys.stderr.write(f"interrupted{kept if keeps else ''}\n")
        return 130
    except BrokenPipeError:
        # The reader has gone, as in `... | head`; nothing is left to say to it.
        sys.stderr.close()
        return 141


def _unknown_verb(word: str, verbs: tuple[str, ...]) -> str:
    from satclip_bench.core.registry import unknown_name

    return unknown_name("verb", word, verbs)
