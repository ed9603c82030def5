"""The command `speed`, as a user runs it, on few points."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.commands import speed
from satclip_bench.benchmarks.speed.limits import geoclip_limit, satclip_limit
from satclip_bench.benchmarks.speed.released_code import random_satclip, rangegeo_reference
from satclip_bench.benchmarks.speed.timing import Contest, Timing, contest, measure, random_points
from satclip_bench.encoders import get_encoder
from satclip_bench.encoders.layers.harmonics_siren import HarmonicsSiren
from satclip_bench.encoders.layers.siren import random_siren
from satclip_bench.encoders.layers.tiles import TILE


def test_speed_writes_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "deep" / "speed.json"
    names = "satclip.vit16-l10,direct"
    assert main(["speed", "--encoders", names, "--points", "300", "--out", str(out)]) == 0
    report = json.loads(out.read_text())
    satclip, direct = report["encoders"]
    assert report["rounds"] == 5
    assert satclip["encoder"] == "satclip.vit16-l10"
    assert {k: len(v) for k, v in satclip["seconds"].items()} == {
        "ours": 5,
        "reference": 5,
        "limit": 5,
    }
    assert satclip["times_faster_than_reference"] > 0
    assert direct["times_faster_than_reference"] is None
    shown = capsys.readouterr().out
    assert "satclip.vit16-l10" in shown
    assert "random weights" in shown
    # A log file gets a line for each encoder when it is finished, and then the table.
    assert re.findall(r"^([\w.-]+): [.\d]+ s$", shown, re.M) == ["satclip.vit16-l10", "direct"]


def test_the_bare_option_of_the_help_is_the_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--points", "10", "--rounds", "1", "--no-reference", "--out", str(tmp_path / "s")]
    assert main(["speed", "--encoders", *options]) in (0, 1)
    assert "satclip.vit16-l40" in capsys.readouterr().out


def test_weights_that_are_absent_leave_the_others_timed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATCLIP_BENCH_CACHE", str(tmp_path))
    out = tmp_path / "speed.json"
    options = ["--points", "10", "--rounds", "1", "--out", str(out)]
    assert main(["speed", "--encoders", "geoclip,direct", *options]) == 1
    assert [e["encoder"] for e in json.loads(out.read_text())["encoders"]] == ["direct"]
    assert "geoclip" in capsys.readouterr().out
    assert main(["speed", "--encoders", "geoclip", *options]) == 2


def test_finished_encoders_survive_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(entry: Contest, *arguments: Any) -> Iterator[Timing]:
        if entry.encoder == "wrap":
            raise KeyboardInterrupt
        yield from measure(entry, *arguments)

    monkeypatch.setattr(speed, "measure", interrupted)
    out = tmp_path / "speed.json"
    options = ["--encoders", "direct,wrap", "--points", "10", "--rounds", "1", "--out", str(out)]
    assert main(["speed", *options]) == 130
    assert [e["encoder"] for e in json.loads(out.read_text())["encoders"]] == ["direct"]


def test_jobs_take_turns_and_ratios_are_of_pairs() -> None:
    calls: list[tuple[str, int]] = []
    jobs = {name: (lambda x, name=name: calls.append((name, len(x)))) for name in ("ours", "b")}
    *_, timing = measure(Contest("e", jobs), random_points(300), rounds=2)
    assert calls == [("ours", 256), ("b", 256), *[("ours", 300), ("b", 300)] * 2]
    assert timing.seconds.keys() == timing.processor_seconds.keys() == {"ours", "b"}
    made = Timing(Contest("e", {}), 10, {"ours": [1.0, 2.0, 4.0], "reference": [3.0, 2.0, 40.0]})
    assert made.ratio("reference", "ours") == 3.0
    assert made.ratio("ours", "limit") is None
    assert made.as_dict()["points_per_second"] == 5
    made.processor_seconds = {"ours": [1.0, 1.0], "reference": [7.0, 5.0]}
    assert made.ratio("reference", "ours", processor=True) == 6.0
    assert made.ratio("reference", "ours") == 3.0
    assert made.ratio("ours", "limit", processor=True) is None


def test_random_weights_load_here_and_in_the_released_code(tmp_path: Path) -> None:
    path = random_satclip(tmp_path / "random.ckpt", 10)
    lonlat = random_points(50)
    reference = rangegeo_reference(path)
    assert reference is not None
    expected = np.asarray(reference(lonlat))
    embedding = get_encoder("satclip.resnet50-l10", weights=path).encode(lonlat)
    assert np.abs(embedding - expected).max() < 1e-5
    assert expected.std() > 0.01
    jobs = contest("satclip.vit16-l10", tmp_path, lonlat).jobs
    assert set(jobs) == {"ours", "reference", "limit"}
    exact = contest("satclip.vit16-l10-float64", tmp_path, lonlat)
    assert set(exact.jobs) == {"ours", "reference"}, "the limit is that of float32"


def test_the_limit_has_the_products_of_the_bands() -> None:
    """A first layer has fewer columns than there are harmonics, once bands are narrow."""
    lonlat = random_points(3000)
    network = HarmonicsSiren(random_siren((1600, 8, 4), seed=0), 40)
    assert network.first_layer_products(lonlat[:100]) == [[(100, 1600)]]
    tiles = network.first_layer_products(lonlat)
    assert [sum(rows for rows, _ in tile) for tile in tiles] == [TILE, TILE, TILE, 3000 - 3 * TILE]
    narrow = network.first_layer_products(lonlat * [1, 0.01])
    assert max(columns for tile in narrow for _, columns in tile) < 800
    for points in (lonlat, lonlat[:100]):
        satclip_limit(40, points)(points)
    geoclip_limit(lonlat[:10])(lonlat)
