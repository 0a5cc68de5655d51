"""Pretraining by the fairseq backend: what a run of masked tokens leaves, and that fine-tuning takes it up."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from seedwise_contract import ExitCode, RunStatus
from seedwise_contract.conformance import breaches
from seedwise_contract.predictions import TokenLoss, read_token_losses
from tests.backends.conftest import BackendPython
from tests.backends.variants import DIVERGING, STOPPED_AT, STOPS, Job, assert_same_run, many, resumed_at
from tests.backends.workplace import ROWS, Outcome, Workplace, sentences, write_rows

pytestmark = [pytest.mark.minutes, pytest.mark.docker]

WEIGHTS = "model.pt"
SIZES = {
    "encoder_layers": 2,
    "encoder_embed_dim": 32,
    "encoder_ffn_embed_dim": 64,
    "encoder_attention_heads": 2,
    "max_positions": 64,
}
NO_CLASSIFIER = {"recipe.dropout": {"hidden": 0.1, "attention": 0.1, "classifier": 0.0}}
SPARSE = {"probability": 0.2, "keep": 0.1, "random": 0.1}  # of 5 tokens one; "w1" has fewer
VARIANTS: dict[str, dict[str, Any]] = {
    "base": {},
    "again": {},
    "order": {"seeds.order": 99},
    "masks": {"seeds.dropout": 99},
    "evaluation": {"evaluation.batch_size": 5, "selection.rule": "last"},
    "diverging": DIVERGING,
}


def masked(place: Workplace, model: str = "untaught", **changes: Any) -> dict[str, Any]:
    base = place.spec()["task"]
    task = {
        "kind": "masked_lm",
        "name": "toy",
        "columns": {"id": "id", "text": "text"},
        "splits": base["splits"],
        "masking": {"probability": 0.3, "keep": 0.1, "random": 0.1},
        "metric": "perplexity",
    }
    given = {"backend": "fairseq", "task": task, "initialisation": "random", "model": place.model(model)}
    return place.spec({**given, **NO_CLASSIFIER, **changes})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    place = Workplace(tmp_path_factory.mktemp("masked"))
    write_sizes(place, "untaught", {"size": 64, "rows": None})
    return place


def write_sizes(place: Workplace, name: str, vocabulary: dict[str, Any]) -> None:
    (place.models / name).mkdir(parents=True)
    (place.models / name / "architecture.json").write_text(json.dumps({**SIZES, "vocabulary": vocabulary}))


@pytest.fixture(scope="module")
def fairseq(place: Workplace) -> BackendPython:
    return BackendPython("fairseq")


@pytest.fixture(scope="module")
def runs(place: Workplace, fairseq: BackendPython) -> dict[str, Outcome]:
    jobs = [Job(name, masked(place, **changes)) for name, changes in VARIANTS.items()]
    for name, stop in STOPS.items():
        jobs += [Job(name, masked(place), stop), Job(name, masked(place))]
    codes = many(fairseq, place, jobs, "fairseq")
    assert codes == [ExitCode.TERMINATED if job.stop else ExitCode.COMPLETED for job in jobs]
    return {job.name: Outcome(place.out(job.name)) for job in jobs}


def token_losses(run: Outcome, split: str) -> list[TokenLoss]:
    return list(read_token_losses(run.folder / "predictions" / f"{split}.jsonl"))


def test_runs_conform_and_learn(runs: dict[str, Outcome], place: Workplace) -> None:
    for name, outcome in runs.items():
        assert breaches(outcome.folder, place.data) == [], name
    scored = [e.metrics["loss"] for e in runs["base"].evaluations if e.split == "selection"]
    assert scored[-1] < scored[0] - 0.1
    assert runs["base"].result.metrics["test"]["perplexity"] < 64
    assert runs["diverging"].result.status is RunStatus.DIVERGED


def test_seeds_draw_what_they_say(runs: dict[str, Outcome]) -> None:
    base = runs["base"]
    assert_same_run(runs["again"], base, WEIGHTS)
    for stream in ("order", "masks"):
        assert runs[stream].initial == base.initial
        assert runs[stream].losses[0] != base.losses[0]


def test_masks_of_scored_splits_are_the_same_in_every_run(runs: dict[str, Outcome]) -> None:
    for split in ("selection", "test"):
        tokens = {tuple(one.tokens for one in token_losses(runs[name], split)) for name in ("base", "order", "masks")}
        assert len(tokens) == 1
    assert runs["evaluation"].losses == runs["base"].losses, "scoring draws nothing"
    first = [run.evaluations[0].metrics["loss"] for run in (runs["base"], runs["evaluation"])]
    assert first[0] == pytest.approx(first[1], rel=1e-6)


@pytest.mark.parametrize("name", STOPS)
def test_a_stopped_run_goes_on_to_the_same_bits(runs: dict[str, Outcome], name: str) -> None:
    assert_same_run(runs[name], runs["base"], WEIGHTS)
    assert resumed_at(runs[name]) == [None, STOPPED_AT[name]]


def test_every_parameter_trains_and_the_head_is_fairseqs(runs: dict[str, Outcome]) -> None:
    rows = runs["base"].parameters["parameters"]
    assert all(row["trainable"] for row in rows)
    assert {row["name"].split(".")[1] for row in rows if row["head"]} == {"lm_head"}
    assert len({row["name"] for row in rows}) == len(rows)


def test_the_checkpoint_is_taken_up(runs: dict[str, Outcome], place: Workplace, fairseq: BackendPython) -> None:
    """By fine-tuning, from its weights or its sizes, and by going on with masked tokens."""
    shutil.copytree(runs["base"].folder / "checkpoint", place.models / "made")
    tuned = {"backend": "fairseq", "model": place.model("made")}
    jobs = [
        Job("tuned", place.spec({**tuned, "initialisation": "pretrained"})),
        Job("from nothing", place.spec({**tuned, "initialisation": "random"})),
        Job("further", masked(place, "made", initialisation="pretrained")),
    ]
    assert many(fairseq, place, jobs, "fairseq") == [ExitCode.COMPLETED] * 3
    found = {job.name: Outcome(place.out(job.name)) for job in jobs}
    assert breaches(found["further"].folder, place.data) == []
    assert found["tuned"].initial != found["from nothing"].initial
    first, last = runs["base"].losses[0], runs["base"].losses[-1]
    assert first is not None
    assert last is not None
    assert found["further"].losses[0] == pytest.approx(last, abs=(first - last) / 2), "it goes on where that ended"
    texts = [
        (runs["base"].folder / "checkpoint" / name).read_bytes() for name in ("dict.txt", "sentencepiece.bpe.model")
    ]
    further = found["further"].folder / "checkpoint"
    assert [(further / name).read_bytes() for name in ("dict.txt", "sentencepiece.bpe.model")] == texts


def test_what_cannot_be_is_refused_before_training(
    runs: dict[str, Outcome], place: Workplace, fairseq: BackendPython
) -> None:
    write_sizes(place, "large", {"size": 5000, "rows": None})
    write_sizes(place, "long", {"size": 64, "rows": 500})
    checkpoint = runs["base"].folder / "checkpoint"
    for name in ("shuffled", "headless", "both"):
        shutil.copytree(checkpoint, place.models / name)
    symbols = (checkpoint / "dict.txt").read_text().splitlines()
    (place.models / "shuffled" / "dict.txt").write_text("\n".join(symbols[:-1]) + "\n")
    (place.models / "both" / "architecture.json").write_text(
        json.dumps({**SIZES, "vocabulary": {"size": 64, "rows": None}})
    )
    behead = (
        "import sys, torch; from seedwise_fairseq.checkpoint import _SAFE as safe; p = sys.argv[1]; "
        "s = torch.load(p, pickle_module=safe); s['model'] = {n: v for n, v in s['model'].items() if 'lm_head' not in n}; "
        "torch.save(s, p)"
    )
    told = fairseq("-c", behead, str(place.models / "headless" / WEIGHTS))
    assert told.returncode == 0, told.stderr
    rows = sentences(ROWS["test"], 2)
    short = {name: {**rows[0], "text": text} for name, text in (("short", "w1"), ("empty", " "))}
    splits = {
        name: {**masked(place)["task"]["splits"], "test": write_rows(place.data / f"{name}.jsonl", [row, *rows[1:]])}
        for name, row in short.items()
    }
    pretrained = {"initialisation": "pretrained"}
    cases: dict[str, tuple[dict[str, Any], int, str]] = {
        "large": (masked(place, "large"), 3, "a vocabulary of 5000 cannot be learnt"),
        "long": (masked(place, "long"), 3, "vocabulary.rows is 500"),
        "shuffled": (masked(place, "shuffled", **pretrained), 3, "dict.txt makes a vocabulary of"),
        "headless": (masked(place, "headless", **pretrained), 3, "no head for masked tokens"),
        "both": (masked(place, "both"), 3, "keep one of the two"),
        "short": (
            masked(place, **{"task.splits": splits["short"], "task.masking": SPARSE}),
            3,
            "(1 in all) is too short",
        ),
        "empty": (masked(place, **{"task.splits": splits["empty"]}), 3, "a non-empty string is needed"),
        "untaught": (
            place.spec({"backend": "fairseq", "initialisation": "random", "model": place.model("untaught")}),
            2,
            "sizes without a vocabulary",
        ),
        "classifier": (
            masked(place, **{"recipe.dropout": {"hidden": 0.1, "attention": 0.1, "classifier": 0.1}}),
            2,
            "recipe.dropout.classifier: found 0.1; 0",
        ),
        "beyond": (masked(place, **{"recipe.max_length": 65}), 2, "at most the model's 64 positions"),
    }
    jobs = [Job(name, spec) for name, (spec, _, _) in cases.items()]
    assert many(fairseq, place, jobs, "fairseq") == [code for _, code, _ in cases.values()]
    for name, (_, _, said) in cases.items():
        message = Outcome(place.out(name)).result.message
        assert said in message, (name, message)
        assert not (place.out(name) / "predictions" / "test.jsonl").exists()
