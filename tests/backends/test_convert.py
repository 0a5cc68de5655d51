"""Conversion of model folders: bit for bit both ways, the same tokens and numbers in both frameworks, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedwise_contract import ExitCode
from tests.backends.conftest import BackendPython
from tests.backends.workplace import INSIDE, ROOT, call

pytestmark = [pytest.mark.minutes, pytest.mark.docker]

TEXTS = ["fine w3 so lovely", "grey  été 漢字 w7 <s> x", "cœur ☃☃ dull", "  so so  ", "w1 w2 ﬁne ½", "[MASK] <mask>"]
PUBLISHED = ("bpe", "unigram")


class Models:
    """Tiny models of each kind below a folder, and the verbs by which they are converted and asked."""

    def __init__(self, folder: Path, hf_python: str) -> None:
        self.folder = folder
        self.hf_python = hf_python
        self.fairseq = BackendPython("fairseq")

    def hf(self, *words: str, text: str | None = None) -> None:
        ran = call([self.hf_python, *words], "hf", text=text)
        assert ran.returncode == 0, ran.stderr

    def inside(self, *words: str) -> str:
        ran = self.fairseq(*words)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()[-1] if ran.stdout else ""

    def convert(self, *jobs: tuple[str, str, str]) -> dict[str, Any]:
        """Exit code and words of each (name, model, to); `name` is the folder that is written."""
        told = self.inside(str(INSIDE / "many_converts.py"), str(self.folder), str(self.folder), json.dumps(jobs))
        return json.loads(told)

    def states(self, backend: str, model: str) -> dict[str, Any]:
        """What the verb `states` gives on TEXTS, as lists."""
        out = Path(tempfile.mkdtemp(dir=self.folder, prefix="states-"))
        # Written out in a text, a special token is one to transformers' unigram models, and characters to SentencePiece.
        texts = [text for text in TEXTS if "unigram" not in model or "<" not in text]
        request = {"model": model, "texts": texts, "max_length": 24, "masked_texts": len(texts)}
        (out / "spec.json").write_text(json.dumps(request))
        words = ["-m", f"seedwise_{backend}", "states", str(out / "spec.json"), "--models", str(self.folder)]
        words += ["--out", str(out)]
        if backend == "hf":
            self.hf(*words)
        else:
            self.inside(*words)
        with np.load(out / "states.npz") as found:
            return {name: found[name] for name in found.files}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, hf_python: str) -> Models:
    folder = tmp_path_factory.mktemp("convert")
    models = Models(folder, hf_python)
    models.hf(str(INSIDE / "make_models.py"), str(folder))
    models.hf(str(INSIDE / "make_roberta.py"), str(folder / "byte"))
    for kind in PUBLISHED:
        models.inside(str(INSIDE / "make_published.py"), str(folder / kind), kind)
    there = [(f"{kind}-hf", kind, "hf") for kind in PUBLISHED]
    there += [("bert-hf", "bert", "hf"), ("bert-fairseq", "bert", "fairseq"), ("byte-fairseq", "byte", "fairseq")]
    back = [(f"{kind}-back", f"{kind}-hf/model", "fairseq") for kind in PUBLISHED]
    back += [("bert-both", "bert-fairseq/model", "hf"), ("byte-back", "byte-fairseq/model", "hf")]
    told = models.convert(*there, *back)
    assert {name: code for name, (code, _) in told.items()} == dict.fromkeys(told, 0), told
    return models


@pytest.mark.parametrize("kind", PUBLISHED)
def test_fairseq_to_hf_and_back_is_the_same_bit_for_bit(models: Models, kind: str) -> None:
    """Negative zeros, the two empty position rows and the head for masked tokens included."""
    paths = [models.folder / kind / "model.pt", models.folder / f"{kind}-back" / "model" / "model.pt"]
    assert json.loads(models.inside(str(INSIDE / "same_tensors.py"), *map(str, paths))) == []
    for name in ("dict.txt", "sentencepiece.bpe.model"):
        assert (models.folder / f"{kind}-back" / "model" / name).read_bytes() == (
            models.folder / kind / name
        ).read_bytes()


def largest(one: Any, other: Any) -> float:
    assert one.shape == other.shape
    return float(abs(one - other).max())


@pytest.mark.parametrize("kind", PUBLISHED)
def test_both_frameworks_give_the_same_tokens_and_numbers(models: Models, kind: str) -> None:
    source, made = models.states("fairseq", kind), models.states("hf", f"{kind}-hf/model")
    words = source["masked"].shape[1]
    told = json.loads((models.folder / f"{kind}-hf" / "converted.json").read_text())
    assert "2 pieces that dict.txt lacks" in told["notes"][0]
    assert made["masked"].shape[1] == words + 2, "pieces that the dictionary lacks have rows of their own"
    made["ids"][made["ids"] >= words] = 3
    assert made["ids"].tolist() == source["ids"].tolist()
    assert 3 in source["ids"], "unknown characters are among the texts"
    for name in ("hidden", "logits"):
        assert largest(source[name], made[name]) < 1e-4
    assert largest(source["masked"], made["masked"][:, :words]) < 1e-4


@pytest.mark.parametrize(
    ("source", "made", "backend"),
    [
        ("bert-hf/compare", "bert-hf/model", "hf"),
        ("bert-fairseq/compare", "bert-fairseq/model", "fairseq"),
        ("bert-hf/model", "bert-both/model", "hf"),
        ("byte", "byte-fairseq/model", "fairseq"),
    ],
)
def test_a_transformers_model_gives_the_same_numbers(models: Models, source: str, made: str, backend: str) -> None:
    one, other = models.states("hf", source), models.states(backend, made)
    assert one["lengths"].tolist() == other["lengths"].tolist()
    for name in ("hidden", "logits"):
        assert largest(one[name], other[name]) < 1e-4


def test_the_frameworks_read_what_was_written(models: Models) -> None:
    """fairseq by `from_pretrained`, transformers by its Auto classes: nothing of ours in between."""
    answers = []
    for framework, folder in (("fairseq", "bpe-back/model"), ("hf", "bpe-hf/model")):
        out = models.folder / f"masked-{framework}.json"
        words = [str(INSIDE / "masked_states.py"), framework, str(models.folder / folder), str(out)]
        if framework == "hf":
            models.hf(*words, text=json.dumps(TEXTS))
        else:
            models.inside(*words, json.dumps(TEXTS))
        answers.append(json.loads(out.read_text()))
    for one, other in zip(*answers, strict=True):
        assert one["ids"] == [number if number < len(one["logits"][0]) else 3 for number in other["ids"]]
        for a, b in zip(one["logits"], other["logits"], strict=True):
            assert max(abs(x - y) for x, y in zip(a, b[: len(a)], strict=True)) < 1e-4


def test_what_cannot_be_converted_is_said(models: Models) -> None:
    folder = models.folder
    broken = ("shorter", "resized", "torn", "pieceless", "evil")
    for name in broken:
        shutil.copytree(folder / "bpe", folder / name)
    symbols = (folder / "shorter" / "dict.txt").read_text().splitlines()
    (folder / "shorter" / "dict.txt").write_text("\n".join(symbols[:-1]) + "\n")
    sizes = {"encoder_layers": 2, "encoder_embed_dim": 32, "encoder_ffn_embed_dim": 32, "encoder_attention_heads": 2}
    (folder / "resized" / "architecture.json").write_text(json.dumps({**sizes, "max_positions": 64}))
    (folder / "torn" / "model.pt").write_bytes((folder / "bpe" / "model.pt").read_bytes()[:5000])
    (folder / "pieceless" / "sentencepiece.bpe.model").write_bytes(b"no such thing")
    evil = "import torch, os, sys; torch.save({'model': {}, 'args': os.getcwd}, sys.argv[1])"
    models.inside("-c", evil, str(folder / "evil" / "model.pt"))
    for name, change in {"beyond": {"vocab_size": 40}, "deeper": {"num_hidden_layers": 3}}.items():
        shutil.copytree(folder / "bert", folder / name)
        config = json.loads((folder / name / "config.json").read_text())
        (folder / name / "config.json").write_text(json.dumps({**config, **change}))
    expected = {
        ("shorter", "hf"): "they do not belong together",
        ("resized", "hf"): "architecture.json says",
        ("torn", "hf"): "cannot be read",
        ("pieceless", "hf"): "sentencepiece.bpe.model: the SentencePiece model cannot be read",
        ("evil", "hf"): "asks for posix.getcwd",
        ("beyond", "hf"): "tokens beyond the vocabulary of 40",
        ("deeper", "hf"): "lacks 16 encoder weights",
        ("distilbert", "hf"): "model_type: found 'distilbert'",
        ("byte", "hf"): "is a transformers RoBERTa already",
        ("bpe", "fairseq"): "is a fairseq folder already",
        ("nowhere", "hf"): "no such folder",
    }
    told = models.convert(*((f"bad-{name}", name, to) for name, to in expected))
    for (name, _), said in expected.items():
        code, text = told[f"bad-{name}"]
        assert code == ExitCode.BAD_DATA, (name, text)
        assert said in text, text
        assert not (folder / f"bad-{name}" / "converted.json").exists()


@pytest.fixture
def project(tmp_path: Path, models: Models, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose backends are this checkout's, by the Pythons of their environments."""
    root = tmp_path / "project"
    (root / "docker").mkdir(parents=True)
    shutil.copy(INSIDE / "become.py", root / "become.py")
    lines = [
        f"  {name}: {{kind: command, command: [python, become.py, {name}, {python}, {ROOT}]}}"
        for name, python in (("hf", models.hf_python), ("fairseq", models.fairseq.path))
    ]
    (root / "docker" / "images.yaml").write_text("\n".join(["version: 1", "bases: {}", "backends:", *lines]) + "\n")
    for name in ("HOME", "CACHE"):
        monkeypatch.setenv(f"SEEDWISE_{name}", str(tmp_path / name.lower()))
    return root


def seedwise(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "seedwise", *words]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=600)


def test_the_command_proves_and_then_writes(project: Path, models: Models) -> None:
    texts = project / "texts.txt"
    texts.write_text("\n".join(TEXTS) + "\n")
    words = ["convert", str(models.folder / "bpe"), "--to", "hf", "--texts", str(texts), "--out", "made/here"]
    told = seedwise(project, *words)
    assert told.returncode == 0, told.stderr
    assert "PASS" in told.stdout
    assert "masked words   largest difference" in told.stdout
    assert {path.name for path in (project / "made").iterdir()} == {"here"}, "nothing temporary is left"
    assert (project / "made" / "here" / "model.safetensors").is_file()
    again = seedwise(project, *words)
    assert again.returncode == 2
    assert "is there already" in again.stderr
    bad = seedwise(
        project, "convert", str(models.folder / "distilbert"), "--to", "hf", "--texts", str(texts), "--out", "x"
    )
    assert bad.returncode == ExitCode.BAD_DATA
    assert "model_type: found 'distilbert'" in bad.stderr
    assert not (project / "x").exists()
