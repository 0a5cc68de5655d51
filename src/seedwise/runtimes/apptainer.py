"""Runs in containers of Apptainer, where no engine and no root is: the same images, as SIF files in the cache.

An image is named by its content digest, as everywhere.  Two SIF files of one image differ, so that the digest is of the archive that
the file was made from, checked then layer by layer, and the file's own sha256 is noted beside it and checked before it is used.
What Docker's cage has and this one has not: a limit of the memory of all processes together (each is limited), and of their number.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from seedwise.errors import EngineError, ImageError
from seedwise.images.archive import read_archive
from seedwise.images.bases import allowed
from seedwise.images.definition import DockerfileBackend, PackageBackend, load_definition
from seedwise.images.lock import LockedImage, entries, tag
from seedwise.images.sources import folder_digest, sources_of
from seedwise.notify import Notify
from seedwise.project import Project
from seedwise.runtimes.attached import DockerServer
from seedwise.runtimes.base import LENT, Launch, Lease, Process
from seedwise.runtimes.common import described, run_environment
from seedwise.runtimes.venv import LOG, VenvProcess, spawn
from seedwise.temporary import HeldFolder, sweep
from seedwise_contract import Description
from seedwise_contract.base import ContractModel
from seedwise_contract.files import read_record, sha256_file, write_json

ARCHIVES, FILES = "images", "sif"
_GUARD = Path(__file__).with_name("guard.py")
_DESCRIBE_SECONDS = 300
_DESCRIBE_BYTES = 4 << 30
# Nothing of the host's but what is bound, a network namespace without a device, no capability, and no way to get one.
_CAGE = (
    *("--quiet", "exec", "--containall", "--no-home", "--cleanenv", "--no-eval", "--no-privs"),
    *("--net", "--network", "none", "--pwd", "/tmp"),
)


class SifFile(ContractModel):
    """Beside a SIF file: what it was made from, its own sha256, and the words that its image is started by."""

    digest: str
    sha256: str
    words: list[str]
    made_by: str


class ApptainerRuntime:
    """`digest` is the content digest that images.lock holds; files are `<cache>/sif/<digest>.sif`, made from archives
    `<cache>/images/<digest>.tar`, or by an engine that has the image.
    """

    name = "apptainer"

    def __init__(self, project: Project, flavour: str) -> None:
        program = shutil.which("apptainer")
        if program is None:
            raise EngineError("--runtime apptainer: there is no program apptainer here; load its module, or install it")
        if os.getuid() == 0:
            raise EngineError(
                "--runtime apptainer: it runs a backend as whoever calls it, and that is root here: call it as a user"
            )
        self._program = program
        self.flavour = flavour
        self.notes: list[str] = []
        self._project = project
        self._definition = load_definition(project)
        self._known: dict[str, SifFile] = {}  # whose files were checked

    def digest(self, backend: str) -> str | None:
        return next((entry.digest for entry in self._locked(backend) if self._sif(entry.digest) is not None), None)

    def prepare(self, backends: Sequence[str], say: Notify) -> dict[str, str]:
        sweep()
        prepared = {}
        for backend in dict.fromkeys(backends):
            prepared[backend] = self.digest(backend) or self._make(backend, say)
        return prepared

    def describe(self, backend: str) -> Description:
        digest = self.digest(backend)
        if digest is None:
            raise ImageError(
                f"backend '{backend}' ({self.flavour}) has no SIF file here: 'seedwise images build' makes it"
            )
        return described(self._project, backend, digest, lambda: self._ask(backend, digest))

    def start(self, launch: Launch) -> Process:
        out = [] if launch.verb == "check" else ["--out", "/out"]  # a check writes nothing
        words = [launch.verb, "/out/spec.json", *out]
        return self._started(words, launch, launch.out, launch.out / LOG)[0]

    def serve(self, launch: Launch) -> DockerServer:
        """Mounts are fixed when it is started, as a container's: runs are moved to it for their time."""
        place = launch.out.parent / f"{LENT}{uuid.uuid4().hex[:16]}"
        place.mkdir(parents=True)
        device = "cuda" if launch.lease.gpus else "cpu"
        words = ["serve", "--threads", str(max(1, len(launch.lease.cores))), "--device", device]
        try:
            process, popen = self._started(words, launch, place, None)
        except BaseException:
            place.rmdir()
            raise
        return DockerServer(process, _Pipes(popen), place)

    def close(self) -> None:
        pass

    def _locked(self, backend: str) -> Iterator[LockedImage]:
        """The locked images of the backend's present sources."""
        declared = self._definition.backend(backend)
        bases = None
        if isinstance(declared, DockerfileBackend):
            wanted = folder_digest(declared.root(self._project))
        elif isinstance(declared, PackageBackend):
            sources = sources_of(self._project, self._definition, backend, self.flavour)
            wanted, bases = sources.image_digest, allowed(sources.base, self._definition.bases[declared.base])
        else:
            raise ImageError(f"backend '{backend}' is a command, not an image: run it with '--runtime venv'")
        for entry in entries(self._project):
            same = (entry.backend, entry.flavour, entry.sources) == (backend, self.flavour, wanted)
            if same and (bases is None or entry.base.reference in bases):
                yield entry

    def _path(self, digest: str, folder: str, ending: str) -> Path:
        return self._project.cache / folder / f"{digest.rpartition(':')[2]}{ending}"

    def _sif(self, digest: str) -> SifFile | None:
        """What is noted of the file for `digest`, where it is here and as noted."""
        if digest not in self._known:
            path = self._path(digest, FILES, ".sif")
            try:
                found = SifFile.model_validate_json(read_record(path.with_suffix(".json")))
                if found.digest != digest or sha256_file(path) != found.sha256:
                    return None
            except (OSError, ValueError):
                return None
            self._known[digest] = found
        return self._known[digest]

    def _make(self, backend: str, say: Notify) -> str:
        """A SIF file from the archive of the first locked image that is here, or that an engine has."""
        locked = list(self._locked(backend))
        if not locked:
            raise ImageError(
                f"backend '{backend}' ({self.flavour}): no images.lock names an image of its present sources; build it on a machine "
                "with Docker or Podman ('seedwise images build'), and bring the lock and the image"
            )
        for entry in locked:
            archive, path = self._path(entry.digest, ARCHIVES, ".tar"), self._path(entry.digest, FILES, ".sif")
            if not archive.is_file():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):
                if self._sif(entry.digest) is None:
                    self._convert(entry, archive, path, say)
            return entry.digest
        first = locked[0]
        raise ImageError(
            f"backend '{backend}' ({self.flavour}): its image is not here; where it is built, 'docker save -o FILE "
            f"{tag(first)}' writes it, and here it belongs at {self._path(first.digest, ARCHIVES, '.tar')}"
        )

    def _convert(self, entry: LockedImage, archive: Path, path: Path, say: Notify) -> None:
        found = read_archive(archive)
        if found.digest != entry.digest:
            raise ImageError(f"{archive}: holds the image {found.digest}, not {entry.digest}")
        say(f"{entry.backend} ({entry.flavour}): a SIF file of {archive.name}")
        made = path.with_suffix(".new")
        words = [self._program, "build", "--force", str(made), f"docker-archive:{archive}"]
        answer = subprocess.run(words, capture_output=True, text=True)
        if answer.returncode != 0:
            raise ImageError(f"apptainer makes no SIF file of {archive}:\n{answer.stderr[-2000:]}")
        version = subprocess.run([self._program, "--version"], capture_output=True, text=True).stdout.strip()
        made.replace(path)
        noted = SifFile(digest=entry.digest, sha256=sha256_file(path), words=list(found.words), made_by=version)
        write_json(path.with_suffix(".json"), noted)

    def _started(
        self, words: Sequence[str], launch: Launch, writable: Path, log: Path | None
    ) -> tuple[VenvProcess, subprocess.Popen[bytes]]:
        home = HeldFolder()
        mounts = [("/data", launch.data, True), ("/models", launch.models, True), ("/out", writable, False)]
        called = self.words(words, launch.digest, launch.lease, mounts, home.path)
        environment = _environment(run_environment(launch.lease, launch.digest), launch.lease)
        memory = None if launch.lease.gpus else _limited(launch.memory_bytes)  # CUDA reserves more than there is
        return spawn(called, environment, home, launch.lease, memory, log)

    def words(
        self, words: Sequence[str], digest: str, lease: Lease, mounts: Sequence[tuple[str, Path, bool]], scratch: Path
    ) -> list[str]:
        """The call of apptainer by which the image's own words, and `words` after them, are run; it ends with this process.

        (place inside, folder, whether it may only be read) for each of `mounts`.  `scratch` holds its temporary files.
        """
        found = self._sif(digest)
        if found is None:
            raise ImageError(f"image {digest}: its SIF file is not here any more: 'seedwise images build' makes it")
        bound = [part for place, folder, only in mounts for part in ("--mount", _mount(place, folder, only))]
        gpu = ["--nv"] if lease.gpus else []
        sif = str(self._path(digest, FILES, ".sif"))
        # HOME is not Apptainer's to set, so that a program of the image sets it.
        return [
            *(sys.executable, "-I", "-S", str(_GUARD), str(os.getpid())),
            self._program,
            *_CAGE,
            "--workdir",
            str(scratch),
            *gpu,
            *bound,
            sif,
            "env",
            "HOME=/tmp",
            *found.words,
            *words,
        ]

    def _ask(self, backend: str, digest: str) -> str:
        home = HeldFolder()
        lease = Lease((), ())
        memory = _limited(_DESCRIBE_BYTES)
        called = self.words(["describe"], digest, lease, [], home.path)
        process, popen = spawn(called, _environment(run_environment(lease, digest), lease), home, lease, memory, None)
        try:
            told, _ = popen.communicate(timeout=_DESCRIBE_SECONDS)
        except subprocess.TimeoutExpired:
            process.stop(0)
            raise ImageError(
                f"backend '{backend}': 'describe' did not end within {_DESCRIBE_SECONDS} seconds"
            ) from None
        ended = process.wait()
        if ended.code != 0:
            raise ImageError(f"backend '{backend}': 'describe' ended with exit code {ended.code}:\n{ended.log[-2000:]}")
        return told.decode(errors="replace")


class _Pipes:
    """What `DockerServer` speaks through, over a process's own pipes."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen: Any = popen

    def send(self, data: bytes) -> None:
        try:
            self._popen.stdin.write(data)
            self._popen.stdin.flush()
        except ValueError as error:  # hung up
            raise OSError(str(error)) from None

    def lines(self) -> Iterator[bytes]:
        return iter(lambda: self._popen.stdout.readline(1 << 20), b"")

    def hang_up(self) -> None:
        with suppress(OSError):
            self._popen.stdin.close()

    def close(self) -> None:
        self.hang_up()
        self._popen.stdout.close()


def _limited(memory: int) -> str:
    """A limit of each process's memory, as the launcher takes it; the rest of the cage is Apptainer's."""
    return json.dumps({"network": None, "writable": None, "memory": memory})


def _mount(place: str, folder: Path, only_read: bool) -> str:
    """Apptainer reads it as a line of CSV, so that a comma in a path needs quotes."""
    text = io.StringIO()
    words = ["type=bind", f"source={folder.resolve()}", f"destination={place}", *(["ro"] if only_read else [])]
    csv.writer(text, lineterminator="").writerow(words)
    return text.getvalue()


def _environment(inside: dict[str, str], lease: Lease) -> dict[str, str]:
    """Of apptainer itself, which hands on what starts with APPTAINERENV_, whatever signs are in it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "USER", "LD_LIBRARY_PATH") if name in os.environ}
    shown = {**inside, "CUDA_VISIBLE_DEVICES": ",".join(lease.gpus)}
    return {**kept, **{f"APPTAINERENV_{name}": value for name, value in shown.items()}}
