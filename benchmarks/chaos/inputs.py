"""Bad inputs: one file of a project, or an option, that is not what it should be, and the commands that read it."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.chaos.case import BENCH, BUNDLE, STUDY, call, left_over, rough_words
from benchmarks.chaos.command import DidNotEnd
from benchmarks.chaos.odd import EXECUTED, NEEDLE
from benchmarks.chaos.odd_calls import odd_calls
from benchmarks.chaos.odd_files import odd_files
from tests.conftest import Small, small_project

_OURS = range(10)  # exit codes of the suite's own errors, and pytest's


def spoilt(data: bytes, draw: random.Random) -> bytes:
    """`data` with one fault of a kind that files have."""
    at = draw.randrange(max(1, len(data)))
    deep, digits = b"[" * 2000, b"9" * 5000
    return draw.choice(
        [
            data[:at], b"", data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :], data[:at] + deep + data[at:],
            data[:at] + digits + data[at:], data.replace(b": ", b": !!python/object ", 1), data + b"\0", b"\xff\xfe" + data,
            data[:at] + "\x1b]0;x\x07\u009b".encode() + data[at:], data + data, data.replace(b"\n", b"\n\t", 3), b"[]", b"null", b"{}",
            data[:at] + b"../../../etc/passwd" + data[at:], data[:at] + b"&a [*a, *a]" + data[at:], data[:at] + b"NaN" + data[at:],
        ]
    )  # fmt: skip


def spoil(path: Path, draw: random.Random, secret: Path) -> str:
    """Put something in the place of a file; what it was."""
    kind = draw.choice(["spoilt"] * 8 + ["a link", "a FIFO", "a folder", "nothing", "a huge file"])
    data = path.read_bytes()
    path.unlink()
    if kind == "spoilt":
        path.write_bytes(spoilt(data, draw))
    elif kind == "a link":
        path.symlink_to(secret)
    elif kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    elif kind == "a huge file":
        with open(path, "wb") as file:
            file.truncate(1 << 40)
    return kind


def _a_file(folder: Path, draw: random.Random) -> Path:
    return draw.choice(sorted(path for path in folder.rglob("*") if path.is_file()))


KINDS = {
    "study": 4, "manifest": 3, "images.yaml": 2, "data file": 3, "cache": 3, "bundle": 3, "scores": 4, "spec": 3,
    "run folder": 5, "ledger": 1, "report": 1, "MLflow's database": 2, "setting": 3,
}  # fmt: skip


ODD = {f"{odd.kind}: {odd.name}": odd for odd in (*odd_files(), *odd_calls())}


class Inputs:
    """Draws inputs on copies of one finished project."""

    def __init__(self, place: Path, shelf: Small, known: Callable[[], frozenset[int]]) -> None:
        """`shelf`: a project of the same study whose runs are done; `known`: processes that belong here."""
        self._place = place
        self._known = known
        self._small = small_project(place / "inputs")
        self._small.edit("seeds: 4", "seeds: 3")
        for done, here in (
            (shelf.project.runs, self._small.project.runs),
            (shelf.project.cache, self._small.project.cache),
        ):
            shutil.copytree(done, here, symlinks=True)
        (place / "inputs" / "tmp").mkdir()
        self._small.environment["TMPDIR"] = str(place / "inputs" / "tmp")
        root = self._small.project.root
        assert call(self._small, BENCH).returncode == 0
        assert call(self._small, BUNDLE).returncode == 0
        rows = [
            {"arm": arm, "seed": seed, "score": 0.5 + seed / 100 + n} for n, arm in enumerate("ab") for seed in range(6)
        ]
        table = "arm,seed,score\n" + "".join(",".join(map(str, row.values())) + "\n" for row in rows)
        (root / "scores.csv").write_text(table)
        (root / "scores.json").write_text(json.dumps(rows))
        (root / "scores.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        with gzip.open(root / "scores.csv.gz", "wt") as packed:
            packed.write(table)
        shutil.copy(self._small.runs()[0] / "spec.json", root / "spec.json")
        (place / "inputs").rename(place / "inputs-shelf")

    def one(self, kind: str, draw: random.Random) -> str | None:
        """What was wrong with a case of `kind`, or None."""
        with self._copied() as small:
            path, commands = self._kinds(draw)[kind]
            more: dict[str, str] = {}
            if kind == "setting":
                name, value = draw.choice(_SETTINGS)
                more, what = {name: value.replace("FILE", str(small.study))}, f"{name}={value[:40]}"
            else:
                if kind == "data file":
                    shutil.rmtree(small.project.cache, ignore_errors=True)
                what = f"{path.name}, {spoil(path, draw, self._place / 'secret')}"
            # A link in the place of the user's own file is the user's: what it leads to may be read.
            own = what.endswith("a link") and small.project.root in path.parents
            return self._problem([(*command,) for command in commands], what, more, trusted=own)

    def odd(self, name: str) -> str | None:
        """What was wrong with the odd input of that name, or None."""
        case = ODD[name]
        with self._copied() as small:
            more = dict(case.arrange(small) or {})
            # A model's folder and a study are the user's own, and may have links in them.
            return self._problem(case.commands, name, more, trusted=case.kind == "model", refused=case.refused)

    @contextmanager
    def _copied(self) -> Iterator[Small]:
        """The finished project, anew."""
        shutil.copytree(self._place / "inputs-shelf", self._place / "inputs", symlinks=True)
        (self._place / "secret").write_text(f'{{"{NEEDLE}": "{NEEDLE}"}}\n')
        try:
            yield self._small
        finally:
            shutil.rmtree(self._place / "inputs", ignore_errors=True)

    def _kinds(self, draw: random.Random) -> dict[str, tuple[Path, list[list[str]]]]:
        """Kind → the file that is spoilt, and the commands that read it."""
        small = self._small
        root, home = small.project.root, small.project.home
        run = draw.choice(small.runs())
        scores = draw.choice(["scores.csv", "scores.json", "scores.jsonl", "scores.csv.gz"])
        everything = ["report", STUDY], ["track", "--rebuild", STUDY], ["bundle", STUDY, "--out", "new.zip"]
        assert small.project.data_root is not None
        return {
            "study": (small.study, [["plan", STUDY], ["report", STUDY, "--format", "md"]]),
            "manifest": (root / "benchmarks" / "assets" / "toy.yaml", [["plan", STUDY]]),
            "images.yaml": (root / "docker" / "images.yaml", [["plan", STUDY]]),
            "data file": (small.project.data_root / "toy.jsonl", [["plan", STUDY]]),
            "cache": (_a_file(small.project.cache, draw), [["plan", STUDY]]),
            "bundle": (root / "evidence.zip", [["verify", "evidence.zip"]]),
            "scores": (root / scores, [["compare", scores]]),
            "spec": (root / "spec.json", [["run", "spec.json", "--out", "out"]]),
            "run folder": (_a_file(run, draw), list(everything)),
            "ledger": (small.project.runs / ".declarations" / "00000000.json", [["report", STUDY]]),
            "report": (_a_file(small.project.reports, draw), [["report", STUDY]]),
            "MLflow's database": (small.project.mlflow / "mlflow.db", [["track", STUDY]]),
            "setting": (home, [["plan", STUDY], ["doctor"], ["track", STUDY]]),
        }

    def _problem(
        self,
        commands: Iterable[tuple[str, ...]],
        what: str,
        more: dict[str, str],
        *,
        trusted: bool,
        refused: bool = False,
    ) -> str | None:
        """What was wrong with what `commands` did; `trusted`: what is read outside is the user's own affair."""
        root = self._small.project.root
        for command in commands:
            at = f"{what}: {command[0]}"
            try:
                answer = call(self._small, ["-m", "seedwise", *command], **more)
            except DidNotEnd as error:
                return f"{at}: {error}"
            text = answer.text
            if answer.returncode not in _OURS or rough_words(text) or "Aborted" in text:
                return f"{at}: exit code {answer.returncode}: {text.strip()[-900:]}"
            if answer.returncode and not answer.text.strip():
                return f"{at}: exit code {answer.returncode} without a word"
            if refused and not answer.returncode:
                return f"{at}: accepted: {text.strip()[-300:]}"
            if "\x1b" in text or "\x9b" in text:
                return f"{at}: a control sequence"
            if not trusted and (NEEDLE in text or self._needle_in_files()):
                return f"{at}: a file outside was read, or a secret printed"
            if any((place / EXECUTED).exists() for place in (root, root.parent, self._place)):
                return f"{at}: something of the input was executed"
            places = [place for place in (root, self._small.project.home, self._small.project.cache) if place.is_dir()]
            half = [
                path
                for place in places
                for path in place.rglob("*")
                if path.suffix == ".tmp" or path.parent.name == ".staging"
            ]
            if half:
                return f"{at}: left half made: {half[0]}"
        return left_over(self._small, self._known())

    def _needle_in_files(self) -> bool:
        written = [*self._small.project.reports.rglob("*"), *(self._small.project.mlflow / "artifacts").rglob("*")]
        return any(NEEDLE.encode() in path.read_bytes() for path in written if path.is_file() and not path.is_symlink())


_SETTINGS = [
    *((name, value) for name in ("SEEDWISE_HOME", "SEEDWISE_CACHE") for value in ("FILE", "FILE/below", "/proc/x", "x" * 300, "/sys/y")),
    ("SEEDWISE_DATA", "FILE"),
    ("SEEDWISE_RUNTIME", "podman?"),
    ("SEEDWISE_DEVICE", "tpu"),
    *(
        ("MLFLOW_TRACKING_URI", value)
        for value in (
            f"http://u:{NEEDLE}@127.0.0.1:1", f"http://u:{NEEDLE}@[", f"postgresql://u:{NEEDLE}@127.0.0.1:1/x", "http://h:port", "sqlite://",
            f"https://127.0.0.1:1/?token={NEEDLE}", "file:///proc/x", "nonsense", "databricks",
        )
    ),
    ("DOCKER_HOST", f"tcp://u:{NEEDLE}@127.0.0.1:x"),
    ("DOCKER_HOST", "nonsense"),
]  # fmt: skip
