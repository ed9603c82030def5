"""The command `info ENCODER --profile`: what an embedding is like, without labels."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from satclip_bench.benchmarks.baselines import list_baselines
from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.profiles.files import as_dict, finite
from satclip_bench.benchmarks.profiles.profile import (
    DEGREES,
    Area,
    Float,
    Profile,
    profile,
    similarities,
)
from satclip_bench.benchmarks.report.grid import Grid, GridRow, print_grid
from satclip_bench.benchmarks.report.profile_words import (
    half_degree,
    half_sill,
    half_wave,
    local_dimension,
    share,
)
from satclip_bench.benchmarks.report.terminal import print_heading
from satclip_bench.benchmarks.report.wording import DASH
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import LocationEncoder, encoder_from_file, get_encoder
from satclip_bench.encoders import registry as encoder_registry

TITLE_WIDTH = 28
AREAS = {"sphere": "Over the sphere", "land": "Over land (without Antarctica)"}
ENDINGS = (".png", ".pdf")


def show_profiles(
    names: Sequence[str],
    table: LocationEncoder | None = None,
    *,
    seed: int = 0,
    as_json: bool = False,
    figure: Path | None = None,
) -> int:
    """Print the profiles of encoders side by side, and the similarity of each pair.

    Args:
        names: names of encoders, wildcards, or `path/to/file.py:Class`.
        table: precomputed embeddings, whose profile comes first; None for names alone.
        seed: seed of the points and pairs that are drawn.
        as_json: whether to print everything that was measured as JSON.
        figure: file to draw variograms and resolutions into, .png or .pdf; None to draw nothing.

    Returns:
        The exit code.

    Raises:
        UnknownNameError: an encoder is not known.
        BenchError: an encoder fails or covers too few points, or the figure cannot be written.
    """
    if figure is not None and figure.suffix.lower() not in ENDINGS:
        raise BenchError(f"--figure {figure} should end with {' or '.join(ENDINGS)}")
    encoders = [*filter(None, [table]), *_encoders(names)]
    profiles = []
    with Console(stderr=True).status("") as status:
        for encoder in encoders:
            status.update(f"profile of {encoder.card.name}")
            profiles.append(profile(encoder, seed))
        status.update("similarities")
        matrices = similarities(encoders) if len(encoders) > 1 else {}
    if as_json:
        content = {
            "profiles": [as_dict(p) for p in profiles],
            "linear_cka": {area: finite(m.tolist()) for area, m in matrices.items()},
        }
        sys.stdout.write(f"{json.dumps(content, indent=2)}\n")
    else:
        _print(profiles, matrices, Console(emoji=False))
    if figure is not None:
        from satclip_bench.benchmarks.report.profile_figures import draw_profiles

        path = draw_profiles(profiles, figure)
        print_plain(path, Console(stderr=as_json))
    return 0


def _encoders(names: Sequence[str]) -> list[LocationEncoder]:
    words = [word.strip() for name in names for word in name.split(",")]
    encoders = {}
    for word in filter(None, words):
        if word in list_baselines():
            raise BenchError(f"{word} is a baseline: it has no embedding that could be described")
        if ".py:" in word:
            made = [encoder_from_file(word)]
        else:
            made = [get_encoder(name) for name in encoder_registry.match([word])]
        encoders.update({encoder.card.name: encoder for encoder in made})
    return list(encoders.values())


def _print(profiles: Sequence[Profile], matrices: Mapping[str, Float], console: Console) -> None:
    for number, (area, heading) in enumerate(AREAS.items()):
        if number:
            console.print()
        print_heading(heading, console)
        described = [(p, p.areas[area]) for p in profiles if area in p.areas]
        if described:
            print_grid(_properties(described), console, TITLE_WIDTH)
            print_plain("\nR² of spherical harmonics by degree", console, "bold")
            print_grid(_degrees(described), console, TITLE_WIDTH)
        for left_out in (p for p in profiles if area not in p.areas):
            print_plain(f"left out: {left_out.encoder} covers too little of it", console, "yellow")
        if area in matrices:
            print_plain("\nsimilarity (linear CKA)", console, "bold")
            print_grid(_similarity(profiles, matrices[area]), console, TITLE_WIDTH)
    print_plain("\ndocs/profiles.md explains each number.", console)


def _properties(described: Sequence[tuple[Profile, Area]]) -> Grid:
    counts = sorted({n for _, area in described for n in area.local_dimension})
    headings = ["Encoder", "columns", "covered", "half sill km", "part. ratio"]
    headings += ["eff. rank", *(f"local dim. {n:,}" for n in counts)]
    headings += ["half degree", "half wave km"]
    return _grid(
        headings,
        [
            [
                measured.title,
                f"{measured.dimension:,}",
                f"{area.coverage:.0%}",
                half_sill(area),
                f"{area.participation_ratio:.1f}",
                f"{area.effective_rank:.1f}",
                *(local_dimension(area, n) for n in counts),
                half_degree(area),
                half_wave(area),
            ]
            for measured, area in described
        ],
    )


def _degrees(described: Sequence[tuple[Profile, Area]]) -> Grid:
    return _grid(
        ["Encoder", *map(str, DEGREES)],
        [
            [measured.title, *(share(area.expressed[degree]) for degree in DEGREES)]
            for measured, area in described
        ],
    )


def _similarity(profiles: Sequence[Profile], matrix: Float) -> Grid:
    rows = [
        [p.title, *(share(v) if math.isfinite(v) else DASH for v in row)]
        for p, row in zip(profiles, matrix.tolist(), strict=True)
    ]
    return _grid(["Encoder", *(p.encoder for p in profiles)], rows)


def _grid(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Grid:
    return Grid(
        headings=tuple(map(Text, headings)),
        alignment="l" + "r" * (len(headings) - 1),
        rows=tuple(GridRow(tuple(map(Text, row))) for row in rows),
        gap=2,
    )
