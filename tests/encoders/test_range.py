"""RANGE, compared with `rangegeo` by its authors and with sums over rows in float64.

The released checkpoint and database have not been at hand: the cards say `verified: false`. The
weights here are random, in files of the same layouts.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rangegeo
from numpy.typing import NDArray

from satclip_bench.benchmarks.runs.embeddings import weights_sha256 as weights_of
from satclip_bench.core.download.cards import HubOrigin
from satclip_bench.core.download.lock import lock_file
from satclip_bench.core.errors import EncoderError, IntegrityError
from satclip_bench.core.files import sha256_file
from satclip_bench.encoders import check_encoder
from satclip_bench.encoders.combine import Combined
from satclip_bench.encoders.coordinates import Wrap
from satclip_bench.encoders.lookup.retrieval import TILE, Database, Mix, retrieve
from satclip_bench.encoders.range import Range, range_plain, range_plus
from satclip_bench.encoders.satclip import SatCLIP
from satclip_bench.encoders.weights.files import weights_path
from tests.encoders.range_files import ROWS, apart, arrays, database, weights, written
from tests.encoders.test_satclip import CORNERS, checkpoint, float64_embedding, spread

__all__ = ["arrays", "database", "weights"]

MAKERS = pytest.mark.parametrize("make", [range_plain, range_plus])


def oracle(
    name: str, weights: Path, database: Path, lonlat: NDArray[np.float64], beta: float = 0.5
) -> NDArray[np.float32]:
    model = rangegeo.RANGE(
        name, beta=beta, device="cpu", pretrained_path=weights, db_path=str(database)
    )
    result: NDArray[np.float32] = model.encode(lonlat)
    return result


def naive(
    arrays: dict[str, NDArray[np.float64]],
    query: NDArray[np.float64],
    lonlat: tuple[float, float],
    shares: tuple[tuple[str, float, float], ...],
) -> NDArray[np.float64]:
    """One row of the embedding; `shares` are (kind of similarity, share, temperature)."""
    total = np.zeros(1024)
    unit = query / math.sqrt(sum(x * x for x in query))
    for kind, share, temperature in shares:
        exps = []
        for key, (lon, lat) in zip(arrays["satclip_embeddings"], arrays["locs"], strict=True):
            if kind == "semantic":
                cosine = float(unit @ key) / math.sqrt(sum(x * x for x in key))
            else:
                # The haversine of an angle is (1 - its cosine) / 2.
                east, north = math.radians(lon - lonlat[0]), math.radians(lat - lonlat[1])
                haversine = math.sin(north / 2) ** 2 + (
                    math.cos(math.radians(lat))
                    * math.cos(math.radians(lonlat[1]))
                    * math.sin(east / 2) ** 2
                )
                cosine = 1 - 2 * haversine
            exps.append(math.exp(temperature * cosine))
        for e, value in zip(exps, arrays["image_embeddings"], strict=True):
            total += share * e / math.fsum(exps) * value
    return np.concatenate([total, unit])


@pytest.mark.parametrize(("name", "make"), [("RANGE", range_plain), ("RANGE+", range_plus)])
def test_equal_to_the_authors_package(
    weights: Path, database: Path, name: str, make: Callable[..., Range]
) -> None:
    tropics = spread(TILE + 40, reach=30)
    result = make(weights, database).encode(tropics)
    assert apart(result, oracle(name, weights, database, tropics)) < 1e-5
    # The released harmonics have the same bits only for whole SIMD registers of points.
    everywhere = np.concatenate([CORNERS, spread(160 - len(CORNERS))])
    result = make(weights, database, numerics="released").encode(everywhere)
    assert apart(result, oracle(name, weights, database, everywhere)) < 1e-5


@pytest.mark.parametrize("beta", [0.0, 0.2, 1.0])
def test_beta_is_the_authors(weights: Path, database: Path, beta: float) -> None:
    tropics = spread(20, reach=30)
    result = range_plus(weights, database, beta=beta).encode(tropics)
    assert apart(result, oracle("RANGE+", weights, database, tropics, beta)) < 1e-5


def test_against_sums_over_rows_at_every_latitude(
    weights: Path, database: Path, arrays: dict[str, NDArray[np.float64]]
) -> None:
    lonlat = np.concatenate([CORNERS, spread(8)])
    queries = float64_embedding(weights, lonlat, 40)
    for encoder, shares in (
        (range_plain(weights, database), (("semantic", 1.0, 15.0),)),
        (
            range_plus(weights, database),
            (("semantic", 0.5, 12.0), ("geographic", 0.5, 40.0)),
        ),
        (
            range_plus(weights, database, 0.1, 7.0, 90.0),
            (("semantic", 0.1, 7.0), ("geographic", 0.9, 90.0)),
        ),
    ):
        result = encoder.encode(lonlat)
        for row, (lon, lat) in enumerate(lonlat):
            expected = naive(arrays, queries[row], (lon, lat), shares)
            assert apart(result[row], expected) < 1e-5, (lon, lat)


def test_the_comparisons_would_see_another_setting(weights: Path, database: Path) -> None:
    lonlat = spread(30, reach=30)
    result = range_plus(weights, database).encode(lonlat)
    for other in (
        range_plain(weights, database),
        range_plus(weights, database, beta=0.6),
        range_plus(weights, database, semantic_temperature=13),
        range_plus(weights, database, geographic_temperature=41),
    ):
        assert apart(result[:, :1024], other.encode(lonlat)[:, :1024]) > 3e-3
        assert np.array_equal(result[:, 1024:], other.encode(lonlat)[:, 1024:])


@MAKERS
def test_the_contract(weights: Path, database: Path, make: Callable[..., Range]) -> None:
    encoder = make(weights, database)
    assert encoder.card.verified is False
    check_encoder(encoder)


def test_the_antimeridian_and_the_poles_are_one_place_to_the_map(
    weights: Path, database: Path
) -> None:
    """By distance alone (beta 0), coordinates of the same place have the same embedding."""
    lonlat = [[180, 12], [-180, 12], [0, 90], [77, 90]]
    result = range_plus(weights, database, beta=0).encode(lonlat)[:, :1024]
    assert apart(result[0], result[1]) < 1e-5
    assert apart(result[2], result[3]) < 1e-5
    assert apart(result[0], result[2]) > 0.1


def test_the_retrieved_part_is_a_mean_of_the_databases_values(
    weights: Path, arrays: dict[str, Any], tmp_path: Path
) -> None:
    same = np.tile(np.arange(1024.0), (ROWS, 1))
    path = written(arrays | {"image_embeddings": same}, tmp_path)
    result = range_plus(weights, path).encode(spread(10))
    assert np.abs(result[:, :1024] - same[0]).max() < 1e-3
    assert np.abs(np.linalg.norm(result[:, 1024:], axis=1) - 1).max() < 1e-6


def test_extreme_temperatures_pick_one_row_or_all(
    weights: Path, database: Path, arrays: dict[str, NDArray[np.float64]]
) -> None:
    values = arrays["image_embeddings"]
    sharp = range_plus(weights, database, beta=0, geographic_temperature=1e6)
    assert apart(sharp.encode(arrays["locs"][:9])[:, :1024], values[:9]) < 1e-4
    flat = range_plain(weights, database, temperature=1e-7).encode([[5, 5]])[0, :1024]
    assert apart(flat, values.mean(axis=0)) < 1e-5


def test_memory_is_bounded_by_the_tile_and_not_by_the_batch() -> None:
    rng = np.random.default_rng(0)

    def directions(n: int) -> NDArray[np.float32]:
        x: NDArray[np.float32] = rng.normal(size=(n, 3)).astype(np.float32)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        return x

    rows, points = 20_000, 3000
    database = Database(directions(rows), directions(rows), directions(rows))
    queries = directions(points)
    tracemalloc.start()
    whole = retrieve(queries, queries, database, Mix(12.0, 40.0, 0.5))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.5 * 4 * TILE * rows < 4 * points * rows / 4
    part = retrieve(queries[777:1000], queries[777:1000], database, Mix(12.0, 40.0, 0.5))
    assert apart(whole[777:1000], part) < 1e-6


def test_the_hash_covers_both_files(
    weights: Path, database: Path, arrays: dict[str, Any], tmp_path: Path
) -> None:
    other_weights = checkpoint(tmp_path, 40, extra=1)
    other_database = written(arrays | {"locs": arrays["locs"] / 2}, tmp_path)
    encoders = [
        range_plus(w, d) for w in (weights, other_weights) for d in (database, other_database)
    ]
    assert len({weights_of(e) for e in encoders}) == 4
    assert weights_of(encoders[0]) == weights_of(range_plain(weights, database))
    assert weights_of(encoders[0]) not in ("", sha256_file(weights), sha256_file(database))
    for partly in (range_plus(), range_plus(weights)):
        assert weights_of(partly) == ""
    # The hash of the released checkpoint is published, so that it need not be there.
    published = weights_of(range_plus(database=database))
    assert published not in ("", *map(weights_of, encoders))
    assert len({weights_of(Combined([e, Wrap()])) for e in encoders}) == 4


@MAKERS
def test_the_card(make: Callable[..., Range]) -> None:
    card = make().card
    assert card.name == {range_plain: "range", range_plus: "range-plus"}[make]
    assert card.dimension == 1280
    assert card.parameters["satclip_version"] == SatCLIP("vit16-l40").card.version
    assert card.weights is not None
    (origin,) = card.weights.origins
    assert isinstance(origin, HubOrigin)
    assert origin.repository_type == "dataset"


def test_every_setting_is_on_the_card() -> None:
    cards = [
        make(**options).card
        for make, options in (
            (range_plain, {}),
            (range_plain, {"temperature": 14}),
            (range_plus, {}),
            (range_plus, {"beta": 0.4}),
            (range_plus, {"semantic_temperature": 14}),
            (range_plus, {"geographic_temperature": 14}),
            (range_plus, {"numerics": "released"}),
        )
    ]
    assert len({str(dict(card.parameters)) for card in cards}) == len(cards)


def test_the_card_is_there_without_torch() -> None:
    code = (
        "import sys; from satclip_bench.encoders.range import range_plain, range_plus;"
        "range_plain().card; range_plus().card; sys.exit('torch' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_missing_files_say_where_they_are_and_go(weights: Path, database: Path) -> None:
    for encoder, parts in (
        (
            range_plus(weights),
            ("range_db_large.npz", "download range-plus`", "by hand"),
        ),
        (
            range_plain(database=database),
            ("satclip-vit16-l40.ckpt", "download satclip.vit16-l40`"),
        ),
    ):
        with pytest.raises(EncoderError) as caught:
            encoder.encode([[0, 0]])
        for part in parts:
            assert part in str(caught.value)


def test_a_cached_database_that_has_changed_is_refused(
    weights: Path, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATCLIP_BENCH_CACHE", str(tmp_path))
    card = range_plain().card.weights
    assert card is not None
    cached = weights_path(card)
    cached.parent.mkdir(parents=True)
    cached.write_bytes(database.read_bytes())
    range_plain(weights).encode([[0, 0]])
    lock_file(cached.parent, cached.name, "0" * 64, "elsewhere")
    with pytest.raises(IntegrityError, match="has changed"):
        range_plain(weights).encode([[0, 0]])


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (range_plus, {"beta": 1.1}, r"share in \[0, 1\], not 1.1"),
        (range_plus, {"beta": math.nan}, "not nan"),
        (range_plus, {"geographic_temperature": 0}, "positive number, not 0"),
        (range_plus, {"semantic_temperature": math.inf}, "positive number, not inf"),
        (range_plain, {"temperature": -15}, "positive number, not -15"),
        (range_plain, {"numerics": "float16"}, "not 'float16'"),
    ],
)
def test_settings_out_of_range(
    make: Callable[..., Range], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(EncoderError, match=words):
        make(**options)
