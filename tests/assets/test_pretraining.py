"""Pretraining files, the models that they make, and studies that name those."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from seedwise.assets.places import models_root
from seedwise.assets.prepare import prepare_data, prepare_model
from seedwise.assets.pretraining import keep, load_pretraining, made_model
from seedwise.errors import AssetError, InputError
from seedwise.execution.pretrain import spec_of
from seedwise.study.load import load_studies
from seedwise_contract.spec import CausalLmTask, MaskedLmTask, PromptColumns, TextColumns
from tests.backends.conftest import backend_python
from tests.conftest import ROOT, Small

Notify = Callable[[str], None]
NAME = "stand-in"
PRETRAINING = """
version: 1
name: stand-in
title: A stand-in
task:
  data: novel
  rows: {train: 60, selection: 8, test: 8}
  masking: {probability: 0.2, keep: 0.1, random: 0.1}
architecture: {layers: 1, hidden: 16, feed_forward: 16, heads: 2, positions: 32}
vocabulary: {size: 30, rows: null}
recipe:
  optimizer: {name: adamw, lr: 1e-3, betas: [0.9, 0.98], eps: 1e-6, weight_decay: 0.01, decay_on: matrices}
  schedule: {name: polynomial, warmup_updates: 5}
  clip_norm: 1.0
  epochs: 2
  batch_size: 8
  accumulation: 1
  precision: fp32
  max_length: 32
  truncation: only_first
  dropout: {hidden: 0.0, attention: 0.0, classifier: 0.0}
seed: 0
selection: {rule: best, split: selection, metric: loss}
evaluation: {every: epoch, batch_size: 16}
device: {kind: cpu, threads: 1}
minutes: 1
"""


@pytest.fixture
def file(small: Small) -> Path:
    """The small project with a novel and a file that makes a model of it."""
    assert small.project.data_root is not None
    generator = random.Random(3)
    lines = [" ".join(f"w{generator.randrange(30)}" for _ in range(generator.randrange(1, 40))) for _ in range(80)]
    text = "\n".join(lines) + "\n"
    (small.project.data_root / "novel.txt").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    assets = small.project.root / "benchmarks" / "assets"
    (assets / "novel.yaml").write_text(
        "version: 1\nname: novel\nkind: data\ntitle: a novel\ncitation: none\nlicence: none\n"
        "sources:\n  - {type: local, members: {novel.txt: novel.txt}}\n"
        f'files: {{novel.txt: "{digest}"}}\n'
        "text: {file: novel.txt, words: 12, cut: {test: 0.15, selection: 0.15}}\n"
    )
    path = small.project.root / "benchmarks" / "pretraining" / f"{NAME}.yaml"
    path.parent.mkdir()
    path.write_text(PRETRAINING)
    return path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def make(small: Small, file: Path) -> None:
    """What a finished run would have left, without the run."""
    checkpoint = small.project.home / "checkpoint"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.pt").write_text("weights")
    keep(load_pretraining(file), small.project, checkpoint, "run", "image", 12.5)


def test_a_corpus_is_cut_into_rows_of_equal_numbers_of_words(small: Small, file: Path, no_say: Notify) -> None:
    data = prepare_data("novel", None, small.project, no_say)
    assert isinstance(data.columns, TextColumns)
    root = small.project.cache / "data"
    rows = [
        json.loads(line)
        for split in data.splits.values()
        for line in (root / split.file).read_text().splitlines()
    ]  # fmt: skip
    assert {len(row["text"].split()) for row in rows} == {12}
    assert len({row["id"] for row in rows}) == len(rows)
    assert small.project.data_root is not None
    words = (small.project.data_root / "novel.txt").read_text().split()
    assert len(rows) == len(words) // 12
    assert sorted(word for row in rows for word in row["text"].split()) == sorted(words[: len(rows) * 12])


def test_prompts_and_answers_are_read_and_cut(small: Small, no_say: Notify) -> None:
    assert small.project.data_root is not None
    text = json.dumps([{"q": f"why {n}?", "a": f"because of {n}"} for n in range(40)])
    (small.project.data_root / "faq.json").write_text(text)
    manifest = (
        "version: 1\nname: faq\nkind: data\ntitle: faq\ncitation: none\nlicence: none\n"
        "sources:\n  - {type: local, members: {faq.json: faq.json}}\n"
        f'files: {{faq.json: "{hashlib.sha256(text.encode()).hexdigest()}"}}\n'
        "dialogue: {file: faq.json, columns: {prompt: q, answer: a}, cut: {test: 0.3, selection: 0.2}}\n"
    )
    path = small.project.root / "benchmarks/assets/faq.yaml"
    path.write_text(manifest)
    data = prepare_data("faq", None, small.project, no_say)
    assert isinstance(data.columns, PromptColumns)
    assert sum(split.rows for split in data.splits.values()) == 40
    first = json.loads((small.project.cache / "data" / data.splits["train"].file).read_text().splitlines()[0])
    assert first["answer"] == first["prompt"].replace("why", "because of").rstrip("?")
    path.write_text(manifest.replace("answer: a", "answer: b"))
    with pytest.raises(AssetError, match=r"faq\.json, row 1: b is None"):
        prepare_data("faq", None, small.project, no_say)


def test_the_spec_of_a_pretraining(small: Small, file: Path, no_say: Notify) -> None:
    pretraining = load_pretraining(file)
    spec = spec_of(pretraining, small.project, "cpu", no_say)
    assert isinstance(spec.task, MaskedLmTask)
    assert spec.total_updates == 16
    assert spec.initialisation == "random"
    assert spec.model is not None
    sizes = json.loads((models_root(small.project) / spec.model.path / "architecture.json").read_text())
    assert sizes["encoder_layers"] == 1
    assert sizes["vocabulary"] == {"size": 30, "rows": None}
    assert spec_of(pretraining, small.project, "cpu", no_say) == spec


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: stand-in", "name: other", "it must be stand-in, as the file is called"),
        ("heads: 2", "heads: 3", ":9: architecture: found .*hidden must be a multiple of heads"),
        ("max_length: 32", "max_length: 33", "more than the 32 architecture.positions"),
        ("rows: null}", "rows: 61}", "vocabulary.rows is more than the 60 of task.rows.train"),
        ("metric: loss", "metric: accuracy", "selection.metric is 'loss' here"),
        ("vocabulary: {size: 30, rows: null}", "", "vocabulary: found nothing; this field is required"),
        ("size: 30", "size: 4", r":10: vocabulary\.size: found 4"),
        ("seed: 0", "sead: 0", r":\d+: sead: found 0; no field of this name"),
    ],
)
def test_a_faulty_file_is_refused_with_its_line(file: Path, old: str, new: str, said: str) -> None:
    edit(file, old, new)
    with pytest.raises(InputError, match=said):
        load_pretraining(file)


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        ("train: 60", "train: 600", AssetError, r"600 rows of split 'train' are wanted.*lower task\.rows\.train"),
        ("data: novel", "data: toy", InputError, "data set toy is no running text"),
        ("warmup_updates: 5", "warmup_updates: -5", InputError, "warmup_updates: found -5"),
    ],
)
def test_what_the_data_cannot_give_is_refused(
    small: Small, file: Path, no_say: Notify, old: str, new: str, error: type[Exception], said: str
) -> None:
    edit(file, old, new)
    with pytest.raises(error, match=said):
        spec_of(load_pretraining(file), small.project, "cpu", no_say)


def test_a_made_model_is_used_by_name_and_a_missing_one_says_how(small: Small, file: Path, no_say: Notify) -> None:
    with pytest.raises(
        AssetError, match=r"made by 'seedwise pretrain .*stand-in\.yaml' \(about 1 minutes .*run it first"
    ):
        prepare_model(NAME, small.project, no_say)
    make(small, file)
    model = prepare_model(NAME, small.project, no_say)
    assert (models_root(small.project) / model.path / "model.pt").read_text() == "weights"
    assert model.name == NAME
    edit(file, "title: A stand-in", "title: Another title")
    assert prepare_model(NAME, small.project, no_say) == model
    edit(file, "lr: 1e-3", "lr: 2e-3")
    assert made_model(load_pretraining(file), small.project) is None
    with pytest.raises(AssetError, match="run it first"):
        prepare_model(NAME, small.project, no_say)


def test_a_causal_pretraining_begins_from_sizes_and_a_wish_for_a_vocabulary(
    small: Small, file: Path, no_say: Notify
) -> None:
    edit(file, "  masking: {probability: 0.2, keep: 0.1, random: 0.1}\n", "backend: hf\n")
    edit(file, "size: 30", "size: 300")
    spec = spec_of(load_pretraining(file), small.project, "cpu", no_say)
    assert isinstance(spec.task, CausalLmTask)
    assert (spec.task.columns.prompt, spec.task.columns.answer, spec.backend) == (None, "text", "hf")
    assert spec.model is not None
    folder = models_root(small.project) / spec.model.path
    assert json.loads((folder / "vocabulary.json").read_text()) == {"size": 300, "rows": None}
    config = json.loads((folder / "config.json").read_text())
    assert (config["model_type"], config["vocab_size"], config["n_inner"]) == ("gpt2", 300, 16)
    edit(file, "backend: hf\n", "")
    edit(file, "size: 300", "size: 256")
    with pytest.raises(InputError) as caught:
        load_pretraining(file)
    assert "backend is hf where the task is a causal language model" in str(caught.value)
    assert "vocabulary.size is more than 256 here" in str(caught.value)


def test_a_study_of_texts_without_labels_is_refused(small: Small, file: Path) -> None:
    small.edit("data: toy", "data: novel")
    small.edit("rows: {train: 60, selection: 20, test: 40}", "rows: null")
    planned = small.seedwise("plan", str(small.study))
    assert planned.returncode == 2
    assert "task.data: data set novel has running text" in planned.stderr


def test_pretraining_files_are_not_taken_for_studies(small: Small, file: Path) -> None:
    collected = small.pytest("benchmarks", "--collect-only", "-q")
    assert collected.returncode == 0, collected.stdout
    assert NAME not in collected.stdout


def test_the_suites_own_files_are_sound() -> None:
    for path in sorted((ROOT / "benchmarks").glob("**/pretraining/*.yaml")):
        assert load_pretraining(path).name.startswith("stand-in-")
    for path in sorted((ROOT / "benchmarks" / "lab").glob("*.yaml")):
        assert load_studies(path)[-1].study.arms


@pytest.mark.minutes
def test_from_a_file_to_a_study_that_names_its_model(small: Small, file: Path) -> None:
    """With the real backend: refused before, made by one run, found again, fine-tuned."""
    python = backend_python("fairseq")
    paths = os.pathsep.join(str(ROOT / "backends" / name / "src") for name in ("contract", "fairseq"))
    (small.project.root / "fakes" / "fairseq.py").write_text(
        f"import os, sys\nos.environ['PYTHONPATH'] = {paths!r}\n"
        f"os.execv({python!r}, [{python!r}, '-m', 'seedwise_fairseq', *sys.argv[1:]])\n"
    )
    images = small.project.root / "docker" / "images.yaml"
    images.write_text(images.read_text() + "  fairseq: {kind: command, command: [python, fakes/fairseq.py]}\n")
    small.edit("backend: fake\n  model: null\n  initialisation: none", f"backend: fairseq\n  model: {NAME}")
    small.edit("quick: {method: {name: perceptron, parameters: {rate: 1.0}}}", "quick: {initialisation: pretrained}")
    small.edit("frozen: {method: {name: perceptron, parameters: {rate: 0.0}}}", "frozen: {initialisation: random}")
    small.edit("defaults:", "defaults:\n  method: {name: full, parameters: {}}")
    small.edit("seeds: 4", "seeds: 1")
    before = small.seedwise("plan", str(small.study))
    assert before.returncode == 3
    assert "run it first" in before.stderr
    edit(file, "size: 30", "size: 60")
    large = small.seedwise("pretrain", str(file), timeout=300)
    assert large.returncode == 3
    assert "a vocabulary of 60 cannot be learnt" in large.stderr
    edit(file, "size: 60", "size: 30")
    made = small.seedwise("pretrain", str(file), timeout=300)
    assert made.returncode == 0, made.stderr
    assert "model stand-in, a stand-in pretrained here: perplexity" in made.stdout
    again = small.seedwise("pretrain", str(file), timeout=20)
    assert again.stdout == made.stdout
    ran = small.pytest(str(small.study), "--no-record", timeout=300)
    assert ran.returncode == 0, ran.stdout
    used = {json.loads((run / "spec.json").read_text())["model"]["name"] for run in small.runs()}
    assert used == {NAME}
