from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from typing_extensions import override

from satclip_bench import encoders
from satclip_bench.benchmarks.runs.embeddings import weights_sha256
from satclip_bench.core.errors import (
    BenchError,
    CoordinateError,
    EncoderError,
    RowsError,
    UnknownNameError,
)
from satclip_bench.core.sphere import check_lonlat
from satclip_bench.encoders import (
    Encoder,
    EncoderCard,
    check_encoder,
    encoder_card,
    encoder_from_file,
    get_encoder,
    list_encoders,
    registry,
)
from satclip_bench.encoders.combine import Combined
from satclip_bench.encoders.lookup.partial import PartialEncoder
from satclip_bench.encoders.weights.files import weights_path


@pytest.mark.filterwarnings("ignore::satclip_bench.encoders.lookup.partial.UncoveredPointsWarning")
@pytest.mark.parametrize("name", list_encoders())
def test_every_encoder_obeys_the_contract(name: str) -> None:
    card = encoder_card(name)
    assert card.name == name
    encoder = get_encoder(name)
    # Some need a second file besides the card's, and have no hash until both are available.
    if card.weights and not (weights_path(card.weights).exists() and weights_sha256(encoder)):
        pytest.skip(f"{card.weights.file} is not in the cache: {card.weights.by_hand}")
    check_encoder(encoder)


class Good(Encoder):
    card = EncoderCard(name="good", title="Good", dimension=2)

    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sin(np.radians(lonlat))


def test_a_short_encoder_passes() -> None:
    check_encoder(Good())


class Returns(Good):
    """An encoder whose `forward` returns a given object."""

    def __init__(self, what: object) -> None:
        self.what = what

    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.what  # type: ignore[return-value]


class HalfBroken(Good):
    """An encoder that returns NaN for points at 85 degrees north."""

    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(lonlat[:, 1:] == 85, np.nan, lonlat)


class HalfCovered(PartialEncoder):
    """An encoder that sorts points, and does not cover those at 85 degrees north, or is broken."""

    card = EncoderCard(name="half-covered", title="Half covered", dimension=2)

    def __init__(self, broken: bool) -> None:
        super().__init__("error")
        self.broken = broken

    def groups(self, lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
        return lonlat[:, 0].astype(np.int64)

    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        out = np.where(lonlat[:, 1:] == 85, np.nan, lonlat)
        out[:, 0] = lonlat[:, 0] if self.broken else out[:, 0]
        return out


@pytest.mark.parametrize(
    "encoder",
    [
        *(HalfBroken(), HalfCovered(True), HalfCovered(False)),
        *(Combined([get_encoder("wrap"), part]) for part in (HalfBroken(), HalfCovered(False))),
    ],
)
def test_errors_name_rows_of_the_whole_input(encoder: Encoder) -> None:
    lonlat = np.random.default_rng(0).uniform([-180, -60], [180, 60], (500, 2))
    lonlat[411, 1] = 85
    encoder.encode(lonlat[:400], batch_size=64)
    for batch_size in (64, 1000):
        with pytest.raises(RowsError, match="row 411") as caught:
            encoder.encode(lonlat, batch_size=batch_size)
    # As in another process: without its constructor's arguments, it could not be made again.
    again = copy.copy(caught.value)
    assert (str(again), again.rows) == (str(caught.value), (411,))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (np.zeros((3, 2)), "shape (3, 2) for 2 points"),
        (np.zeros((2, 3)), "promises (2, 2)"),
        (np.zeros(2), "shape (2,)"),
        (np.array([[0, 0], [0, np.nan]]), "such as row 1"),
        (np.full((2, 2), 1e300), "not finite in float32"),
        (np.zeros((2, 2), dtype=np.int64), "an array of int64"),
        (np.zeros((2, 2), dtype=np.complex128), "an array of complex128"),
        ([[0.0, 0.0], [0.0, 0.0]], "list"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_embedding_is_refused(what: object, words: str) -> None:
    with pytest.raises(EncoderError) as caught:
        Returns(what).encode([[0, 0], [1, 1]])
    assert words in str(caught.value)
    assert "good" in str(caught.value)


class Faulty:
    """An encoder that does not derive from `Encoder`, with one fault at a time."""

    card = EncoderCard(name="faulty", title="Faulty", dimension=2)

    def __init__(self, fault: str) -> None:
        self.fault, self.calls = fault, 0

    def encode(self, lonlat: ArrayLike, batch_size: int = 100) -> NDArray[np.float32]:
        self.calls += 1
        points = np.array(lonlat) if self.fault == "unchecked" else check_lonlat(lonlat)
        if self.fault == "unchecked" and len(points):
            points = np.nan_to_num(points[:, :2])
        x = np.sin(np.radians(points))
        if self.fault == "east":
            x = np.radians(np.asarray(lonlat, dtype=np.float64))
        if self.fault == "moody":
            x = x + self.calls
        if self.fault == "company" and len(x):
            x = x - x.mean(axis=0)
        if self.fault == "batch":
            x = x + (batch_size == 7)
        if self.fault == "empty" and not len(x):
            return np.zeros((0, 5), dtype=np.float32)
        if self.fault == "writes" and isinstance(lonlat, np.ndarray) and len(lonlat):
            lonlat[0, 0] = 5
        return x if self.fault == "double" else x.astype(np.float32)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("moody", "second call"),
        ("company", "encoding a single point|batch_size=1"),
        ("batch", "batch_size=7"),
        ("east", "0 to 360"),
        ("empty", "no points gave"),
        ("writes", "changed the coordinates"),
        ("double", "float64"),
        ("unchecked", "accepted NaN"),
    ],
)
def test_check_encoder_finds_every_fault(fault: str, words: str) -> None:
    with pytest.raises(EncoderError, match=words):
        check_encoder(Faulty(fault))


def test_check_encoder_passes_an_encoder_that_inherits_nothing() -> None:
    check_encoder(Faulty("none"))


def test_input_is_checked_for_every_encoder() -> None:
    with pytest.raises(CoordinateError, match="row 0"):
        get_encoder("wrap").encode([[0, 91]])
    with pytest.raises(ValueError, match="batch_size"):
        get_encoder("wrap").encode([[0, 1]], batch_size=0)


def test_wide_embeddings_are_made_in_fewer_rows_at_a_time() -> None:
    """A batch of rows of `harmonics.l200` would need 5 GB."""
    rows: list[int] = []

    class Wide(Encoder):
        def __init__(self, dimension: int) -> None:
            self.card = EncoderCard(name="wide", title="Wide", dimension=dimension)

        @override
        def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
            rows.append(len(lonlat))
            return np.repeat(lonlat[:, :1], self.card.dimension, axis=1).astype(np.float32)

    points = np.column_stack([np.arange(1, 41), np.zeros(40)])
    assert np.array_equal(Wide(10**6).encode(points)[:, 7], points[:, 0])
    assert max(rows) * 10**6 * 8 < 300e6
    rows.clear()
    Wide(4000).encode(np.zeros((8192, 2)))
    assert rows == [8192]


def test_names() -> None:
    assert get_encoder("harmonics.l3").card.dimension == 9
    assert registry.match(["harmonics.l3,wrap", "geo*"]) == ("harmonics.l3", "wrap", "geoclip")
    assert registry.match(["mine"], ["mine"]) == ("mine",)
    with pytest.raises(UnknownNameError, match="Did you mean 'geoclip'"):
        get_encoder("geclip")
    for bad in ("harmonics.l0", "harmonics.l201", "harmonics.10", "harmonics.l1e3"):
        with pytest.raises(UnknownNameError, match="number of degrees"):
            get_encoder(bad)
    with pytest.raises(UnknownNameError):
        registry.match(["harmonics.x*"])


def test_options_that_an_encoder_lacks_are_an_error() -> None:
    with pytest.raises(BenchError, match="encoder 'wrap' could not be made"):
        get_encoder("wrap", weights="x")


def test_listing_imports_no_torch() -> None:
    code = (
        "import sys; from satclip_bench import encoders as e;"
        "[e.encoder_card(n) for n in e.list_encoders()];"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


FILE = """
import numpy as np
from satclip_bench.encoders import Encoder, EncoderCard
class Mine(Encoder):
    card = EncoderCard(name="mine", title="Mine", dimension=2)
    def forward(self, lonlat):
        return np.tanh(lonlat / 90)
class Bare: ...
def broken(): raise RuntimeError("out of cheese")
"""


def test_an_encoder_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    check_encoder(encoder_from_file(f"{path}:Mine"))
    for spec, words in (
        (f"{path}", "give path/to/file.py:ClassName"),
        (f"{path}:", "give path/to/file.py:ClassName"),
        (f"{path}:Yours", "defines no Yours"),
        (f"{path}:Bare", "is not an encoder"),
        (f"{path}:broken", "RuntimeError: out of cheese"),
        (f"{tmp_path}/none.py:Mine", "there is no file"),
    ):
        with pytest.raises(BenchError) as caught:
            encoder_from_file(spec)
        assert words in str(caught.value)
    path.write_text("import no_such_module")
    with pytest.raises(BenchError, match="could not be executed: ModuleNotFoundError"):
        encoder_from_file(f"{path}:Mine")


def test_a_file_can_import_the_module_beside_it(tmp_path: Path) -> None:
    """Each file gets its own neighbour, also where two folders have one of the same name."""
    for folder, value in (("a", 1.0), ("b", 2.0)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "helper_of_mine.py").write_text(f"VALUE = {value}\n")
        (tmp_path / folder / "late_of_mine.py").write_text(f"VALUE = {value}\n")
        (tmp_path / folder / "mine.py").write_text(
            "import helper_of_mine\n"
            + FILE.replace(
                "        return np.tanh(lonlat / 90)",
                "        import late_of_mine\n"
                "        return 0 * lonlat + helper_of_mine.VALUE * late_of_mine.VALUE",
            )
        )
    for folder, value in (("a", 1.0), ("b", 4.0)):
        encoder = encoder_from_file(f"{tmp_path / folder / 'mine.py'}:Mine")
        assert encoder.encode([[1.0, 2.0]]).tolist() == [[value, value]]


@pytest.mark.parametrize("place", ["import sys; sys.exit()", "import sys; sys.exit('bye')"])
def test_a_file_that_exits_is_an_error(tmp_path: Path, place: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(place)
    with pytest.raises(BenchError, match="could not be executed: SystemExit"):
        encoder_from_file(f"{path}:Mine")
    path.write_text("class Bare:\n    def __init__(self): raise SystemExit(0)\n")
    with pytest.raises(BenchError, match="could not be made: SystemExit"):
        encoder_from_file(f"{path}:Bare")


def test_an_unknown_key_on_a_card_is_an_error() -> None:
    with pytest.raises(ValueError, match="dimensions"):
        EncoderCard(name="x", title="X", dimension=1, dimensions=2)  # type: ignore[call-arg]


def test_everything_promised_is_there() -> None:
    for name in encoders.__all__:
        assert hasattr(encoders, name)
