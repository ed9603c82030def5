"""The options of `pretrain`."""

from __future__ import annotations

import argparse

from satclip_bench.benchmarks.cli.command import Command
from satclip_bench.benchmarks.cli.options import add_folder_option, count

DESCRIPTION = """\
Train a location encoder on satellite imagery as SatCLIP was trained: an image encoder and a
location encoder (spherical harmonics, then a SIREN) are trained to match images with their
places, and the location encoder is kept.

  small      NASA's Blue Marble, L=10: a minute on a laptop, a download of 30 MB
  small-l40  the same with L=40: some minutes
  paper      S2-100K as in the paper, for a GPU: --set data.folder=DIR (torchrun for several)
  FILE       a custom config in YAML or JSON, for example for a folder of GeoTIFFs

--out holds the checkpoint, metrics.jsonl, curves.png, and the encoder: encoder.safetensors,
and encoder.ckpt in the layout of SatCLIP's released checkpoints. The same config always gives
the same weights, also after an interruption and --resume. docs/pretraining.md has the details."""

EXAMPLES = """\
examples:
  {program} pretrain --config small --register mine
  {program} run --encoders own.mine,siren.l10,geoclip
  {program} pretrain --set location.degrees=40 --set location.first_frequency=1 \\
      --out results/pretrained/l40
  torchrun --nproc-per-node 4 --no-python {program} pretrain --config paper \\
      --set data.folder=/data/s2

A config for your own imagery, mine.yaml:
  name: mine
  data: {source: geotiffs, folder: tiles/, pixels: 64}
  training: {epochs: 20, batch_size: 256}"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        default="small",
        metavar="NAME",
        help="small, small-l40, paper, or a YAML or JSON file such as mine.yaml (default: small)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a value of the config, such as training.batch_size=256; can be repeated",
    )
    parser.add_argument(
        "--epochs",
        type=count,
        metavar="N",
        help="number of epochs; the same as --set training.epochs=N (default: that of the config)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="seed of the training; the same as --set seed=N (default: that of the config)",
    )
    parser.add_argument(
        "--device",
        metavar="NAME",
        help="device of the training: cpu, cuda, cuda:1 or another one of torch, or auto for a GPU "
        "if there is one (default: $SATCLIP_BENCH_DEVICE, or auto)",
    )
    add_folder_option(
        parser, "folder of the training (default: results/pretrained/<name of the config>)"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue from the last finished epoch in --out, if there is one",
    )
    parser.add_argument(
        "--register",
        metavar="NAME",
        help="make the encoder available to all commands as own.NAME (default: do not)",
    )
    parser.add_argument(
        "--show", action="store_true", help="print the complete config as JSON, and stop"
    )


def _call(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.pretrain import pretrain_encoder

    shortcuts = (("training.epochs", options.epochs), ("seed", options.seed))
    return pretrain_encoder(
        options.config,
        [*options.set, *(f"{key}={value}" for key, value in shortcuts if value is not None)],
        options.out,
        resume=options.resume,
        device=options.device,
        register=options.register,
        show=options.show,
    )


PRETRAIN = Command(
    name="pretrain",
    group="use and train encoders",
    summary="train a location encoder on satellite imagery",
    description=DESCRIPTION,
    examples=EXAMPLES,
    add_options=_add_options,
    call=_call,
    after_interrupt="finished epochs are kept, and --resume continues from the last one",
)
