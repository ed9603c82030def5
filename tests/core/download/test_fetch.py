"""Downloads from a local server that behaves like servers on the internet."""

from __future__ import annotations

import io
import json
import multiprocessing
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from satclip_bench.core.download import transfer as module
from satclip_bench.core.download.cards import RemoteFile, UrlOrigin
from satclip_bench.core.download.content import require_content, state
from satclip_bench.core.download.fetch import fetch
from satclip_bench.core.errors import BenchError, IntegrityError
from satclip_bench.core.files import sha256_bytes

CONTENT = bytes(range(256)) * 4096


class Server(ThreadingHTTPServer):
    """Serves CONTENT under any path; the path's first word selects the behaviour."""

    daemon_threads = True
    calls: list[tuple[str, str]]
    flags: dict[str, Any]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.server.calls.append((self.path, asked))
        kind, times = self.path.split("/")[1], sum(c[0] == self.path for c in self.server.calls)
        if kind.isdigit():
            self.send_response(int(kind))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif kind == "busy" and times == 1:
            self.send_response(429)
            self.send_header("Retry-After", self.server.flags.get("after", "0"))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif kind == "page":
            self._send(b"\n<!DOCTYPE html><html>Quota exceeded</html>", "text/html")
        elif kind in self.server.flags:
            self._send(self.server.flags[kind])
        elif kind == "torn" and times < 3:
            self._send(CONTENT, cut=len(CONTENT) // 3)
        else:
            self._send(CONTENT)

    def _send(self, body: bytes, kind: str = "text/csv", cut: int | None = None) -> None:
        start = 0
        asked = self.headers.get("Range")
        tag = '"v1"' if body == CONTENT else '"v2"'
        if asked and self.headers.get("If-Range") == tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) - start))
        self.send_header("ETag", tag)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        self.wfile.write(body[start : start + cut] if cut else body[start:])
        if cut:
            self.wfile.flush()
            self.connection.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(module, "PAUSE", 0.01)
    monkeypatch.delenv("SATCLIP_BENCH_OFFLINE", raising=False)
    it = Server(("127.0.0.1", 0), Handler)
    it.calls, it.flags = [], {}
    thread = threading.Thread(target=it.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield it
    it.shutdown()
    it.server_close()


def card(*urls: str, sha256: str | None = sha256_bytes(CONTENT), member: str = "") -> RemoteFile:
    return RemoteFile(
        file="elevation/labels.csv",
        sha256=sha256,
        licence="CC0",
        origins=tuple(UrlOrigin(url=url, member=member) for url in urls),
        by_hand="Ask its authors.",
    )


def leftovers(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and not p.name.endswith(".lock"))


def test_a_file_comes_whole_and_only_once(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    remote = card(server.url("good"))
    path = fetch(remote, tmp_path, lambda done, whole: seen.append((done, whole)))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert leftovers(tmp_path) == ["labels.csv"]
    fetch(remote, tmp_path)
    assert len(server.calls) == 1


@pytest.mark.parametrize("first", ["404/x", "403/x", "page/x"])
def test_the_next_mirror_serves_what_the_first_does_not(
    server: Server, tmp_path: Path, first: str
) -> None:
    path = fetch(card(server.url(first), server.url("good")), tmp_path)
    assert path.read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["labels.csv"]


@pytest.mark.parametrize("sha256", [None, sha256_bytes(CONTENT)])
def test_a_git_lfs_pointer_is_not_the_file(
    server: Server, tmp_path: Path, sha256: str | None
) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
    server.flags["pointer"] = pointer
    remote = card(server.url("pointer"), sha256=sha256)
    with pytest.raises(BenchError, match="Git LFS pointer came in place"):
        fetch(remote, tmp_path)
    assert leftovers(tmp_path) == []
    path = tmp_path / remote.file
    path.write_bytes(pointer)
    assert state(remote, tmp_path) == "corrupt"


def test_what_was_tried_is_said(server: Server, tmp_path: Path) -> None:
    remote = card(server.url("404/x"), server.url("page/x"), "http://127.0.0.1:1/dead")
    with pytest.raises(BenchError) as caught:
        fetch(remote, tmp_path)
    text = str(caught.value)
    for part in ("answers 404", "web page came in place", "127.0.0.1:1/dead", "Ask its authors"):
        assert part in text
    assert str(tmp_path / "elevation/labels.csv") in text
    assert not (tmp_path / "elevation/labels.csv").exists()


def test_a_torn_transfer_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    path = fetch(card(server.url("torn")), tmp_path)
    assert path.read_bytes() == CONTENT
    starts = [asked.removeprefix("bytes=") for _, asked in server.calls]
    # What came in the last, unfinished piece is asked for again.
    assert starts[0] == ""
    assert 0 < int(starts[1].rstrip("-")) < int(starts[2].rstrip("-")) < len(CONTENT)


def test_a_transfer_killed_earlier_continues_or_starts_over(server: Server, tmp_path: Path) -> None:
    """The beginning is used only if it is certain to be of the same content."""
    folder = tmp_path / "elevation"
    folder.mkdir()
    partial, about = folder / ".labels.csv.partial", folder / ".labels.csv.partial.json"
    url = server.url("good")
    for tag, asked in (('"v1"', "bytes=1000-"), ('"old"', "bytes=1000-"), ('W/"v1"', "")):
        partial.write_bytes(CONTENT[:1000] if tag == '"v1"' else b"x" * 1000)
        about.write_text(json.dumps({"url": url, "etag": tag}))
        assert fetch(card(url), tmp_path).read_bytes() == CONTENT
        assert server.calls[-1][1] == asked
        (folder / "labels.csv").unlink()
    partial.write_bytes(b"x" * 1000)
    about.write_text("{")
    assert fetch(card(url), tmp_path).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again_when_it_says(server: Server, tmp_path: Path) -> None:
    assert fetch(card(server.url("busy")), tmp_path).is_file()
    assert len(server.calls) == 2
    server.flags["after"] = "100000"
    (tmp_path / "elevation/labels.csv").unlink()
    server.calls.clear()
    with pytest.raises(BenchError, match="asks to wait for 100000 s"):
        fetch(card(server.url("busy")), tmp_path)


def test_a_server_that_stays_busy_is_given_up(server: Server, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="answers 503"):
        fetch(card(server.url("503/x")), tmp_path)
    assert len(server.calls) == module.ATTEMPTS


def test_another_content_is_refused_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.flags["other"] = b"lon,lat\n"
    with pytest.raises(IntegrityError, match="should have"):
        fetch(card(server.url("other")), tmp_path)
    assert leftovers(tmp_path) == []
    assert fetch(card(server.url("other"), server.url("good")), tmp_path).is_file()


def test_an_unknown_content_is_remembered(server: Server, tmp_path: Path) -> None:
    remote = card(server.url("some"), sha256=None)
    server.flags["some"] = b"a"
    path = fetch(remote, tmp_path)
    assert state(remote, tmp_path) == "good"
    path.unlink()
    server.flags["some"] = b"b"
    with pytest.raises(IntegrityError) as caught:
        fetch(remote, tmp_path)
    for content in (b"a", b"b"):
        assert sha256_bytes(content) in str(caught.value)
    path.write_bytes(b"c")
    assert state(remote, tmp_path) == "stale"
    with pytest.raises(IntegrityError, match="has changed"):
        require_content(remote, tmp_path)


def test_states_of_files(tmp_path: Path) -> None:
    known, unknown = card(), card(sha256=None)
    assert state(known, tmp_path) == "missing"
    path = tmp_path / known.file
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    assert state(known, tmp_path) == "good"
    assert state(unknown, tmp_path) == "unverified"
    path.write_bytes(CONTENT[:-1])
    assert state(known, tmp_path) == "corrupt"
    with pytest.raises(IntegrityError, match="Delete it"):
        fetch(known, tmp_path)


def test_nothing_is_fetched_offline(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATCLIP_BENCH_OFFLINE", "1")
    with pytest.raises(BenchError, match=r"SATCLIP_BENCH_OFFLINE is set.*Ask its authors"):
        fetch(card(server.url("good")), tmp_path)
    assert server.calls == []


def zipped(*members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize("member", ["a/labels.csv", "../../labels.csv", "/tmp/labels.csv"])
@pytest.mark.parametrize("tar", [False, True])
def test_a_member_gets_our_name_not_the_archives(
    server: Server, tmp_path: Path, member: str, tar: bool
) -> None:
    server.flags["archive"] = tarred(member, CONTENT) if tar else zipped((member, CONTENT))
    folder = tmp_path / "deep" / "down"
    path = fetch(card(server.url("archive"), member=member), folder)
    assert path.read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["labels.csv"]


def test_bad_archives(server: Server, tmp_path: Path) -> None:
    server.flags["archive"] = zipped(("other.csv", CONTENT))
    remote = card(server.url("archive"), member="labels.csv")
    with pytest.raises(IntegrityError, match=r"has no file labels\.csv"):
        fetch(remote, tmp_path)
    server.flags["archive"] = zipped(("labels.csv", CONTENT))[:-100]
    with pytest.raises(BenchError, match="not a complete archive"):
        fetch(remote, tmp_path)
    server.flags["archive"] = zipped(("labels.csv", b"0" * 10_000_000))
    bomb = remote.model_copy(update={"bytes": 1_000_000})
    with pytest.raises(IntegrityError, match="unpacks to more than 1,000,000 bytes"):
        fetch(bomb, tmp_path)
    assert not (tmp_path / remote.file).exists()


@pytest.mark.parametrize("fault", ["encrypted", "Deflate64"])
def test_archives_that_python_cannot_unpack_are_left_for_another_mirror(
    server: Server, tmp_path: Path, fault: str
) -> None:
    whole = zipped(("labels.csv", CONTENT))
    entry = bytearray(whole)
    # Flags and method follow 6 and 8 bytes after the beginning of a local header, and 8 and 10
    # after that of an entry in the list of contents.
    for header, flags in ((entry.index(b"PK\x03\x04"), 6), (entry.index(b"PK\x01\x02"), 8)):
        place, value = (flags, 1) if fault == "encrypted" else (flags + 2, 9)
        entry[header + place] |= value
    server.flags |= {"bad": bytes(entry), "good": whole}
    bad, good = server.url("bad"), server.url("good")
    with pytest.raises(BenchError, match=r"that can be unpacked: .* Ask its authors"):
        fetch(card(bad, member="labels.csv"), tmp_path / "a")
    path = fetch(card(bad, good, member="labels.csv"), tmp_path / "b")
    assert path.read_bytes() == CONTENT


def test_a_full_disk_is_said_and_the_file_is_absent(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("json.dumps", full)
    with pytest.raises(BenchError, match="No space left on device"):
        fetch(card(server.url("good")), tmp_path)
    assert not (tmp_path / "elevation/labels.csv").exists()


def test_a_folder_that_cannot_be_made_is_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / "elevation").write_text("a file where a folder should be")
    with pytest.raises(BenchError, match="cannot be written"):
        fetch(card(server.url("good")), tmp_path)


def _other_process(url: str, folder: Path) -> None:
    fetch(card(url), folder)


def test_two_processes_fetch_once(server: Server, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [
        context.Process(target=_other_process, args=(server.url("good"), tmp_path))
        for _ in range(2)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    assert len(server.calls) == 1
    assert (tmp_path / "elevation/labels.csv").read_bytes() == CONTENT
