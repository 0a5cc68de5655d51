"""A small piece of work for a backend that is tried: data made here, one arm, two seeds, as specs of the run contract."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from seedwise.errors import InputError
from seedwise.notify import Notify
from seedwise.planning.plan import Plan, make_plan
from seedwise.project import MARKER, Project
from seedwise.study.model import Study, StudyRecipe
from seedwise.study.yamlfile import read_yaml, validated
from seedwise_contract import Description
from seedwise_contract.base import ContractModel
from seedwise_contract.files import sha256_file
from seedwise_contract.spec import Method

SETTINGS = "check.yaml"
_DATA = "seedwise-trial"
_ROWS = {"train": 64, "selection": 16, "test": 32}
_RECIPE: dict[str, Any] = {
    "optimizer": {
        "name": "adamw",
        "lr": 1e-3,
        "betas": [0.9, 0.999],
        "eps": 1e-8,
        "weight_decay": 0.0,
        "decay_on": "all",
    },
    "schedule": {"name": "linear", "warmup_ratio": 0.1},
    "clip_norm": 1.0,
    "epochs": 2,
    "batch_size": 8,
    "accumulation": 1,
    "precision": "fp32",
    "max_length": 24,
    "truncation": "longest_first",
    "dropout": {"hidden": 0.1, "attention": 0.1, "classifier": 0.1},
}


class TrialSettings(ContractModel):
    """`check.yaml` beside a backend: the arm that is tried on it."""

    model: str | None = Field(default=None, description="name of a model asset; null where the method has none")
    initialisation: Literal["pretrained", "random", "none"] = "none"
    method: Method
    recipe: StudyRecipe | None = Field(
        default_factory=lambda: StudyRecipe.model_validate_json(json.dumps(_RECIPE)),
        description="left out: 2 epochs at batch 8",
    )


@dataclass(frozen=True, slots=True)
class Trial:
    project: Project
    study: Study

    def plan(self, digest: str, say: Notify) -> Plan:
        return make_plan(self.study, self.project, {self.study.arms["tried"].backend: digest}, "cpu", say)


def settings_of(folder: Path | None, description: Description) -> TrialSettings:
    """What the backend's folder says in `check.yaml`; where it says nothing, the first method it offers, without parameters."""
    path = folder / SETTINGS if folder is not None else None
    if path is not None and path.is_file():
        return validated(TrialSettings, read_yaml(path), path)
    if not description.methods:
        raise InputError(f"backend {description.backend}: its description names no method")
    initialisation: Any = (
        "none" if "none" in description.initialisations else (description.initialisations or ["none"])[0]
    )
    if initialisation != "none":
        raise InputError(
            f"backend {description.backend}: wants a model: say which, and the method, in {SETTINGS} beside it, or by --settings"
        )
    return TrialSettings(method=Method(name=description.methods[0], parameters={}))


@contextmanager
def project_beside(project: Project, place: Path) -> Iterator[Project]:
    """A project in the folder `place` that has the backends and manifests of `project`, and the trial's data as well."""
    place.mkdir(parents=True, exist_ok=True)
    (place / MARKER).write_text("", encoding="utf-8")
    (place / "assets").mkdir()
    if project.own_backends is not None and project.own_backends.is_dir():
        (place / "backends").symlink_to(project.own_backends)
    for path in project.manifests.glob("*.yaml") if project.manifests.is_dir() else ():
        (place / "assets" / path.name).symlink_to(path)
    _write_data(place)
    yield Project(root=place, home=project.home, cache=project.cache, data_root=project.data_root)


def trial_of(project: Project, backend: str, settings: TrialSettings) -> Trial:
    arm = {"backend": backend, **settings.model_dump(mode="json")}
    study = validated(
        Study,
        {
            "version": 1,
            "name": "trial",
            "title": f"The run contract, tried on {backend}",
            "task": {"data": _DATA, "metric": "accuracy"},
            "seeds": [0, 1],
            "selection": {"rule": "best", "split": "selection", "metric": "accuracy"},
            "evaluation": {"every": "epoch", "batch_size": 16},
            "device": {"kind": "cpu", "threads": 1},
            "arms": {"tried": arm, "other": arm},
            "claims": [{"name": "none", "a": "tried", "b": "other", "statement": "none: this study is never decided"}],
        },
        Path(f"{backend}/{SETTINGS}"),
    )
    return Trial(project, study)


def _write_data(place: Path) -> None:
    """Sentences whose label can be learnt from their words, with some noise; the same on every machine."""
    generator = random.Random(20)
    files = {}
    for split, count in _ROWS.items():
        path = place / f"{split}.jsonl"
        lines = []
        for number in range(count):
            label = generator.choice(["good", "bad"])
            hints = ["fine", "lovely", "bright"] if label == "good" else ["dull", "awful", "grey"]
            words = [f"{generator.choice(['a', 'the', 'one'])} {generator.choice(['film', 'play', 'book'])}", "number"]
            words += [
                str(number),
                split,
                "that",
                "is",
                generator.choice(hints if generator.random() < 0.9 else ["long"]),
            ]
            lines.append(json.dumps({"text": " ".join(words), "label": label}) + "\n")
        path.write_text("".join(lines), encoding="utf-8")
        files[split] = path
    digests = "".join(f'  {path.name}: "{sha256_file(path)}"\n' for path in files.values())
    members = ", ".join(f"{path.name}: {path.name}" for path in files.values())
    (place / "assets" / f"{_DATA}.yaml").write_text(
        f"version: 1\nname: {_DATA}\nkind: data\ntitle: sentences made to try a backend\ncitation: none\nlicence: CC0\n"
        f"sources:\n  - type: project\n    members: {{{members}}}\nfiles:\n{digests}"
        "table:\n  files: {train: train.jsonl, selection: selection.jsonl, test: test.jsonl}\n  format: jsonl\n"
        "  columns: {text: text, text_pair: null, label: label, group: null}\n"
        "  labels: {bad: bad, good: good}\n  cut: null\n",
        encoding="utf-8",
    )
