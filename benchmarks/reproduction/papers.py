"""Papers to reproduce, as data: their tables, and what published names mean in this suite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from satclip_bench.benchmarks.reproduction import explanations


@dataclass(frozen=True)
class PublishedTable:
    """A published table, and what its names mean in this suite.

    Attributes:
        paper: name of the paper in `published.csv`.
        table: name of the table in `published.csv`.
        protocol: name of the protocol.
        probe: name of the protocol's probe.
        splits: published names of splits to the protocol's names.
        encoders: published names of encoders to the suite's names.
        tables: published tasks to names of `paper_table`; other tasks have the same name.
        probes: published encoders that are measured with another probe, to its name.
        averages: available tables among those that a published average was taken over.
        not_run: reasons why encoders cannot be run at all, by published name.
        notes: explanations for the reader, by published encoder, or by "task/encoder".
    """

    paper: str
    table: str
    protocol: str
    probe: str
    splits: Mapping[str, str]
    encoders: Mapping[str, str]
    tables: Mapping[str, str] = field(default_factory=dict)
    probes: Mapping[str, str] = field(default_factory=dict)
    averages: tuple[str, ...] = ()
    not_run: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Paper:
    """A paper that `--paper` can name, with its tables."""

    name: str
    tables: tuple[PublishedTable, ...]


RANGE = PublishedTable(
    paper="RANGE (CVPR 2025)",
    table="Table 2",
    protocol="range",
    probe="ridge",
    splits={"random 80/20": "random"},
    encoders={
        "Direct": "direct",
        "Cartesian 3D": "cartesian3d",
        "Wrap": "wrap",
        "Theory": "space2vec.theory-range",
        "SphereC": "sphere2vec.c-range",
        "SphereC+": "sphere2vec.cplus-range",
        "SphereM": "sphere2vec.m-range",
        "SphereM+": "sphere2vec.mplus-range",
        "CSP-FMoW": "csp.fmow",
        "CSP-INat": "csp.inat",
        "SINR": "sinr.an-full-1000",
        "GeoCLIP": "geoclip",
        "SatCLIP": "satclip.vit16-l40-released",
        "RANGE": "range",
        "RANGE+": "range-plus",
    },
    notes=explanations.RANGE,
)

SATCLIP_ENCODERS = {
    "direct": "direct",
    "geoclip": "geoclip",
    "satclip-l10": "satclip.vit16-l10",
    "satclip-l40": "satclip.vit16-l40",
    "csp-inat": "csp.inat",
    "gps2vec-tag": "gps2vec.tag",
    "mosaiks": "mosaiks",
}

SATCLIP = PublishedTable(
    paper="SatCLIP (arXiv 2311.17179v3)",
    table="Table 3",
    protocol="satclip",
    probe="mlp",
    splits={
        f"held-out {continent}, {published}": f"{ours}.{continent}"
        for continent in ("Asia", "Africa")
        for published, ours in (("zero-shot", "zero-shot"), ("few-shot 1%", "few-shot"))
    },
    encoders=SATCLIP_ENCODERS,
    tables={
        "air_temperature": "air_temperature+any",
        "elevation": "elevation+any",
        "population_density": "population_density+any",
    },
    notes=explanations.SATCLIP_HELD_OUT,
)

SATCLIP_RANDOM = PublishedTable(
    paper="SatCLIP (arXiv 2311.17179v3)",
    table="Table 2",
    protocol="satclip",
    probe="mlp",
    splits={"random 30/10/60": "random"},
    encoders=SATCLIP_ENCODERS,
    tables={"elevation": "elevation+any"},
    notes=explanations.SATCLIP_RANDOM,
)

SATCLIP_NOTEBOOK = PublishedTable(
    paper="SatCLIP (notebook B01)",
    table="printed output",
    protocol="satclip-notebook",
    probe="mlp",
    splits={"random 50/50": "random"},
    encoders={"satclip-l10": "satclip.vit16-l10"},
)

CLIMPLICIT_ENCODERS = {
    "SatCLIP": "satclip.resnet18-l40",
    "TaxaBind": "taxabind",
    "SINR": "sinr.an-full-1000",
    "CSP": "csp.fmow",
    "GeoCLIP": "geoclip",
    "Climplicit": "climplicit.seasons",
    "FS Loc": "direct",
}
CHELSA = "it is trained from scratch on CHELSA climate rasters, which are not available"

CLIMPLICIT_LINEAR = PublishedTable(
    paper="Climplicit (ICLR-W 2025)",
    table="linear_probe",
    protocol="climplicit",
    probe="linear",
    splits={"random 50/10/40": "random"},
    encoders=CLIMPLICIT_ENCODERS,
    tables={
        "population_density": "climplicit.population",
        "median_income": "climplicit.median_income",
    },
    probes={"FS Loc": "from-scratch"},
    not_run={"FS CH": CHELSA, "FS Loc+CH": CHELSA},
    notes=explanations.CLIMPLICIT,
)

CLIMPLICIT_MLP = PublishedTable(
    paper="Climplicit (ICLR-W 2025)",
    table="mlp_probe",
    protocol="climplicit",
    probe="mlp",
    splits={"random 50/10/40": "random"},
    encoders=CLIMPLICIT_ENCODERS,
    not_run={"FS CH": CHELSA, "FS Loc+CH": CHELSA},
    notes=explanations.CLIMPLICIT,
)

COORDBENCH_HARNESS = PublishedTable(
    paper="torchgeo-bench (coordbench-results.csv)",
    table="linear",
    protocol="coordbench-harness",
    probe="ridge",
    splits={"random": "random", "10deg blocks": "blocks.10"},
    encoders={"sincos": "wrap", "geoclip": "geoclip"},
    not_run={"mind-small": "no released weights of this variant are known"},
    notes=explanations.COORDBENCH_HARNESS,
)

COORDBENCH_PAGE = PublishedTable(
    paper="MIND / CoordBench (arXiv 2609.25454)",
    table="project page",
    protocol="coordbench",
    probe="ridge",
    splits={"random": "random"}
    | {f"{side}deg blocks": f"blocks.{side}" for side in (2, 10, 20, 40)},
    encoders={
        "Cartesian-3D": "cartesian3d",
        "Wrap": "wrap",
        "SINR": "sinr.an-full-1000",
        "SatCLIP-L40": "satclip.vit16-l40",
        "Climplicit": "climplicit.seasons",
        "GeoCLIP": "geoclip",
        "CSP-iNat": "csp.inat",
        "CSP-fMoW": "csp.fmow",
        "TaxaBind": "taxabind",
        "SLED": "sled.s2-ls",
        "GAIR": "gair",
        "TTE": "tte",
        "MIND64": "mind.64",
        "MIND128": "mind.128",
        "MIND256": "mind.256",
        "MIND3k": "mind.3072",
        "MIND+CP": "mind.3072",
    },
    probes={"MIND+CP": "ridge-chunked"},
    averages=("air_temperature", "california_housing"),
    not_run={
        "Coordinate-IDW": "a baseline on coordinates, which the protocol has no probe for",
    },
)

PAPERS: Mapping[str, Paper] = {
    paper.name: paper
    for paper in (
        Paper("range", (RANGE,)),
        Paper("satclip", (SATCLIP_RANDOM, SATCLIP, SATCLIP_NOTEBOOK)),
        Paper("climplicit", (CLIMPLICIT_LINEAR, CLIMPLICIT_MLP)),
        Paper("coordbench", (COORDBENCH_HARNESS, COORDBENCH_PAGE)),
    )
}
