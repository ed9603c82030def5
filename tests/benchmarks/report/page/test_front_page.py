"""The table of leaders on the front page, of runs whose tasks have different probes."""

from __future__ import annotations

import re

import pandas as pd

from satclip_bench.benchmarks.report.page.model import Run, Site
from satclip_bench.benchmarks.report.page.site import site_files
from satclip_bench.benchmarks.report.results import Results
from satclip_bench.benchmarks.runs.columns import SUBMITTED
from tests.benchmarks.frames import frame


def pages(run: pd.DataFrame) -> dict[str, str]:
    files = site_files(Site((Run("run", Results.from_frame(run)),)))
    return {name: content.decode() for name, content in files if name.endswith(".html")}


def leads(run: pd.DataFrame) -> list[str]:
    """Rows of the table of leaders, without tags."""
    page = pages(run)["index.html"]
    table = page[page.index('<table class="leads">') : page.index("</table>")]
    rows = table.split("<tr>")
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


def with_probe(run: pd.DataFrame, probe: str) -> pd.DataFrame:
    return run.assign(probe=run["probe"].replace("linear", probe))


def test_a_task_with_another_probe_is_evaluated() -> None:
    elevation = frame(tasks=["elevation"], seeds=[0])
    biomes = with_probe(frame(tasks=["biomes"], seeds=[0]), "ridge")
    run = pd.concat([elevation, biomes[biomes["split"] == "random"]])
    assert pages(run)["tasks/biomes.html"].count("<details open>") == 1
    rows = leads(run)
    assert "Probe: linear probe" not in rows[0]
    assert rows[2].startswith("Elevation GEOCLIP")
    assert "linear probe" in rows[2]
    assert rows[3].startswith("Biomes GEOCLIP")
    assert "ridge" in rows[3].lower()
    # Only under one of the two splits.
    assert rows[3].count("not evaluated") == 1


def test_the_probe_that_is_shown_first_leads_if_it_has_the_task() -> None:
    run = frame(tasks=["elevation"], seeds=[0])
    better = with_probe(run, "ridge").assign(value=0.99)
    (_, _, row) = leads(pd.concat([run, better[better["probe"] == "ridge"]]))
    assert ".99" not in row


def test_without_a_complete_encoder_the_task_is_not_called_unevaluated() -> None:
    run = frame(tasks=["elevation"], seeds=[0, 1])
    lost = (run["seed"] == 1) & (run["split"] == "random")
    run = run.assign(status=run["status"].mask(lost, "failed"), value=run["value"].mask(lost))
    (_, _, row) = leads(run[run["metric"] == "r2"])
    assert row.count("no encoder is complete") == 1
    assert "not evaluated" not in row


def test_nothing_is_known_of_the_weights_of_custom_and_submitted_encoders() -> None:
    run = frame(tasks=["elevation"], seeds=[0]).assign(source="run")
    run["encoder"] = run["encoder"].replace("wrap", "mine")
    run.loc[run["encoder"] == "geoclip", "source"] = SUBMITTED
    page = pages(run)["index.html"]
    rows = re.findall(
        r'<tr [^>]*data-verified="(\w*)"[^>]*>\s*<th scope="row"><a href="encoders/([^"]+).html',
        page,
    )
    verified = {name: value for value, name in rows}
    assert verified == {
        "baseline.mean": "yes",
        "baseline.knn": "yes",
        "direct": "yes",
        "mine": "unknown",
        "geoclip": "unknown",
    }
