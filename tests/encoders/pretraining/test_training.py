from __future__ import annotations

import errno
import json
import multiprocessing
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rangegeo.satclip.load import load_satclip_location_encoder

from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import equal_area_cells
from satclip_bench.encoders.pretraining import load_config
from satclip_bench.encoders.pretraining.augment import augment_images, jitter_coordinates
from satclip_bench.encoders.pretraining.checkpoints import FORMAT, NAME, load_state
from satclip_bench.encoders.pretraining.config import Augment, HeldOut, PretrainConfig, Training
from satclip_bench.encoders.pretraining.export import CHECKPOINT, CURVES, ENCODER, METRICS
from satclip_bench.encoders.pretraining.holdout import held_out_rows
from satclip_bench.encoders.pretraining.optimizer import learning_rate
from satclip_bench.encoders.pretraining.sources.base import InMemory, Pairs
from satclip_bench.encoders.pretraining.training import Callbacks, pretrain
from satclip_bench.encoders.satclip import SatCLIP
from satclip_bench.encoders.satclip_retrained import TrainedSatCLIP
from tests.encoders.pretraining.files import s2_folder
from tests.encoders.pretraining.small import config, pairs

PAIRS = pairs()


class StopError(Exception):
    """Error with which a test interrupts a training."""


def stop_after(epochs: int) -> Callbacks:
    def epoch(row: dict[str, float]) -> None:
        if row["epoch"] == epochs:
            raise StopError

    return Callbacks(epoch=epoch)


def train(out: Path, conf: PretrainConfig | None = None, **options: Any) -> bytes:
    given: dict[str, Any] = {"pairs": PAIRS, "device": "cpu"} | options
    return pretrain(conf or config(), out, **given).encoder.read_bytes()


def vectors(out: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    return TrainedSatCLIP("own.x", out / ENCODER).encode(PAIRS.lonlat[:50])


def test_places_and_images_find_each_other(tmp_path: Path) -> None:
    conf = config(training={"epochs": 12, "batch_size": 16})
    done = pretrain(conf, tmp_path, pairs=PAIRS, device="cpu")
    first, last = done.history[0], done.history[-1]
    assert last["loss"] < first["loss"] - 0.5
    # Forty are held out, so the top-10 accuracy by chance is a quarter.
    assert last["held_out"] == 40
    assert last["held_out_top10"] > 0.8
    assert last["held_out_loss"] < np.log(40) - 0.5
    rows = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    assert rows == list(done.history)
    assert (tmp_path / CURVES).read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    first = train(tmp_path / "a")
    # The state of torch's global generator has no influence and is not changed.
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(3)
    assert train(tmp_path / "b") == first
    assert (tmp_path / "a" / CHECKPOINT).read_bytes() == (tmp_path / "b" / CHECKPOINT).read_bytes()
    assert train(tmp_path / "c", config(seed=1)) != first


def test_an_interrupted_training_ends_at_the_same_bytes(tmp_path: Path) -> None:
    whole = train(tmp_path / "a")
    with pytest.raises(StopError):
        train(tmp_path / "b", callbacks=stop_after(1))
    assert not (tmp_path / "b" / ENCODER).exists()
    assert train(tmp_path / "b", resume=True) == whole
    # Resuming a finished training does nothing.
    epochs: list[float] = []
    again = Callbacks(epoch=lambda row: epochs.append(row["epoch"]))
    assert train(tmp_path / "b", resume=True, callbacks=again) == whole
    assert not epochs


def test_a_checkpoint_every_other_epoch(tmp_path: Path) -> None:
    sparse = config(training={"keep_every": 2})
    whole = train(tmp_path / "a", sparse)
    with pytest.raises(StopError):
        train(tmp_path / "b", sparse, callbacks=stop_after(1))
    assert not (tmp_path / "b" / NAME).exists()
    assert train(tmp_path / "b", sparse, resume=True) == whole


def test_a_batch_in_parts_is_the_same_batch(tmp_path: Path) -> None:
    plain = {"dropout": 0.0}, {"brightness": 0.0, "jitter_degrees": 0.0}
    base = config(location=plain[0], augment=plain[1])
    chunked = config(location=plain[0], augment=plain[1], training={"chunk": 5})
    train(tmp_path / "a", base)
    train(tmp_path / "b", chunked)
    assert vectors(tmp_path / "b") == pytest.approx(vectors(tmp_path / "a"), abs=1e-3)
    # The same random augmentation is drawn again for the backward pass.
    noisy = config(training={"chunk": 5})
    assert train(tmp_path / "c", noisy) == train(tmp_path / "d", noisy)
    lines = (tmp_path / "c" / METRICS).read_text().splitlines()
    rows = [json.loads(line)["loss"] for line in lines]
    assert rows[-1] < rows[0]


def _one_of_two(rank: int, port: int, out: Path) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    torch.set_num_threads(1)
    pretrain(config(), out, pairs=PAIRS, device="cpu")


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_one_of_two, args=(r, port, tmp_path / "b")) for r in (0, 1)]
    for process in both:
        process.start()
    # Chunks are numbered over all processes, so that the random augmentation is the same.
    train(tmp_path / "a", config(training={"chunk": 16}))
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert vectors(tmp_path / "b") == pytest.approx(vectors(tmp_path / "a"), abs=1e-3)
    files = [json.loads((tmp_path / name / METRICS).read_text().splitlines()[-1]) for name in "ab"]
    assert files[0]["loss"] == pytest.approx(files[1]["loss"], abs=1e-3)


def test_a_changed_config_is_refused_and_named(tmp_path: Path) -> None:
    train(tmp_path)
    changed = config(training={"epochs": 4}, location={"dropout": 0.2})
    with pytest.raises(BenchError) as caught:
        train(tmp_path, changed, resume=True)
    assert "training.epochs was 3, is 4" in str(caught.value)
    assert "location.dropout was 0.1, is 0.2" in str(caught.value)
    with pytest.raises(BenchError, match="made with other data"):
        train(tmp_path, pairs=pairs(seed=1), resume=True)
    with pytest.raises(BenchError, match="already contains a pretraining"):
        train(tmp_path)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    train(tmp_path)
    content = (tmp_path / NAME).read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"x" * 100):
        (tmp_path / NAME).write_bytes(damaged)
        with pytest.raises(BenchError, match="damaged"):
            train(tmp_path, resume=True)


def test_a_checkpoint_of_a_newer_version_is_not_to_be_deleted(tmp_path: Path) -> None:
    torch.save({"format": FORMAT + 1}, tmp_path / NAME)
    with pytest.raises(BenchError, match="newer version of satclip-bench") as caught:
        load_state(tmp_path, config(), "")
    assert "Delete" not in str(caught.value)


def test_a_full_disk_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(tmp_path / "a")
    real, full = os.fsync, [False]

    def fsync(handle: int) -> None:
        if full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)

    def fill(row: dict[str, float]) -> None:
        full[0] = True

    with pytest.raises(BenchError, match=r"checkpoint\.pt cannot be written: No space left"):
        train(tmp_path / "b", callbacks=Callbacks(epoch=fill))
    assert sorted(p.name for p in (tmp_path / "b").iterdir()) == [NAME, METRICS]
    full[0] = False
    assert train(tmp_path / "b", resume=True) == whole


def test_fewer_points_than_a_batch(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="20 training points are fewer than a batch of 32"):
        train(tmp_path, pairs=pairs(25))
    with pytest.raises(BenchError, match="at least 2 must be"):
        train(tmp_path, pairs=pairs(5))


def test_a_loss_that_is_not_finite_stops(tmp_path: Path) -> None:
    lost = replace(PAIRS, images=InMemory(np.full((200, 3, 8, 8), np.nan, np.float32)))
    with pytest.raises(BenchError, match="the loss is nan in step 1"):
        train(tmp_path, pairs=lost)
    with pytest.raises(BenchError, match="there is no device 'cuda:99'"):
        train(tmp_path / "b", device="cuda:99")


def test_the_temperature_stays_where_it_may(tmp_path: Path) -> None:
    still = config(training={"learn_temperature": False, "temperature": 0.2, "epochs": 1})
    assert pretrain(still, tmp_path / "a", pairs=PAIRS, device="cpu").history[0][
        "temperature"
    ] == pytest.approx(0.2)
    low = config(training={"temperature": 0.06, "lowest_temperature": 0.05, "learning_rate": 0.2})
    reached = pretrain(low, tmp_path / "b", pairs=PAIRS, device="cpu").history[-1]["temperature"]
    assert reached >= 0.05 - 1e-6


def test_the_rate_rises_and_falls() -> None:
    cosine = Training(learning_rate=2.0, warmup=0.1)
    rates = [learning_rate(step, 100, cosine) for step in range(100)]
    assert rates[:10] == pytest.approx(np.arange(1, 11) * 0.2)
    assert rates[10] == 2
    assert rates[55] == pytest.approx(1)
    assert 0 < rates[99] < 0.01
    assert (np.diff(rates[10:]) < 0).all()
    constant = Training(learning_rate=2.0, warmup=0, schedule="constant")
    assert {learning_rate(step, 100, constant) for step in range(100)} == {2.0}


@pytest.mark.parametrize("kind", ["random", "blocks"])
def test_held_out_points_are_apart(kind: str) -> None:
    lonlat = pairs(3000).lonlat
    conf = HeldOut.model_validate({"fraction": 0.2, "kind": kind, "degrees": 20, "most": 500})
    learned, held = held_out_rows(lonlat, conf, 0)
    assert len(held) == 500
    assert not set(learned) & set(held)
    assert len(learned) == pytest.approx(2400, abs=1 if kind == "random" else 80)
    cells = equal_area_cells(lonlat, 20)
    shared = set(cells[learned]) & set(cells[held])
    assert bool(shared) == (kind == "random")
    for rows, again in zip((learned, held), held_out_rows(lonlat, conf, 0), strict=True):
        assert np.array_equal(rows, again)


def test_jitter_stays_near_and_on_the_sphere() -> None:
    lonlat = np.array([[180.0, 0], [-180, 10], [0, 90], [7, -90], [100, 60]] * 200)
    rng = np.random.default_rng(0)
    moved = jitter_coordinates(lonlat, Augment(jitter_degrees=1), rng)
    assert (np.abs(moved) <= [180, 90]).all()
    lat = np.radians(moved[:, 1])
    cosine = np.sin(lat) * np.sin(np.radians(lonlat[:, 1])) + np.cos(lat) * np.cos(
        np.radians(lonlat[:, 1])
    ) * np.cos(np.radians(moved[:, 0] - lonlat[:, 0]))
    away = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    assert away.max() < 1.5
    assert away.mean() > 0.3
    released = jitter_coordinates(
        lonlat[4::5], Augment(jitter_degrees=0.01, jitter="released"), rng
    )
    step = released - lonlat[4::5]
    assert step.min() >= 0
    assert step.max() <= 0.01 + 1e-9


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_flips_and_turns_give_all_eight() -> None:
    image = torch.arange(9.0).reshape(1, 1, 3, 3)
    result = augment_images(
        image.expand(300, 1, 3, 3), Augment(flips=True, turns=True), generator()
    )
    expected = {
        tuple(torch.rot90(v, k).flatten().tolist())
        for v in (image[0, 0], image[0, 0].T)
        for k in range(4)
    }
    assert {tuple(f.flatten().tolist()) for f in result} == expected
    nothing = Augment(flips=False)
    assert torch.equal(augment_images(image, nothing, generator()), image)


def test_crops_are_windows_and_the_middle_in_evaluation() -> None:
    image = torch.arange(36.0).reshape(1, 1, 6, 6)
    conf = Augment(flips=False, crop=4)
    result = augment_images(image.expand(200, 1, 6, 6), conf, generator())
    corners = {int(f[0, 0, 0]) for f in result}
    assert corners == {6 * r + c for r in range(3) for c in range(3)}
    assert torch.equal(result[0, 0] - result[0, 0, 0, 0], image[0, 0, :4, :4])
    assert torch.equal(augment_images(image, conf, None), image[:, :, 1:5, 1:5])


def test_blur_keeps_the_mean_of_a_constant_and_smooths() -> None:
    conf = Augment(flips=False, blur=True)
    flat = torch.full((4, 2, 8, 8), 3.0)
    torch.testing.assert_close(augment_images(flat, conf, generator()), flat)
    noise = torch.randn(50, 1, 16, 16, generator=generator())
    assert float(augment_images(noise, conf, generator()).std()) < float(noise.std())
    contrast = augment_images(noise, Augment(flips=False, contrast=0.5), generator())
    torch.testing.assert_close(
        contrast.mean(dim=(1, 2, 3)), noise.mean(dim=(1, 2, 3)), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("kind", ["resnet18", "vit16"])
def test_the_papers_config_on_images_of_the_true_format(tmp_path: Path, kind: str) -> None:
    folder = s2_folder(tmp_path / "s2", 9, tar=True)
    changes = [f"data.folder={folder}", f"image.kind={kind}", "augment.crop=32", "data.workers=2"]
    changes += ["training.epochs=1", "training.batch_size=6", "training.chunk=3"]
    changes += ["held_out.fraction=0.3"]
    done = pretrain(load_config("paper", changes), tmp_path / "out", device="cpu")
    assert np.isfinite(done.history[0]["loss"])
    lonlat = PAIRS.lonlat[:20]
    expected = TrainedSatCLIP("own.x", done.encoder).encode(lonlat)
    checkpoint = tmp_path / "out" / CHECKPOINT
    assert SatCLIP(f"{kind}-l10", checkpoint).encode(lonlat) == pytest.approx(expected, abs=1e-5)
    released = load_satclip_location_encoder(checkpoint)
    with torch.no_grad():
        theirs = released(torch.from_numpy(lonlat)).numpy()
    assert theirs == pytest.approx(expected, abs=1e-4)


def test_a_table_of_embeddings_is_trained_on(tmp_path: Path) -> None:
    array = PAIRS.images.read(np.arange(200)).astype(np.float32).mean(axis=(2, 3))
    np.savez(tmp_path / "x.npz", lonlat=PAIRS.lonlat, embedding=array)
    conf = config(
        data={"source": "embeddings", "file": str(tmp_path / "x.npz")},
        image={"kind": "mlp"},
        training={"epochs": 12, "batch_size": 16},
    )
    done = pretrain(conf, tmp_path, device="cpu")
    assert done.history[-1]["held_out_top10"] > 0.8


class OnDisk:
    """Images that are not in memory; records the rows that are read."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array, self.shape = array, array.shape[1:]

    def read(self, rows: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, Any]:
        result: np.ndarray[Any, Any] = self.array[rows].copy()
        return result


def test_images_read_ahead_are_the_same_images(tmp_path: Path) -> None:
    assert isinstance(PAIRS.images, InMemory)
    read: Pairs = replace(PAIRS, images=OnDisk(PAIRS.images.array))
    few = config(training={"chunk": 8, "epochs": 2})
    assert train(tmp_path / "a", few) == train(tmp_path / "b", few, pairs=read)
