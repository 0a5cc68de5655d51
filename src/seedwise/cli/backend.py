"""`seedwise backend`: make a backend of one's own, and try the run contract on any."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedwise.assets.prepare import data_root, models_root
from seedwise.cli.common import RuntimeOption, options_of, refuse_memory, say
from seedwise.errors import ImageError, InputError
from seedwise.execution.conformance import Clause, Outcome, Subject, as_junit, clauses
from seedwise.execution.trial import TrialSettings, project_beside, settings_of, trial_of
from seedwise.images.definition import NAME_PATTERN, PackageBackend, load_definition
from seedwise.images.sources import BACKEND_DOCKERFILE
from seedwise.project import Project, find_project, find_root
from seedwise.runtimes.base import ServingRuntime
from seedwise.runtimes.choose import choose
from seedwise.runtimes.warm import WarmRuntime
from seedwise.study.yamlfile import read_yaml, validated
from seedwise.temporary import temporary_folder

if TYPE_CHECKING:
    from seedwise_contract import RunSpec

app = typer.Typer(
    help="Backends: make one of your own, try the run contract on any.", no_args_is_help=True, rich_markup_mode=None
)

_LOCKED = ("annotated-types", "pydantic", "pydantic-core", "typing-extensions", "typing-inspection")
_MARKS = {Outcome.PASSED: typer.colors.GREEN, Outcome.FAILED: typer.colors.RED, Outcome.SKIPPED: typer.colors.YELLOW}


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="What studies call it.")],
) -> None:
    """Make a backend that runs: a package on the contract's own, a lock, a Dockerfile, a test; then put your framework into it."""
    project = find_project(Path.cwd())
    if project.own_backends is None:
        raise InputError(
            "a checkout names its backends in docker/images.yaml; make yours in a project of its own ('seedwise init' in another folder)"
        )
    if not re.fullmatch(NAME_PATTERN, name):
        raise InputError(f"{name}: small letters, digits, '-', '_' and '.', at most 64")
    if name in load_definition(project).backends:
        raise InputError(f"{name}: there is a backend of that name already; choose another")
    folder = project.own_backends / name
    if folder.exists():
        raise InputError(f"{folder}: is there already, and stays as it is; choose another name")
    module = re.sub(r"[^a-z0-9]", "_", name) + "_backend"
    module = module if module[0].isalpha() else f"b_{module}"
    parts = re.split(r"[^a-z0-9]+", name if name[0].isalpha() else f"b-{name}")
    words = {"NAME_CLASS": "".join(part.capitalize() for part in parts) + "Backend", "NAME": name, "MODULE": module}
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        for file, text in _files(project, words).items():
            (staging / file).parent.mkdir(parents=True, exist_ok=True)
            (staging / file).write_text(text, encoding="utf-8")
        staging.chmod(0o755)
        staging.rename(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        typer.echo(f"written  {path.relative_to(project.root)}")
    typer.echo(f"next: seedwise backend check {name}")


def _files(project: Project, words: dict[str, str]) -> dict[str, str]:
    module = words["MODULE"]
    place = resources.files("seedwise") / "templates" / "backend"

    def text(name: str) -> str:
        found = (place / f"{name}.txt").read_text(encoding="utf-8")
        for word in ("NAME_CLASS", "NAME", "MODULE"):
            found = found.replace(word, words[word])
        return found

    return {
        f"src/{module}/__init__.py": f'"""{words["NAME"]}: a training backend for Seedwise."""\n',
        f"src/{module}/__main__.py": text("main.py"),
        f"src/{module}/backend.py": text("backend.py"),
        "check.yaml": text("check.yaml"),
        "cpu.in": text("cpu.in"),
        "cpu.lock": _lock((project.suite / "backends" / "sklearn" / "cpu.lock").read_text(encoding="utf-8")),
        "Dockerfile": (project.suite / BACKEND_DOCKERFILE).read_text(encoding="utf-8"),
        f"test_{module}.py": text("test_backend.py"),
        "README.md": text("README.md"),
    }


def _lock(suite: str) -> str:
    """The contract's own packages, as a lock of the suite pins them."""
    entries = re.findall(r"^[a-z0-9-]+==.*?(?=^[a-z0-9-]+==|\Z)", suite, re.MULTILINE | re.DOTALL)
    kept = "".join(entry for entry in entries if entry.partition("==")[0] in _LOCKED)
    return f"# Resolved from cpu.in (which says how); every package by hash.\n{kept}"


@app.command()
def check(
    target: Annotated[
        str, typer.Argument(metavar="NAME|IMAGE", help="A backend by name, or an image of the container engine.")
    ],
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            help="The arm that is tried, in YAML; default: check.yaml beside the backend.",
        ),
    ] = None,
    runtime: RuntimeOption = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write a JUnit file.")] = None,
    memory_gib: Annotated[float, typer.Option(help="Limit on memory.")] = 4.0,
    keep: Annotated[Path | None, typer.Option("--keep", help="Keep the run folders in this new folder.")] = None,
) -> None:
    """Try every clause of the run contract on a backend: one line each; exit code 1 where one is broken."""
    if keep is not None and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise InputError(f"{keep}: is not empty; give a new folder")
    given = validated(TrialSettings, read_yaml(settings), settings) if settings else None
    refuse_memory(memory_gib)
    with temporary_folder() as place:
        place.chmod(0o755)  # a container reads it as another user
        wanted = options_of(runtime, None).runtime
        with project_beside(_project(place), place / "project") as project:
            tried = _tried(target, project, given, wanted, keep or place / "runs", int(memory_gib * (1 << 30)))
    if junit is not None:
        junit.parent.mkdir(parents=True, exist_ok=True)
        junit.write_bytes(as_junit(target, tried))
    failed = sum(one.outcome is Outcome.FAILED for one in tried)
    skipped = sum(one.outcome is Outcome.SKIPPED for one in tried)
    typer.echo(f"{len(tried) - failed - skipped} clauses kept, {failed} broken, {skipped} not tried")
    if failed:
        raise typer.Exit(1)


def _project(place: Path) -> Project:
    """The project around the working directory; an image can be tried without one."""
    if find_root(Path.cwd()) is None:
        (place / "none").mkdir()
        (place / "none" / "seedwise.toml").write_text("", encoding="utf-8")
        return find_project(place / "none")
    return find_project(Path.cwd())


def _tried(
    target: str, project: Project, given: TrialSettings | None, wanted: str, work: Path, memory: int
) -> list[Clause]:
    definition = load_definition(project)
    if target in definition.backends:
        chosen, why = choose(project, wanted, "cpu", [target])
        name, declared = target, definition.backends[target]
        folder = declared.folder or (
            project.suite / "backends" / target if isinstance(declared, PackageBackend) else None
        )
    else:
        chosen, name = _of_image(target, project)
        why, folder = f"image {target}", None
        if name in definition.backends and isinstance(definition.backends[name], PackageBackend):
            folder = project.suite / "backends" / name
    say(f"runtime: {chosen.name} ({why})")
    bench = WarmRuntime(chosen)
    try:
        digest = bench.prepare([name], say)[name]
        description = bench.describe(name)
        trial = trial_of(project, name, given or settings_of(folder, description))
        specs: list[RunSpec] = [run.spec for run in trial.plan(digest, say).runs if run.arm == "tried"]
        for root in (data_root(project), models_root(project)):
            root.mkdir(parents=True, exist_ok=True)
        work.mkdir(parents=True, exist_ok=True)
        data, models = data_root(project), models_root(project)
        subject = Subject(bench, name, digest, description, (specs[0], specs[1]), data, models, work, memory)
        tried = []
        for one in clauses(subject):
            mark = typer.style(f"{one.outcome.value:<8}", fg=_MARKS[one.outcome])
            typer.echo(f"{mark} {one.name}: {one.words} ({one.seconds:.1f} s)")
            sys.stdout.flush()
            tried.append(one)
        return tried
    finally:
        bench.close()


def _of_image(reference: str, project: Project) -> tuple[ServingRuntime, str]:
    """A runtime for an image that somebody has made, and the name that it calls itself."""
    from docker.errors import ContainerError, DockerException, ImageNotFound

    from seedwise.images.engine import answers, connect
    from seedwise.runtimes.docker import DockerRuntime

    known = f"there is no backend '{reference}' ({', '.join(load_definition(project).backends)})"
    if problem := answers():
        raise InputError(f"{known}, and no container engine that could have an image of that name ({problem})")
    client = connect()
    try:
        image = client.images.get(reference)
        text = client.containers.run(
            str(image.id), ["describe"], network_mode="none", read_only=True, remove=True, cap_drop=["ALL"]
        )
    except ImageNotFound:
        raise InputError(f"{known}, and the container engine has no image '{reference}'") from None
    except (ContainerError, DockerException) as error:
        raise ImageError(f"image {reference}: its 'describe' failed: {str(error)[-400:]}") from None
    finally:
        client.close()
    found = re.search(rb'"backend"\s*:\s*"([^"]+)"', text)
    if found is None or not re.fullmatch(NAME_PATTERN, found[1].decode("utf-8", "replace")):
        raise ImageError(f"image {reference}: its 'describe' names no backend: {text[-200:]!r}")
    name = found[1].decode()
    return DockerRuntime(project, "cpu", given={name: str(image.id)}), name
