"""The options of `diagnose`."""

from __future__ import annotations

import argparse

from satclip_bench.benchmarks.cli.command import Command
from satclip_bench.benchmarks.cli.options import (
    add_board_options,
    add_data_dir_option,
    add_filter_options,
    add_run_folder_options,
    radius_km,
    record_filter,
    run_folder,
)

DESCRIPTION = """\
Show where the encoders of a run fail: the score of every region, the worst of them and the
gap to the best; the error by distance to the nearest training point, latitude and biome;
Moran's I of the residuals; the geo-bias scores SSI and SRI. Tables and figures are written to
the folder diagnostics/<split>.<probe> of the run. docs/diagnostics.md explains each number."""

EXAMPLES = """\
examples:
  {program} diagnose --split held-out-region --tasks elevation
  {program} diagnose --curves --out results/runs/labels
  {program} diagnose --out results/runs/quick --encoders 'harmonics.*' --radius-km 250"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    add_board_options(parser)
    add_filter_options(parser)
    parser.add_argument(
        "--radius-km",
        type=radius_km,
        metavar="KM",
        help="radius of the neighbourhoods of SSI in kilometres, such as 250, up to 2500 "
        "(default: one that suits the density of the task's points)",
    )
    parser.add_argument(
        "--curves",
        action="store_true",
        help="instead, show skill against the share of the labels (splits labels.<percent>) and "
        "against the size of blocks (blocks.<degrees>), as far as the run has such splits",
    )
    parser.add_argument(
        "--combinations",
        action="store_true",
        help="instead, show what combinations such as geoclip+wrap add to the best of their parts, "
        "if the run has both",
    )
    add_data_dir_option(parser)
    add_run_folder_options(parser)


def _call(options: argparse.Namespace) -> int:
    if options.curves or options.combinations:
        from satclip_bench.benchmarks.commands.curves import show_combinations, show_curves

        selected = (run_folder(options), options.split, options.probe, record_filter(options))
        for asked, show in (
            (options.curves, show_curves),
            (options.combinations, show_combinations),
        ):
            if asked:
                show(*selected)
        return 0
    from satclip_bench.benchmarks.commands.diagnose import diagnose_run

    return diagnose_run(
        run_folder(options),
        options.split,
        options.probe,
        record_filter(options),
        options.data_dir,
        options.radius_km,
    )


DIAGNOSE = Command(
    name="diagnose",
    group="look at a run",
    summary="show where encoders fail: regions, distance, latitude, biome, geo-bias",
    description=DESCRIPTION,
    examples=EXAMPLES,
    add_options=_add_options,
    call=_call,
)
