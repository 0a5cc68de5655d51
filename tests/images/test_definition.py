"""The build definition and what is said of a faulty one."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedwise.errors import ImageError, InputError
from seedwise.images.definition import CommandBackend, PackageBackend, base_variable, load_definition, official_base
from seedwise.images.sources import command_digest, sources_of
from seedwise.project import BUILD_DEFINITION, Project, find_project

ROOT = Path(__file__).parents[2]


def edit(project: Project, old: str, new: str) -> None:
    path = project.root / BUILD_DEFINITION
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_the_checkouts_own_definition_is_sound() -> None:
    project = find_project(ROOT)
    definition = load_definition(project)
    for name, backend in definition.backends.items():
        assert isinstance(backend, PackageBackend)
        for flavour in backend.flavours:
            assert len(sources_of(project, definition, name, flavour).digest) == 64


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    module: toy\n", "", "backends.toy.package.module: found nothing; this field is required"),
        ("module: toy", "modul: toy", 'backends.toy.package.modul: found "toy"; no field of this name'),
        ("module: toy", "module: my-toy", 'backends.toy.package.module: found "my-toy"'),
        ('python: "3.11"', "python: 3.11", "bases.python-3.11.python: found 3.11"),
        ("base: python-3.11", "base: python-3.9", 'found "python-3.9"; the bases declared are: python-3.11'),
        ("packages/toy]", "../toy]", "no '..'"),
        ("packages/toy]", "packages/toy, other/toy]", "two packages have the same name"),
        ("{cpu:", "{tpu:", "backends.toy.package.flavours"),
        ("{cpu:", "{cuda:", "every backend has the flavour 'cpu'"),
        ("    module: toy", "    kind: podman\n    module: toy", "podman"),
        ("version: 1", "version: 2", "version: found 2"),
        ("version: 1", "version: [", "not valid YAML"),
    ],
)
def test_a_faulty_definition_is_named(project: Project, old: str, new: str, said: str) -> None:
    edit(project, old, new)
    with pytest.raises(InputError) as caught:
        load_definition(project)
    assert said in str(caught.value)
    assert str(project.root / BUILD_DEFINITION) in str(caught.value)


def test_every_missing_source_is_named(project: Project) -> None:
    edit(project, "toy.lock", "gone.lock")
    edit(project, "packages/toy]", "packages/toy, packages/gone]")
    with pytest.raises(InputError) as caught:
        sources_of(project, load_definition(project), "toy", "cpu")
    assert 'flavours.cpu.lock: found "gone.lock"; there is no such file' in str(caught.value)
    assert 'packages.1: found "packages/gone"; there is no such folder' in str(caught.value)


def test_an_unknown_backend_is_refused(project: Project) -> None:
    with pytest.raises(ImageError, match=r"backend 'hf' is not in .*; it has: toy"):
        load_definition(project).backend("hf")


def test_a_backend_without_a_gpu_flavour_runs_on_cpu(project: Project) -> None:
    definition = load_definition(project)
    assert sources_of(project, definition, "toy", "cuda") == sources_of(project, definition, "toy", "cpu")


def test_any_source_changes_the_digest_and_rubbish_does_not(project: Project) -> None:
    definition = load_definition(project)

    def digest() -> str:
        return sources_of(project, definition, "toy", "cpu").digest

    seen = [digest()]
    (project.root / "packages" / "toy" / "__pycache__").mkdir()
    (project.root / "packages" / "toy" / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"x")
    assert digest() == seen[0]
    for path in ("packages/toy/__main__.py", "packages/toy/data.json", "toy.lock", "docker/build.lock"):
        with open(project.root / path, "a") as handle:
            handle.write("# more\n")
        assert digest() not in seen
        seen.append(digest())
    (project.root / "packages" / "toy" / "data.json").rename(project.root / "packages" / "toy" / "datum.json")
    assert digest() not in seen


def test_an_edit_during_a_build_does_not_reach_it(project: Project) -> None:
    sources = sources_of(project, load_definition(project), "toy", "cpu")
    before = sources.image_digest
    with sources.frozen() as frozen:
        for path in ("packages/toy/__main__.py", "toy.lock", "docker/build.lock", "docker/backend.Dockerfile"):
            (project.root / path).write_text("# edited\n")
        assert frozen.image_digest == before
    assert sources.image_digest != before


def test_a_command_is_known_by_its_files(project: Project) -> None:
    edit(project, "backends:\n", "backends:\n  script: {kind: command, command: [python, script.py, quick]}\n")
    script = load_definition(project).backend("script")
    assert isinstance(script, CommandBackend)
    with pytest.raises(InputError, match=r"backends\.script\.command\.1"):
        command_digest(project, "script", script)
    (project.root / "script.py").write_text("1\n")
    before = command_digest(project, "script", script)
    (project.root / "script.py").write_text("2\n")
    assert command_digest(project, "script", script) != before


def test_the_base_that_a_registry_is_asked_for(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)
    edit(project, "python:3.11-slim-bookworm", "python:3.11.9-slim")
    assert official_base() == "python:3.11.9-slim"
    monkeypatch.setenv("SEEDWISE_BASE_PYTHON_3_11", "mirror/python:3.11")
    assert official_base() == "mirror/python:3.11"
    monkeypatch.chdir("/")
    assert official_base() == "python:3.11-slim-bookworm"


def test_the_variable_that_names_a_base() -> None:
    assert base_variable("python-3.11") == "SEEDWISE_BASE_PYTHON_3_11"
