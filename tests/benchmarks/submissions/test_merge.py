"""`submit` and `merge` from the command line, with honest entries and with all others."""

from __future__ import annotations

import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from satclip_bench.benchmarks.commands import report
from satclip_bench.benchmarks.submissions import entry as entry_module
from satclip_bench.benchmarks.submissions.board import FOLDER
from tests.benchmarks.cli.program import bench
from tests.benchmarks.submissions.entries import (
    KEY,
    Made,
    edit,
    merge,
    refusal,
    submit,
    write_encoder,
)
from tests.benchmarks.submissions.falsify import (
    Json,
    better_numbers,
    card,
    failed,
    far_away,
    fewer,
    field,
    half,
    not_finite,
    other_baseline,
    rename,
    score,
    setting,
    sure,
    twice,
    twice_a_class,
)


def test_an_honest_entry_joins_the_boards_with_a_mark(made: Made, board: Path) -> None:
    assert "would be added: mine, 4 cells" in merge(board, made.entry, "--check").stdout
    assert not (board / FOLDER).exists()
    finished = merge(board, made.entry)
    assert finished.returncode == 0
    assert f"{made.entry}: added: mine, 4 cells, scored again and equal" in finished.stdout
    shown = bench("leaderboard", "--out", board, cwd=board).stdout
    of_run = bench("leaderboard", "--out", made.run, cwd=board).stdout
    row = next(line for line in shown.splitlines() if line.startswith("Mine §"))
    measured = next(line for line in of_run.splitlines() if line.startswith("Mine "))
    assert row.split()[2:] == measured.split()[1:]
    assert "§ submitted by others" in shown
    assert "§" not in of_run
    # The card says that it was trained on biomes.
    assert "†" in row


def test_tables_and_figures_of_committed_results_show_it(made: Made, board: Path) -> None:
    merge(board, made.entry)
    assert bench("tables", "--out", board, cwd=board).returncode == 0
    for kind in ("leaderboard", "ranks", "gaps"):
        text = (board / "tables" / f"{kind}.random.knn.md").read_text()
        assert "| Mine § |" in text
        assert "submitted by others" in text
        latex = (board / "tables" / f"{kind}.random.knn.tex").read_text()
        assert r"Mine \S{}" in latex


def test_the_same_command_twice_changes_nothing(made: Made, board: Path) -> None:
    merge(board, made.entry)
    path = board / FOLDER / "mine.parquet"
    content, modified = path.read_bytes(), path.stat().st_mtime_ns
    finished = merge(board, made.entry)
    assert finished.returncode == 0
    assert "mine is there already, from this file" in finished.stdout
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, modified)


def test_an_entry_has_the_same_bytes_each_time(made: Made, tmp_path: Path) -> None:
    submit(made.run, made.spec, tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == made.entry.read_bytes()


def test_what_is_kept_was_computed_here(made: Made, board: Path) -> None:
    """Intervals and counts of an entry are not believed."""

    def lie(record: Json) -> None:
        record["intervals"] = {"map": {"r2": [0.9, 0.99]}}
        record["counts"]["test"] = 7
        record["caveat"] = "the best encoder"
        record["encoder_title"] = "GeoCLIP"

    merge(board, edit(made.entry, board / "entry.parquet", record=lie))
    kept = entry_module.read_entry(board / FOLDER / "mine.parquet")
    truth = {r.key: r for r in _records(made)}
    for record in kept.own:
        expected = truth[record.key]
        for name in ("scores", "intervals", "counts", "caveat", "encoder_title", "metric"):
            assert getattr(record, name) == getattr(expected, name), name


def _records(made: Made) -> tuple[Any, ...]:
    from satclip_bench.benchmarks.runs.store import Store

    return tuple(r for r in Store(made.run).read().records if r.settings.encoder == "mine")


LATER = "satclip-bench/99"
CYRILLIC_ES, CYRILLIC_IE = "\N{CYRILLIC CAPITAL LETTER ES}", "\N{CYRILLIC SMALL LETTER IE}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(score("r2", 0.99), "other scores than its predictions (r2 0.99", id="r2"),
        pytest.param(score("accuracy", 0.99), "accuracy 0.99 (of its", id="accuracy"),
        pytest.param(score("r2", 1.5), "r2 1.5 is above 1", id="impossible r2"),
        pytest.param(score("accuracy", -0.1), "accuracy -0.1 is outside 0 to 1", id="share"),
        pytest.param(score("rmse", -1), "rmse -1 is below 0", id="rmse"),
        pytest.param(score("r2", float("nan")), "cannot be read: scores.r2", id="NaN"),
        pytest.param(score("mae", None), "mae not given", id="undefined"),
        pytest.param({"rows": better_numbers}, "other scores than its predictions", id="numbers"),
        pytest.param({"rows": fewer}, "predictions of", id="fewer"),
        pytest.param({"rows": not_finite}, "predictions that are not finite", id="not finite"),
        pytest.param({"rows": far_away}, "outside the range of the training", id="far"),
        pytest.param({"rows": twice_a_class}, "predicts a class twice", id="class twice"),
        pytest.param({"rows": sure}, "contradict the predicted classes", id="probabilities"),
        pytest.param({"rows": half}, "1 of 4 cells of the suite tiny are missing", id="half"),
        pytest.param({"rows": twice}, "is there twice", id="twice"),
        pytest.param({"rows": other_baseline}, "baselines are not those of", id="baselines"),
        pytest.param({"record": failed}, "failed (out of memory)", id="failed"),
        pytest.param(
            {"record": lambda r: r.update(converged=False)}, "did not converge", id="converged"
        ),
        pytest.param(
            setting("data_sha256", "0" * 64), "another table: data_sha256", id="another table"
        ),
        pytest.param(setting("fold_sha256", "0" * 64), "other rows in a fold", id="folds"),
        pytest.param(setting("probe_version", 9), "(probe_version)", id="probe"),
        pytest.param(setting("probe_settings", {"k": 1}), "(probe_settings)", id="probe settings"),
        pytest.param(setting("protocol", LATER), "(protocol)", id="protocol of records"),
        pytest.param(setting("split", "blocks.10", 0), "are not of the suite", id="other split"),
        pytest.param(setting("fold", "\x1b[2J", 0), "random ?[2J, knn", id="terminal in a fold"),
        pytest.param(
            setting("encoder_embedding_sha256", "0" * 64, 0), "another version", id="two encoders"
        ),
        pytest.param(setting("encoder_embedding_sha256", ""), "not a SHA-256", id="no print"),
        pytest.param(setting("dtype", "none"), "embeddings are float32", id="dtype"),
        pytest.param(setting("encoder", "direct", 0), "records of other encoders", id="swapped"),
        pytest.param(field("protocol", LATER), "later than satclip-bench/", id="later protocol"),
        pytest.param(field("protocol", "satclip-bench/1"), "two protocols", id="old protocol"),
        pytest.param(field("protocol", "range/1"), "two protocols", id="other protocol"),
        pytest.param(field("suite", "quick"), "8 of 12 cells of the suite quick", id="other suite"),
        pytest.param(field("suite", "nonsense"), "does not exist here", id="no suite"),
        pytest.param(field("format", 2), "layout 2, and this version reads 1", id="layout"),
        pytest.param(field("secret", 1), "manifest of", id="unknown field"),
        pytest.param(field("submitter", "<script>alert(1)</script>"), "as HTML does", id="HTML"),
        pytest.param(field("submitter", "=cmd|'/c calc'!A0"), "like a formula", id="formula"),
        pytest.param(field("contact", "a\u202egpj.exe"), "cannot be printed", id="bidi"),
        pytest.param(field("contact", "a\x1b[2J"), "cannot be printed", id="terminal"),
        pytest.param(field("contact", "x" * 3000), "longer than 2,000", id="long"),
        pytest.param(field("versions", {"<b>": "1"}), "as HTML does", id="HTML in a key"),
        pytest.param(card(title="<img src=x>"), "a title has", id="title"),
        pytest.param(card(title=f"Geo{CYRILLIC_ES}LIP"), "a title has", id="Cyrillic title"),
        pytest.param(card(title="=1+1"), "a title has", id="formula title"),
        pytest.param(card(name="../../etc/passwd"), "a name has", id="path"),
        pytest.param(card(name="a\\b"), "a name has", id="backslash"),
        pytest.param(card(name=f"min{CYRILLIC_IE}"), "a name has", id="Cyrillic name"),
        pytest.param(card(name="a\nb"), "a name has", id="line break"),
        pytest.param(card(name="other"), "no records of the encoder other", id="no records"),
        pytest.param(card(name="baseline.best"), "name of a baseline", id="baseline"),
        pytest.param(card(version=2), "encoder_version", id="version"),
        pytest.param(card(title="GEOCL1P"), "looks like 'geoclip'", id="look-alike"),
        pytest.param(card(title="D1rect"), "looks like 'direct'", id="look-alike of the board"),
    ],
)
def test_a_falsified_entry_is_refused(made: Made, board: Path, change: Any, message: str) -> None:
    assert message in refusal(board, edit(made.entry, board / "entry.parquet", **change))


def test_a_record_under_a_wrong_key_is_refused(made: Made, board: Path) -> None:
    entry = edit(made.entry, board / "e.parquet", **setting("seed", 7, 0), rekey=False)
    assert "its key is not that of its settings" in refusal(board, entry)


def test_encoders_of_the_board_and_of_the_package_keep_their_names(made: Made, board: Path) -> None:
    text = refusal(board, edit(made.entry, board / "1.parquet", **rename("direct")))
    assert "direct is the name of an encoder of this package, and this is another one" in text
    text = refusal(board, edit(made.entry, board / "2.parquet", **rename("direct", builtin=True)))
    assert "an encoder direct that was measured here, which no entry can replace" in text
    text = refusal(board, edit(made.entry, board / "3.parquet", **rename("geoclip", builtin=True)))
    assert "(weights_sha256)" in text


def test_a_copy_under_another_name_is_refused(made: Made, board: Path) -> None:
    copy = edit(made.entry, board / "copy.parquet", **rename("copy"))
    assert merge(board, made.entry).returncode == 0
    assert "it is the encoder of the entry mine" in refusal(board, copy)

    def other_print(rows: list[Json]) -> None:
        rename("copy")["rows"](rows)
        for row in rows:
            if row["record"]["settings"]["encoder"] == "copy":
                row["record"]["settings"]["encoder_embedding_sha256"] = "1" * 64

    copy = edit(made.entry, copy, **{**rename("copy"), "rows": other_print})
    assert "it has the same scores as mine in all cells" in refusal(board, copy)


def test_two_entries_of_one_name(made: Made, board: Path) -> None:
    other = edit(made.entry, board / "other.parquet", **field("submitter", "Somebody else"))
    finished = merge(board, made.entry, other)
    assert finished.returncode == 1
    assert f"{made.entry}: added: mine" in finished.stdout
    assert f"{other}: refused: {board} has an entry called mine" in finished.stdout
    replaced = merge(board, other, "--replace")
    assert f"{other}: replaced: mine" in replaced.stdout
    kept = entry_module.read_entry(board / FOLDER / "mine.parquet")
    assert kept.manifest.submitter == "Somebody else"


def test_entries_join_a_folder_with_records(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Path(shutil.copytree(made.run, tmp_path / "run"))
    for folder in run.glob("records/*/mine"):
        shutil.rmtree(folder)
    (run / "plan.json").unlink()
    monkeypatch.setattr(report, "_draw", lambda *arguments: ())
    assert merge(run, made.entry).returncode == 0
    again = bench("run", "--suite", "tiny", "--out", run, cwd=tmp_path)
    assert "Mine §" in again.stdout
    assert "mine" not in set(pd.read_parquet(run / "results.parquet")["encoder"])
    assert "Mine §" in (run / "tables" / "leaderboard.random.knn.md").read_text()


def test_an_entry_is_not_shown_beside_other_tables_or_its_own_run(made: Made, board: Path) -> None:
    merge(board, made.entry)
    frame = pd.read_parquet(board / "results.parquet")
    frame.assign(data_sha256="0" * 64).to_parquet(board / "results.parquet")
    finished = bench("leaderboard", "--out", board, cwd=board)
    assert "the entry mine is not shown: it was measured with other settings" in finished.stderr
    assert "Mine" not in finished.stdout
    shutil.copy(made.run / "results.parquet", board)
    finished = bench("leaderboard", "--out", board, cwd=board)
    assert "the run has measured the encoder itself" in finished.stderr
    assert "Mine §" not in finished.stdout


def test_a_board_of_other_cells_refuses_it(made: Made, board: Path) -> None:
    frame = pd.read_parquet(board / "results.parquet")
    frame[frame["seed"] == 0].to_parquet(board / "results.parquet")
    assert "has others: 2 are not on it" in refusal(board, made.entry)
    frame.assign(fold_sha256="0" * 64).to_parquet(board / "results.parquet")
    assert "was measured with other settings (fold_sha256)" in refusal(board, made.entry)


def test_files_that_are_no_entries(made: Made, board: Path) -> None:
    path = board / "file.parquet"
    content = made.entry.read_bytes()
    for text, message in (
        (content[:-100], "is cut off: its end is missing"),
        (content[: len(content) // 2] + content[len(content) // 2 + 9 :], "is damaged"),
        (pickle.dumps({"a": 1}), "is a pickle, not an entry; pickles are never opened"),
        (b"", "is not a Parquet file"),
        (b"<html>", "is not a Parquet file"),
        (b"PAR1PAR1", "is damaged"),
    ):
        path.write_bytes(text)
        assert message in refusal(board, path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"0" * 10_000_000)
    assert "is a zip file" in refusal(board, path)
    pq.write_table(pa.table({"a": [1]}), path)
    assert "has no manifest" in refusal(board, path)
    assert "cannot be read: No such file" in refusal(board, board / "none.parquet")
    assert "is not a file" in refusal(board, made.board)


def test_files_that_decode_to_gigabytes(
    made: Made, board: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = board / "bomb.parquet"
    edit(made.entry, path, use_dictionary=True)
    assert "repeats values by a dictionary" in refusal(board, path)
    metadata = pq.read_schema(made.entry).metadata
    schema = pq.read_schema(made.entry)
    missing = [pa.nulls(1, schema.field(n).type) for n in (2, 3, 4)]
    zeros = pa.table(
        [pa.array(["{}"]), pa.array([np.zeros(60_000_000)]), *missing],
        schema=schema.with_metadata({KEY: metadata[KEY]}),
    )
    pq.write_table(zeros, path, use_dictionary=False, compression="zstd")
    assert path.stat().st_size < 100_000
    assert "would take 458 MiB in memory" in refusal(board, path)
    monkeypatch.setattr(entry_module, "MAX_BYTES", 1000)
    assert "MiB, and an entry" in refusal(board, made.entry)


def test_submit_says_what_is_missing(made: Made, tmp_path: Path) -> None:
    out, folder = tmp_path / "out.parquet", tmp_path / "folder.parquet"
    folder.mkdir()
    other = write_encoder(tmp_path, "absent", "Absent")
    changed = write_encoder(tmp_path, "mine", "Mine", 0.75)
    for finished, message in (
        (submit(made.run, other, out), "has no records of absent in the suite tiny. Run"),
        (submit(made.run, changed, out), "mine has changed since it was run (encoder_embedding"),
        (submit(tmp_path / "none", made.spec, out), "there is no folder"),
        (submit(tmp_path, made.spec, out), "there are no records in"),
        (submit(made.run, made.spec, tmp_path / "out.csv"), "is not a Parquet file"),
        (submit(made.run, made.spec, folder), "is a folder: name the file to write"),
        (submit(made.run, "baseline.mean", out), "no encoder"),
        (submit(made.run, made.spec, made.run / "results.parquet"), "overwrite a file of --run"),
    ):
        assert finished.returncode == 2
        assert message in finished.stderr, finished.stderr
    part = tmp_path / "part"
    bench(
        *("run", "--suite", "tiny", "--encoder", made.spec, "--seeds", "0", "--tasks", "biomes"),
        *("--jobs", "1", "--out", part),
        cwd=tmp_path,
    )
    finished = submit(part, made.spec, out)
    assert "has 1 of the 4 cells that the suite tiny has for mine" in finished.stderr
    assert not out.exists()


def test_a_run_of_the_encoder_is_compared_with_its_entry(made: Made) -> None:
    finished = bench("compare", made.run, made.entry, "--partial", cwd=made.run)
    assert finished.returncode == 0, finished.stdout
    assert "The runs agree" in finished.stdout
