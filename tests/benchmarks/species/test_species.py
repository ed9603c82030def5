"""Species in photographs: fits, ranks, folds and files against plain calculations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array, save_npz
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, top_k_accuracy_score

import satclip_bench.benchmarks.species.softmax as softmax_module
from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.commands import species as species_command
from satclip_bench.benchmarks.probes.training import forward
from satclip_bench.benchmarks.species.evaluation import (
    FoldEvaluation,
    Photos,
    photos_of,
    species_folds,
)
from satclip_bench.benchmarks.species.features import read_features, read_probabilities
from satclip_bench.benchmarks.species.inputs import Inputs, Part
from satclip_bench.benchmarks.species.likelihoods import Fitted, Given, own_ranks
from satclip_bench.benchmarks.species.settings import TOP, SoftmaxSettings
from satclip_bench.benchmarks.species.softmax import fit_softmax
from satclip_bench.core.errors import BenchError
from satclip_bench.tasks.inaturalist.competition import read_competition
from tests.benchmarks.species.photographs import QUICK, informative, write_features
from tests.tasks.inaturalist.competition_files import write_competition

Float = NDArray[np.float64]


def blobs(n: int = 600, classes: int = 4, width: int = 5) -> tuple[Float, NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    labels = rng.integers(classes, size=n)
    centres = rng.normal(size=(classes, width))
    return centres[labels] + rng.normal(size=(n, width)), labels


def test_without_a_hidden_layer_it_is_logistic_regression() -> None:
    X, y = blobs()
    rows = np.arange(len(X))
    train, rest = rows[:500], rows[500:]
    inputs = Inputs([Part(X, rows)], train)
    settings = SoftmaxSettings(
        learning_rate=0.1, weight_decay=0, batch_size=500, max_epochs=300, patience=300
    )
    fit = fit_softmax(inputs, y, train, train, 4, settings, 0)
    ours = Fitted(fit.layers, inputs, uniform=False).of(rest)
    Z = inputs.take(rows).astype(np.float64)
    theirs = LogisticRegression(C=np.inf, tol=1e-8, max_iter=2000).fit(Z[train], y[train])
    assert fit.losses[-1] == pytest.approx(
        log_loss(y[train], theirs.predict_proba(Z[train])), abs=1e-3
    )
    assert ours == pytest.approx(theirs.predict_proba(Z[rest]), abs=0.03)


def test_training_stops_and_keeps_the_best_epoch() -> None:
    X, y = blobs()
    rows = np.arange(len(X))
    settings = SoftmaxSettings(learning_rate=0.1, batch_size=16, max_epochs=60, hidden=32)
    inputs = Inputs([Part(X, rows)], rows[:100])
    fit = fit_softmax(inputs, y, rows[:100], rows[100:], 4, settings, 0)
    assert len(fit.losses) == fit.epoch + settings.patience < 60
    assert min(fit.losses) == fit.losses[fit.epoch - 1]
    again = fit_softmax(inputs, y, rows[:100], rows[100:], 4, settings, 0)
    for (w, b), (v, c) in zip(fit.layers, again.layers, strict=True):
        assert np.array_equal(w, v)
        assert np.array_equal(b, c)


def test_no_more_than_a_batch_of_logits_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = blobs()
    rows = np.arange(len(X))
    seen: list[int] = []
    real = forward

    def logits(parameters: Any, batch: Any) -> Any:
        seen.append(len(batch))
        return real(parameters, batch)

    monkeypatch.setattr(softmax_module, "forward", logits)
    settings = SoftmaxSettings(batch_size=64, max_epochs=2)
    fit_softmax(Inputs([Part(X, rows)], rows), y, rows, rows, 4, settings, 0)
    assert max(seen) == 64


def test_ranks_are_top_k_accuracy() -> None:
    rng = np.random.default_rng(1)
    values = rng.dirichlet(np.ones(12), size=300)
    species = rng.integers(12, size=300)
    rows = np.arange(300)
    ranks = own_ranks(rows, species, [Given(values, rows)])
    for k in TOP:
        wanted = top_k_accuracy_score(species, values, k=k, labels=np.arange(12))
        assert (ranks < k).mean() == pytest.approx(wanted)


def test_the_product_is_that_of_the_numbers() -> None:
    image = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.4, 0.4, 0.2]])
    place = np.array([[0.1, 0.1, 0.8], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0]])
    rows = np.arange(3)
    species = np.array([2, 1, 1])
    ranks = own_ranks(rows, species, [Given(image, rows), Given(csr_array(place), rows)])
    # .05 .03 .16; as the image says; a tie, which the smaller index wins.
    assert ranks.tolist() == [0, 1, 1]


def test_inputs_scale_by_training_rows_and_leave_unknown_places_at_the_mean() -> None:
    X, _ = blobs()
    row = np.arange(len(X))
    row[10:20] = -1
    inputs = Inputs([Part(X[:, :2], np.arange(len(X))), Part(X[:, 2:], row)], np.arange(30, 200))
    found = inputs.take(np.arange(25))
    train = X[30:200]
    wanted = (X[:25] - train.mean(axis=0)) / train.std(axis=0)
    wanted[10:20, 2:] = 0
    assert found == pytest.approx(wanted, abs=1e-5)
    with pytest.raises(BenchError, match="have no features or place"):
        Inputs([Part(X, row)], np.arange(30))
    dead = np.full((len(X), 1), 1e12, dtype=np.float32)
    dead[::2] = np.nextafter(np.float32(1e12), np.float32(2e12))
    dead[:25] = 2e12
    assert not Inputs([Part(dead, np.arange(len(X)))], np.arange(30, 200)).take(row[30:]).any()
    assert not Inputs([Part(dead, np.arange(len(X)))], np.arange(30, 200)).take(row[:9]).any()
    bad = X.copy()
    bad[100] = np.nan
    with pytest.raises(BenchError, match="such as that of photograph 100"):
        Inputs([Part(bad, np.arange(len(X)))], np.arange(30, 200))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("competition")
    write_competition(made, rows=(2000, 1000), classes=10)
    return made


@pytest.fixture(scope="module")
def photos(folder: Path) -> Photos:
    return photos_of(read_competition(folder))


def test_a_held_out_continent_leaks_nothing(photos: Photos) -> None:
    folds = species_folds(photos, "held-out-continent")
    assert len(folds) == 5
    for fold in folds:
        assert (photos.continent[fold.test] == fold.name).all()
        assert not photos.train[fold.test].any()
        assert photos.train[fold.train].all()
        assert photos.located[fold.train].all(), "who knows which continent it is of"
        assert not (photos.continent[fold.train] == fold.name).any()
    (only,) = species_folds(photos, "competition")
    assert np.array_equal(only.train, np.flatnonzero(photos.train))
    assert len(only.test) == 1000


def coordinates(photos: Photos) -> Part:
    located = np.flatnonzero(photos.located)
    row = np.full(len(photos.species), -1)
    row[located] = np.arange(len(located))
    return Part(photos.lonlat[located], row)


SETTINGS = SoftmaxSettings(learning_rate=0.05, max_epochs=12, batch_size=128, threads=1)
"""For tests to which it does not matter how well a network is trained."""


def test_image_and_place_know_more_together(photos: Photos) -> None:
    (fold,) = species_folds(photos, "competition")
    of = FoldEvaluation(photos, fold, 0, SETTINGS, informative(photos))
    place = coordinates(photos)
    found = {
        way: of.scores(way, "x", place) for way in ("location", "image", "product", "concatenation")
    }
    for way in ("product", "concatenation"):
        for single in ("location", "image"):
            assert found[way].top[1] > found[single].top[1] + 0.1, (way, single)
    assert found["location"].n_unlocated == (~photos.located[fold.test]).sum() > 0
    assert found["product"].n_test == 1000
    assert found["image"].n_train == 2000
    assert found["location"].n_train == photos.located[fold.train].sum()
    for scores in found.values():
        tops = [scores.top[k] for k in TOP]
        assert tops == sorted(tops)


def test_a_photograph_of_unknown_place_has_the_image_alone(photos: Photos) -> None:
    (fold,) = species_folds(photos, "competition")
    unknown = fold.test[~photos.located[fold.test]]
    of = FoldEvaluation(photos, fold, 0, QUICK, informative(photos))
    of.scores("product", "x", coordinates(photos))
    image, place = of._fits["image"][0], of._fits["location x"][0]
    assert place.of(unknown) == pytest.approx(1 / photos.classes)
    together = own_ranks(unknown, photos.species, [image, place])
    assert np.array_equal(together, own_ranks(unknown, photos.species, [image]))


def test_species_that_training_does_not_show_are_counted(photos: Photos) -> None:
    fold = species_folds(photos, "held-out-continent")[0]
    scores = FoldEvaluation(photos, fold, 0, QUICK).scores("location", "x", coordinates(photos))
    shown = set(photos.species[fold.train].tolist())
    assert scores.n_unseen == sum(s not in shown for s in photos.species[fold.test].tolist())
    with pytest.raises(BenchError, match="needs image features"):
        FoldEvaluation(photos, fold, 0, SETTINGS).scores("image")


@pytest.mark.parametrize("suffix", ["npz", "parquet"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_features_come_in_the_order_that_is_wanted(
    tmp_path: Path, suffix: str, dtype: type[np.floating]
) -> None:
    rng = np.random.default_rng(0)
    ids = np.arange(50) * 3
    values = rng.normal(size=(50, 4)).astype(dtype)
    path = write_features(tmp_path / f"a.{suffix}", ids, values, "features")
    wanted = np.array([9, 0, 147, 30])
    found = read_features([path, path], [wanted, ids])
    assert found.dtype == dtype
    assert np.array_equal(found, np.concatenate([values[wanted // 3], values]))
    with pytest.raises(BenchError, match=r"no rows for 1 of 2 photographs, such as image_id \[1\]"):
        read_features([path], [np.array([3, 1])])
    wide = write_features(tmp_path / f"b.{suffix}", ids, np.ones((50, 5), dtype), "features")
    with pytest.raises(BenchError, match="5 features per photograph; the file before has 4"):
        read_features([path, wide], [wanted, wanted])
    other = write_features(tmp_path / f"c.{suffix}", ids, values, "embedding")
    with pytest.raises(BenchError, match="has no column features"):
        read_features([other], [wanted])
    broken = tmp_path / f"d.{suffix}"
    broken.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BenchError, match="cannot be read"):
        read_features([broken], [wanted])


def test_probabilities_dense_and_sparse(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ids = np.arange(20)
    values = rng.dirichlet(np.ones(6), size=20)
    dense = write_features(tmp_path / "a.parquet", ids, values, "probabilities")
    assert np.array_equal(np.asarray(read_probabilities(dense, ids, 6)), values)
    save_npz(tmp_path / "s.npz", csr_array(values))
    sparse = read_probabilities(tmp_path / "s.npz", ids, 6)
    assert not isinstance(sparse, np.ndarray)
    assert np.array_equal(sparse.toarray(), values)
    logits = write_features(tmp_path / "l.parquet", ids, values * 9, "probabilities")
    with pytest.raises(BenchError, match="logits and not probabilities"):
        read_probabilities(logits, ids, 6)
    with pytest.raises(BenchError, match="not 7"):
        read_probabilities(dense, ids, 7)


def test_the_command_keeps_what_is_done(
    folder: Path,
    photos: Photos,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(species_command, "SoftmaxSettings", lambda: QUICK)
    part = informative(photos)
    files = [
        write_features(
            tmp_path / f"{name}.parquet", photos.image_id[of], part.values[of], "features"
        )
        for name, of in (("train", photos.train), ("val", ~photos.train))
    ]
    command = [
        *("species", "--encoders", "direct,wrap", "--data-dir", str(folder)),
        *("--image-features", *map(str, files), "--out", str(tmp_path / "out")),
        *("--splits", "competition", "held-out-continent"),
    ]
    assert main(command) == 0
    shown = capsys.readouterr()
    assert "held-out-continent" in shown.out
    assert "concatenation" in shown.err
    frame = pd.read_parquet(tmp_path / "out/species.parquet")
    # The image alone once a fold.
    assert len(frame) == 6 * (1 + 2 * 3)
    whole = frame[frame["split"] == "competition"]
    assert whole["top1_low"].le(whole["top1"]).all()
    assert whole["top1_high"].ge(whole["top1"]).all()
    # One city a continent is too few blocks for an interval.
    assert frame[frame["split"] != "competition"]["top1_low"].isna().all()
    before = (tmp_path / "out/species.parquet").read_bytes()

    # Interrupted after some cells: the others are run, to the same bytes.
    for path in sorted((tmp_path / "out/records").rglob("*.json"))[::2]:
        path.unlink()
    (tmp_path / "out/species.parquet").unlink()
    assert main(command) == 0
    assert (tmp_path / "out/species.parquet").read_bytes() == before
    capsys.readouterr()
    assert main(command) == 0
    assert "concatenation" not in capsys.readouterr().err, "nothing is run again"


def test_what_is_missing_is_said(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert main(["species", "--encoders", "wrap", "--data-dir", str(tmp_path), *out]) == 2
    assert "train2018.json" in capsys.readouterr().err
    lacking = [str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")]
    at = ["--data-dir", str(folder), *out]
    assert main(["species", "--encoders", "wrap", *at, "--image-features", *lacking]) == 2
    assert "there is no file" in capsys.readouterr().err
    assert main(["species", "--encoders", "wrop", *at]) == 2
    assert "Did you mean 'wrap'" in capsys.readouterr().err


def test_a_classifier_of_all_continents_is_not_evaluated_on_a_held_out_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before any file is read."""
    asked = ["species", "--encoders", "wrap", "--data-dir", str(tmp_path / "none")]
    given = ["--image-probabilities", "val.npz", "--splits", "competition", "held-out-continent"]
    assert main([*asked, *given, "--out", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert "--image-probabilities" in message
    assert "trained on photographs of the continent" in message
    assert "--image-features" in message
