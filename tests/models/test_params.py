"""Parameter counts: the six figures of RoBERTa-small-fr, by formula and over the real modules of both frameworks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seedwise.assets.fetch import fetch
from seedwise.assets.manifest import find_manifest, load_manifest
from seedwise.assets.sizes import Sizes, sizes_of_folder
from seedwise.errors import AssetError, InputError
from seedwise.models.params import RULES, CountError, Framework, check, differences
from seedwise_contract.files import sha256_file
from tests.backends.conftest import BackendPython, backend_python
from tests.backends.workplace import call
from tests.conftest import ROOT, Small

SMALL = Sizes(kind="roberta", layers=4, hidden=512, feed_forward=512, heads=8, positions=256, vocabulary=32000)
MINILM = Sizes(
    kind="bert", layers=6, hidden=384, feed_forward=1536, heads=12, positions=512, vocabulary=30522, types=2, classes=3
)
FIGURES = {
    "weights": 22_807_552,
    "slip": 22_806_528,
    "biases": 22_819_840,
    "encoder": 22_829_056,
    "hf": 23_093_250,
    "fairseq": 23_388_418,
}


def test_all_six_figures_by_formula() -> None:
    for rule in RULES:
        for framework in rule.frameworks:
            assert rule.formula(SMALL, framework) == FIGURES[rule.name]
    assert find_manifest("roberta-small-fr", ROOT).architecture == SMALL


def test_each_difference_is_explained_with_its_number() -> None:
    told = differences(SMALL)
    for line, number in zip(told[1:], ("−1,024", "+12,288", "+9,216", "+264,194", "+559,362"), strict=True):
        assert number in line


def test_real_modules_that_differ_from_the_formula_are_an_error() -> None:
    shapes = {"roberta.embeddings.word_embeddings.weight": (32000, 512)}
    with pytest.raises(CountError, match="formula 22,807,552, counted 16,384,000"):
        check(SMALL, shapes, "hf")


@pytest.mark.minutes
@pytest.mark.docker
@pytest.mark.parametrize("sizes", [SMALL, MINILM], ids=["roberta-small-fr", "minilm-l6"])
def test_all_figures_by_counting_in_both_frameworks(tmp_path: Path, sizes: Sizes) -> None:
    request = tmp_path / "spec.json"
    request.write_text(sizes.model_dump_json())
    fairseq = BackendPython("fairseq")
    words = ["parameters", str(request), "--out"]
    counted: dict[str, set[int]] = {}
    left_out = {}
    frameworks: tuple[Framework, ...] = ("hf", "fairseq")
    for framework in frameworks:
        out = tmp_path / framework
        out.mkdir()
        if framework == "hf":
            ran = call([backend_python("hf"), "-m", "seedwise_hf", *words, str(out)], "hf")
        else:
            ran = fairseq("-m", "seedwise_fairseq", *words, str(out))
        assert ran.returncode == 0, ran.stderr
        modules = json.loads((out / "modules.json").read_text())
        shapes = {name: tuple(shape) for name, shape in modules["parameters"].items()}
        left_out[framework] = modules["left_out"]
        for name, number in check(sizes, shapes, framework).items():
            counted.setdefault(name, set()).add(number)
    if sizes is SMALL:
        assert counted == {name: {number} for name, number in FIGURES.items()}
    # The duplicates are all of a layer's linear maps, weights and biases.
    h, f = sizes.hidden, sizes.feed_forward
    assert left_out == {"hf": 0, "fairseq": sizes.layers * (4 * h * h + 2 * h * f + 5 * h + f)}


def test_sizes_are_read_from_folders(tmp_path: Path) -> None:
    config = {
        "model_type": "camembert",
        "num_hidden_layers": 2,
        "hidden_size": 8,
        "intermediate_size": 16,
        "num_attention_heads": 2,
        "max_position_embeddings": 66,
        "vocab_size": 50,
        "type_vocab_size": 1,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert sizes_of_folder(tmp_path) == Sizes(
        kind="roberta", layers=2, hidden=8, feed_forward=16, heads=2, positions=64, vocabulary=50
    )
    (tmp_path / "config.json").write_text(json.dumps({**config, "vocab_size": "many"}))
    with pytest.raises(InputError, match=r"config.json: vocab_size: each must be given"):
        sizes_of_folder(tmp_path)
    for field, value in {
        "num_hidden_layers": True,
        "num_attention_heads": 3,
        "type_vocab_size": 0,
        "vocab_size": 5,
    }.items():
        (tmp_path / "config.json").write_text(json.dumps({**config, field: value}))
        with pytest.raises(InputError, match=r"config\.json: "):
            sizes_of_folder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "gpt2"}))
    with pytest.raises(InputError, match='model_type: found "gpt2"'):
        sizes_of_folder(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(InputError, match=r"neither config\.json nor architecture.json"):
        sizes_of_folder(tmp_path)
    sizes = {"encoder_layers": 2, "encoder_embed_dim": 8, "encoder_ffn_embed_dim": 16, "encoder_attention_heads": 2}
    (tmp_path / "architecture.json").write_text(json.dumps({**sizes, "max_positions": 64}))
    (tmp_path / "dict.txt").write_text("".join(f"w{n} 1\n" for n in range(45)))
    assert sizes_of_folder(tmp_path).vocabulary == 50


def test_the_command_by_formula(small: Small) -> None:
    told = small.seedwise("params", "roberta-small-fr", "--no-count")
    assert told.returncode == 0, told.stderr
    for number in FIGURES.values():
        assert f"{number:,}" in told.stdout
    assert "not counted" in told.stdout
    by_options = ["--layers", "4", "--hidden", "512", "--feed-forward", "512", "--heads", "8", "--positions", "256"]
    again = small.seedwise("params", *by_options, "--vocabulary", "32000", "--no-count")
    assert again.stdout.splitlines()[1:] == told.stdout.splitlines()[1:]
    three = small.seedwise("params", "roberta-small-fr", "--classes", "3", "--no-count")
    assert "23,093,763" in three.stdout


def test_bad_input_of_the_command(small: Small) -> None:
    for words, said in {
        ("--layers", "3"): "--hidden: nothing; this field is required",
        ("roberta-small-fr", "--heads", "7"): "must be a multiple of heads",
        ("toy",): "is a data set, not a model",
        ("./nowhere",): "no such folder",
        ("unheard-of",): "no manifest in",
    }.items():
        told = small.seedwise("params", *words, "--no-count")
        assert told.returncode in (2, 3), told.stdout
        assert said in told.stderr


def test_a_model_whose_digests_are_open_is_taken_as_found_and_said(small: Small) -> None:
    project, said = small.project, []
    manifest = find_manifest("roberta-small-fr", project.root)
    with pytest.raises(AssetError, match=r"roberta-small-fr/model.pt: no such file"):
        fetch(manifest, project, said.append)
    assert project.data_root is not None
    own = project.data_root / "roberta-small-fr"
    own.mkdir()
    for name in manifest.files:
        (own / name).write_text(f"my {name}")
    first = fetch(manifest, project, said.append)
    assert (first / "model.pt").read_text() == "my model.pt"
    warnings = [line for line in said if "is not pinned" in line]
    assert len(warnings) == 3
    assert sha256_file(own / "model.pt") in warnings[0]
    (own / "model.pt").write_text("another")
    assert fetch(manifest, project, said.append) != first, "another file is another asset"


def test_digests_may_only_be_left_open_for_a_users_own_model(small: Small) -> None:
    path = small.project.root / "benchmarks" / "assets" / "toy.yaml"
    lines = path.read_text().splitlines()
    open_files = ["files: {toy.jsonl: null}" if line.startswith("files:") else line for line in lines]
    path.write_text("\n".join(open_files) + "\n")
    with pytest.raises(InputError, match="may only be left open"):
        load_manifest(path)
