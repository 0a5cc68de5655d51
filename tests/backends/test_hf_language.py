"""A causal language model made from nothing by the hf backend: its vocabulary, its weights, and what can be done with it."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from seedwise_contract import ExitCode, read_token_losses
from seedwise_contract.conformance import breaches
from tests.backends.variants import Job, assert_same_run, many, resumed_at
from tests.backends.workplace import ROWS, Outcome, Workplace, call, sentences, write_rows

pytestmark = pytest.mark.minutes

SIZE = 300
CONFIG = {
    "model_type": "gpt2",
    "architectures": ["GPT2LMHeadModel"],
    "vocab_size": SIZE,
    "n_positions": 64,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 2,
    "bos_token_id": 0,
    "eos_token_id": 0,
}
# Unlike the words of the sentences: an é of two bytes, and a character that no row of the train split has.
UNSEEN = "w1 é w2 \N{SNOWMAN}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    place = Workplace(tmp_path_factory.mktemp("made"))
    sizes(place, "sizes", CONFIG)
    return place


@pytest.fixture(scope="module")
def python(hf_python: str) -> Any:
    return lambda *words: call([hf_python, *words], "hf")


def sizes(place: Workplace, name: str, config: dict[str, Any], wish: Any = None) -> dict[str, Any]:
    """A model folder without weights or tokenizer."""
    folder = place.models / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocabulary.json").write_text(json.dumps(wish or {"size": SIZE, "rows": 40}))
    return place.model(name)


def running(place: Workplace) -> dict[str, Any]:
    splits = {}
    for index, (name, rows) in enumerate(ROWS.items()):
        texts = [{"id": row["id"], "text": row["text"]} for row in sentences(rows, 90 + index)]
        if name == "test":
            texts[0]["text"] = UNSEEN
        splits[name] = write_rows(place.data / f"running-{name}.jsonl", texts)
    return {
        "kind": "causal_lm",
        "name": "running",
        "splits": splits,
        "columns": {"id": "id", "prompt": None, "answer": "text"},
        "template": "{answer}",
        "loss_on": "answer",
        "metric": "perplexity",
    }


@pytest.fixture(scope="module")
def changes(place: Workplace) -> dict[str, Any]:
    return {
        "task": running(place),
        "model": place.model("sizes"),
        "initialisation": "random",
        "recipe.max_length": 64,
        "recipe.dropout": {"hidden": 0.1, "attention": 0.1, "classifier": 0.0},
    }


@pytest.fixture(scope="module")
def made(place: Workplace, python: Any, changes: dict[str, Any]) -> dict[str, Outcome]:
    spec = place.spec(changes)
    stop = {"event": "step", "nth": 8}
    jobs = [Job("made", spec), Job("stopped", spec, stop)]
    assert many(python, place, jobs, "hf") == [0, ExitCode.TERMINATED]
    assert many(python, place, [Job("again", spec), Job("stopped", spec)], "hf") == [0, 0]
    return {name: Outcome(place.out(name)) for name in ("made", "again", "stopped")}


def test_running_text_keeps_the_contract(made: dict[str, Outcome], place: Workplace) -> None:
    run = made["made"]
    assert breaches(run.folder, place.data) == []
    assert run.losses[-1] < run.losses[0]
    assert not (run.folder / "answers.jsonl").exists(), "there is no prompt to answer"
    unseen = next(read_token_losses(run.folder / "predictions" / "test.jsonl"))
    assert unseen.tokens >= 8, "each byte of a character that was never read, and the end"


def test_another_process_learns_the_same_vocabulary(made: dict[str, Outcome]) -> None:
    for name in ("again", "stopped"):
        assert_same_run(made[name], made["made"], "model.safetensors")
        for file in ("tokenizer.json", "tokenizer_config.json", "config.json"):
            assert made[name].result.files[f"checkpoint/{file}"] == made["made"].result.files[f"checkpoint/{file}"]
    assert resumed_at(made["stopped"]) == [None, 8]


def test_what_is_made_is_a_model_folder(
    made: dict[str, Outcome], place: Workplace, python: Any, changes: dict[str, Any]
) -> None:
    """It goes on where it stopped: fine-tuning from it begins at its own loss, in its own tokens."""
    shutil.copytree(made["made"].folder / "checkpoint", place.models / "made")
    later = {**changes, "model": place.model("made"), "initialisation": "pretrained", "evaluation.curve": True}
    assert many(python, place, [Job("later", place.spec(later))], "hf") == [0]
    run = Outcome(place.out("later"))
    assert breaches(run.folder, place.data) == []
    before = next(event for event in run.evaluations if event.display and event.update == 0)
    assert before.metrics == made["made"].result.metrics["test"]


def test_what_a_vocabulary_needs_is_checked(place: Workplace, python: Any, changes: dict[str, Any]) -> None:
    wishes = {
        "small": (CONFIG, {"size": 200, "rows": None}, "size is 257 or more", ExitCode.BAD_DATA),
        "greedy": (CONFIG, {"size": SIZE, "rows": 43}, "at most the 42 rows of the train split", ExitCode.BAD_SPEC),
        "other": (
            {**CONFIG, "vocab_size": 400, "eos_token_id": 50256}, {"size": SIZE, "rows": None},
            "config.json with vocab_size 400; 300, by vocabulary.json", ExitCode.BAD_SPEC,
        ),
    }  # fmt: skip
    for name, (config, wish, words, code) in wishes.items():
        path = place.write(name, place.spec({**changes, "model": sizes(place, name, config, wish)}))
        told = python("-m", "seedwise_hf", "check", str(path), "--models", str(place.models))
        assert (told.returncode, words in told.stderr) == (code, True), told.stderr
    path = place.write("weights", place.spec({**changes, "initialisation": "pretrained"}))
    told = python("-m", "seedwise_hf", "check", str(path), "--models", str(place.models))
    assert "it learns a vocabulary, and draws every weight" in told.stderr


def test_too_little_text_for_a_vocabulary(place: Workplace, python: Any, changes: dict[str, Any]) -> None:
    wanted = 5000
    model = sizes(place, "wanting", {**CONFIG, "vocab_size": wanted}, {"size": wanted, "rows": None})
    assert many(python, place, [Job("wanting", place.spec({**changes, "model": model}))], "hf") == [ExitCode.BAD_DATA]
    assert "a vocabulary of 5000 cannot be learnt from 42 rows" in Outcome(place.out("wanting")).result.message


def test_a_probe_of_a_language_model_is_refused(place: Workplace, python: Any, changes: dict[str, Any]) -> None:
    out = place.out("probed")
    out.mkdir(parents=True)
    (out / "probe-request.json").write_text(json.dumps({"contract": 1, "rows": 4, "updates": 2}))
    path = place.write("probed", place.spec(changes))
    roots = ("--data", str(place.data), "--models", str(place.models), "--out", str(out))
    told = python("-m", "seedwise_hf", "probe", str(path), *roots)
    assert told.returncode == ExitCode.BAD_SPEC
    assert "task.kind: found causal_lm; classification: what a probe compares" in told.stderr
