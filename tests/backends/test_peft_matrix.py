"""Every method on every family of models: what trains, what stays, what is saved; tiny models, all in one process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.backends.workplace import INSIDE, call

pytestmark = pytest.mark.minutes

LORA = {"r": 4, "alpha": 8, "dropout": 0.1, "target_modules": "default"}
FAMILIES = ("bert", "roberta", "distilbert", "gpt2", "bloom", "llama")
RELATIVES = (
    "camembert",
    "xlm-roberta",
    "albert",
    "electra",
    "mpnet",
    "llama-biased",
)  # built of the same parts: the main methods
TARGETED = {"target_modules": "default"}
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "full": ("full", {}),
    "head": ("head", {}),
    "lora": ("lora", LORA),
    "lora, all linear": ("lora", {**LORA, "target_modules": "all-linear", "rank_pattern": {".*": 3}}),
    "lora, biases": ("lora", {**LORA, "bias": "all"}),
    "lora, own biases": ("lora", {**LORA, "bias": "lora_only", "use_rslora": True}),
    "lora, first layer": ("lora", {**LORA, "layers_to_transform": 0, "init": "gaussian"}),
    "lora, orthogonal": ("lora", {**LORA, "init": "orthogonal"}),
    "lora, pissa": ("lora", {**LORA, "init": "pissa"}),
    "lora, olora": ("lora", {**LORA, "init": "olora"}),
    "lora, random": ("lora", {**LORA, "init": "random"}),
    "dora": ("dora", LORA),
    "bitfit": ("bitfit", {}),
    "bitfit, no head": ("bitfit", {"head": False}),
    "bitfit, query": ("bitfit", {"biases": "query-intermediate"}),
    "beft": ("beft", TARGETED),
    "boft": ("boft", {**TARGETED, "boft_block_size": 4}),
    "delora": ("delora", {**TARGETED, "r": 4}),
    "fourierft": ("fourierft", {**TARGETED, "n_frequency": 20}),
    "hra": ("hra", {**TARGETED, "r": 4}),
    "ia3": ("ia3", {**TARGETED, "feedforward_modules": []}),
    "ln_tuning": ("ln_tuning", TARGETED),
    "loha": ("loha", {**TARGETED, "r": 4}),
    "lokr": ("lokr", {**TARGETED, "r": 4}),
    "miss": ("miss", {**TARGETED, "r": 4}),
    "oft": ("oft", {**TARGETED, "oft_block_size": 8}),
    "randlora": ("randlora", {**TARGETED, "r": 4}),
    "road": ("road", {**TARGETED, "group_size": 8}),
    "vblora": ("vblora", {**TARGETED, "r": 2, "num_vectors": 16, "vector_length": 8}),
    "vera": ("vera", {**TARGETED, "r": 8}),
}
ALL = (*FAMILIES, *RELATIVES)
MAIN = ("full", "head", "lora", "lora, first layer", "lora, biases", "bitfit", "ln_tuning")
CASES = [(family, name) for family in FAMILIES for name in METHODS] + [(r, name) for r in RELATIVES for name in MAIN]
# Combinations that `check` refuses, and by what words.
REFUSED = {
    **{("llama", name): "has none" for name in METHODS if name.startswith("bitfit")},
    **{(family, "bitfit, query"): "shares one bias with key and value" for family in ("gpt2", "bloom")},
    ("gpt2", "lora, olora"): "OLoRA has other sizes",
    **{
        ("gpt2", name): "does not adapt the transposed linear layers"
        for name in ("beft", "boft", "delora", "hra", "loha", "lokr", "miss", "oft", "road")
    },
}
# Methods that change what the model answers before training: they draw both factors, or a rotation.
MOVES_AT_ONCE = {"lora, random", "vblora"}
WRAPPED = "base_model.model."
HEADS = {"gpt2": 64, "bloom": 64, "llama": 64, "llama-biased": 64, "bert": 66, "albert": 66}  # others: 32 · 33 + 66


@pytest.fixture(scope="module")
def matrix(peft_python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    cases: list[Any] = [[family, *METHODS[name]] for family, name in CASES]
    cases += [[family, "parts", {}] for family in ALL]
    folder = tmp_path_factory.mktemp("matrix")
    told = call([peft_python, str(INSIDE / "peft_matrix.py"), str(folder), json.dumps(cases)], "hf", "peft")
    assert told.returncode == 0, told.stderr
    answers = json.loads(told.stdout)
    assert [answer["error"] for answer in answers if "error" in answer] == []
    return dict(zip([*CASES, *((family, "parts") for family in ALL)], answers, strict=True))


@pytest.mark.parametrize("family", ALL)
def test_families_are_what_transformers_builds(matrix: Mapping[tuple[str, str], Any], family: str) -> None:
    told = matrix[family, "parts"]
    counted = {}
    for name, kind, inputs, outputs, bias in told["parts"]:
        counted[f"{name}.weight"] = outputs if kind == "norm" else inputs * outputs
        if bias:
            counted[f"{name}.bias"] = outputs
    assert counted == told["real"]


@pytest.mark.parametrize(("family", "name"), CASES)
def test_method_on_family(matrix: Mapping[tuple[str, str], Any], family: str, name: str) -> None:
    found = matrix[family, name]
    if (family, name) in REFUSED:
        assert [fault for fault in found["faults"] if REFUSED[family, name] in fault], found
        return
    assert "faults" not in found, found["faults"]
    assert found["digest"] == found["digest_after"], "what is frozen never changes"
    assert (found["digest"] is None) == (name == "full")
    assert found["ungraded"] == [], "gradients come to all that trains, and to nothing else"
    still = [parameter for parameter in found["unmoved"] if not parameter.endswith(KEY_BIASES)]
    assert still == [] or name == "lora, random", "everything that trains moves (a key's bias cancels in the softmax)"
    assert found["moved"]
    assert found["same"], "a checkpoint read back answers the same to the last bit"
    assert found["head_kept"], "one initialisation gives each method the same head"
    assert found["head"] == (0 if name == "bitfit, no head" else HEADS.get(family, 32 * 33 + 66))
    assert found["outputs_kept"] or name in MOVES_AT_ONCE | INEXACT
    if name != "full":
        assert found["files"] == ["adapter_config.json", "adapter_model.safetensors"]
        assert found["disabled"] or "biases" in name or name in ("lora, pissa", "lora, olora"), "these change the base"
    body = matrix[family, "parts"]["real"]
    added = {"full": 0, "head": 0}.get(METHODS[name][0])
    if added is not None:
        assert sum(found["trainable"].values()) == (sum(body.values()) if name == "full" else 0)
    expected = DEFINED.get(name)
    if expected is not None:
        assert found["trainable"] == expected(body)


INEXACT = {
    "lora, pissa",
    "lora, olora",
    "lora, orthogonal",
    "dora",
    "boft",
    "hra",
    "oft",
    "delora",
    "fourierft",
    "randlora",
}
KEY_BIASES = tuple(
    f"{key}.{bias}"
    for key in ("key", "k_lin", "k", "k_proj", "query_key_value")
    for bias in ("bias", "base_layer.bias", "bitfit_bias.default")
)


def biases(body: Mapping[str, int], *endings: str) -> dict[str, int]:
    """BitFit's set as the model itself tells it: the parameters whose whole last name is 'bias'."""
    return {
        f"{WRAPPED}{name.removesuffix('.bias')}.bitfit_bias.default": count
        for name, count in body.items()
        if name.endswith(".bias") and (not endings or name.removesuffix(".bias").endswith(endings))
    }


def norms(body: Mapping[str, int]) -> dict[str, int]:
    found = {}
    for name, count in body.items():
        module, _, own = name.rpartition(".")
        last = module.rpartition(".")[2].lower()
        if "norm" in last or last.startswith("ln_"):
            found[f"{WRAPPED}{module}.ln_tuning_layers.default.{own}"] = count
    return found


DEFINED = {
    "bitfit": biases,
    "bitfit, no head": biases,
    "bitfit, query": lambda body: biases(
        body, ".query", ".q_lin", ".q", ".q_proj", ".intermediate.dense", ".lin1", ".ffn", ".gate_proj", ".up_proj"
    ),
    "ln_tuning": norms,
}


@pytest.mark.parametrize("family", ALL)
def test_lora_by_its_arithmetic(matrix: Mapping[tuple[str, str], Any], family: str) -> None:
    """Two targets a layer of 32 inputs and outputs; where they are fused, one of 32 and 96; the small Llama's values have 16."""
    pair = {"gpt2": 32 + 96, "bloom": 32 + 96, "llama": 64 + 48}.get(family, 64 + 64)
    layers = 1 if family == "albert" else 2
    lora, body = matrix[family, "lora"]["trainable"], matrix[family, "parts"]["real"]
    assert sum(lora.values()) == 4 * pair * layers
    assert all(name.endswith((".lora_A.default.weight", ".lora_B.default.weight")) for name in lora)
    assert sum(matrix[family, "lora, first layer"]["trainable"].values()) == 4 * pair
    with_biases = matrix[family, "lora, biases"]["trainable"]
    own = sum(count for name, count in body.items() if name.endswith(".bias"))
    assert sum(with_biases.values()) == sum(lora.values()) + own
    assert {name for name in with_biases if name not in lora} == {
        name for name in with_biases if name.endswith(".bias")
    }


@pytest.mark.parametrize("family", ALL)
def test_totals_count_each_parameter_once(matrix: Mapping[tuple[str, str], Any], family: str) -> None:
    """Copies that peft keeps of what it replaces do not count: BitFit and head-only have as many as the model."""
    whole = matrix[family, "full"]["total"]
    assert matrix[family, "head"]["total"] == whole
    if family != "llama":
        assert matrix[family, "bitfit"]["total"] == whole
    lora = matrix[family, "lora"]
    assert lora["total"] == whole + sum(lora["trainable"].values())


@pytest.mark.parametrize("family", [family for family in ALL if family != "llama"])
def test_bitfit_merges_and_saves_little(matrix: Mapping[tuple[str, str], Any], family: str) -> None:
    found = matrix[family, "bitfit"]
    assert found["merged"], "merged and unmerged, the answers are the same to the last bit"
    assert found["unloaded"]
    assert found["saved"] < 4 * (sum(found["trainable"].values()) + found["head"]) + 5000
