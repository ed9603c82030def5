"""Downloads that fail: kills, full disks, silent servers, answers with the wrong content."""

from __future__ import annotations

import gzip
import io
import os
import resource
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typing_extensions import override

from satclip_bench.core.download import transfer as module
from satclip_bench.core.download.cards import RemoteFile, UrlOrigin
from satclip_bench.core.download.fetch import fetch
from satclip_bench.core.download.lock import read_lock
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import sha256_bytes
from tests.core.download.test_fetch import CONTENT, zipped

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Answers as the test says, one way after another; the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/labels.csv"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.ranges.append(self.headers.get("Range"))
        answers = self.server.answers
        answers[min(len(self.server.ranges), len(answers)) - 1](self)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(module, "PAUSE", 0.01)
    monkeypatch.delenv("SATCLIP_BENCH_OFFLINE", raising=False)
    it = Server()
    threading.Thread(target=it.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield it
    it.shutdown()
    it.server_close()


def card(url: str, sha256: str | None = sha256_bytes(CONTENT), member: str = "") -> RemoteFile:
    origin = UrlOrigin(url=url, member=member)
    return RemoteFile(file="labels.csv", sha256=sha256, licence="CC0", origins=(origin,))


def whole(body: bytes = CONTENT, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        fields = {"Content-Length": str(len(body)), "ETag": '"v1"'}
        for name, value in (fields | {k.replace("_", "-"): v for k, v in headers.items()}).items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def rest(says: int, sends: int | None = None, tag: str = '"v1"') -> Answer:
    """Of a file, from `sends` on, under the claim that it begins at `says`."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = CONTENT[says if sends is None else sends :]
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {says}-{len(CONTENT) - 1}/{len(CONTENT)}")
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("ETag", tag)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def slowly(handler: BaseHTTPRequestHandler) -> None:
    """Half of the file, and then nothing for long."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.send_header("ETag", '"v1"')
    handler.end_headers()
    handler.wfile.write(CONTENT[: len(CONTENT) // 2])
    handler.wfile.flush()
    time.sleep(3)


def child(url: str, folder: Path, before: str = "") -> subprocess.Popen[str]:
    script = (
        "import sys; from pathlib import Path\n"
        "from satclip_bench.core.download.fetch import fetch; "
        "from satclip_bench.core.download.cards import RemoteFile, UrlOrigin\n"
        f"{before}\n"
        f"card = RemoteFile(file='labels.csv', sha256={sha256_bytes(CONTENT)!r}, licence='CC0', "
        "origins=(UrlOrigin(url=sys.argv[1]),))\n"
        "fetch(card, Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", script, url, str(folder)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_a_kill_in_the_middle_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    """The process dies by SIGKILL with half of the file there; the next one asks for the rest."""
    half = len(CONTENT) // 2
    server.answers = [slowly, lambda h: rest(_start(h))(h)]
    process = child(server.url, tmp_path)
    deadline = time.monotonic() + 30
    while sum(p.stat().st_size for p in tmp_path.glob(".labels.csv.partial")) < half:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "labels.csv").exists()
    assert fetch(card(server.url), tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={half}-"]


def _start(handler: BaseHTTPRequestHandler) -> int:
    return int(handler.headers["Range"].removeprefix("bytes=").rstrip("-"))


def test_a_full_disk(server: Server, tmp_path: Path) -> None:
    """The kernel itself refuses to write more than a part of the file."""
    server.answers = [whole()]
    assert resource.RLIMIT_FSIZE is not None
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))"
    )
    process = child(server.url, tmp_path, limit)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "cannot be written" in errors
    assert not (tmp_path / "labels.csv").exists()
    assert fetch(card(server.url), tmp_path).read_bytes() == CONTENT


def test_silence_is_not_waited_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", (1.0, 0.2))
    server.answers = [slowly, lambda h: rest(_start(h))(h)]
    assert fetch(card(server.url), tmp_path).read_bytes() == CONTENT
    assert len(server.ranges) == 2


def test_a_rest_that_begins_elsewhere_is_not_appended(server: Server, tmp_path: Path) -> None:
    """Also where no hash would tell."""
    half = len(CONTENT) // 2

    def cut(handler: BaseHTTPRequestHandler) -> None:
        whole(CONTENT[:half], Content_Length=str(len(CONTENT)))(handler)

    server.answers = [cut, rest(0), whole()]
    remote = card(server.url, sha256=None)
    assert fetch(remote, tmp_path).read_bytes() == CONTENT


def test_an_end_that_cannot_be_told_from_a_cut_is_not_remembered(
    server: Server, tmp_path: Path
) -> None:
    """Neither a length nor a hash is known: a part of the file must not become the file."""
    server.answers = [whole(CONTENT[:1000], Content_Length="")]
    with pytest.raises(BenchError, match="does not say how long"):
        fetch(card(server.url, sha256=None), tmp_path)
    assert not (tmp_path / "labels.csv").exists()
    assert read_lock(tmp_path) == {}
    server.answers = [whole(Content_Length="")]
    assert fetch(card(server.url), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "page",
    [
        b"<!-- served by 7 --><html>Quota exceeded</html>",
        b"<head><title>Sign in</title></head>",
        b'<?xml version="1.0"?><!DOCTYPE html><html></html>',
    ],
)
def test_pages_however_they_begin(server: Server, tmp_path: Path, page: bytes) -> None:
    server.answers = [whole(page, Content_Type="text/html; charset=utf-8")]
    with pytest.raises(BenchError, match="web page came in place"):
        fetch(card(server.url, sha256=None), tmp_path)
    assert read_lock(tmp_path) == {}


def test_a_csv_that_a_server_calls_a_page_is_still_a_csv(server: Server, tmp_path: Path) -> None:
    body = b"lon,lat,target\n1,2,3\n"
    server.answers = [whole(body, Content_Type="text/html")]
    assert fetch(card(server.url, sha256_bytes(body)), tmp_path).read_bytes() == body


@pytest.mark.parametrize("tar", [False, True])
def test_a_bomb_of_unknown_size_is_stopped(server: Server, tmp_path: Path, tar: bool) -> None:
    """50 MB out of 50 kB; nothing is left of it."""
    bomb = zipped(("labels.csv", bytes(50_000_000)))
    if tar:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            info = tarfile.TarInfo("labels.csv")
            info.size = 50_000_000
            archive.addfile(info, io.BytesIO(bytes(info.size)))
        bomb = gzip.compress(stream.getvalue())
    server.answers = [whole(bomb)]
    with pytest.raises(BenchError, match="unpacks to more than"):
        fetch(card(server.url, sha256=None, member="labels.csv"), tmp_path)
    assert sum(p.stat().st_size for p in tmp_path.rglob("*")) < 5_000_000
    assert not [p for p in tmp_path.rglob("*") if p.name.endswith((".partial", ".member"))]


def test_a_page_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.answers = [whole(b"<html>no</html>")]
    with pytest.raises(BenchError):
        fetch(card(server.url), tmp_path)
    assert [p.name for p in tmp_path.iterdir() if not p.name.endswith(".lock")] == []


def test_hashes_that_may_not_be_read_are_not_to_be_deleted(tmp_path: Path) -> None:
    # Tests may run as root, who may read everything but a folder in the place of a file.
    (tmp_path / "lock.json").mkdir()
    with pytest.raises(BenchError, match=r"lock\.json cannot be read: Is a directory") as caught:
        read_lock(tmp_path)
    assert "delete" not in str(caught.value)
