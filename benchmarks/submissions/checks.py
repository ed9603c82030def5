"""Checks of an entry: what must hold before its scores stand beside others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from satclip_bench.benchmarks.baselines import is_baseline
from satclip_bench.benchmarks.metrics.scores import METRICS, SEEN
from satclip_bench.benchmarks.runs.plan import PROTOCOL
from satclip_bench.benchmarks.runs.record import SCHEMA, Record
from satclip_bench.benchmarks.runs.suites import list_suites
from satclip_bench.benchmarks.submissions.entry import Entry
from satclip_bench.benchmarks.submissions.manifest import manifest_problems, text_problems
from satclip_bench.benchmarks.submissions.rescoring import (
    PredictionsError,
    differing_scores,
    scored_again,
)
from satclip_bench.benchmarks.submissions.suite_cells import (
    CellName,
    cell_name,
    cell_title,
    differing_settings,
    encoder_settings_of,
    suite_cells,
)
from satclip_bench.benchmarks.submissions.tables import SHA256, is_table, table_problems
from satclip_bench.core.errors import BenchError
from satclip_bench.encoders import EncoderCard, encoder_card, registry

_AT_MOST_ONE = ("r2", "skill")
_SHARES = (
    *("accuracy", "balanced_accuracy", "macro_f1", "top5_accuracy", "ece"),
    *("interval_coverage", "reference_accuracy"),
)
_NOT_NEGATIVE = ("rmse", "mae", "crps", "log_loss", "reference_rmse")
_MAX_PARAMS = 20
_FREE = {"best_params", "fit_info", "provenance"}
"""Fields of a record that are neither compared with the package nor computed here."""


def check_entry(entry: Entry) -> tuple[Entry, tuple[str, ...]]:
    """Check an entry by itself, without a board that it is to join.

    Args:
        entry: entry of any origin.

    Returns:
        The entry with scores, intervals and counts that were computed here, and, if its encoder is
        one of this package, with the package's card, so that no other title or marks are shown;
        and the reasons why it cannot be accepted. If there are reasons, the entry is returned as it
        was.
    """
    # Each step needs what the one before has checked.
    problems = tuple(manifest_problems(entry.manifest)) or tuple(_origin_problems(entry))
    if not problems:
        problems = tuple(_encoder_problems(entry)) + tuple(_record_problems(entry))
    if not problems:
        problems = tuple(_cell_problems(entry, suite_cells(entry.manifest.suite)))
    if problems:
        return entry, problems
    return _scored(entry)


def _origin_problems(entry: Entry) -> Iterator[str]:
    """Problems of the suite and the protocol."""
    m = entry.manifest
    if m.suite not in list_suites():
        yield f"suite {m.suite!r} does not exist here; it may be that of a later version"
    name, _, version = m.protocol.rpartition("/")
    ours, _, ours_version = PROTOCOL.rpartition("/")
    if m.protocol == PROTOCOL:
        return
    if name == ours and version.isdecimal() and int(version[:9]) > int(ours_version):
        yield f"protocol {m.protocol} is later than {PROTOCOL} of this package: update the package"
    else:
        yield (
            f"protocol {m.protocol}, and boards are of {PROTOCOL}: scores of two protocols cannot "
            f"be compared. Run the suite again with the present version"
        )


def _encoder_problems(entry: Entry) -> Iterator[str]:
    """Problems of the encoder's card, and of what its records say of it."""
    card, own = entry.manifest.encoder, entry.own
    if is_baseline(card.name) or card.name.startswith("baseline."):
        yield f"{card.name} is the name of a baseline: only encoders can be submitted"
    if not own:
        yield f"there are no records of the encoder {card.name}"
        return
    described = encoder_settings_of(own[0])
    others = [r for r in own if encoder_settings_of(r) != described]
    if others:
        apart = sorted(
            {
                name
                for record in others
                for name, value in encoder_settings_of(record).items()
                if value != described[name]
            }
        )
        yield (
            f"{len(others)} of {len(own)} records are of another version of the encoder "
            f"({', '.join(apart)}): an entry is of one encoder"
        )
    from_card: dict[str, object] = {
        "encoder_version": card.version,
        "encoder_parameters": dict(card.parameters),
        # No task of a suite has dates.
        "encoder_time": dict(card.time),
    }
    for name, value in from_card.items():
        if described[name] != value:
            yield f"the records have {name} {described[name]!r:.60}, and the card {value!r:.60}"
    if described["dtype"] != "float32":
        yield f"dtype is {described['dtype']}, and embeddings are float32"
    weights = described["weights_sha256"]
    if weights and not SHA256.fullmatch(weights):
        yield f"weights_sha256 {weights!r:.80} is not a SHA-256"
    if is_table(card.name):
        yield from table_problems(entry, described)
        return
    if registry.is_builtin(card.name):
        yield from _builtin_problems(card.name, described)
        return
    for name in ("encoder_source_sha256", "encoder_embedding_sha256"):
        if not SHA256.fullmatch(described[name]):
            yield f"the records do not say which code was run: {name} is not a SHA-256"


def _builtin_problems(name: str, described: Mapping[str, object]) -> Iterator[str]:
    """Problems of an entry that measures an encoder of this package."""
    try:
        card = encoder_card(name)
    except BenchError as error:
        yield str(error)
        return
    expected = {
        "encoder_version": card.version,
        "encoder_parameters": dict(card.parameters),
        "encoder_source_sha256": "",
        "encoder_embedding_sha256": "",
    }
    if card.weights is None or card.weights.sha256:
        expected["weights_sha256"] = (card.weights.sha256 or "") if card.weights else ""
    differing = [n for n, value in expected.items() if described[n] != value]
    if differing:
        yield (
            f"{name} is the name of an encoder of this package, and this is another one "
            f"({', '.join(differing)}): choose another name"
        )


def _record_problems(entry: Entry) -> Iterator[str]:
    """Problems of single records: other encoders, failed cells, impossible scores."""
    foreign = sorted(
        {
            r.settings.encoder
            for r in entry.records
            if r.settings.encoder != entry.name and not is_baseline(r.settings.encoder)
        }
    )
    if foreign:
        yield f"there are records of other encoders: {', '.join(foreign)[:200]}"
    own = entry.own
    yield from _group("failed", [(r, r.reason) for r in entry.records if r.status == "failed"])
    capped = [(r, "its fit ended at a cap") for r in own if r.converged is False]
    yield from _group("did not converge", capped)
    impossible = [(r, reason) for r in entry.records for reason in _impossible(r)]
    yield from _group("has a score that is impossible", impossible)
    unfit = [
        (r, f"{field} {text!r:.80}: {problem}")
        for r in own
        for field, text, problem in text_problems(r.model_dump(mode="json", include=_FREE))
    ]
    yield from _group("has a text that cannot be shown", unfit)
    large = [
        (r, "")
        for r in entry.records
        if max(len(r.best_params), len(r.fit_info), len(r.scores)) > _MAX_PARAMS
        or len(r.reason) > 2000
    ]
    yield from _group("has more fields than a probe writes", large)
    # Not their keys: two records of a cell may differ in their tables.
    cells = [(r.settings.encoder, cell_name(r.settings)) for r in entry.records]
    counts = Counter(cells)
    twice = [(r, "") for r, cell in zip(entry.records, cells, strict=True) if counts[cell] > 1]
    yield from _group("is there twice", twice)


def _impossible(record: Record) -> Iterator[str]:
    for name, value in record.scores.items():
        base = name.removesuffix(SEEN)
        if base not in METRICS:
            yield f"{name[:40]!r} is not a score"
        elif value is None:
            continue
        elif base in _AT_MOST_ONE and value > 1:
            yield f"{name} {value:.6g} is above 1"
        elif base in _SHARES and not 0 <= value <= 1:
            yield f"{name} {value:.6g} is outside 0 to 1"
        elif base in _NOT_NEGATIVE and value < 0:
            yield f"{name} {value:.6g} is below 0"


def _cell_problems(entry: Entry, expected: Mapping[CellName, object]) -> Iterator[str]:
    """Problems of the set of cells: missing ones, others, and other tables, folds or probes."""
    cells = suite_cells(entry.manifest.suite)
    own = {cell_name(r.settings): r for r in entry.own}
    missing = [name for name in expected if name not in own]
    if missing:
        yield (
            f"{len(missing)} of {len(expected)} cells of the suite {entry.manifest.suite} are "
            f"missing, the first is {cell_title(missing[0])}"
        )
    extra = [name for name in own if name not in expected]
    if extra:
        yield (
            f"{len(extra)} cells are not of the suite {entry.manifest.suite}, the first is "
            f"{cell_title(extra[0])[:200]}"
        )
    differing: defaultdict[tuple[str, ...], list[CellName]] = defaultdict(list)
    for name, record in own.items():
        if name in cells and (apart := differing_settings(record, cells[name])):
            differing[apart].append(name)
    for apart, names in differing.items():
        yield (
            f"{len(names)} cells were computed with other settings than those of this package "
            f"({_explained(apart)}), the first is {cell_title(names[0])}"
        )
    without = [
        (r, "") for name, r in own.items() if name in cells and r.key not in entry.predictions
    ]
    yield from _group("has no predictions", without)
    spare = entry.predictions.keys() - {r.key for r in own.values()}
    if spare:
        yield f"{len(spare)} predictions are of no cell of the encoder"


def _explained(settings: Sequence[str]) -> str:
    words = {"data_sha256": "another table", "fold_sha256": "other rows in a fold"}
    return ", ".join(f"{words[name]}: {name}" if name in words else name for name in settings)


def _scored(entry: Entry) -> tuple[Entry, tuple[str, ...]]:
    """The entry with the scores of its predictions, and the records that claim others."""
    if registry.is_builtin(entry.name) and not is_table(entry.name):
        entry = _with_card(entry, encoder_card(entry.name))
    again: list[Record] = []
    wrong: list[tuple[Record, str]] = []
    unlike: list[tuple[Record, str]] = []
    card = entry.manifest.encoder
    for record in entry.own:
        try:
            scored = scored_again(record, entry.predictions[record.key])
        except PredictionsError as error:
            wrong.append((record, str(error)))
            continue
        if lines := differing_scores(record, scored):
            unlike.append((record, lines[0]))
        task = record.settings.task
        update = {
            "schema_version": SCHEMA,
            "encoder_title": card.title,
            "contaminated": task in card.contaminates,
            "recipe_chosen": task in card.recipe_tasks,
            "reason": "",
            "predictions_sha256": "",
        }
        again.append(scored.model_copy(update=update))
    problems = (
        *_group("has predictions that cannot be right", wrong),
        *_group("has other scores than its predictions", unlike),
    )
    if problems:
        return entry, problems
    baselines = tuple(r for r in entry.records if is_baseline(r.settings.encoder))
    checked = Entry(entry.manifest, (*again, *baselines), entry.predictions, entry.source_sha256)
    return checked, ()


def _with_card(entry: Entry, card: EncoderCard) -> Entry:
    return replace(entry, manifest=entry.manifest.model_copy(update={"encoder": card}))


def _group(what: str, records: Iterable[tuple[Record, str]]) -> Iterator[str]:
    """One line about records with the same problem: how many, the first, and why."""
    found = list(records)
    if not found:
        return
    record, reason = found[0]
    title = f"{record.settings.encoder}, {cell_title(cell_name(record.settings))}"
    why = f" ({reason[:300]})" if reason else ""
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    yield f"{title} {what}{why}{more}"
