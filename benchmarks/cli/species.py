"""The options of `species`."""

from __future__ import annotations

import argparse
from pathlib import Path

from satclip_bench.benchmarks.cli.command import CELLS_ARE_KEPT, Command
from satclip_bench.benchmarks.cli.options import (
    add_data_dir_option,
    add_names_option,
    add_records_option,
    add_seeds_option,
)

DESCRIPTION = """\
Measure how often the species in a photograph is among the most probable ones, on iNaturalist
2018. The competition's training set is used for training and its validation set for testing,
or one continent at a time is held out:

  location       P(species | place): softmax regression on the embedding
  image          P(species | image): --image-probabilities, or regression on --image-features
  product        both multiplied; for a photograph of unknown place, the image alone
  concatenation  one softmax regression on features and embedding side by side

Without image files only `location` is evaluated. Image features are Parquet (image_id,
features) or npz; docs/inaturalist.md says how to get all files. Every cell's record is kept
in --out, so that the same command continues after an interruption."""

EXAMPLES = """\
examples:
  {program} species --encoders geoclip,satclip-bluemarble.l40 --data-dir DIR
  {program} species --encoders geoclip --image-features train.parquet val.parquet \\
      --splits competition held-out-continent --seeds 0-2"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    add_names_option(
        parser,
        "encoders",
        "encoders to evaluate, such as geoclip,'satclip-bluemarble.*'; required",
        required=True,
    )
    parser.add_argument(
        "--splits",
        nargs="+",
        choices=("competition", "held-out-continent"),
        default=("competition",),
        help="splits to evaluate: that of the competition, or one fold per held-out continent "
        "(default: competition)",
    )
    add_seeds_option(parser, "seeds of the fits, such as 0,1,2 or 0-4 (default: 0)", default=(0,))
    parser.add_argument(
        "--image-features",
        type=Path,
        nargs=2,
        default=(),
        metavar=("TRAIN", "VAL"),
        help="two files with image features, of the training and of the validation photographs, "
        "such as train.parquet val.parquet (default: none)",
    )
    parser.add_argument(
        "--image-probabilities",
        type=Path,
        metavar="VAL",
        help="file with an image classifier's probabilities for the validation photographs, "
        "Parquet or npz; not with held-out-continent, because the classifier was trained on all "
        "continents (default: none)",
    )
    add_data_dir_option(parser)
    add_records_option(parser, "species", "species.parquet")


def _call(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.species import evaluate_species
    from satclip_bench.benchmarks.species.cells import Request

    return evaluate_species(
        Request(
            encoders=options.encoders,
            splits=options.splits,
            seeds=options.seeds,
            data_dir=options.data_dir,
            features=options.image_features,
            probabilities=options.image_probabilities,
            out=options.out,
        )
    )


SPECIES = Command(
    name="species",
    group="evaluate encoders",
    summary="evaluate encoders on iNaturalist 2018, with and without image features",
    description=DESCRIPTION,
    examples=EXAMPLES,
    add_options=_add_options,
    call=_call,
    after_interrupt=CELLS_ARE_KEPT,
)
