"""Cards of the tasks of the catalogues."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from satclip_bench.core.download.cards import HubOrigin, RemoteFile
from satclip_bench.core.errors import UnknownNameError
from satclip_bench.core.registry import unknown_name
from satclip_bench.tasks.base import EditionCard, Source, TaskCard, Variant
from satclip_bench.tasks.catalogue.entries import Table, Target, read_catalogue, task_names

READERS = "satclip_bench.tasks.catalogue.readers"
COORDBENCH = "taylor-geospatial/coordbench"
COORDBENCH_REVISIONS = ("2838844", "main")
"""The known digits of the commit; if the hub requires all forty, its newest revision is used."""
USAVARS = "torchgeo/usavars"
USAVARS_REVISION = "01377abfaf50c0cc8548aaafb79533666bbf288f"
REPEATED = "places with several rows, such as two surveys or years, are kept as the table has them"
NEVER_READ = "The table was never available here: the card says what its publishers say of it."


def coordbench(variant: str) -> TaskCard:
    """Card of the task `coordbench.<variant>`.

    Raises:
        UnknownNameError: CoordBench has no such table; the message suggests similar names.

    >>> coordbench("dm-glance").task_type
    'classification'
    """
    return _cards("coordbench")[_known("coordbench", variant)]


def usavars(variant: str) -> TaskCard:
    """Card of the task `usavars.<variant>`.

    Raises:
        UnknownNameError: USAVars has no such label; the message suggests similar names.

    >>> usavars("treecover").unit
    'percent'
    """
    return _cards("usavars")[_known("usavars", variant)]


def _known(catalogue: str, variant: str) -> str:
    names = task_names(catalogue)
    name = f"{catalogue}.{variant}"
    if name not in names:
        raise UnknownNameError(unknown_name("task", name, names))
    return name


@lru_cache
def _cards(catalogue: str) -> dict[str, TaskCard]:
    title, tables = read_catalogue(catalogue).title, read_catalogue(catalogue).tables
    return {
        f"{catalogue}.{target.name}": _card(catalogue, title, table, target)
        for table in tables
        for target in table.targets
    }


def _card(catalogue: str, title: str, table: Table, target: Target) -> TaskCard:
    name, is_class = f"{catalogue}.{target.name}", table.task_type == "classification"
    unit = target.unit
    if target.logarithm:
        unit = target.logarithm.replace("x", target.unit)
    source = Source(
        name=table.source,
        url=table.url,
        licence=table.licence,
        licence_unclear=table.licence_unclear,
        attribution=table.citation,
    )
    return TaskCard(
        name=name,
        title=target.title,
        description=f"One column of a table of {title}: {target.target}.",
        task_type=table.task_type,
        target=target.target,
        unit=unit,
        metric="accuracy" if is_class else "r2",
        extent=table.extent,
        region=table.region,
        block_degrees=table.block_degrees,
        citation=table.citation,
        editions={
            "paper": EditionCard(
                rows=target.rows,
                sources=(source,),
                differs_from_paper="",
                processing=_processing(table, target),
                variants=(_variant(catalogue, table, target),),
                target_range=target.target_range,
                repeated_points=REPEATED,
            )
        },
        needs=f"Its table does not ship: `download {name}` fetches it, and --edition paper reads "
        "it.",
        caveats=NEVER_READ,
    )


def _processing(table: Table, target: Target) -> str:
    sentences = [table.note]
    if target.missing is not None:
        sentences.append(f"Rows with {target.missing:g} are left out.")
    if target.logarithm:
        sentences.append(f"The target is {target.logarithm} of the values.")
    if table.coordinates:
        others = " and ".join(table.coordinates)
        sentences.append(f"The places come from the tables {others}, by the column ID.")
    if table.region == "continent":
        sentences.append("Continents are those of the nearest point of the open edition.")
    if table.region == "census region":
        sentences.append("Census regions are those of the nearest county.")
    return " ".join(filter(None, sentences))


def _variant(catalogue: str, table: Table, target: Target) -> Variant:
    make = _coordbench_file if catalogue == "coordbench" else _usavars_file
    options: dict[str, Any] = {"columns": list(target.columns)}
    if target.missing is not None:
        options["missing"] = target.missing
    if target.logarithm:
        options["logarithm"] = target.logarithm
    return Variant(
        name="hub",
        files=tuple(make(name, table) for name in (table.file, *table.coordinates)),
        reader=f"{READERS}:{'classes' if table.task_type == 'classification' else 'numbers'}",
        options=options,
        rows=target.rows,
    )


def _licence(table: Table) -> str:
    return f"{table.licence} (unclear)" if table.licence_unclear else table.licence


def _coordbench_file(name: str, table: Table) -> RemoteFile:
    path = f"data/{name}/data.parquet"
    return RemoteFile(
        file=f"coordbench/{name}.parquet",
        sha256=None,
        licence=_licence(table),
        citation=table.citation,
        origins=tuple(
            HubOrigin(
                repository=COORDBENCH, repository_type="dataset", revision=revision, path=path
            )
            for revision in COORDBENCH_REVISIONS
        ),
        by_hand=f"Place {path} of huggingface.co/datasets/{COORDBENCH} as "
        f"<folder>/coordbench/{name}.parquet.",
    )


def _usavars_file(name: str, table: Table) -> RemoteFile:
    sizes = {other.file: other.bytes for other in read_catalogue("usavars").tables}
    return RemoteFile(
        file=f"usavars/{name}.csv",
        sha256=None,
        bytes=sizes[name],
        licence=_licence(table),
        citation=table.citation,
        origins=(
            HubOrigin(
                repository=USAVARS,
                repository_type="dataset",
                revision=USAVARS_REVISION,
                path=f"{name}.csv",
            ),
        ),
        by_hand=f"Place {name}.csv of huggingface.co/datasets/{USAVARS} as "
        f"<folder>/usavars/{name}.csv.",
    )
