"""Every file that is read, with a link, a FIFO, something huge, empty, unreadable, a folder, nothing or no text in its place.

Each ends soon, within bounds, with one of our own errors or none, and nothing outside is read through a link that
somebody else may have put there.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from seedwise.assets.manifest import load_manifest
from seedwise.assets.sizes import sizes_of_folder
from seedwise.bounded import read_json, read_text
from seedwise.errors import SeedwiseError
from seedwise.images.lock import read_lock
from seedwise.project import Project, find_root
from seedwise.runtimes.common import described, log_tail
from seedwise.runtimes.held import offered_here
from seedwise.scores.readers.registry import read_file
from seedwise.study.yamlfile import read_yaml
from seedwise.tracker.database import holds_studies
from seedwise.tracker.stamp import read_stamp
from seedwise_contract import read_answers, read_events, read_predictions, read_token_losses
from seedwise_contract.events import last_progress
from seedwise_contract.exits import BackendError
from seedwise_contract.files import read_lines, sha256_file
from seedwise_contract.probe import load_request
from seedwise_contract.spec import load_spec
from seedwise_contract.tools import _request
from tests.conftest import Small, small_project
from tests.walk import KINDS, NEEDLE, apart, replace_by

DESCRIBED = json.dumps(
    {
        "contract": 1, "backend": "fake", "version": "1", "tasks": [], "methods": [], "initialisations": [], "precisions": [],
        "devices": [], "deterministic_methods": [], "packages": {},
    }
)  # fmt: skip
OURS = range(10)
STUDY = "benchmarks/small.yaml"
RUN_FILES = (
    "result.json", "spec.json", "provenance.json", "events.jsonl", "environment.json", "parameters.json",
    "predictions/test.jsonl", "backend.log",
)  # fmt: skip
OWN = (
    "study",
    "study, bundled",
    "manifest",
    "images.yaml",
    "images.lock",
    "backend",
    "settings",
    "data file",
    "bundle",
    "spec",
)
WHOLES = ("seedwise.toml",)  # another one makes another project, in which other things are missing
IMPORTED = (
    "mlflow.tracking.client", "mlflow.store.tracking.sqlalchemy_store", "seedwise.bundle", "seedwise.report", "seedwise.report.html",
    "seedwise.tracker.importer", "seedwise.verdicts.comparison", "seedwise.forecast.claims", "seedwise.forecast.attainable",
    "seedwise.forecast.text", "seedwise.scores.api", "seedwise.scores.formats", "pyarrow.parquet",
    *(f"seedwise.cli.{name}" for name in ("plan", "record", "bundle", "compare", "run", "backend")),
)  # fmt: skip
Find = Callable[[Small], Path]


def run_of(small: Small) -> Path:
    return small.runs()[0]


def one(pattern: str) -> Find:
    return lambda small: next(path for path in sorted(small.project.home.parent.glob(pattern)) if path.is_file())


# What is read → where it is, and the command that reads it.
READERS: dict[str, tuple[Find, list[str]]] = {
    "study": (lambda small: small.study, ["plan", STUDY]),
    "study, bundled": (lambda small: small.study, ["bundle", STUDY, "--out", "new.zip"]),
    "manifest": (lambda small: small.project.root / "benchmarks/assets/toy.yaml", ["plan", STUDY]),
    "images.yaml": (lambda small: small.project.root / "docker/images.yaml", ["plan", STUDY]),
    "images.lock": (lambda small: small.project.root / "docker/images.lock", ["plan", STUDY]),
    "backend": (lambda small: small.project.root / "fakes/fake_backend.py", ["plan", STUDY]),
    "settings": (lambda small: small.project.root / "seedwise.toml", ["plan", STUDY]),
    "data file": (one("fresh/toy.jsonl"), ["plan", "other.yaml"]),
    "prepared data": (one("cache/data/*/data.json"), ["plan", STUDY]),
    "prepared rows": (one("cache/data/*/test.jsonl"), ["plan", STUDY]),
    "ledger": (lambda small: small.project.runs / ".declarations/00000000.json", ["report", STUDY, "--format", "md"]),
    "ledger, bundled": (lambda small: small.project.runs / ".declarations/00000000.json", ["bundle", STUDY, "--out", "new.zip"]),
    "run's folder": (run_of, ["report", STUDY, "--format", "md"]),
    "runs": (lambda small: small.project.runs, ["report", STUDY, "--format", "md"]),
    "report's stamp": (one("home/reports/small/report.stamp.json"), ["report", STUDY]),
    "report": (one("home/reports/small/report.md"), ["report", STUDY]),
    "index": (one("home/reports/index.html"), ["report", STUDY]),
    "MLflow's database": (lambda small: small.project.mlflow / "mlflow.db", ["track", STUDY]),
    "MLflow's stamp": (one("home/mlflow/imported.json"), ["track", STUDY]),
    "bundle": (lambda small: small.project.root / "evidence.zip", ["verify", "evidence.zip"]),
    "spec": (lambda small: small.project.root / "spec.json", ["run", "spec.json", "--out", "out"]),
    **{
        f"scores.{end}": (lambda small, end=end: small.project.root / f"scores.{end}", ["compare", f"scores.{end}"])  # type: ignore[misc]
        for end in ("csv", "tsv", "json", "jsonl", "csv.gz", "eval", "txt", "parquet")
    },
    **{
        f"{name}, {verb}": (lambda small, name=name: run_of(small) / name, [verb, STUDY, *more])  # type: ignore[misc]
        for name in RUN_FILES
        for verb, more in (("report", ["--format", "md"]), ("track", ["--rebuild"]), ("bundle", ["--out", "new.zip"]))
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A project with everything in it that there is to read."""
    for name in IMPORTED:  # once, for all forks
        import_module(name)
    offered_here()

    small = small_project(tmp_path_factory.mktemp("shelf"))
    done = small.pytest(STUDY)
    assert done.returncode == 0, done.stdout
    root = small.project.root
    made = small.seedwise("bundle", STUDY, "--out", "evidence.zip")
    assert made.returncode == 0, made.stderr
    rows = [{"arm": arm, "seed": seed, "score": 0.5 + seed / 100} for arm in "ab" for seed in range(6)]
    table = "arm,seed,score\n" + "".join(",".join(map(str, row.values())) + "\n" for row in rows)
    for name, text in (
        ("scores.csv", table), ("scores.txt", table), ("scores.eval", table), ("scores.parquet", table),
        ("scores.tsv", table.replace(",", "\t")), ("scores.json", json.dumps(rows)),
        ("scores.jsonl", "".join(json.dumps(row) + "\n" for row in rows)),
        ("seedwise.toml", '[seedwise]\n'), ("docker/images.lock", "{}"),
        ("other.yaml", small.study.read_text().replace("data: toy", "data: fresh")),
        ("benchmarks/assets/fresh.yaml", (root / "benchmarks/assets/toy.yaml").read_text().replace("name: toy", "name: fresh")
         .replace("toy.jsonl: toy.jsonl", "toy.jsonl: fresh/toy.jsonl")),
    ):  # fmt: skip
        (root / name).write_text(text)
    (root / "seedwise.toml").unlink()
    (root / "docker/images.lock").unlink()
    with gzip.open(root / "scores.csv.gz", "wt") as file:
        file.write(table)
    shutil.copy(run_of(small) / "spec.json", root / "spec.json")
    return small


@pytest.fixture
def small(shelf: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """A copy of it, at a place of its own."""
    made = small_project(tmp_path / "made")
    shutil.rmtree(tmp_path / "made")
    shutil.copytree(shelf.project.home.parent, tmp_path / "made", symlinks=True)
    (tmp_path / "made" / "data" / "fresh").mkdir()
    shutil.copy(tmp_path / "made" / "data" / "toy.jsonl", tmp_path / "made" / "data" / "fresh" / "toy.jsonl")
    for name in ("SEEDWISE_HOME", "SEEDWISE_CACHE", "SEEDWISE_DATA", "SEEDWISE_RUNTIME", "SEEDWISE_DEVICE"):
        monkeypatch.setenv(name, made.environment[name])
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return made


def kinds_of(reader: str) -> list[Callable[[Path, Path], None]]:
    """All of them in the walk of `nox -s fuzz`; in the tests one a reader, another from one to the next."""
    if os.environ.get("SEEDWISE_WALK") == "full":
        return list(KINDS)
    return [KINDS[list(READERS).index(reader) % len(KINDS)]]


@pytest.mark.parametrize("reader", READERS)
def test_readers(reader: str, small: Small, tmp_path: Path) -> None:
    find, command = READERS[reader]
    secret = tmp_path / "outside"
    secret.write_text(f'{{"{NEEDLE}": "{NEEDLE}"}}\n')
    wrong = []
    for kind in kinds_of(reader):
        path = find(small) if reader != "data file" else small.project.data_root / "fresh" / "toy.jsonl"  # type: ignore[operator]
        before = tmp_path / "before"
        if path.exists():
            (shutil.copytree if path.is_dir() else shutil.copy2)(path, before)
        replace_by(kind, path, secret)
        problem = tried(small, command, path, kind.__name__, trusted=reader in OWN or reader.startswith("scores."))
        if problem:
            wrong.append(f"{reader}, {kind.__name__}: {problem}")
        replace_by(lambda *_: None, path, secret)
        if before.exists():
            before.rename(path)
    assert not wrong, "\n".join(wrong)


def tried(small: Small, command: list[str], path: Path, kind: str, *, trusted: bool) -> str | None:
    """What is wrong with how `command` ends, or None.  A link in place of the user's own file may be followed, and is named."""
    try:
        ended = apart(lambda: told(small, command))
    except AssertionError as error:
        return str(error)
    if ended.error is not None:
        return ended.trace[-1500:]
    code, text, trace = ended.value
    if trace:
        return trace[-1500:]
    if code not in OURS or "Traceback" in text or "Aborted" in text:
        return f"exit code {code}: {text[-600:]}"
    named = (
        path.name in text
        or (kind == "link" and "outside" in text)
        or (trusted and kind in ("fifo", "folder", "nothing"))
    )
    if code and not named and path.name not in WHOLES:
        return f"exit code {code}, and the message does not name the file: {text[-600:]}"
    if trusted and kind == "link":
        return None
    if NEEDLE in text or any(NEEDLE.encode() in made.read_bytes() for made in written(small)):
        return "what a link leads to, or what cannot be read, was read"
    return None


def told(small: Small, command: list[str]) -> tuple[int, str, str]:
    import traceback

    answer = small.here(*command)
    trace = ""
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        trace = "".join(traceback.format_exception(answer.exception))
    return answer.exit_code, answer.output, trace


def written(small: Small) -> Iterator[Path]:
    """What the command may have written: reports, MLflow's artifacts, bundles."""
    for folder in (small.project.reports, small.project.mlflow / "artifacts"):
        yield from (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    yield from small.project.root.glob("new.zip")


FUNCTIONS: dict[str, Callable[[Path], object]] = {
    "spec": load_spec,
    "events": read_events,
    "progress": last_progress,
    "predictions": lambda path: list(read_predictions(path)),
    "token losses": lambda path: list(read_token_losses(path)),
    "answers": lambda path: list(read_answers(path)),
    "lines": lambda path: list(read_lines(path)),
    "digest": sha256_file,
    "probe's request": load_request,
    "tool's request": lambda path: _request("convert", path),
    "user's text": read_text,
    "user's JSON": read_json,
    "YAML": read_yaml,
    "images' lock": read_lock,
    "log": log_tail,
    "description": lambda path: described(project_at(path.parent), "fake", "venv:x", lambda: DESCRIBED),
    "import's stamp": lambda path: read_stamp(path.parent, path),
    "database": holds_studies,
    "scores": read_file,
    "manifest": load_manifest,
    "sizes of a model": lambda path: sizes_of_folder(path.parent),
    "settings": lambda path: find_root(path),
}
NAMES = {
    "description": "describe/venv-x.json", "import's stamp": "imported.json", "database": "mlflow.db", "scores": "scores.csv",
    "sizes of a model": "config.json", "settings": "pyproject.toml",
}  # fmt: skip
TYPED = (SeedwiseError, BackendError, OSError, ValueError)


def project_at(folder: Path) -> Project:
    return Project(folder, folder, folder.parent, None)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_readers_by_themselves(kind: Callable[[Path, Path], None], tmp_path: Path) -> None:
    """Each with a path of its own, by the function that reads it."""
    secret = tmp_path / "outside"
    secret.write_text(NEEDLE)
    wrong = []
    for name, read in FUNCTIONS.items():
        path = tmp_path / name.replace(" ", "-") / NAMES.get(name, "file")
        path.parent.mkdir(parents=True)
        kind(path, secret)

        def step(read: Callable[[Path], object] = read, path: Path = path) -> str:
            try:
                read(path)
            except TYPED as error:
                return str(error)
            return ""

        try:
            ended = apart(step)
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
            continue
        if ended.error is not None:
            wrong.append(f"{name}: {ended.trace[-600:]}")
        elif ended.seconds > 20:
            wrong.append(f"{name}: took {ended.seconds:.0f} s")
    assert not wrong, "\n".join(wrong)
