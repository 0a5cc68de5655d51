"""`seedwise add` from the Hub: the real client library talks to a small server with real files."""

from __future__ import annotations

import io
import json
import os
import socket
import struct
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seedwise.assets.hub import resolve
from seedwise.assets.manifest import load_manifest
from seedwise.errors import NoAsset
from tests.assets.hub_server import Hub, Repo, commit, serving

TOKEN = "hf_" + "a1B2" * 8
OLD, NEW = commit("old"), commit("new")


def safetensors(*shape: int) -> bytes:
    size = 4
    for each in shape:
        size *= each
    header = json.dumps({"weight": {"dtype": "F32", "shape": list(shape), "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(range(256)) * (size // 256) + b"\0" * (size % 256)


def model_files(**more: bytes) -> dict[str, bytes]:
    config = {
        "model_type": "roberta",
        "num_hidden_layers": 2,
        "hidden_size": 8,
        "intermediate_size": 16,
        "num_attention_heads": 2,
        "max_position_embeddings": 34,
        "vocab_size": 50,
        "type_vocab_size": 1,
    }
    return {
        "config.json": json.dumps(config).encode(),
        "tokenizer.json": b"{}" * 600,
        "tokenizer_config.json": b'{"tokenizer_class": "RobertaTokenizer"}',
        "model.safetensors": safetensors(50, 400),
        "pytorch_model.bin": b"pickle" * 300,
        "README.md": b"---\nlicense: mit\n---\n",
        **more,
    }


def parquet(labels: list[int], start: int) -> bytes:
    table = pa.table(
        {
            "sentence1": [f"premise number {start + number}" for number in range(len(labels))],
            "sentence2": [f"conclusion {start + number}" for number in range(len(labels))],
            "label": labels,
            "idx": list(range(len(labels))),
        }
    )
    names = {"info": {"features": {"label": {"names": ["entailment", "not_entailment"]}}}}
    stream = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(names)}), stream)
    return stream.getvalue()


def glue() -> Repo:
    files = {
        "rte/train-00000-of-00001.parquet": parquet([0, 1] * 40, 0),
        "rte/validation-00000-of-00001.parquet": parquet([0, 1] * 10, 1000),
        "rte/test-00000-of-00001.parquet": parquet([-1] * 30, 2000),
        "sst2/train-00000-of-00001.parquet": parquet([0, 1] * 40, 3000),
    }
    return Repo({NEW: files}, {"main": NEW}, {"license": "other"})


@dataclass
class Place:
    root: Path
    hub: Hub
    environment: dict[str, str]

    def add(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "seedwise", "add", *words],
            cwd=self.root,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def left(self) -> set[str]:
        return {path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file()} - {
            "seedwise.toml"
        }


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    models = {
        ("models", "lab/roberta-tiny"): Repo(
            {OLD: model_files(), NEW: model_files(**{"model.safetensors": safetensors(50, 800)})},
            {"main": OLD},
            {"license": "mit"},
        ),
        ("models", "lab/pickled"): Repo(
            {NEW: {k: v for k, v in model_files().items() if not k.endswith(".safetensors")}}, {"main": NEW}
        ),
        ("models", "lab/mute"): Repo(
            {NEW: {k: v for k, v in model_files().items() if not k.startswith("tokenizer")}}, {"main": NEW}
        ),
        ("models", "lab/huge-70b"): Repo({NEW: model_files()}, {"main": NEW}, sizes={"model.safetensors": 140 * 10**9}),
        ("models", "lab/gated"): Repo({NEW: model_files()}, {"main": NEW}, token=TOKEN),
        ("datasets", "nyu-mll/glue"): glue(),
    }
    root = tmp_path / "mine"
    root.mkdir()
    (root / "seedwise.toml").write_text("")
    with serving(Hub(models)) as hub:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("HF_", "SEEDWISE_", "HUGGING"))
        }
        environment = {
            **kept,
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "SEEDWISE_CACHE": str(tmp_path / "cache"),
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        yield Place(root, hub, environment)


def test_a_model_is_pinned_described_and_had_offline_afterwards(place: Place) -> None:
    answer = place.add("model", "lab/roberta-tiny")
    assert answer.returncode == 0, answer.stderr
    assert "architecture: roberta, 2 layers, 8 hidden, 2 heads, 50 vocabulary" in answer.stdout
    assert "tokenizer: RobertaTokenizer; tokenizer.json" in answer.stdout
    assert "licence: mit" in answer.stdout
    assert "parameters: 0.0 M" in answer.stdout
    manifest = load_manifest(place.root / "assets" / "roberta-tiny.yaml")
    (source,) = manifest.sources
    assert source.type == "hub"
    assert (source.repository, source.revision) == ("lab/roberta-tiny", OLD)
    assert set(manifest.files) == {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}
    assert manifest.architecture is not None
    assert manifest.architecture.positions == 32
    assert place.left() == {"assets/roberta-tiny.yaml"}
    assert not any("pytorch_model" in path for _, path, _ in place.hub.asked)
    # On another machine: from the Hub at that revision, though main has moved meanwhile; then without a network.
    place.hub.repos["models", "lab/roberta-tiny"].branches["main"] = NEW
    prepared = prepare(place, place.root.parent / "cache2")
    assert prepared.returncode == 0, prepared.stderr
    place.environment["HF_HUB_OFFLINE"] = "1"
    assert prepare(place, place.root.parent / "cache3").returncode == 0
    place.environment["HF_HOME"] = str(place.root.parent / "empty")
    refused = prepare(place, place.root.parent / "cache4")
    assert "HF_HUB_OFFLINE is set" in refused.stderr or "cache does not hold it" in refused.stderr
    assert "Traceback" not in refused.stderr


def prepare(place: Place, cache: Path, name: str = "roberta-tiny") -> subprocess.CompletedProcess[str]:
    program = (
        "import sys\nfrom pathlib import Path\nfrom seedwise.assets.prepare import prepare_model\n"
        "from seedwise.project import find_project\nfrom seedwise.errors import SeedwiseError\n"
        f"try:\n    prepare_model('{name}', find_project(Path.cwd()), print)\n"
        "except SeedwiseError as error:\n    sys.exit(str(error))\n"
    )
    environment = {**place.environment, "SEEDWISE_CACHE": str(cache)}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=place.root, env=environment, capture_output=True, text=True
    )


def test_a_moved_branch_is_another_model_and_a_changed_file_is_refused(place: Place) -> None:
    assert place.add("model", "lab/roberta-tiny").returncode == 0
    repo = place.hub.repos["models", "lab/roberta-tiny"]
    repo.branches["main"] = NEW
    moved = place.add("model", "lab/roberta-tiny")
    assert moved.returncode == 2
    assert "is there already, and says something else; --replace" in moved.stderr
    assert place.add("model", "lab/roberta-tiny", "--revision", OLD).returncode == 0
    repo.revisions[OLD]["tokenizer.json"] = b"[]" * 600
    place.environment["HF_HOME"] = str(place.root.parent / "fresh")
    changed = prepare(place, place.root.parent / "cache2")
    assert changed.returncode == 1
    assert "tokenizer.json: sha256 is" in changed.stderr
    assert "not the one the results were made with" in changed.stderr
    del repo.revisions[OLD]
    assert "no such revision" in place.add("model", "lab/roberta-tiny", "--revision", OLD).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model", "lab/nowhere"], "no such model on the Hub, or a private one"),
        (["model", "lab/pickled"], "no safetensors, only pickles (pytorch_model.bin)"),
        (["model", "lab/mute"], "has no tokenizer"),
        (["model", "lab/gated"], "is gated: accept its terms on its page, and give your token"),
        (["model", "lab/huge-70b"], "its weights alone take 130.4 GiB"),
        (["model", "lab/roberta-tiny", "--revision", "v9"], "no such revision"),
        (["model", "../roberta"], "no such file or folder"),
        (["model", "/etc/hostname"], "a file of another kind"),
        (["model", "lab/roberta-tiny", "--name", "Mine!"], "small letters"),
        (["data", "nyu-mll/glue"], "which configuration? There are: rte, sst2"),
        (["data", "nyu-mll/glue", "cola"], "no configuration 'cola'; There are: rte, sst2"),
        (["data", "nyu-mll/glue", "sst2"], "it has no test split, and there is no validation split"),
        (["data", "nyu-mll/nothing"], "no such dataset on the Hub"),
    ],
)
def test_what_cannot_be_had_is_one_sentence_and_leaves_nothing(place: Place, words: list[str], said: str) -> None:
    answer = place.add(*words)
    assert answer.returncode in (2, 3)
    assert said in answer.stderr
    assert len(answer.stderr.splitlines()) < 8
    assert place.left() == set()
    assert not any(path.endswith("model.safetensors") for _, path, _ in place.hub.asked)


def test_pickles_by_name_and_large_models_by_force(place: Place) -> None:
    answer = place.add("model", "lab/pickled", "--allow-pickle", "pytorch_model.bin")
    assert answer.returncode == 0, answer.stderr
    assert "pytorch_model.bin" in load_manifest(place.root / "assets" / "pickled.yaml").files
    forced = place.add("model", "lab/huge-70b", "--force")
    assert forced.returncode == 0, forced.stderr
    assert "warning: its weights alone take 130.4 GiB" in forced.stderr


def test_the_token_opens_gated_repositories_and_is_written_nowhere(place: Place) -> None:
    answer = place.add("model", "lab/gated", HF_TOKEN=TOKEN)
    assert answer.returncode == 0, answer.stderr
    assert f"Bearer {TOKEN}" in place.hub.tokens
    assert TOKEN not in answer.stdout + answer.stderr
    for path in place.root.parent.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path


def test_a_download_that_broke_off_is_taken_up_again(place: Place) -> None:
    large = safetensors(3000, 2500)  # the client writes pieces of 10 MB
    place.hub.repos["models", "lab/roberta-tiny"].revisions[OLD]["model.safetensors"] = large
    place.hub.break_after = 25_000_000
    first = place.add("model", "lab/roberta-tiny")
    if first.returncode != 0:  # the client may take it up again itself
        assert "out of reach" in first.stderr
        assert place.left() == set()
        assert place.add("model", "lab/roberta-tiny").returncode == 0
    ranges = [given for how, path, given in place.hub.asked if how == "GET" and path.endswith("model.safetensors")]
    assert any(given and not given.startswith("bytes=0-") for given in ranges[1:]), ranges
    assert place.left() == {"assets/roberta-tiny.yaml"}


def test_a_full_disk_leaves_nothing_half_made(place: Place) -> None:
    """A limit on the size of files stands for the full disk: a write fails in the middle of a download."""
    place.hub.repos["models", "lab/roberta-tiny"].revisions[OLD]["model.safetensors"] = safetensors(1000, 1000)
    words = "ulimit -f 2000; trap '' XFSZ; exec \"$@\""
    answer = subprocess.run(
        ["bash", "-c", words, "-", sys.executable, "-m", "seedwise", "add", "model", "lab/roberta-tiny"],
        cwd=place.root,
        env=place.environment,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 3, answer.stderr
    assert "cannot be written: File too large" in answer.stderr
    assert "what was fetched is kept, and the rest follows" in answer.stderr
    assert place.left() == set()
    assert place.add("model", "lab/roberta-tiny").returncode == 0


def test_a_data_set_with_hidden_test_labels(place: Place) -> None:
    answer = place.add("data", "nyu-mll/glue", "rte", "--yes")
    assert answer.returncode == 0, answer.stderr
    assert "text: sentence1 (guessed)" in answer.stdout
    assert "text-pair: sentence2 (guessed)" in answer.stdout
    assert "labels: entailment, not_entailment" in answer.stdout
    assert "labels of its test split are hidden: the validation split is reported" in answer.stdout
    assert "test: 20 rows" in answer.stdout
    manifest = load_manifest(place.root / "assets" / "glue-rte.yaml")
    (source,) = manifest.sources
    assert source.type == "hub"
    assert source.kind == "dataset"
    assert source.members == {
        "train.parquet": "rte/train-00000-of-00001.parquet",
        "validation.parquet": "rte/validation-00000-of-00001.parquet",
    }
    assert manifest.licence == "other"


def test_a_data_set_that_the_hub_has_converted(place: Place) -> None:
    converted = {
        f"plain/{split}/0000.parquet": parquet([0, 1] * 20, start) for split, start in (("train", 0), ("test", 900))
    }
    repo = Repo({OLD: {"data.zip": b"zip"}, NEW: converted}, {"main": OLD, "refs/convert/parquet": NEW})
    place.hub.repos["datasets", "lab/zipped"] = repo
    answer = place.add("data", "lab/zipped", "--yes")
    assert answer.returncode == 0, answer.stderr
    manifest = load_manifest(place.root / "assets" / "zipped.yaml")
    assert getattr(manifest.sources[0], "revision", None) == NEW


def test_a_folder_and_a_fairseq_checkpoint(place: Place) -> None:
    folder = place.root.parent / "my-model"
    folder.mkdir()
    for name, content in model_files().items():
        (folder / name).write_bytes(content)
    answer = place.add("model", str(folder))
    assert answer.returncode == 0, answer.stderr
    manifest = load_manifest(place.root / "assets" / "my-model.yaml")
    assert set(manifest.files) == {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}
    assert [source.type for source in manifest.sources] == ["local"]
    checkpoint = place.root.parent / "checkpoint_best.pt"
    checkpoint.write_bytes(b"PK\x03\x04weights")
    alone = place.add("model", str(checkpoint))
    assert "needs its dictionary, dict.txt, beside it" in alone.stderr
    (place.root.parent / "dict.txt").write_text("a 1\n")
    answer = place.add("model", str(checkpoint), "--name", "ours")
    assert answer.returncode == 0, answer.stderr
    assert set(load_manifest(place.root / "assets" / "ours.yaml").files) == {"model.pt", "dict.txt"}


def test_a_model_of_the_lab_studies_names_the_command_that_pins_it(place: Place) -> None:
    place.hub.repos["models", "FacebookAI/roberta-base"] = place.hub.repos["models", "lab/roberta-tiny"]
    refused = prepare(place, place.root.parent / "cache2", "roberta-base")
    command = "seedwise add model FacebookAI/roberta-base --name roberta-base"
    assert command in refused.stderr
    assert place.add(*command.split()[2:]).returncode == 0
    assert prepare(place, place.root.parent / "cache2", "roberta-base").returncode == 0


@pytest.mark.minutes
def test_the_real_hub(place: Place) -> None:
    try:
        urllib.request.urlopen(
            "https://huggingface.co/api/models/hf-internal-testing/tiny-random-bert", timeout=10
        ).close()
    except OSError as error:
        pytest.skip(f"the Hub is out of reach: {error}")
    del place.environment["HF_ENDPOINT"]
    answer = place.add("data", "nyu-mll/glue", "rte", "--yes")
    assert answer.returncode == 0, answer.stderr
    assert "labels: entailment, not_entailment" in answer.stdout
    assert "test: 277 rows" in answer.stdout


def test_a_hub_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{probe.getsockname()[1]}")
        with pytest.raises(NoAsset, match="lab/x: the Hub is out of reach"):
            resolve("lab/x", "model", None)
