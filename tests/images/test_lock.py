"""Locks: which image is run, and which is refused."""

from __future__ import annotations

from typing import Any

import pytest

from seedwise.errors import ImageError, InputError
from seedwise.images import lock
from seedwise.images.definition import load_definition
from seedwise.images.lock import BaseIdentity, LockedImage
from seedwise.images.sources import sources_of
from seedwise.images.wanted import Wanted
from seedwise.project import Project
from tests.images.conftest import FakeEngine

BASE = BaseIdentity(
    reference="python:3.11-slim-bookworm", id="sha256:" + "b" * 64, repo_digest=None, layers=["sha256:" + "1" * 64]
)
SOURCES = "5" * 64


def locked(attributes: dict[str, Any], **changes: Any) -> LockedImage:
    entry = LockedImage(
        backend="toy",
        flavour="cpu",
        sources=SOURCES,
        base=BASE,
        digest=lock.content_digest(attributes),
        image_id=attributes["Id"],
        repo_digest=None,
        layers=attributes["RootFS"]["Layers"],
        size_bytes=1,
        platform="linux/amd64",
        built_at="2026-01-01T00:00:00+00:00",
    )
    return entry.model_copy(update=changes)


def test_the_content_digest_holds_the_bits_and_no_time() -> None:
    engine = FakeEngine()
    first, rebuilt, longer = engine.add([], number=1), engine.add([], number=2), engine.add([], number=3, layers=2)
    assert lock.content_digest(first) == lock.content_digest(rebuilt)
    assert lock.content_digest(first) != lock.content_digest(longer)
    other_user = {**first, "Config": {**first["Config"], "User": "0"}}
    assert lock.content_digest(first) != lock.content_digest(other_user)


def test_found_by_sources_and_base_where_the_engine_has_it(project: Project, engine: FakeEngine) -> None:
    entry = locked(engine.add([], number=1))
    lock.record(project, entry)

    def found(flavour: str, sources: str, base: str) -> LockedImage | None:
        return lock.find(engine, Wanted("toy", flavour, sources, (base,)).locked(project))  # type: ignore[arg-type]

    assert found("cpu", SOURCES, BASE.reference) == entry
    assert found("cpu", "6" * 64, BASE.reference) is None
    assert found("cuda", SOURCES, BASE.reference) is None
    assert found("cpu", SOURCES, "mirror/python:3.11") is None
    engine.known.clear()
    assert found("cpu", SOURCES, BASE.reference) is None


def test_a_rebuilt_image_of_the_same_bits_is_the_same_image(project: Project, engine: FakeEngine) -> None:
    entry = locked(engine.add([], number=1))
    lock.record(project, entry)
    engine.known.clear()
    engine.add([lock.tag(entry)], number=2)
    found = lock.require_locked(project, engine, "toy", entry.digest)  # type: ignore[arg-type]
    assert found.image_id == f"sha256:{2:064x}"
    engine.known.clear()
    engine.add([lock.tag(entry)], number=3, layers=2)  # the tag now names other bits
    with pytest.raises(ImageError, match="the engine does not have it"):
        lock.require_locked(project, engine, "toy", entry.digest)  # type: ignore[arg-type]


def test_the_last_build_of_each_is_shown(project: Project, engine: FakeEngine) -> None:
    old = locked(engine.add([], number=1))
    new = locked(engine.add([], number=2, layers=2), built_at="2026-02-01T00:00:00+00:00")
    for entry in (new, old):
        lock.record(project, entry)
    assert lock.latest(project)["toy-cpu"] == new


@pytest.mark.parametrize("reference", ["toy", "toy:latest", "registry.example/toy:1.0", "sha256:abc", ""])
def test_a_tag_is_refused_even_where_the_engine_has_it(project: Project, engine: FakeEngine, reference: str) -> None:
    lock.record(project, locked(engine.add([reference], number=1)))
    with pytest.raises(ImageError, match="is a tag: a tag can be another image tomorrow"):
        lock.require_locked(project, engine, "toy", reference)  # type: ignore[arg-type]


def test_what_is_in_no_lock_is_refused_and_so_is_another_backends(project: Project, engine: FakeEngine) -> None:
    attributes = engine.add([], number=1)
    with pytest.raises(ImageError, match=r"in no images\.lock"):
        lock.require_locked(project, engine, "toy", attributes["Id"])  # type: ignore[arg-type]
    lock.record(project, locked(attributes))
    assert lock.require_locked(project, engine, "toy", attributes["Id"])  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=r"in no images\.lock"):
        lock.require_locked(project, engine, "hf", attributes["Id"])  # type: ignore[arg-type]


def test_local_builds_reach_the_committed_lock_when_asked(project: Project, engine: FakeEngine) -> None:
    sources = sources_of(project, load_definition(project), "toy", "cpu").image_digest
    entry = locked(engine.add([], number=1), sources=sources)
    lock.record(project, locked(engine.add([], number=2, layers=2)))  # of sources that are no longer there
    lock.record(project, entry)
    assert not lock.committed_path(project).exists(), "a build leaves the checkout clean"
    assert lock.commit_lock(project) == ["toy-cpu"]
    assert lock.read_lock(lock.committed_path(project)).images == {"toy-cpu": entry}
    assert lock.commit_lock(project) == []


def test_a_damaged_lock_is_named(project: Project) -> None:
    path = lock.committed_path(project)
    path.write_text('{"version": 1, "images": {"toy-cpu": {"backend": "toy", "digest": "latest"}}}')
    with pytest.raises(InputError) as caught:
        lock.read_lock(path)
    assert f'{path}: images.toy-cpu.digest: found "latest"' in str(caught.value)
    assert "images.toy-cpu.image_id: found nothing" in str(caught.value)
