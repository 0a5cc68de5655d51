"""Causal language models tuned by the peft backend: what they leave, what they learn, what check refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest

from seedwise_contract import Answer, ExitCode, RunFiles, TokenLoss, read_answers, read_token_losses
from seedwise_contract.conformance import breaches
from tests.backends.peft.conftest import Python
from tests.backends.peft_methods import BITFIT, DECODER, HEAD, LORA, NO_HEAD, PEFT, WEIGHTS
from tests.backends.variants import (
    PER_EPOCH,
    Job,
    assert_same_run,
    many,
    resumed_at,
)
from tests.backends.workplace import ROWS, Outcome, Workplace, sentences, write_rows

pytestmark = pytest.mark.minutes

TEMPLATE = "<human>: {prompt}?  \n <assistant>: {answer}"


@pytest.fixture(scope="module")
def dialogue(place: Workplace) -> dict[str, Any]:
    """Changes that make the task one of prompts and answers, for a decoder."""
    splits = {
        name: write_rows(
            place.data / f"said-{name}.jsonl",
            [{"id": row["id"], "prompt": row["text"], "answer": row["label"] * 2} for row in sentences(n, 70 + i)],
        )
        for i, (name, n) in enumerate(ROWS.items())
    }
    task = {
        "kind": "causal_lm",
        "name": "said",
        "splits": splits,
        "columns": {"id": "id", "prompt": "prompt", "answer": "answer"},
        "template": TEMPLATE,
        "loss_on": "answer",
        "metric": "perplexity",
    }
    return {**PEFT, **DECODER, "task": task, "model": place.model("gpt2"), "method": LORA, "recipe.max_length": 64}


def token_losses(run: Outcome) -> list[TokenLoss]:
    return list(read_token_losses(run.folder / "predictions" / "test.jsonl"))


def answers(run: Outcome) -> list[Answer]:
    return list(read_answers(RunFiles(run.folder).answers))


@pytest.fixture(scope="module")
def spoken(place: Workplace, python: Python, dialogue: dict[str, Any]) -> dict[str, Outcome]:
    still = {"recipe.dropout": {"hidden": 0.0, "attention": 0.0, "classifier": 0.0}}
    bitfit = {**dialogue, **still, "method": BITFIT, "model": place.model("bloom")}
    full = {"method": {"name": "full", "parameters": {}}, "model": place.model("llama"), "initialisation": "random"}
    specs = {
        "answers": dialogue,
        "both": {**dialogue, "task": {**dialogue["task"], "loss_on": "prompt_and_answer"}},
        "stopped": dialogue,
        "batches": {**bitfit, "recipe.batch_size": 8},
        "accumulated": {**bitfit, "recipe.batch_size": 2, "recipe.accumulation": 4},
        "random": {**dialogue, "initialisation": "random"},
        "still": bitfit,
        "other answers": {**bitfit, "seeds.dropout": 99},
        "curve": {**dialogue, "evaluation.curve": True},
        "full": {**dialogue, **full},
        "tied": {**dialogue, "method": {"name": "full", "parameters": {}}},  # GPT-2's output weights are its embeddings
    }
    stop = {"event": "step", "nth": 8}
    jobs = [Job(f"said {name}", place.spec(changes)) for name, changes in specs.items() if name != "stopped"]
    jobs += [Job("said stopped", place.spec(dialogue), stop), Job("said stopped", place.spec(dialogue))]
    short = place.spec({**dialogue, "recipe.max_length": 8})
    jobs.append(Job("said short", short))
    codes = many(python, place, jobs, "peft")
    assert codes == [0] * 10 + [ExitCode.TERMINATED, 0, ExitCode.BAD_DATA], codes
    return {name: Outcome(place.out(f"said {name}")) for name in (*specs, "short")}


def test_language_models_keep_the_contract(spoken: dict[str, Outcome], place: Workplace) -> None:
    for name in spoken.keys() - {"short"}:
        run = spoken[name]
        assert breaches(run.folder, place.data) == [], name
        assert run.result.metrics["test"]["perplexity"] == pytest.approx(math.exp(run.result.metrics["test"]["loss"]))
    assert "nothing of its answer is left" in spoken["short"].result.message


def test_what_language_models_learn(spoken: dict[str, Outcome]) -> None:
    """The loss is on answers, or on prompts as well; the reported number is on answers whichever it is."""
    answers, both = spoken["answers"], spoken["both"]
    assert answers.initial == both.initial
    assert answers.losses[0] != both.losses[0]
    told = [[(loss.id, loss.tokens) for loss in token_losses(run)] for run in (answers, both)]
    assert told[0] == told[1]
    assert answers.losses[-1] < answers.losses[0]
    assert answers.parameters["trainable_head"] == 0
    assert answers.parameters["trainable"] == 2 * 4 * (32 + 96)


def test_accumulated_tokens_are_one_mean(spoken: dict[str, Outcome]) -> None:
    """Answers of unlike length: the mean is over the tokens of an update, not of means over batches."""
    assert spoken["accumulated"].losses == pytest.approx(spoken["batches"].losses, rel=1e-3)


def test_answers_are_left_beside_the_predictions(spoken: dict[str, Outcome]) -> None:
    run = spoken["answers"]
    assert [answer.id for answer in answers(run)] == [loss.id for loss in token_losses(run)[:8]]
    assert "answers.jsonl" in run.result.files


def test_drawn_answers_are_the_runs_own(spoken: dict[str, Outcome]) -> None:
    """Another seed draws others; greedy ones stay; each prompt has a seed of its own, and losses know nothing of it."""
    run, other = spoken["still"], spoken["other answers"]
    mine, theirs = answers(run), answers(other)
    assert [a.greedy for a in mine] == [a.greedy for a in theirs]
    assert [a.sampled for a in mine] != [a.sampled for a in theirs]
    assert len({a.sampling.seed for a in mine + theirs}) == 16
    assert any(a.sampled != a.greedy for a in mine)
    assert token_losses(run) == token_losses(other)


def test_a_curve_of_a_language_model_begins_before_training(spoken: dict[str, Outcome]) -> None:
    """Nothing of it is drawn anew, so that what it says before is worth showing."""
    run, base = spoken["curve"], spoken["answers"]
    displayed = [event for event in run.evaluations if event.display]
    assert [(e.split, e.update) for e in displayed] == [("test", n * PER_EPOCH) for n in range(4)]
    assert displayed[0].metrics["perplexity"] == pytest.approx(100, rel=0.2)  # of untrained weights: all 100 tokens
    assert [e.metrics for e in run.evaluations if not e.display] == [e.metrics for e in base.evaluations]
    assert (run.losses, token_losses(run)) == (base.losses, token_losses(base))
    for file in ("answers.jsonl", f"checkpoint/{WEIGHTS}"):
        assert run.result.files[file] == base.result.files[file]


def test_a_stopped_language_model_goes_on(spoken: dict[str, Outcome]) -> None:
    assert_same_run(spoken["stopped"], spoken["answers"], WEIGHTS)
    assert spoken["stopped"].result.files["answers.jsonl"] == spoken["answers"].result.files["answers.jsonl"]
    assert resumed_at(spoken["stopped"]) == [None, 8]


def test_check_refuses_what_no_language_model_has(place: Workplace, python: Python, dialogue: dict[str, Any]) -> None:
    faults = {
        "encoder": (
            {"model": place.model("bert")},
            'model.path: found a model of type "bert"; task causal_lm: bloom, gpt2, llama',
        ),
        "head": ({"method": HEAD}, 'method.name: found "head"'),
        "no head": ({"method": NO_HEAD}, "method.parameters.head: found false"),
        "truncation": ({"recipe.truncation": "only_first"}, 'recipe.truncation: found "only_first"'),
    }
    for name, (changes, words) in faults.items():
        path = place.write(f"no {name}", place.spec({**dialogue, **changes}))
        told = python("-m", "seedwise_peft", "check", str(path), "--models", str(place.models))
        assert told.returncode == ExitCode.BAD_SPEC
        assert words in told.stderr
