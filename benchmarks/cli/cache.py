"""The options of `cache`."""

from __future__ import annotations

import argparse

from satclip_bench.benchmarks.cli.command import Command

DESCRIPTION = """\
Show what the cache folder holds and how large it is, or delete parts of it. The cache has
embeddings, downloaded weights and tables; $SATCLIP_BENCH_CACHE chooses its folder.

  info   print the folder, and the number and size of its files
  clear  delete embeddings, which are computed again when needed; --weights deletes downloaded
         weights. Tables and pretrained weights are never deleted

Embeddings are limited to 10 GB in total, or to $SATCLIP_BENCH_CACHE_GB: above that, each run
deletes the least recently used ones, but none that it or another run still needs."""

EXAMPLES = """\
examples:
  {program} cache info
  {program} cache clear
  {program} cache clear --embeddings --weights"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("info", "clear"),
        help="what to do: info or clear, such as info",
    )
    parser.add_argument(
        "--embeddings",
        action="store_true",
        help="clear the embeddings (default if --weights is not given)",
    )
    parser.add_argument(
        "--weights",
        action="store_true",
        help="clear the weights, also those placed by hand; `download` fetches the others",
    )


def _call(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.cache import clear_cache, show_cache

    if options.action == "clear":
        return clear_cache(embeddings=options.embeddings, weights=options.weights)
    return show_cache()


CACHE = Command(
    name="cache",
    group="get data and weights",
    summary="show the size of the cache, or delete what is in it",
    description=DESCRIPTION,
    examples=EXAMPLES,
    add_options=_add_options,
    call=_call,
)
