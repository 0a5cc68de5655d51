"""Each parser of the product as a function of bytes: it may refuse them by the errors that are its own, and by no other.

A target is given the bytes and a folder of its own, and returns what it read, or None where it refused.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seedwise.assets.manifest import load_manifest
from seedwise.assets.records import read_records
from seedwise.bounded import parse_json, read_json
from seedwise.bundle.verify import verify
from seedwise.errors import SeedwiseError
from seedwise.images.definition import load_definition
from seedwise.project import Project
from seedwise.scores.readers.registry import read_file
from seedwise.store.ledger import read_ledger
from seedwise.study.load import load_study
from seedwise.study.yamlfile import read_yaml
from seedwise_contract import read_events, read_predictions
from seedwise_contract.data import read_split
from seedwise_contract.events import last_progress
from seedwise_contract.exits import BackendError
from seedwise_contract.files import sha256_file
from seedwise_contract.serve import Request
from seedwise_contract.spec import load_spec, parse_spec
from tests.conftest import STUDY, toy_manifest
from tests.contract.specs import SPEC

Target = Callable[[bytes, Path], Any]
ROWS = '{"id": "1", "text": "a film", "label": "bad"}\n{"id": "2", "text": "another", "label": "good"}\n'
TABLE = "arm,seed,score\n" + "".join(
    f"{arm},{seed},0.{seed}{n}\n" for n, arm in enumerate("ab") for seed in range(1, 7)
)
EVENTS = (
    '{"time":1.0,"event":"start","total_updates":2,"epochs":1,"resumed_at":null}\n'
    '{"time":2.0,"event":"step","update":1,"epoch":0.5,"loss":0.7,"lr":0.001,"grad_norm":null,"seconds":1.0}\n'
    '{"time":3.0,"event":"evaluation","split":"selection","epoch":1.0,"update":2,"metrics":{"accuracy":0.5},"display":false}\n'
    '{"time":4.0,"event":"end","status":"completed"}\n'
)
PREDICTIONS = '{"id":"1","label":0,"scores":[0.1,-0.1]}\n{"id":"2","label":1,"scores":[0.1,0.3]}\n'
IMAGES = "version: 1\nbases: {}\nbackends:\n  fake: {kind: command, command: [python, fakes/fake_backend.py]}\n"
REQUEST = '{"id": "a", "spec": "/out/a/spec.json", "out": "/out/a"}'
LEDGER = (
    '{"declaration": "abc", "time": "2026-01-01T00:00:00+00:00"}\n{"run": "def", "time": "2026-01-01T00:00:01+00:00"}\n'
)


def file(read: Callable[[Path], Any], name: str) -> Target:
    def target(data: bytes, folder: Path) -> Any:
        path = folder / name
        path.write_bytes(data)
        return read(path)

    return target


def split(data: bytes, folder: Path) -> Any:
    (folder / "toy").mkdir(exist_ok=True)
    path = folder / "toy" / "train.jsonl"
    path.write_bytes(data)
    spec = parse_spec(json.dumps(SPEC), "spec")
    declared = spec.task.splits["train"].model_copy(update={"sha256": sha256_file(path), "rows": 2})
    task = spec.task.model_copy(update={"splits": {**spec.task.splits, "train": declared}})
    return read_split(task, "train", folder)  # type: ignore[arg-type]


def images(data: bytes, folder: Path) -> Any:
    (folder / "docker").mkdir(exist_ok=True)
    (folder / "docker" / "images.yaml").write_bytes(data)
    return load_definition(Project(folder, folder, folder, None))


def request(data: bytes, folder: Path) -> Any:
    value = parse_json(data)
    return Request.of(value) if isinstance(value, dict) else None


def ledger(data: bytes, folder: Path) -> Any:
    (folder / ".declarations.jsonl").write_bytes(data)
    return read_ledger(folder)


def rows(form: str) -> Callable[[Path], Any]:
    return lambda path: list(read_records(path, form))


def evaluation_log(data: bytes, folder: Path) -> Any:
    """`data` as a sample in a log of inspect_ai, which is a ZIP."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("header.json", '{"eval": {"model": "m", "task": "t"}}')
        archive.writestr("samples/1.json", data)
    (folder / "log.eval").write_bytes(packed.getvalue())
    return read_file(folder / "log.eval")


SAMPLE = '{"id": 1, "epoch": 1, "input": "q", "target": "a", "scores": {"match": {"value": 1.0}}}'
TRAINER = '{"log_history": [{"epoch": 1.0, "step": 5, "eval_accuracy": 0.5, "eval_loss": NaN}], "global_step": 5}'
# Name → the parser, and bytes that it reads, from which the draws begin.
TARGETS: dict[str, tuple[Target, bytes]] = {
    "yaml": (file(read_yaml, "any.yaml"), b"a: {b: [1, 2.5, x, null]}\nc: &c text\nd: *c\n"),
    "study": (file(load_study, "study.yaml"), STUDY.encode()),
    "manifest": (file(load_manifest, "toy.yaml"), toy_manifest(ROWS).encode()),
    "images": (images, IMAGES.encode()),
    "json": (file(read_json, "any.json"), b'{"a": [1, 2.5, "x", null, true]}'),
    "spec": (file(load_spec, "spec.json"), json.dumps(SPEC).encode()),
    "split": (split, ROWS.encode()),
    "jsonl rows": (file(rows("jsonl"), "rows.jsonl"), ROWS.encode()),
    "csv rows": (file(rows("csv"), "rows.csv"), TABLE.encode()),
    "tsv rows": (file(rows("tsv"), "rows.tsv"), TABLE.replace(",", "\t").encode()),
    "events": (file(read_events, "events.jsonl"), EVENTS.encode()),
    "progress": (file(last_progress, "events.jsonl"), EVENTS.encode()),
    "predictions": (file(lambda path: list(read_predictions(path)), "predictions.jsonl"), PREDICTIONS.encode()),
    "request": (request, REQUEST.encode()),
    "ledger": (ledger, LEDGER.encode()),
    "csv scores": (file(read_file, "scores.csv"), TABLE.encode()),
    "tsv scores": (file(read_file, "scores.tsv"), TABLE.replace(",", "\t").encode()),
    "json scores": (file(read_file, "scores.json"), json.dumps([{"arm": "a", "seed": 1, "score": 0.5}]).encode()),
    "jsonl scores": (file(read_file, "scores.jsonl"), b'{"arm": "a", "seed": 1, "score": 0.5}\n' * 3),
    "trainer state": (file(read_file, "trainer_state.json"), TRAINER.encode()),
    "evaluation log": (evaluation_log, SAMPLE.encode()),
}
# What a target may raise: our own errors, and ValueError with a message from those whose callers make one of it.
OWN = (SeedwiseError, BackendError)
CALLERS = {"events": ValueError, "predictions": ValueError, "request": ValueError, "split": ValueError}


def bundle(data: bytes, folder: Path) -> Any:
    (folder / "evidence.zip").write_bytes(data)
    return verify(folder / "evidence.zip")


def tried(name: str, data: bytes, folder: Path) -> None:
    """Raises what the parser must not: an error of another kind than its own."""
    target = bundle if name == "bundle" else TARGETS[name][0]
    said = None
    try:
        target(data, folder)
    except OWN as error:
        said = str(error)
    except CALLERS.get(name, ()) as error:
        said = str(error)
    assert said is None or (said.strip() and len(said) < 20_000), (
        f"an error without a word, or of many pages: {said!r:.200}"
    )
