"""The commands `submit` and `merge`: results of a run as one file, and their way onto a board."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from satclip_bench.benchmarks.baselines import is_baseline
from satclip_bench.benchmarks.commands.encoder_tables import TableRequest, make_table, table_options
from satclip_bench.benchmarks.commands.finished import read_finished
from satclip_bench.benchmarks.commands.notices import print_notices
from satclip_bench.benchmarks.commands.plain import print_plain
from satclip_bench.benchmarks.runs.embeddings import encoder_settings
from satclip_bench.benchmarks.runs.plan import PROTOCOL
from satclip_bench.benchmarks.runs.record import Record, Settings
from satclip_bench.benchmarks.runs.run_folder import writable
from satclip_bench.benchmarks.runs.store import Store
from satclip_bench.benchmarks.runs.suites import get_suite
from satclip_bench.benchmarks.submissions.board import FOLDER, board_problems, save, submissions
from satclip_bench.benchmarks.submissions.checks import check_entry
from satclip_bench.benchmarks.submissions.entry import (
    MAX_BYTES,
    Entry,
    Predictions,
    entry_bytes,
    is_entry,
    read_entry,
    records_without_intervals,
)
from satclip_bench.benchmarks.submissions.manifest import Manifest
from satclip_bench.benchmarks.submissions.suite_cells import CellName, cell_name, suite_cells
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import (
    atomic_write,
    refuse_overwriting,
    sha256_file,
    sweep_parts,
)
from satclip_bench.core.folder_lock import folder_lock
from satclip_bench.core.program import program
from satclip_bench.encoders import LocationEncoder, encoder_from_file, get_encoder

if TYPE_CHECKING:
    import pandas as pd


def submit(
    *,
    run: Path,
    suite: str,
    encoder: str | None,
    out: Path,
    submitter: str,
    contact: str,
    licence: str,
    table: TableRequest | None = None,
) -> int:
    """Write the records of one encoder as an entry, after the checks that `merge` makes.

    Args:
        run: folder of the run.
        suite: suite whose cells are submitted.
        encoder: name of an encoder, or FILE.py:CLASS; None for that of `table`.
        out: file to write.
        submitter: person or group that measured it.
        contact: where questions are answered.
        licence: licence of the entry.
        table: file of embeddings that was run as an encoder.

    Returns:
        The exit code.

    Raises:
        BenchError: the run is not complete or the entry would be refused; nothing is written.
    """
    console = Console(stderr=True)
    if out.suffix != ".parquet":
        raise BenchError(f"--out {out} is not a Parquet file: let its name end with .parquet")
    if out.is_dir():
        raise BenchError(f"--out {out} is a folder: name the file to write")
    of_table = table.inputs if table else {}
    # An entry in the run's folder is one that an earlier call has written.
    of_run = [] if is_entry(out) else [run]
    refuse_overwriting([out], {"--run": of_run, **of_table})
    get_suite(suite)
    made, option = _made(encoder, table)
    if not run.is_dir():
        raise BenchError(f"there is no folder {run}: name the folder of a run with --run")
    store = Store(run)
    reading = store.read()
    print_notices(reading, console)
    if not reading.records:
        store.frame(reading)
    name = made.card.name
    of_suite = suite_cells(suite)
    own = tuple(
        record
        for record in reading.records
        if record.settings.encoder == name and _is_of(record, of_suite)
    )
    _require_measured(own, made, suite, run, option)
    if len(own) < len(of_suite):
        raise BenchError(
            f"{run} has {len(own)} of the {len(of_suite)} cells that the suite {suite} has for "
            f"{name}. Run {_run_command(suite, option, run)} first"
        )
    tables = {_table(r) for r in own}
    baselines = tuple(
        r
        for r in reading.records
        if is_baseline(r.settings.encoder) and r.status == "done" and _table(r) in tables
    )
    manifest = Manifest(
        submitter=submitter,
        contact=contact,
        licence=licence,
        encoder=made.card,
        suite=suite,
        protocol=PROTOCOL,
        tables={r.settings.task: r.settings.data_sha256 for r in own},
        splits={r.settings.split: r.settings.split_version for r in own},
        versions=dict(own[0].provenance.versions),
    )
    predictions = {
        r.key: Predictions.of_frame(store.predictions(r)) for r in own if r.status == "done"
    }
    entry = Entry(manifest, records_without_intervals((*own, *baselines)), predictions)
    _, problems = check_entry(entry)
    if problems:
        raise BenchError("this entry would be refused:\n" + "\n".join(f"- {p}" for p in problems))
    content = entry_bytes(entry)
    if len(content) > MAX_BYTES:
        raise BenchError(
            f"the entry has {len(content) / 2**20:,.0f} MiB, and may have {MAX_BYTES // 2**20}"
        )
    with atomic_write(out) as stream:
        stream.write(content)
    print_plain(
        f"{out}: {len(own)} cells of {name} and {len(baselines)} of baselines, "
        f"{len(content) / 1e6:.1f} MB, scored again from their predictions. How to hand it in: "
        "docs/submit.md",
        Console(),
    )
    return 0


def _is_of(record: Record, cells: Mapping[CellName, Settings]) -> bool:
    """Whether a record is of one of the cells, in the same edition of its task."""
    expected = cells.get(cell_name(record.settings))
    return expected is not None and expected.edition == record.settings.edition


def _table(record: Record) -> tuple[str, str, str, int]:
    """What the folds of a record depend on."""
    s = record.settings
    return (s.task, s.edition, s.split, s.seed)


def _made(encoder: str | None, table: TableRequest | None) -> tuple[LocationEncoder, str]:
    """The encoder to submit, and the options by which `run` runs it."""
    if table is not None and encoder is not None and "+" in encoder:
        raise BenchError(
            f"{encoder} cannot be submitted, because it is a combination with a file of "
            "embeddings: submit the file alone, without --encoder"
        )
    if (encoder is None) == (table is None):
        raise BenchError("name one encoder: --encoder NAME, or --encoder-table FILE")
    if table is not None:
        made = make_table(table)
        return made, table_options(table, made.card.name.partition(".")[2])
    if encoder is not None and ".py:" in encoder:
        return encoder_from_file(encoder), f"--encoder {encoder}"
    return get_encoder(str(encoder)), f"--encoders {encoder}"


def _require_measured(
    own: Sequence[Record], made: LocationEncoder, suite: str, run: Path, option: str
) -> None:
    """Raise BenchError unless a run has records of an encoder as it is now."""
    name = made.card.name
    if is_baseline(name):
        raise BenchError(f"{name} is a baseline: only encoders can be submitted")
    if not own:
        raise BenchError(
            f"{run} has no records of {name} in the suite {suite}. Run "
            f"{_run_command(suite, option, run)} first"
        )
    today = encoder_settings(name, made)
    recorded = own[0].settings.model_dump(mode="json")
    differing = [n for n, value in today.items() if recorded.get(n) != _plain(value)]
    if differing:
        raise BenchError(
            f"{name} has changed since it was run ({', '.join(sorted(differing))}): run "
            f"{_run_command(suite, option, run)} again"
        )


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _run_command(suite: str, option: str, run: Path) -> str:
    return f"`{program()} run --suite {suite} {option} --out {run}`"


def merge(
    entries: Sequence[Path], into: Path, *, replace: bool = False, check: bool = False
) -> int:
    """Check entries, and add those that pass to the boards of a folder.

    An entry is added as one file by one rename, so that a kill leaves all of it or nothing. An
    entry that was added before is left as it is.

    Args:
        entries: files that `submit` has written.
        into: folder of a run, or of a committed one, such as results/leaderboard.
        replace: whether an entry may take the place of one of the same name.
        check: whether entries are only checked.

    Returns:
        The exit code: 0 if all were added or are there already, 1 if some were refused, 2 if all.

    Raises:
        BenchError: the folder has no results, or cannot be written.
    """
    if not into.is_dir():
        raise BenchError(f"there is no folder {into}: name the folder of a run with --into")
    own = read_finished(into).own
    if not check:
        writable(into)
    console = Console()
    outcomes = []
    with nullcontext() if check else _locked(into):
        merged = {entry.name: entry for entry in submissions(into)}
        for path in entries:
            outcome = _merge_one(path, into, own, merged, replace, check)
            outcomes.append(outcome)
            # At once: if a later file ends the command, this one is added all the same.
            for line in outcome.lines:
                print_plain(f"{path}: {line}", console, "red" if outcome.refused else "")
    if any(outcome.added for outcome in outcomes):
        print_plain(
            f"`{program()} leaderboard --out {into}` shows it; `tables` and `figures` write it",
            console,
        )
    refused = sum(outcome.refused for outcome in outcomes)
    return 0 if not refused else 2 if refused == len(outcomes) else 1


@dataclass(frozen=True)
class _Outcome:
    """What became of an entry, line by line."""

    lines: tuple[str, ...]
    refused: bool = False
    added: bool = False


def _merge_one(
    path: Path,
    into: Path,
    own: pd.DataFrame,
    merged: dict[str, Entry],
    replace: bool,
    check: bool,
) -> _Outcome:
    """Check an entry, and add it to a folder and to its `merged` entries, by name."""
    try:
        entry = read_entry(path)
        source = sha256_file(path)
    except BenchError as error:
        return _refusal([str(error).removeprefix(f"{path} ")])
    known = merged.get(entry.name)
    if known is not None and known.source_sha256 == source:
        return _Outcome((f"{entry.name} is there already, from this file",))
    try:
        checked, problems = check_entry(entry)
        if not problems:
            others = [e for e in merged.values() if not (replace and e.name == entry.name)]
            problems = tuple(board_problems(checked, own, others, str(into)))
    except BenchError as error:
        problems = (str(error),)
    if problems:
        return _refusal(problems)
    cells = f"{entry.name}, {len(checked.own)} cells, scored again and equal"
    if check:
        return _Outcome((f"would be added: {cells}",))
    saved, merged[entry.name] = save(into, checked, source)
    result = "replaced" if known is not None else "added"
    return _Outcome((f"{result}: {cells}, as {saved}",), added=True)


def _refusal(problems: Sequence[str]) -> _Outcome:
    # Names in a record may hold codes that move a terminal's cursor.
    plain = ("".join(c if c.isprintable() else "?" for c in problem) for problem in problems)
    return _Outcome(tuple(f"refused: {problem}" for problem in plain), refused=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with folder_lock(folder):
        sweep_parts(folder / FOLDER)
        yield
