"""Files of the released layouts for every card with an origin, and a server that serves them.

The contents are made up, so that their hashes are not the published ones. `expect` therefore tells
the cards the hash and size of the made-up file wherever a hash is published; a card without a
published hash keeps none, and its first download is remembered as in real use.
"""

from __future__ import annotations

import shutil
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import pandas as pd
import pytest
import requests

from satclip_bench.benchmarks.commands.download import Item
from satclip_bench.core.download.cards import (
    HubOrigin,
    Origin,
    PackageOrigin,
    RemoteFile,
    UrlOrigin,
)
from satclip_bench.core.download.unpack import is_folder
from satclip_bench.core.files import sha256_file
from satclip_bench.encoders.climplicit import network_shapes as climplicit_shapes
from satclip_bench.encoders.csp import ENCODING_NAMES, NERF_FREQUENCIES
from satclip_bench.encoders.geoclip import branch_shapes
from satclip_bench.encoders.torchspatial import _VARIANTS as TORCHSPATIAL
from tests.encoders.tensor_files import reckoned_tensors
from tests.encoders.weights.keras_files import gps2vec_layers, write_weights
from tests.tasks.inaturalist.competition_files import write_competition

LONLAT = np.stack(
    [np.linspace(10.0, 13.9, 80), 50.5 + 1.9 * np.sin(np.linspace(0.0, 9.0, 80))], axis=1
)
"""Points in Germany: all lie in zones of UTM for which GPS2Vec has a network."""

ZONES = ("32 U", "33 U")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


# --- contents -----------------------------------------------------------------------------------


def write_content(file: str, path: Path, folder: Path) -> None:
    """Write a made-up file, or folder of files, of the layout that a card's file has.

    Args:
        file: name on the card, such as `sinr-an-full-10.pt`.
        path: file or folder to write.
        folder: folder for intermediate files, shared by all calls.
    """
    from safetensors.torch import save_file

    from tests.encoders import (
        test_climplicit,
        test_csp,
        test_gair,
        test_mind,
        test_satclip,
        test_sinr,
        test_tte,
    )

    path.parent.mkdir(parents=True, exist_ok=True)
    stem = file.partition(".")[0]
    if file.startswith("satclip-"):
        degrees = int(stem.rpartition("-l")[2])
        shutil.copy(test_satclip.checkpoint(folder, degrees, capacity=512), path)
    elif file.startswith("csp-"):
        test_csp.checkpoint(path)
    elif stem in TORCHSPATIAL:
        test_csp.checkpoint(path, _torchspatial_settings(TORCHSPATIAL[stem].encoding))
    elif file.startswith("sinr-"):
        shutil.copy(test_sinr.checkpoint(folder), path)
    elif file == "climplicit.safetensors":
        save_file(reckoned_tensors(climplicit_shapes() | test_climplicit.REGRESSOR), path)
    elif file == "taxabind-ecogeo.safetensors":
        save_file(reckoned_tensors(branch_shapes(3, 512)), path)
    elif file.startswith("sled-"):
        save_file(reckoned_tensors(branch_shapes(2, 768)), path)
    elif file == "tte.safetensors":
        save_file(test_tte.tensors(sites=50), path)
    elif file == "gair-checkpoint.pth":
        test_gair.checkpoint(path)
    elif file == "mind.safetensors":
        # Of the released width, but with one layer of as many that are alike.
        save_file(
            {k: v.half() for k, v in reckoned_tensors(test_mind.shapes(3072, 1)).items()}, path
        )
    elif file.startswith("geoclip-"):
        import torch

        torch.save(reckoned_tensors(branch_shapes(3, 512)), path)
    elif file.startswith("gps2vec-"):
        variant = file.removeprefix("gps2vec-")
        path.mkdir()
        for zone in ZONES:
            write_weights(path / f"model_{zone}.h5", gps2vec_layers(variant, 0))
    elif file == "range_db_large.npz":
        rng = np.random.default_rng(0)
        np.savez(
            path,
            locs=LONLAT,
            satclip_embeddings=rng.normal(size=(len(LONLAT), 256)),
            image_embeddings=rng.normal(size=(len(LONLAT), 1024)),
        )
    else:
        _write_table(file, path, folder)


def _torchspatial_settings(encoding: str) -> dict[str, Any]:
    name = next(name for name, known in ENCODING_NAMES.items() if known == encoding)
    return {"spa_enc_type": name} | (
        {"frequency_num": NERF_FREQUENCIES} if encoding == "nerf" else {}
    )


def _write_table(file: str, path: Path, folder: Path) -> None:
    lon, lat = LONLAT.T
    if file.startswith("inaturalist/"):
        if not (folder / "inaturalist").is_dir():
            write_competition(folder)
        shutil.copy(folder / file, path)
    elif path.suffix == ".parquet":
        column = {"elevation": "elevation", "population": "log_population", "country": "country"}
        name = path.stem.rpartition("_")[2]
        names = [column[name]] if name in column else ["biome_class_index", "ecoregion_class_index"]
        values = {n: np.arange(len(lon)) % 7 for n in names}
        pd.DataFrame({"Lat": lat, "Lon": lon} | values).to_parquet(path)
    elif path.name == "2020_Gaz_counties_national.txt":
        rows = {"USPS": "AL", "GEOID": "01001", "INTPTLAT": lat[:3], "INTPTLONG": lon[:3]}
        pd.DataFrame(rows).to_csv(path, sep="\t", index=False)
    elif path.name == "stationDataAll.csv":
        pd.DataFrame({"Lat": lat, "Lon": lon, "meanT": lat}).to_csv(path, index=False)
    elif file.startswith("median_income/"):
        pd.DataFrame({"FIPS": [1001], path.stem: [1]}).to_csv(path, index=False)
    else:
        raise AssertionError(f"there is no maker for {file}: add one, so that it is rehearsed")


# --- server -------------------------------------------------------------------------------------


class Rehearsal(ThreadingHTTPServer):
    """Serves files by path: like the Hugging Face hub, like any host, and like a package index.

    Attributes:
        served: files by path of the request.
        requested: paths of the requests for content.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.served: dict[str, Path] = {}
        self.requested: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Rehearsal
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(head=True)

    def do_GET(self) -> None:
        self._answer(head=False)

    def _answer(self, *, head: bool) -> None:
        path = self.server.served.get(self.path)
        if path is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            # What the hub says of a path that a repository does not have.
            self.send_header("X-Error-Code", "EntryNotFound")
            self.end_headers()
            return
        size, digest = path.stat().st_size, sha256_file(path)
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(size - start))
        self.send_header(
            "Content-Type", "text/html" if path.suffix == ".html" else "application/octet-stream"
        )
        self.send_header("ETag", f'"{digest}"')
        self.send_header("Accept-Ranges", "bytes")
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if "/resolve/" in self.path:
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Size", str(size))
            self.send_header("X-Linked-ETag", f'"{digest}"')
        self.end_headers()
        if not head:
            self.server.requested.append(self.path)
            with path.open("rb") as stream:
                stream.seek(start)
                shutil.copyfileobj(stream, self.wfile)


@contextmanager
def serving() -> Iterator[Rehearsal]:
    """A server that runs in a thread until the block ends."""
    server = Rehearsal()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def redirect(server: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send every request for another host, and for the hub and the package index, to the server."""
    send = requests.adapters.HTTPAdapter.send

    def local(
        self: requests.adapters.HTTPAdapter, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        url = request.url or ""
        if urlsplit(url).hostname != "127.0.0.1":
            request.url = server.address + url_path(url)
        return send(self, request, **options)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", local)
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("SATCLIP_BENCH_OFFLINE", raising=False)


def url_path(url: str) -> str:
    """Path under which the server serves what another host has at a URL."""
    return f"/url/{quote(url, safe='')}"


def hub_path(origin: HubOrigin) -> str:
    """Path at which the hub serves a file."""
    folder = "" if origin.repository_type == "model" else f"{origin.repository_type}s/"
    return f"/{folder}{origin.repository}/resolve/{quote(origin.revision, safe='')}/{origin.path}"


# --- from cards to what is served ---------------------------------------------------------------


def serve(
    server: Rehearsal, contents: Mapping[str, Path], items: Sequence[Item], origin: int, to: Path
) -> None:
    """Serve the contents of all cards at one of their origins each.

    Args:
        server: server, of which everything served before is forgotten.
        contents: files or folders by name on their cards.
        items: remote files with at least one origin.
        origin: number of the origin; cards with fewer origins are served at their last one.
        to: folder for archives and pages.
    """
    server.served.clear()
    archives: dict[str, dict[str, Path]] = {}
    for item in items:
        origins = item.card.origins
        chosen: Origin = origins[min(origin, len(origins) - 1)]
        content = contents[item.card.file]
        match chosen:
            case HubOrigin():
                server.served[hub_path(chosen)] = content
            case UrlOrigin(member=""):
                server.served[url_path(chosen.url)] = content
            case UrlOrigin():
                archives.setdefault(chosen.url, {})[chosen.member] = content
            case PackageOrigin():
                _serve_package(server, chosen, content, to)
    for number, (url, members) in enumerate(archives.items()):
        archive = to / f"archive-{number}"
        write_archive(archive, url, members)
        server.served[url_path(url)] = archive


def write_archive(archive: Path, url: str, members: Mapping[str, Path]) -> None:
    """Write a zip or tar.gz archive, by the ending of a URL.

    Args:
        archive: file to write.
        url: address of the archive.
        members: files or folders by the pattern of their names in the archive.
    """
    named: dict[str, Path] = {}
    for pattern, content in members.items():
        if is_folder(pattern):
            named |= {f"models/{path.name}": path for path in sorted(content.iterdir())}
        else:
            named[f"folder/{pattern[1:]}" if pattern.startswith("*") else pattern] = content
    if url.endswith(".tar.gz"):
        with tarfile.open(archive, "w:gz") as tar:
            for name, path in named.items():
                tar.add(path, name)
        return
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, path in named.items():
            zipped.write(path, name)


def _serve_package(server: Rehearsal, origin: PackageOrigin, content: Path, to: Path) -> None:
    wheel = to / f"{origin.package}-{origin.version}-py3-none-any.whl"
    folder = f"{origin.package}-{origin.version}.dist-info"
    with zipfile.ZipFile(wheel, "w") as zipped:
        zipped.write(content, origin.member)
        zipped.writestr(
            f"{folder}/METADATA",
            f"Metadata-Version: 2.1\nName: {origin.package}\nVersion: {origin.version}\n",
        )
        zipped.writestr(
            f"{folder}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        zipped.writestr(f"{folder}/RECORD", "")
    page = to / f"{origin.package}.html"
    page.write_text(f'<!DOCTYPE html><a href="/packages/{wheel.name}">{wheel.name}</a>')
    server.served[f"/simple/{origin.package}/"] = page
    server.served[f"/packages/{wheel.name}"] = wheel


def expect(contents: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let cards with a published hash expect the hash and size of the made-up contents.

    The attributes `sha256` and `bytes` of all cards of remote files become properties, which read
    these two from the contents and everything else from the card.
    """
    hashes = {name: sha256_file(path) for name, path in contents.items() if path.is_file()}
    sizes = {name: path.stat().st_size for name, path in contents.items() if path.is_file()}

    def sha256(card: RemoteFile) -> str | None:
        published = card.__dict__["sha256"]
        return None if published is None else hashes.get(card.file, published)

    def size(card: RemoteFile) -> int | None:
        published = card.__dict__["bytes"]
        return None if published is None else sizes.get(card.file, published)

    monkeypatch.setattr(RemoteFile, "sha256", property(sha256), raising=False)
    monkeypatch.setattr(RemoteFile, "bytes", property(size), raising=False)
