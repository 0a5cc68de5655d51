"""Images pushed and pulled by digest, with a real engine: what is pulled is what would be built, or it is built."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker.errors import ImageNotFound
from typer.testing import CliRunner

import docker
from docker import DockerClient
from seedwise.cli import app
from seedwise.images.engine import answers
from seedwise.images.lock import LockedImage, local_path, read_lock, record
from seedwise.images.registry import LoginNeeded, NotInRegistry, OtherContent, RegistryAway, RegistryError
from seedwise.project import Project, find_project
from seedwise.runtimes.docker import DockerRuntime
from tests.runtimes.registry_server import Registry

pytestmark = pytest.mark.skipif(answers() is not None, reason=f"no Docker engine answers: {answers()}")
GIVEN = "SEEDWISE_TEST_REGISTRY"  # another registry that is here, HOST:PORT


@dataclass(frozen=True)
class Bench:
    """A project whose backend `tiny` is one file, pushed to a registry and gone from the engine."""

    project: Project
    client: DockerClient
    registry: Registry
    address: str
    image: LockedImage

    def prepare(self) -> tuple[str, list[str]]:
        said: list[str] = []
        runtime = DockerRuntime(self.project, "cpu")
        try:
            return runtime.prepare(["tiny"], said.append)["tiny"], said
        finally:
            runtime.close()

    def pull(self, registry: str | None = None) -> LockedImage:
        runtime = DockerRuntime(self.project, "cpu")
        try:
            return runtime.pull("tiny", registry, lambda line: None)
        finally:
            runtime.close()

    def pin(self, reference: str) -> None:
        record(self.project, self.image.model_copy(update={"repo_digest": reference}))

    def is_here(self) -> bool:
        try:
            self.client.images.get(self.image.image_id)
        except ImageNotFound:
            return False
        return True


def remove(client: DockerClient, image: str) -> None:
    try:
        client.images.remove(image, force=True)
    except ImageNotFound:
        return


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.delenv("SEEDWISE_REGISTRY", raising=False)
    root = tmp_path / "project"
    (root / "backends" / "tiny").mkdir(parents=True)
    (root / "seedwise.toml").write_text("")
    (root / "backends" / "tiny" / "Dockerfile").write_text('FROM scratch\nCOPY word /word\nENTRYPOINT ["/word"]\n')
    (root / "backends" / "tiny" / "word").write_text(f"{tmp_path}\n")
    project = Project(root=find_project(root).root, home=tmp_path / "home", cache=tmp_path / "cache", data_root=None)
    registry, client = Registry(), docker.from_env()
    address = os.environ.get(GIVEN, registry.address)
    runtime = DockerRuntime(project, "cpu")
    runtime.prepare(["tiny"], lambda line: None)
    image = runtime.push("tiny", f"{address}/team")
    runtime.close()
    remove(client, image.image_id)
    yield Bench(project, client, registry, address, image)
    for left in client.images.list("seedwise-tiny"):  # whatever was built again has another id
        remove(client, str(left.id))
    client.close()
    registry.shutdown()


def test_what_was_pushed_is_pulled_and_not_built(bench: Bench) -> None:
    assert bench.image.repo_digest is not None
    assert bench.image.repo_digest.startswith(f"{bench.address}/team/seedwise-tiny@sha256:")
    assert not bench.is_here()
    digest, said = bench.prepare()
    assert digest == bench.image.digest
    assert said == [f"tiny (cpu): pulling {bench.image.repo_digest}"]
    assert bench.is_here()
    assert bench.prepare() == (digest, [])


def test_the_setting_names_another_registry(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = str(bench.image.repo_digest).split("@")[1]
    bench.pin(f"gone.invalid/seedwise-tiny@{digest}")
    monkeypatch.setenv("SEEDWISE_REGISTRY", f"{bench.address}/team")
    assert bench.prepare() == (bench.image.digest, [f"tiny (cpu): pulling {bench.image.repo_digest}"])


def test_no_registry_is_asked_where_it_is_off(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDWISE_REGISTRY", "off")
    digest, said = bench.prepare()
    assert digest == bench.image.digest
    assert said == ["tiny: image: building"]


def closed() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.skipif(GIVEN in os.environ, reason="the registry in memory alone can be told to do this")
@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("lies", OtherContent, "not what its digest names"),
        ("login", LoginNeeded, "docker login"),
        ("forgets", NotInRegistry, "manifest unknown"),
        ("away", RegistryAway, "connection refused"),
        ("other", OtherContent, "the lock pins"),
    ],
)
def test_a_registry_that_does_not_give_it(bench: Bench, fault: str, kind: type[RegistryError], words: str) -> None:
    """Typed; nothing of it is used; built to the same content digest, with one sentence."""
    digest = str(bench.image.repo_digest).split("@")[1]
    if fault == "forgets":
        bench.registry.manifests.clear()
    elif fault == "away":
        bench.pin(f"{closed()}/seedwise-tiny@{digest}")
    elif fault == "other":  # a good upload, of an image that is not the locked one
        word = bench.project.root / "backends" / "tiny" / "word"
        before = word.read_text()
        word.write_text("another")
        runtime = DockerRuntime(bench.project, "cpu")
        runtime.prepare(["tiny"], lambda line: None)
        other = runtime.push("tiny", f"{bench.address}/team")
        runtime.close()
        remove(bench.client, other.image_id)
        word.write_text(before)
        bench.pin(str(other.repo_digest))
    else:
        setattr(bench.registry, fault, True)
    began = time.monotonic()
    with pytest.raises(RegistryError, match=words) as caught:
        bench.pull()
    assert type(caught.value) is kind
    assert not bench.is_here()
    if fault == "other":
        with pytest.raises(ImageNotFound):
            bench.client.images.get(str(other.repo_digest))
    built, said = bench.prepare()
    assert built == bench.image.digest
    assert [line for line in said if "building it instead, to the same content digest" in line and words in line]
    assert time.monotonic() - began < 20


def test_the_commands(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.project.root)
    monkeypatch.setenv("SEEDWISE_HOME", str(bench.project.home))
    monkeypatch.setenv("SEEDWISE_CACHE", str(bench.project.cache))
    run = CliRunner().invoke
    pulled = run(app, ["images", "pull", "tiny"])
    assert pulled.exit_code == 0
    assert pulled.stdout == f"tiny\t{bench.image.digest}\t{bench.image.repo_digest}\n"
    pushed = run(app, ["images", "push", "tiny", "--registry", f"{bench.address}/others"])
    assert pushed.exit_code == 0
    assert f"{bench.address}/others/seedwise-tiny@sha256:" in pushed.stdout
    locked = run(app, ["images", "lock"])
    assert "tiny-cpu changed" in locked.stdout
    committed = read_lock(bench.project.root / "backends" / "images.lock").images["tiny-cpu"]
    assert committed.repo_digest == pushed.stdout.strip().split("\t")[2]
    assert committed.digest == bench.image.digest
    local_path(bench.project).unlink()
    remove(bench.client, bench.image.image_id)
    assert bench.prepare()[1] == [f"tiny (cpu): pulling {committed.repo_digest}"]
