"""What is said about files that are refused as weights, and how little of them is read."""

from __future__ import annotations

import json
import os
import pickle
import re
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from satclip_bench.benchmarks.cli import main
from satclip_bench.core.errors import BenchError, EncoderError
from satclip_bench.encoders import get_encoder
from satclip_bench.encoders.lookup.retrieval import load_database
from satclip_bench.encoders.weights import pickles
from satclip_bench.encoders.weights.files import load_state_dict
from satclip_bench.encoders.weights.keras import read_dense
from satclip_bench.encoders.weights.tensors import load_safetensors

POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:c54c794cb8f95d4a141506656581240008570194b309c91217d86a6d4da5399f\n"
    b"size 121000000\n"
)
ADVICE_OF_TORCH = ("weights_only", "Re-running", "trusted source", "likely succeed")


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/executed-by-a-checkpoint",)


def checkpoint(path: Path) -> Path:
    torch.save({"state_dict": {"w": torch.zeros(1000)}, "hyper_parameters": {}}, path)
    return path


def write(path: Path, what: str) -> Path:
    """A file that is not the weights that it should be."""
    whole = checkpoint(path).read_bytes()
    old = path.with_suffix(".old")
    torch.save({"w": torch.zeros(1000)}, old, _use_new_zipfile_serialization=False)
    contents = {
        "pointer": POINTER,
        "web page": b"\n <!DOCTYPE html><html><body>Quota exceeded</body></html>",
        "error in XML": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
        "error in JSON": b'{"error": "Repository not found"}',
        "truncated": whole[: len(whole) // 2],
        "truncated at its end": whole[:-1],
        "truncated old file": old.read_bytes()[:-500],
        "pickle": pickle.dumps({"state_dict": Evil()}),
        "pickle of protocol 0": pickle.dumps({"state_dict": Evil()}, protocol=0),
        "pickle of arrays": pickle.dumps({"w": np.zeros(3)}),
        "empty": b"",
        "noise": bytes(np.random.default_rng(0).integers(128, 255, 1000, dtype=np.uint8)),
        "zeros": b"\0" * 1000,
        "safetensors": (2).to_bytes(8, "little") + b"{}",
        "table": b"PAR1" + b"\0" * 100,
        "gzip": b"\x1f\x8b\x08" + b"\0" * 100,
    }
    if what == "code":
        torch.save({"state_dict": Evil(), "hyper_parameters": {}}, path)
    elif what == "large bytearray":
        torch.save({"state_dict": Large(), "hyper_parameters": {}}, path)
    else:
        path.write_bytes(contents[what])
    return path


class Large:
    def __reduce__(self) -> tuple[object, tuple[int]]:
        return bytearray, (3_000_000_000,)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("pointer", f"a Git LFS pointer of {len(POINTER)} bytes, which names the weights"),
        ("web page", "a web page of 57 bytes"),
        ("error in XML", "is text, not a PyTorch checkpoint"),
        ("error in JSON", "is text, not a PyTorch checkpoint"),
        ("truncated", "is truncated or damaged"),
        ("truncated at its end", "is truncated or damaged"),
        ("truncated old file", "is truncated or damaged"),
        ("pickle", r"contains pickled objects \(posix.system\)"),
        ("pickle of protocol 0", r"contains pickled objects \(posix.system\)"),
        ("pickle of arrays", r"contains pickled objects \(numpy"),
        ("code", r"contains pickled objects \(posix.system\) besides tensors"),
        ("large bytearray", r"contains pickled objects \(.*bytearray\)"),
        ("empty", "is empty, not a PyTorch checkpoint"),
        ("noise", "is truncated or damaged"),
        ("zeros", "is truncated or damaged"),
        ("safetensors", "is a safetensors file, not a PyTorch checkpoint"),
        ("table", "is a Parquet file, not a PyTorch checkpoint"),
        ("gzip", "is a gzip file, not a PyTorch checkpoint"),
    ],
)
def test_a_refused_checkpoint_says_what_it_is(
    what: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "w.ckpt", what)
    with pytest.raises(EncoderError, match=f"w.ckpt.*{message}"):
        load_state_dict(path)
    points = tmp_path / "p.csv"
    points.write_text("lon,lat\n1,2\n")
    arguments = ["--points", str(points), "--out", str(tmp_path / "o.parquet")]
    arguments += ["--encoder", "satclip.vit16-l10", "--weights", str(path)]
    assert main(["embed", *arguments]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert not any(advice in error for advice in ADVICE_OF_TORCH), error
    assert not Path("/tmp/executed-by-a-checkpoint").exists()


def hide(path: Path, how: str) -> None:
    """Hide the content of a checkpoint from a search that reads it with `zipfile`."""
    if how == "wrong checksum":
        with zipfile.ZipFile(path) as archive:
            (pickled,) = (m for m in archive.infolist() if m.filename.endswith("data.pkl"))
        content = path.read_bytes()
        # The checksum follows 16 bytes after the beginning of the entry in the list of contents.
        entry = content.rindex(b"PK\x01\x02", 0, content.rindex(pickled.filename.encode()))
        path.write_bytes(content[: entry + 16] + b"\0\0\0\0" + content[entry + 20 :])
    elif how == "upper case":
        path.write_bytes(path.read_bytes().replace(b"data.pkl", b"DATA.PKL"))
    else:
        content = pickle_of_old_file(path)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("w/data.pkl", pickle.dumps({}))
        path.write_bytes(content + path.read_bytes())


def pickle_of_old_file(path: Path) -> bytes:
    content = {"state_dict": Large(), "hyper_parameters": {}}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path.read_bytes()


@pytest.mark.parametrize("how", ["wrong checksum", "upper case", "a zip file after it"])
def test_a_pickle_that_cannot_be_searched_is_not_loaded(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "w.ckpt", "large bytearray")
    hide(path, how)
    loaded: list[Path] = []
    monkeypatch.setattr(torch, "load", lambda file, **_: loaded.append(file))
    with pytest.raises(EncoderError, match=r"truncated or damaged|bytearray"):
        load_state_dict(path)
    assert not loaded


@pytest.mark.parametrize("new", [True, False])
def test_only_so_much_of_a_pickle_is_searched(
    new: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.pt"
    many = {f"layer {i}": torch.zeros(2) for i in range(40)}
    torch.save(many, path, _use_new_zipfile_serialization=new)
    assert load_state_dict(path).keys() == many.keys()
    monkeypatch.setattr(pickles, "MAX_PICKLE", 1000)
    with pytest.raises(EncoderError, match="truncated or damaged"):
        load_state_dict(path)


@pytest.mark.parametrize("what", ["pointer", "web page", "empty", "noise", "code", "table"])
def test_other_readers_say_what_the_file_is(what: str, tmp_path: Path) -> None:
    path = write(tmp_path / "w", what)
    for read in (load_safetensors, load_database, lambda p: read_dense(p, [(2, 2)])):
        with pytest.raises(EncoderError, match=re.escape(str(path))) as caught:
            read(path)
        # The arrays of an .npz file and the tensors of a checkpoint are both in a zip file.
        expected = {"code": "a zip file|are missing", "noise": "unknown format", "table": "Parquet"}
        assert re.search(expected.get(what, what), str(caught.value))


def peak_mb(code: str) -> float:
    """Peak memory of a new process that runs some code, in MB."""
    text = f"{code}\nimport resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1]) * 1024 / 1e6


READ = """
from pathlib import Path
import torch
from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders.weights.files import load_state_dict
try:
    load_state_dict(Path({path!r}))
except EncoderError as error:
    assert {message!r} in str(error), error
else:
    raise AssertionError("the file was accepted")
"""


def test_a_deflated_checkpoint_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    stored, deflated = tmp_path / "stored.pth", tmp_path / "deflated.pth"
    torch.save({"w": torch.zeros(75_000_000)}, stored)
    with (
        zipfile.ZipFile(stored) as source,
        zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    stored.unlink()
    assert deflated.stat().st_size < 3_000_000
    baseline = peak_mb("import torch, satclip_bench.encoders.weights.files")
    message = "claims to unpack to 300,00"
    assert peak_mb(READ.format(path=str(deflated), message=message)) < baseline + 60


def test_a_deflated_checkpoint_of_plausible_size_is_read(tmp_path: Path) -> None:
    stored, deflated = tmp_path / "stored.pth", tmp_path / "deflated.pth"
    values = torch.rand(10_000, generator=torch.Generator().manual_seed(0))
    torch.save({"w": values}, stored)
    with (
        zipfile.ZipFile(stored) as source,
        zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    assert torch.equal(load_state_dict(deflated)["w"], values)


def test_other_claims_of_memory_are_refused(tmp_path: Path) -> None:
    baseline = peak_mb("import torch, satclip_bench.encoders.weights.files")
    large = write(tmp_path / "large.pth", "large bytearray")
    assert peak_mb(READ.format(path=str(large), message="bytearray")) < baseline + 60
    torch.save({"w": torch.zeros(1).expand(750_000_000)}, tmp_path / "repeated.pth")
    repeated = READ.format(path=str(tmp_path / "repeated.pth"), message="without plain values: w")
    assert peak_mb(repeated) < baseline + 60


def test_a_small_hdf5_file_that_claims_large_arrays_is_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"dense"]
        group = file.create_group("dense")
        group.attrs["weight_names"] = [b"kernel", b"bias"]
        group.create_dataset("kernel", (1_000_000, 1_000_000), "f4", chunks=(1000, 1000))
        group.create_dataset("bias", (1_000_000,), "f4", chunks=(1000,))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(EncoderError, match="has the layers"):
        read_dense(path, [(4, 2)])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_an_npz_file_that_claims_large_arrays_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "db.npz"
    np.savez(path, locs=np.zeros((2, 2)), satclip_embeddings=0, image_embeddings=0)
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000000, 2), }"
    length = -(len(header) + 11) % 64
    header += b" " * length + b"\n"
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 32
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("locs", "satclip_embeddings", "image_embeddings"):
            archive.writestr(f"{name}.npy", array)
    with pytest.raises(BenchError, match="damaged"):
        load_database(path)


def test_a_safetensors_file_is_not_a_lightning_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    assert load_safetensors(path)["w"].shape == (1,)
    with pytest.raises(EncoderError, match="is a safetensors file, not a PyTorch checkpoint"):
        get_encoder("satclip.vit16-l10", weights=path).encode([[0.0, 0.0]])
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(EncoderError, match="is truncated or damaged"):
        load_safetensors(path)
