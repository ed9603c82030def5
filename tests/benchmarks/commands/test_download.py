"""The commands `download` and `verify`, as a user runs them."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from satclip_bench.benchmarks.cli import main
from satclip_bench.benchmarks.commands import download as module
from satclip_bench.core.download.cards import PackageOrigin, RemoteFile, UrlOrigin
from satclip_bench.core.files import sha256_bytes
from satclip_bench.encoders import encoder_card
from satclip_bench.tasks import registry, task_card
from tests.core.download.test_fetch import CONTENT, Server, server

__all__ = ["server"]


@pytest.fixture
def offered(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The elevation's table is a small file of the server's."""
    real = task_card("elevation")
    edition = real.editions["paper"]
    file = RemoteFile(
        file="elevation/labels_elevation.csv",
        sha256=sha256_bytes(CONTENT),
        bytes=len(CONTENT),
        licence="CC0",
        citation="A Test 2026",
        origins=(UrlOrigin(url=server.url("good")),),
    )
    variant = edition.variants[0].model_copy(update={"files": (file,)})
    changed = edition.model_copy(update={"variants": (variant,)})
    card = real.model_copy(update={"editions": {**real.editions, "paper": changed}})
    load = registry.load
    monkeypatch.setattr(registry, "load", lambda name: card if name == "elevation" else load(name))
    return server


def test_missing_files_are_listed_fetched_and_verified(
    offered: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["elevation", "--data-dir", str(tmp_path)]
    assert main(["verify", *where]) == 0
    assert "1 missing" in capsys.readouterr().out
    assert main(["download", *where]) == 0
    shown = capsys.readouterr().out
    assert "1.0 MB" in shown
    assert "CC0" in shown
    assert "cite: A Test 2026" in shown
    assert (tmp_path / "elevation/labels_elevation.csv").read_bytes() == CONTENT
    assert main(["verify", *where]) == 0
    assert "1 good" in capsys.readouterr().out
    assert main(["download", *where]) == 0
    assert "Everything is here" in capsys.readouterr().out
    assert len(offered.calls) == 1


def test_one_corrupt_one_missing_and_one_good(
    offered: Server, tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in (
        ("elevation/labels_elevation.csv", CONTENT[:-1]),
        (
            "air_temperature/stationDataAll.csv",
            (shared_data / "air_temperature/stationDataAll.csv").read_bytes(),
        ),
    ):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_bytes(content)
    tasks = ["elevation", "air_temperature", "countries"]
    assert main(["verify", *tasks, "--data-dir", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "1 good, 1 missing, 1 corrupt" in shown
    assert "delete" in shown
    assert main(["download", "elevation", "--data-dir", str(tmp_path)]) == 1
    assert "is corrupt" in capsys.readouterr().out
    assert offered.calls == []


def test_large_files_are_asked_for(
    offered: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(module, "ASK_ABOVE", 1000)
    where = ["elevation", "--data-dir", str(tmp_path)]
    assert main(["download", *where]) == 2
    assert "add --yes" in capsys.readouterr().err
    assert offered.calls == []
    assert main(["download", *where, "--yes"]) == 0


def test_files_in_packages_are_downloaded_and_repaired_without_a_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `make setup` does: only what the package index serves, of all encoders."""
    monkeypatch.setenv("SATCLIP_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SATCLIP_BENCH_OFFLINE", raising=False)
    monkeypatch.setattr(module, "ASK_ABOVE", 1000)
    member = "geoclip/model/weights/location_encoder_weights.pth"
    real = encoder_card("geoclip")
    assert real.weights is not None
    assert [o.member for o in real.weights.origins if isinstance(o, PackageOrigin)] == [member]
    weights = real.weights.model_copy(
        update={"sha256": sha256_bytes(CONTENT), "bytes": len(CONTENT)}
    )
    changed = real.model_copy(update={"weights": weights})
    monkeypatch.setattr(
        module, "encoder_card", lambda name: changed if name == "geoclip" else encoder_card(name)
    )
    commands = []

    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "geoclip-1.3.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(member, CONTENT)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    path = tmp_path / "cache/weights/geoclip-1.3.0-location_encoder_weights.pth"
    assert main(["download", "--packages"]) == 0
    assert path.read_bytes() == CONTENT
    path.write_bytes(b"damaged")
    assert main(["download", "geoclip"]) == 1
    assert "is corrupt" in capsys.readouterr().out
    assert main(["download", "--packages"]) == 0
    assert path.read_bytes() == CONTENT
    assert main(["download", "--packages"]) == 0
    assert [command[-1] for command in commands] == ["geoclip==1.3.0"] * 2
    assert [p.name for p in path.parent.iterdir() if not p.name.startswith(".")] == [path.name]


def test_what_cannot_be_fetched_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["download"]) == 2
    assert "name tasks or encoders" in capsys.readouterr().err
    assert main(["download", "elevatoin"]) == 2
    assert "Did you mean" in capsys.readouterr().err
    assert main(["download", "wrap", "california_housing"]) == 0
    assert "None of these need a file" in capsys.readouterr().out
    assert main(["download", "mosaiks", "--data-dir", str(tmp_path)]) == 1
    assert "cannot be downloaded" in capsys.readouterr().out


def test_a_mirror_that_is_down_is_said(
    offered: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    offered.flags["good"] = b"another content"
    assert main(["download", "elevation", "--data-dir", str(tmp_path)]) == 1
    assert "should have" in " ".join(capsys.readouterr().out.split())
    assert not (tmp_path / "elevation/labels_elevation.csv").exists()


def test_weights_that_are_a_folder_are_hashed() -> None:
    """Known from the first download, like a file."""
    from satclip_bench.core.download.lock import lock_file
    from satclip_bench.core.files import cache_dir, sha256_folder
    from satclip_bench.encoders.base import WeightsCard

    folder = cache_dir() / "weights" / "toys"
    # The tests' cache links to the user's own weights, which are not to be touched.
    if folder.parent.is_symlink():
        folder.parent.unlink()
    folder.mkdir(parents=True)
    (folder / "m_1.h5").write_bytes(b"1")
    weights = WeightsCard(file="toys", sha256=None, licence="MIT")
    item = module.Item("toy", weights, folder.parent)
    assert item.state() == "unverified"
    lock_file(folder.parent, "toys", sha256_folder(folder), "a test")
    assert item.state() == "good"
    (folder / "m_1.h5").write_bytes(b"changed")
    assert item.state() == "stale"


def test_an_interruption_stops_transfers_that_run(tmp_path: Path) -> None:
    """Ctrl-C ends `download` at once, and the next one goes on."""
    endless = socket.create_server(("127.0.0.1", 0))
    script = (
        "import sys; from pathlib import Path; from rich.console import Console\n"
        "from satclip_bench.core.download.cards import RemoteFile, UrlOrigin\n"
        "from satclip_bench.benchmarks.commands.download import Item, _fetch_all\n"
        # A shell that runs the tests in the background has its children ignore interrupts.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "card = RemoteFile(file='a.csv', sha256='0' * 64, licence='CC0', "
        "origins=(UrlOrigin(url=sys.argv[1]),))\n"
        "_fetch_all([Item('toy', card, Path(sys.argv[2]))], Console())"
    )
    url = f"http://127.0.0.1:{endless.getsockname()[1]}/"
    process = subprocess.Popen(
        [sys.executable, "-c", script, url, str(tmp_path)], stderr=subprocess.PIPE, text=True
    )
    connection, _ = endless.accept()
    with endless, connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n")
        connection.sendall(bytes(2**20))
        process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            try:
                connection.sendall(bytes(2**18))
            except OSError:
                break
            time.sleep(0.01)
        try:
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
    assert "KeyboardInterrupt" in errors
    assert process.returncode not in (0, None)
    assert (tmp_path / ".a.csv.partial").stat().st_size > 0
    assert not (tmp_path / "a.csv").exists()
