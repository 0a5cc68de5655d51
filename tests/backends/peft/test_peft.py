"""The peft backend by what it leaves: real runs of tiny models, judged by the contract's files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seedwise_contract import ExitCode, RunStatus
from seedwise_contract.conformance import breaches
from tests.backends.peft.conftest import Python
from tests.backends.peft_methods import BITFIT, DECODER, HEAD, LORA, NO_HEAD, PEFT, WEIGHTS
from tests.backends.variants import (
    EPOCHS,
    LONG,
    NO_DROPOUT,
    PER_EPOCH,
    STOPPED_AT,
    STOPS,
    Job,
    assert_classes,
    assert_numbers,
    assert_same_run,
    classes,
    many,
    numbers,
    resumed_at,
)
from tests.backends.workplace import INSIDE, ROWS, Outcome, Workplace, call, sentences

pytestmark = pytest.mark.minutes

ONE_BY_ONE = {"evaluation.batch_size": 1}  # so that a text's scores do not depend on what it is padded with


@pytest.fixture(scope="module")
def runs(place: Workplace, python: Python) -> dict[str, Outcome]:
    def spec(method: Any, changes: Any = None) -> dict[str, Any]:
        return place.spec({**PEFT, "method": method, **(changes or {})})

    full = {"name": "full", "parameters": {}}
    jobs = [
        Job("full", spec(full)),
        *(
            Job(f"{count} classes", spec(LORA, {**classes(place, count), "selection.metric": "macro-f1"}))
            for count in (3, 77)
        ),
        Job("numbers", spec(LORA, {**NO_DROPOUT, **numbers(place), **LONG, "recipe.optimizer.lr": 0.02})),
        Job("lora", spec(LORA)),
        Job("again", spec(LORA)),
        Job("initialisation", spec(LORA, {"seeds.initialisation": 99})),
        Job("dropout", spec(LORA, {"seeds.dropout": 99})),
        Job("still", spec(BITFIT, NO_DROPOUT)),
        Job("accumulated", spec(BITFIT, {**NO_DROPOUT, "recipe.batch_size": 4, "recipe.accumulation": 2})),
        Job("no head", spec(NO_HEAD)),
        Job("head", spec(HEAD)),
        Job("poolerless", spec(BITFIT, {"model": place.model("poolerless"), **ONE_BY_ONE})),
        Job("random", spec(LORA, {"initialisation": "random", **ONE_BY_ONE})),
        *(Job(f"one {method['name']}", spec(method, ONE_BY_ONE)) for method in (LORA, BITFIT, HEAD)),
        *(
            Job(kind, spec(LORA, {"model": place.model(kind), **ONE_BY_ONE, **DECODER}))
            for kind in ("gpt2", "bloom", "llama")
        ),
    ]
    expected = [ExitCode.COMPLETED] * len(jobs)
    for method, name in ((LORA, "lora"), (NO_HEAD, "no head")):
        jobs += [Job(f"{name} {stop}", spec(method), at) for stop, at in STOPS.items()]
        jobs += [Job(f"{name} {stop}", spec(method)) for stop in STOPS]
        expected += [ExitCode.TERMINATED] * len(STOPS) + [ExitCode.COMPLETED] * len(STOPS)
    codes = many(python, place, jobs, "peft")
    differ = {job.name: (code, want) for job, code, want in zip(jobs, codes, expected, strict=True) if code != want}
    assert not differ, differ
    assert many(python, place, [Job("hf full", place.spec())], "hf") == [0]
    return {job.name: Outcome(place.out(job.name)) for job in [*jobs, Job("hf full", {})]}


def test_runs_keep_the_contract(runs: dict[str, Outcome], place: Workplace) -> None:
    for name, run in runs.items():
        assert breaches(run.folder, place.data) == [], name
        assert run.result.status is RunStatus.COMPLETED
        of_its_own = "classes" in name or name == "numbers"
        assert len(run.steps) == (run.result.updates if of_its_own else EPOCHS * PER_EPOCH)
        assert run.result.cost.checkpoint_bytes > 0


@pytest.mark.parametrize("count", [3, 77])
def test_more_than_two_classes(runs: dict[str, Outcome], place: Workplace, count: int) -> None:
    assert_classes(runs[f"{count} classes"], place, count)


def test_labels_that_are_numbers(runs: dict[str, Outcome], place: Workplace) -> None:
    assert_numbers(runs["numbers"], place)


def test_one_loop_for_both_backends(runs: dict[str, Outcome]) -> None:
    """`full` of this backend is `full` of hf, to the last bit; so the head is the same for every method of both."""
    assert_same_run(runs["full"], runs["hf full"], "model.safetensors")


def test_same_seeds_same_bits(runs: dict[str, Outcome], place: Workplace, peft_python: str) -> None:
    """Within one process, and in a fresh one; the adapter's configuration too, whatever the hash seed."""
    command = place.command(peft_python, "seedwise_peft", "run", "fresh", place.spec({**PEFT, "method": LORA}))
    ran = call(command, "hf", "peft")
    assert ran.returncode == 0, ran.stderr
    for other in (runs["again"], Outcome(place.out("fresh"))):
        assert_same_run(other, runs["lora"], WEIGHTS)
        config = "checkpoint/adapter_config.json"
        assert other.result.files[config] == runs["lora"].result.files[config]
    assert runs["initialisation"].initial != runs["lora"].initial
    assert runs["dropout"].initial == runs["lora"].initial
    assert runs["dropout"].losses[0] != runs["lora"].losses[0]


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("name", ["lora", "no head"])
def test_a_stopped_run_goes_on_to_the_same_bits(runs: dict[str, Outcome], name: str, stop: str) -> None:
    """Also where a part of what peft reads back is frozen."""
    assert_same_run(runs[f"{name} {stop}"], runs[name], WEIGHTS)
    assert resumed_at(runs[f"{name} {stop}"]) == [None, STOPPED_AT[stop]]


def test_accumulation_is_the_same_mean_over_the_same_examples(runs: dict[str, Outcome]) -> None:
    assert runs["accumulated"].losses == pytest.approx(runs["still"].losses, rel=1e-3)


def test_counts_and_decay(runs: dict[str, Outcome]) -> None:
    whole = runs["full"].parameters["total"]
    lora, bitfit, head = (runs[name].parameters for name in ("lora", "still", "head"))
    assert lora["trainable"] - lora["trainable_head"] == 2 * 2 * 4 * 64
    assert lora["total"] == whole + 2 * 2 * 4 * 64
    assert head["trainable"] == head["trainable_head"] == lora["trainable_head"] == 66
    assert bitfit["total"] == head["total"] == whole, "what an adapter takes the place of is not counted twice"
    assert runs["no head"].parameters["trainable_head"] == 0
    decays = {p["name"]: p["weight_decay"] for p in bitfit["parameters"] if p["trainable"]}
    assert {name for name, decay in decays.items() if decay} == {
        "base_model.model.classifier.modules_to_save.default.weight"
    }
    assert {p["weight_decay"] for p in lora["parameters"] if "lora_" in p["name"]} == {0.05}


def test_checkpoints_hold_what_was_trained(runs: dict[str, Outcome]) -> None:
    """A head is a few hundred bytes, and no checkpoint tells where on this machine its model lay."""
    for name in ("lora", "head", "still"):
        files = {path.name for path in (runs[name].folder / "checkpoint").iterdir()}
        assert {"adapter_config.json", WEIGHTS, "tokenizer.json"} <= files
        assert "README.md" not in files
        config = json.loads((runs[name].folder / "checkpoint" / "adapter_config.json").read_text())
        assert config["base_model_name_or_path"] == "tiny"
    assert (runs["head"].folder / "checkpoint" / WEIGHTS).stat().st_size < 1000


def test_checkpoints_read_back_predict_the_same(runs: dict[str, Outcome], place: Workplace, peft_python: str) -> None:
    """In a fresh process, by peft alone, to the last bit.  A pooler that no checkpoint had comes with the adapter."""
    bases = {f"one {method}": "bert" for method in ("lora", "bitfit", "head")}
    bases |= {kind: kind for kind in ("poolerless", "gpt2", "bloom", "llama")}
    checkpoints = {name: runs[name].folder / "checkpoint" for name in (*bases, "random")}
    pairs = [
        (str(place.models / bases[name]) if name in bases else f"{c}/base", str(c)) for name, c in checkpoints.items()
    ]
    texts = json.dumps([row["text"] for row in sentences(ROWS["test"], 2)])
    told = call([peft_python, str(INSIDE / "reload_peft.py"), json.dumps(pairs)], "hf", "peft", text=texts)
    assert told.returncode == 0, told.stderr
    for name, answers in zip(checkpoints, json.loads(told.stdout), strict=True):
        assert answers == [prediction.scores for prediction in runs[name].predictions("test")], name


def test_published_counts(python: Python) -> None:
    """Of real architectures, without their weights.  Percentages must say whether they count the head."""
    roberta = {"model_type": "roberta", "vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1}
    bloom = {"model_type": "bloom", "vocab_size": 250880, "hidden_size": 1024, "n_layer": 24, "n_head": 16}
    lora = {"r": 8, "alpha": 8, "dropout": 0.0, "target_modules": ["query", "value"]}
    answers: Any = [
        ({"config": roberta, "method": "lora", "parameters": lora}, 294_912, 592_130),
        ({"config": roberta, "method": "bitfit", "parameters": {}}, 102_144, 592_130),
        ({"config": roberta, "method": "bitfit", "parameters": {"head": False}}, 102_144, 0),
        ({"config": roberta, "method": "head", "parameters": {}}, 0, 592_130),
        (
            {"config": bloom, "method": "lora", "parameters": {**lora, "r": 16, "target_modules": ["query_key_value"]}},
            1_572_864,
            2048,
        ),
    ]
    told = python(str(INSIDE / "peft_counts.py"), json.dumps([case for case, *_ in answers]))
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == [{"body": body, "head": head} for _, body, head in answers]


FAULTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "nothing matched": (
        "lora",
        {"target_modules": ["q_proj"]},
        'method.parameters.target_modules: found ["q_proj"]; no linear module of this model is so named; it has: '
        "attention.output.dense, attention.self.key, attention.self.query, attention.self.value, dense, "
        "intermediate.dense, output.dense",
    ),
    "rank": ("lora", {"r": 33}, "method.parameters.r: found 33; at most 32: bert.encoder.layer.0.attention.self.query"),
    "rank of a pattern": (
        "lora",
        {"rank_pattern": {"value": 40}},
        "method.parameters.rank_pattern: found 40; at most 32",
    ),
    "rank below": ("lora", {"r": 0}, "method.parameters.r: found 0; a whole number from 1 up"),
    "alpha": ("lora", {"alpha": 0}, "method.parameters.alpha: found 0; a number above 0"),
    "dropout": ("lora", {"dropout": 1.0}, "method.parameters.dropout: found 1.0; a number from 0 up, below 1"),
    "unknown": ("lora", {"rank": 3}, "method.parameters.rank: found 3; known here: r, alpha, dropout, target_modules"),
    "bias": ("lora", {"bias": "some"}, 'method.parameters.bias: found "some"; one of none, lora_only, all'),
    "expression": ("lora", {"target_modules": "(query"}, "a regular expression; this one cannot be read"),
    "norm": ("lora", {"target_modules": ["LayerNorm"]}, "LoRA adapts linear layers and embeddings"),
    "layer": (
        "lora",
        {"layers_to_transform": 2},
        "method.parameters.layers_to_transform: found [2]; this model has layers 0",
    ),
    "saved": ("lora", {"modules_to_save": ["lm_head"]}, 'found "lm_head"; no module of this model\'s body is so named'),
    "dora": ("dora", {"use_dora": False}, "method.parameters.use_dora: found false; known here"),
    "biases": ("bitfit", {"biases": ["word_embeddings"]}, "bert.embeddings.word_embeddings has no bias"),
    "head": ("bitfit", {"head": 1}, "method.parameters.head: found 1; true or false"),
    "full": ("full", {"r": 1}, "method.parameters.r: found 1"),
    "type": ("vera", {"target_modules": "default", "r": "8"}, 'method.parameters.r: found "8"; a value of type int'),
    "ia3": ("ia3", {"target_modules": "default"}, "method.parameters.feedforward_modules: found nothing"),
    "kind": ("ln_tuning", {"target_modules": ["query"]}, "ln_tuning adapts norm modules"),
}


def test_check_lists_every_fault_without_torch(place: Workplace, peft_python: str) -> None:
    specs = {}
    for name, (method, parameters, _) in FAULTS.items():
        base = dict(LORA["parameters"]) if method in ("lora", "dora") else {}
        changes = {**PEFT, "method": {"name": method, "parameters": {**base, **parameters}}}
        specs[name] = str(place.write(f"faulty {name}", place.spec(changes)))
    llama = {**PEFT, "method": BITFIT, "model": place.model("llama"), **DECODER}
    specs["llama"] = str(place.write("faulty llama", place.spec(llama)))
    wet = {**PEFT, "method": LORA, "model": place.model("llama"), "recipe.max_length": 65}
    specs["dropouts"] = str(place.write("faulty dropouts", place.spec(wet)))
    code = (
        "import contextlib, io, json, sys; from seedwise_contract.command import main; "
        "from seedwise_peft.backend import PeftBackend\n"
        "told = {}\n"
        "for name, path in json.loads(sys.argv[1]).items():\n"
        "    with contextlib.redirect_stderr(io.StringIO()) as text:\n"
        f"        code = main(PeftBackend(), ['check', path, '--models', {str(place.models)!r}])\n"
        "    told[name] = [int(code), text.getvalue()]\n"
        "main(PeftBackend(), ['describe']); assert 'torch' not in sys.modules; print(); print(json.dumps(told))"
    )
    ran = call([peft_python, "-c", code, json.dumps(specs)], "hf", "peft")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    wanted = {name: words for name, (_, _, words) in FAULTS.items()}
    wanted["llama"] = 'method.name: found "bitfit"; BitFit trains biases, and this model (llama) has none'
    for name, words in wanted.items():
        assert told[name][0] == ExitCode.BAD_SPEC, (name, told[name])
        assert words in told[name][1], (name, told[name])
    for words in (
        "recipe.dropout.hidden: found 0.1; llama has no such dropout",
        "recipe.dropout.classifier: found 0.2; the head of llama has no dropout",
        "recipe.max_length: found 65; at most the model's 64 positions",
    ):
        assert words in told["dropouts"][1]
    described = json.loads(ran.stdout[: ran.stdout.rindex("\n{")])
    assert described["methods"][:5] == ["full", "head", "lora", "dora", "bitfit"]
    assert described["packages"]["peft"]


def test_what_peft_refuses_is_a_fault_too(place: Workplace, python: Python) -> None:
    """A value that only peft can judge ends the run before training, as a bad spec."""
    method = {"name": "road", "parameters": {"target_modules": "default", "group_size": 64}}
    assert many(python, place, [Job("road", place.spec({**PEFT, "method": method}))], "peft") == [ExitCode.BAD_SPEC]
    assert "divisible by group_size (64)" in Outcome(place.out("road")).result.message
