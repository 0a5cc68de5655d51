"""Hash-pinned archives from the user's package index, fetched on this machine by the user's own pip configuration.

Proxies, certificate authorities, credentials and additional places for packages are the host's, and stay there: images
and environments are then installed from the folder of archives, without a network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from seedwise.errors import ImageError, NoImage
from seedwise.images.sources import Sources
from seedwise.notify import Notify
from seedwise.project import Project
from seedwise_contract.files import write_json

_MARKER = ".complete"
_FETCH = Path(__file__).with_name("fetch_sdist.py")
_TAIL_LINES = 12
_UNREACHABLE = "NewConnectionError|Network is unreachable|Name or service|ConnectTimeout|SSLError|ProxyError"


@dataclass(frozen=True, slots=True)
class Target:
    """The interpreter that the archives are for.  A glibc version stands for itself and every older one."""

    python: str
    machine: str
    glibc: str

    @property
    def flags(self) -> list[str]:
        abi = "cp" + self.python.replace(".", "")
        minor = int(self.glibc.split(".")[1])
        platforms = [f"manylinux_2_{number}_{self.machine}" for number in range(minor, 4, -1)]
        platforms += [f"{name}_{self.machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1", "linux")]
        # No sdist can be built here for an interpreter that may not be here.
        flags = ["--only-binary=:all:", "--implementation", "cp", "--python-version", self.python]
        flags += ["--abi", abi, "--abi", "abi3", "--abi", "none"]
        return flags + [word for platform in platforms for word in ("--platform", platform)]


@dataclass(frozen=True, slots=True)
class Sdist:
    """A package that is built on the spot, because no wheel of it fits."""

    name: str
    version: str
    sha256: tuple[str, ...]


def download(
    lines: Sequence[str], folder: Path, target: Target | None = None, pip: Sequence[str] | None = None
) -> None:
    """Fetch the requirements `lines` (each `name==version --hash=sha256:…`) into `folder`, no dependencies with them.

    Without `target`, for the interpreter that runs the harness; `pip` is the command to fetch with, the host's unless
    given.  Raises `ImageError` with pip's own last words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="seedwise-pip-") as place:
        requirements = Path(place, "requirements.txt")
        requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [
            *(pip or _pip()),
            "download",
            "--require-hashes",
            "--no-deps",
            "--disable-pip-version-check",
            "--no-input",
        ]
        command += ["--progress-bar", "off", "-d", str(folder), "-r", str(requirements)]
        # A wheel is data here, also where it is made for another interpreter than the harness's.
        command += target.flags if target else ["--only-binary=:all:"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise _refusal(answer.stderr or answer.stdout, lines)


def wheelhouse(project: Project, sources: Sources, target: Target, say: Notify) -> Path:
    """The folder with every archive of the sources' lock file, fetched where it is not complete."""
    key = f"{sources.wheels_digest[:20]}-cp{target.python}-{target.machine}-glibc{target.glibc}"
    folder = project.cache / "wheels" / key
    if _complete(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if _complete(folder):
            return folder
        lock = sources.lock_name
        pinned = [path.read_text(encoding="utf-8").splitlines() for path in (sources.lock, sources.build_lock)]
        count = sum(1 for line in pinned[0] if re.match(r"[A-Za-z0-9]", line))
        say(f"{sources.backend} ({sources.flavour}): fetching the {count} packages of {lock}")
        try:
            download(pinned[1], folder, target)
            wheels, sdists = split(pinned[0])
            # Old releases come with metadata that newer installers refuse: what builds them also fetches them.
            installer = folder / next((path.name for path in folder.glob("pip-*.whl")), "pip")
            download(wheels, folder, target, [sys.executable, str(installer / "pip")] if sdists else None)
            for sdist in sdists:
                _download_sdist(sdist, folder, installer)
        except ImageError as error:
            raise type(error)(f"{lock}: {error}") from None
        names = sorted(path.name for path in folder.iterdir() if path.suffix in (".whl", ".gz", ".zip"))
        write_json(folder / _MARKER, {"lock": hashlib.sha256(sources.lock.read_bytes()).hexdigest(), "files": names})
    return folder


def split(lines: Sequence[str]) -> tuple[list[str], list[Sdist]]:
    """The requirements of a lock file: those that are wheels, as lines, and those that its `--no-binary` lines name."""
    joined = re.sub(r"\\\n", " ", "\n".join(lines)).splitlines()
    named = {name for line in joined if line.startswith("--no-binary ") for name in line.split(None, 1)[1].split(",")}
    wheels, sdists = [], []
    for line in joined:
        match = re.match(r"([A-Za-z0-9._-]+)==(\S+)", line)
        if match and match[1] in named:
            sdists.append(Sdist(match[1], match[2], tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))))
        elif not line.startswith("--no-binary "):
            wheels.append(line)
    return wheels, sdists


def _download_sdist(sdist: Sdist, folder: Path, installer: Path) -> None:
    """Fetch an sdist and nothing more: 'pip download' would also run it, to learn its dependencies."""
    command = [sys.executable, str(_FETCH), str(installer), str(folder), sdist.name, sdist.version, *sdist.sha256]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise _refusal(answer.stderr or answer.stdout, [f"{sdist.name}=={sdist.version}"])


def archives(folder: Path) -> list[Path]:
    """The archives of a complete wheelhouse, in the order of their names."""
    return [folder / name for name in json.loads((folder / _MARKER).read_text(encoding="utf-8"))["files"]]


def _complete(folder: Path) -> bool:
    try:
        return all(path.is_file() for path in archives(folder))
    except (OSError, ValueError, KeyError):
        return False


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    for name in ("pip3", "pip"):
        found = shutil.which(name)
        if found:
            return [found]
    raise ImageError(
        f"pip is needed to fetch packages, and {sys.executable} has none: run '{sys.executable} -m ensurepip'"
    )


def _refusal(said: str, lines: Sequence[str]) -> ImageError:
    """What pip said, with the requirement it stopped at and what to do; `NoImage` where the package cannot be had here."""
    kind = ImageError
    tail = "\n".join(f"    {line}" for line in said.strip().splitlines()[-_TAIL_LINES:])
    missing = re.search(r"No matching distribution found for (\S+)", said)
    wanted = f"'{missing[1]}'" if missing else "a package"
    if "DO NOT MATCH THE HASHES" in said:
        what = "the index gave a file whose sha256 is not the pinned one; it is not used: check the index and the pin"
    elif re.search(r"No space left", said):
        what = "no space is left; free some, or set SEEDWISE_CACHE to a larger disk"
    elif re.search(r"require-hashes|must have their versions pinned", said) and not missing:
        what = "every line needs '==version' and '--hash=sha256:…'"
    elif re.search(_UNREACHABLE, said):
        kind = NoImage
        what = (
            f"the package index could not be reached for {wanted}. Offline? Set PIP_INDEX_URL or PIP_FIND_LINKS to one "
            "that can, PIP_PROXY or PIP_CERT where a proxy or a certificate authority of your own is between"
        )
    elif missing:
        kind = NoImage
        what = (
            f"no index or folder that pip is configured with has {wanted} for this platform; 'pip config list' shows "
            "them (PIP_INDEX_URL, PIP_FIND_LINKS). 'from versions: none' also comes of an index out of reach, or with a refused certificate"
        )
    else:
        what = f"pip could not fetch {'them' if len(lines) > 1 else 'it'}"
    return kind(f"{what}. pip said:\n{tail}")
