"""The parser of the command line: one function per command, and one that runs it."""

from __future__ import annotations

import argparse
from pathlib import Path

from satclip_bench.benchmarks.cli import help_texts as texts

RUNS = Path("results/runs")


def _parser() -> tuple[argparse.ArgumentParser, tuple[str, ...]]:
    parser = argparse.ArgumentParser(
        prog="run_benchmarks.py",
        allow_abbrev=False,
        description=texts.DESCRIPTION,
        epilog=texts.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")

    run = verbs.add_parser(
        "run",
        help="run a suite, or part of it (the default)",
        description=texts.DESCRIPTION,
        epilog=texts.RUN_EXAMPLES,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("--suite", default="open", metavar="NAME", help="default: open")
    for axis in ("tasks", "encoders", "splits", "probes"):
        run.add_argument(f"--{axis}", action="append", default=[], metavar="NAMES")
    run.add_argument(
        "--encoder",
        action="append",
        default=[],
        metavar="FILE.py:CLASS",
        help="an encoder of your own, run beside the others; FILE.py is executed",
    )
    run.add_argument(
        "--task-file",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="a table of your own as a task: CSV, Parquet, GeoPackage or GeoJSON with points; a "
        "card is made beside it",
    )
    run.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="COLUMN",
        help="the column of --task-file to be predicted; may be given several times",
    )
    run.add_argument(
        "--seeds", type=_seeds, default=(), metavar="LIST", help="such as 0,1,2 or 0-4"
    )
    run.add_argument("--edition", choices=("open", "paper"), help="default: the suite's, open")
    run.add_argument("--data-dir", type=Path, metavar="DIR", help="where tables of the paper lie")
    _out_option(run)
    run.add_argument("--jobs", type=_count, default=None, metavar="N", help="default: one a core")
    run.add_argument("--dry-run", action="store_true", help="show what would run, and stop")
    run.set_defaults(verb=_run)

    listing = verbs.add_parser("list", help="list tasks, encoders, splits, probes or suites")
    listing.add_argument("what", choices=("tasks", "encoders", "splits", "probes", "suites"))
    listing.add_argument("--json", action="store_true", help="everything on the cards, as JSON")
    listing.set_defaults(verb=_list)

    info = verbs.add_parser("info", help="show the card of a task, encoder, split, probe or suite")
    info.add_argument("name")
    info.add_argument("--json", action="store_true")
    info.add_argument(
        "--map",
        type=Path,
        nargs="?",
        const=RUNS.parent / "maps",
        metavar="DIR",
        help="draw where a task's points lie and how its target is distributed, or an encoder's "
        f"embedding over the globe, as PNG files in DIR (default: {RUNS.parent / 'maps'})",
    )
    info.add_argument("--edition", choices=("open", "paper"), default="open", help="to be drawn")
    info.add_argument("--data-dir", type=Path, metavar="DIR", help="where tables of the paper lie")
    info.set_defaults(verb=_info)

    embed = verbs.add_parser(
        "embed",
        help="embed the points of a file with one encoder",
        description=texts.EMBED,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    embed.add_argument("--encoder", required=True, metavar="NAME", help="or FILE.py:CLASS")
    embed.add_argument("--points", type=Path, required=True, metavar="FILE")
    embed.add_argument("--out", type=Path, required=True, metavar="FILE.parquet")
    embed.add_argument("--weights", type=Path, metavar="FILE", help="in place of the cached ones")
    embed.add_argument("--lon", metavar="COLUMN", help="default: lon, longitude or lng")
    embed.add_argument("--lat", metavar="COLUMN", help="default: lat or latitude")
    embed.set_defaults(verb=_embed)

    named = verbs.add_parser(
        "species",
        help="evaluate encoders on iNaturalist 2018, with and without image features",
        description=texts.SPECIES,
        epilog=texts.SPECIES_EXAMPLES,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    named.add_argument("--encoders", action="append", required=True, metavar="NAMES")
    named.add_argument(
        "--splits",
        nargs="+",
        choices=("competition", "held-out-continent"),
        default=("competition",),
        help="default: competition",
    )
    named.add_argument("--seeds", type=_seeds, default=(0,), metavar="SEEDS", help="default: 0")
    named.add_argument("--data-dir", type=Path, metavar="DIR", help="where inaturalist/ lies")
    named.add_argument("--image-features", type=Path, nargs=2, default=(), metavar=("TRAIN", "VAL"))
    named.add_argument("--image-probabilities", type=Path, metavar="VAL")
    named.add_argument("--out", type=Path, default=RUNS / "species", metavar="DIR")
    named.set_defaults(verb=_species)

    again = verbs.add_parser(
        "reproduce",
        help="measure a paper's published scores again, under its own protocol",
        description=texts.REPRODUCE,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    again.add_argument(
        "--paper",
        required=True,
        metavar="NAME",
        help="range, satclip, climplicit, coordbench, or all",
    )
    again.add_argument("--data-dir", type=Path, metavar="DIR", help="where tables of papers lie")
    again.add_argument("--out", type=Path, default=RUNS / "reproduction", metavar="DIR")
    again.add_argument("--jobs", type=_count, default=None, metavar="N", help="default: one a core")
    again.set_defaults(verb=_reproduce)

    speed = verbs.add_parser(
        "speed",
        help="time encoders beside the code they were released with",
        description=texts.SPEED,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    speed.add_argument(
        "--encoders",
        action="append",
        nargs="?",
        const="",
        default=[],
        metavar="NAMES",
        help="default: those that have released code to be compared with",
    )
    speed.add_argument("--points", type=_count, default=20_000, metavar="N", help="default: 20000")
    speed.add_argument("--rounds", type=_count, default=5, metavar="N", help="default: 5")
    speed.add_argument("--no-reference", action="store_true", help="time our own code alone")
    speed.add_argument("--out", type=Path, default=RUNS / "speed.json", metavar="FILE")
    speed.set_defaults(verb=_speed)

    train = verbs.add_parser(
        "pretrain",
        help="train a location encoder of your own on satellite imagery",
        description=texts.PRETRAIN,
        epilog=texts.PRETRAIN_EXAMPLES,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument(
        "--config", default="small", metavar="NAME", help="small (default), paper, or a file"
    )
    train.add_argument(
        "--out", type=Path, metavar="DIR", help="default: results/pretrained/<name of the config>"
    )
    train.add_argument("--resume", action="store_true", help="go on where it was, if it began")
    train.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a value of the config, such as training.batch_size=256; repeat for more",
    )
    train.add_argument("--epochs", type=_count, metavar="N", help="short for training.epochs")
    train.add_argument("--seed", type=int, metavar="N", help="short for seed")
    train.add_argument(
        "--device", metavar="NAME", help="such as cpu; default: a GPU if there is one"
    )
    train.add_argument(
        "--register", metavar="NAME", help="make it known as own.NAME, for every other verb"
    )
    train.add_argument("--show", action="store_true", help="show the whole config, and stop")
    train.set_defaults(verb=_pretrain)

    bring = verbs.add_parser(
        "download",
        help="fetch the papers' tables, and weights of encoders",
        description=texts.DOWNLOAD,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    bring.add_argument("names", nargs="*", metavar="NAME", help="tasks, encoders, or wildcards")
    bring.add_argument("--all", action="store_true", dest="everything", help="of all of them")
    bring.add_argument("--yes", action="store_true", help="do not ask before large downloads")
    bring.add_argument("--data-dir", type=Path, metavar="DIR", help="where tables go")
    bring.set_defaults(verb=_download)

    hashes = verbs.add_parser(
        "verify",
        help="hash every file that does not ship: good, missing, corrupt, stale",
        description=texts.VERIFY,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    hashes.add_argument("names", nargs="*", metavar="NAME", help="tasks, encoders, or wildcards")
    hashes.add_argument("--data-dir", type=Path, metavar="DIR", help="where tables lie")
    hashes.set_defaults(verb=_verify)

    where = verbs.add_parser(
        "diagnose",
        help="show where a run's encoders fail: regions, distance, latitude, biome, geo-bias",
        description=texts.DIAGNOSE,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where.add_argument("--suite", default="open", metavar="NAME", help=argparse.SUPPRESS)
    where.add_argument("--split", default=None, metavar="NAME", help="default: random")
    where.add_argument("--probe", default=None, metavar="NAME", help="default: linear")
    for axis in ("tasks", "encoders"):
        where.add_argument(
            f"--{axis}", action="append", default=[], metavar="NAMES", help="default: all"
        )
    where.add_argument("--data-dir", type=Path, metavar="DIR", help="where tables of the paper lie")
    where.add_argument(
        "--radius-km",
        type=_radius,
        metavar="KM",
        help="of the neighbourhoods of SSI; default: one that suits the task's points",
    )
    _out_option(where)
    where.set_defaults(verb=_diagnose)

    board = verbs.add_parser("leaderboard", help="show tasks x encoders for a split and probe")
    board.add_argument("--split", default=None, metavar="NAME", help="default: random")
    board.add_argument("--probe", default=None, metavar="NAME", help="default: linear")
    board.add_argument(
        "--ranks",
        action="store_true",
        help="ratings over the tasks with their intervals: rank, Borda, wins, Elo, skill",
    )
    board.add_argument(
        "--without-contaminated",
        action="store_true",
        help="leave out encoders that were trained on the data of one of the tasks",
    )
    for parser_of_run, verb in (
        (board, _leaderboard),
        (verbs.add_parser("tables", help="write Markdown and LaTeX tables of a run"), _tables),
        (verbs.add_parser("figures", help="draw the figures of a run"), _figures),
    ):
        parser_of_run.add_argument(
            "--suite", default="open", metavar="NAME", help=argparse.SUPPRESS
        )
        _out_option(parser_of_run)
        parser_of_run.set_defaults(verb=verb)
    return parser, tuple(verbs.choices)


def _out_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"the run's folder; default: {RUNS}/<suite>, or <suite>-paper for that edition",
    )


def _seeds(text: str) -> tuple[int, ...]:
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            seeds += range(int(first), int(last if dash else first) + 1)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no list of seeds such as 0,1,2 or 0-4"
            ) from None
    if not seeds:
        raise argparse.ArgumentTypeError(f"{text!r} names no seed")
    return tuple(dict.fromkeys(seeds))


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number, 1 or more")
    return int(text)


def _radius(text: str) -> float:
    try:
        radius = float(text)
    except ValueError:
        radius = float("nan")
    # The neighbourhoods of SRI are twice as wide, and must be discs on a hemisphere.
    if not 0 < radius <= 2500:
        raise argparse.ArgumentTypeError(f"{text!r} is no radius in km, above 0 and up to 2500")
    return radius


def _folder(suite: str, edition: str) -> Path:
    # One folder holds one edition: their scores are not to be averaged.
    return RUNS / (suite if edition in ("open", suite) else f"{suite}-{edition}")


def _run(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.run import run
    from satclip_bench.benchmarks.runs.suites import get_suite

    edition = options.edition or get_suite(options.suite).edition
    return run(
        suite=options.suite,
        tasks=options.tasks,
        encoders=options.encoders,
        own_encoders=options.encoder,
        splits=options.splits,
        probes=options.probes,
        seeds=options.seeds,
        edition=edition,
        data_dir=options.data_dir,
        out=options.out or _folder(options.suite, edition),
        jobs=options.jobs,
        dry_run=options.dry_run,
        task_files=options.task_file,
        targets=options.target,
    )


def _list(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.show import show_list

    return show_list(options.what, as_json=options.json)


def _info(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.show import show_card

    return show_card(
        options.name,
        as_json=options.json,
        edition=options.edition,
        data_dir=options.data_dir,
        maps=options.map,
    )


def _embed(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.embed import embed_file

    return embed_file(
        options.encoder,
        options.points,
        options.out,
        weights=options.weights,
        lon=options.lon,
        lat=options.lat,
    )


def _species(options: argparse.Namespace) -> int:
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


def _reproduce(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.reproduce import reproduce_papers

    return reproduce_papers(options.paper, options.data_dir, options.out, options.jobs)


def _speed(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.speed import speed

    return speed(
        [names for names in options.encoders if names],
        options.points,
        options.rounds,
        options.out,
        reference=not options.no_reference,
    )


def _download(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.download import download

    return download(
        options.names,
        everything=options.everything,
        yes=options.yes,
        data_dir=options.data_dir,
    )


def _verify(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.download import verify

    return verify(options.names, data_dir=options.data_dir)


def _pretrain(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.pretrain import pretrain_encoder

    short = (("training.epochs", options.epochs), ("seed", options.seed))
    return pretrain_encoder(
        options.config,
        [*options.set, *(f"{key}={value}" for key, value in short if value is not None)],
        options.out,
        resume=options.resume,
        device=options.device,
        register=options.register,
        show=options.show,
    )


def _diagnose(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.diagnose import diagnose_run

    return diagnose_run(
        options.out or RUNS / options.suite,
        options.split,
        options.probe,
        options.tasks,
        options.encoders,
        options.data_dir,
        options.radius_km,
    )


def _leaderboard(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.report import leaderboard

    return leaderboard(
        options.out or RUNS / options.suite,
        options.split,
        options.probe,
        ranks=options.ranks,
        contaminated=not options.without_contaminated,
    )


def _tables(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.report import tables

    return tables(options.out or RUNS / options.suite)


def _figures(options: argparse.Namespace) -> int:
    from satclip_bench.benchmarks.commands.report import figures

    return figures(options.out or RUNS / options.suite)
