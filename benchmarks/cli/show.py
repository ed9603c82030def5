"""The options of `list` and `info`."""

from __future__ import annotations

import argparse
from pathlib import Path

from satclip_bench.benchmarks.cli.command import Command
from satclip_bench.benchmarks.cli.encoder_table import add_table_options, table_request
from satclip_bench.benchmarks.cli.options import (
    RUNS,
    add_data_dir_option,
    add_edition_option,
    seed,
)

KINDS = ("task", "encoder", "split", "probe", "suite")

MAPS = RUNS.parent / "maps"


def _add_list_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=("tasks", "encoders", "splits", "probes", "suites"),
        help="what to list, such as encoders",
    )
    parser.add_argument(
        "names",
        nargs="*",
        default=[],
        metavar="NAME",
        help="names or wildcards to list, such as 'coordbench.*' (default: all; of coordbench and "
        "usavars, whose tables do not ship, one line each)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the complete cards as JSON (default: one line per name)",
    )


def _list(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.show import show_list

    return show_list(options.what, options.names, as_json=options.json)


def _add_info_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "kind",
        nargs="?",
        metavar="{" + ",".join(KINDS) + "}",
        help="what NAME is, if several things have that name, as in `info split random` "
        "(default: all of them are shown)",
    )
    parser.add_argument(
        "name",
        nargs="?",
        metavar="NAME",
        help="task, encoder, split, probe or suite, such as elevation, geoclip or blocks.10, or "
        "FILE.py:CLASS, a custom encoder, whose file is executed; "
        "required without --encoder-table, with which it can be a combination, geoclip+table.NAME",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the card as JSON (default: as a table)"
    )
    parser.add_argument(
        "--map",
        type=Path,
        nargs="?",
        const=MAPS,
        metavar="DIR",
        help="draw PNG files into DIR: the points of a task and the distribution of its target, "
        f"or the embedding of an encoder over the globe (without DIR: {MAPS}; default: draw "
        "nothing)",
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="instead of the card of an encoder, print what its embedding is like: half-sill "
        "distance, dimensions, resolution by frequency",
    )
    parser.add_argument(
        "--beside",
        action="append",
        default=[],
        metavar="NAMES",
        help="other encoders whose profiles --profile prints beside, with the similarity of each "
        "pair (default: none)",
    )
    parser.add_argument(
        "--figure",
        type=Path,
        metavar="FILE",
        help="draw the variograms and resolutions of --profile into FILE, .png or .pdf (default: "
        "draw nothing)",
    )
    parser.add_argument(
        "--seed",
        type=seed,
        default=0,
        metavar="N",
        help="seed of the points that --profile draws (default: 0)",
    )
    add_edition_option(
        parser, "edition of the task that --map draws (default: open, if the task has it)"
    )
    add_data_dir_option(parser)
    add_table_options(parser)


def _info(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.show import show_card, show_encoder
    from satclip_bench.core.errors import BenchError

    # A single word is the name, which argparse takes for the kind.
    kind, name = (options.kind, options.name) if options.name else (None, options.kind)
    if kind is not None and kind not in KINDS:
        raise BenchError(f"{kind!r} is not one of {', '.join(KINDS)}")
    if name is None and not options.encoder_table:
        raise BenchError("give one NAME, such as geoclip, or --encoder-table FILE")
    if (options.beside or options.figure) and not options.profile:
        raise BenchError("--beside and --figure belong to --profile: add --profile")
    table = None
    if options.encoder_table:
        from satclip_bench.benchmarks.commands.encoder_tables import make_table

        table = make_table(table_request(options), name)
    if options.profile:
        from satclip_bench.benchmarks.commands.profile import show_profiles

        return show_profiles(
            [*([name] if name and table is None else []), *options.beside],
            table,
            seed=options.seed,
            as_json=options.json,
            figure=options.figure,
        )
    if table is None and name and ".py:" in name and kind in (None, "encoder"):
        from satclip_bench.encoders import encoder_from_file

        table = encoder_from_file(name)
    if table is not None:
        return show_encoder(table, as_json=options.json, maps=options.map)
    return show_card(
        name,
        kind=kind or "",
        as_json=options.json,
        edition=options.edition,
        data_dir=options.data_dir,
        maps=options.map,
    )


LIST = Command(
    name="list",
    group="see what is available",
    summary="list tasks, encoders, splits, probes or suites",
    description="List all tasks, encoders, splits, probes or suites, with what tells them apart.",
    examples="examples:\n  {program} list encoders\n  {program} list tasks 'coordbench.*'\n"
    "  {program} list tasks --json",
    add_options=_add_list_options,
    call=_list,
)

INFO = Command(
    name="info",
    group="see what is available",
    summary="show the card of a task, encoder, split, probe or suite",
    description="""\
Show the card of a task, encoder, split, probe or suite: what it is, where it comes from, its
licence and how to cite it. For a task, its files and whether they are present are listed.""",
    examples="examples:\n  {program} info geoclip\n  {program} info air_temperature --map\n"
    "  {program} info geoclip --profile --beside wrap,harmonics.l10 --figure profile.pdf",
    add_options=_add_info_options,
    call=_info,
)
