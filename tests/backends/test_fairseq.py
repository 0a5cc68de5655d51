"""The fairseq backend by what it leaves, and beside the hf backend: same seed, same model, same batches, same rates."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from seedwise.project import find_project
from seedwise_contract import ExitCode, RunStatus
from seedwise_contract.conformance import breaches
from tests.backends.conftest import BackendPython
from tests.backends.variants import (
    EPOCHS,
    LONG,
    NO_DROPOUT,
    PER_EPOCH,
    SCHEDULES,
    STOPPED_AT,
    STOPS,
    VARIANTS,
    Job,
    assert_classes,
    assert_curve,
    assert_numbers,
    assert_rates,
    assert_same_run,
    classes,
    many,
    numbers,
    pairs,
    resumed_at,
)
from tests.backends.workplace import INSIDE, ROWS, Outcome, Workplace, call, sentences, write_rows

pytestmark = [pytest.mark.minutes, pytest.mark.docker]

WEIGHTS = "model.pt"
OWN: dict[str, dict[str, Any]] = {
    "still random": {**NO_DROPOUT, "initialisation": "random"},
    "still unclipped": {**NO_DROPOUT, "recipe.clip_norm": None},
    "still tightly": {**NO_DROPOUT, "recipe.clip_norm": 0.01},
}
BESIDE = ("still", "still random", "still accumulated", "still grouped", "cosine")  # run by hf too


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, hf_python: str) -> Workplace:
    place = Workplace(tmp_path_factory.mktemp("fairseq"))
    made = call([hf_python, str(INSIDE / "make_models.py"), str(place.models)])
    assert made.returncode == 0, made.stderr
    return place


@pytest.fixture(scope="module")
def fairseq(place: Workplace) -> BackendPython:
    python = BackendPython("fairseq")
    made = python(str(INSIDE / "make_pieces.py"), str(place.models / "sizes"))
    assert made.returncode == 0, made.stderr
    return python


def spec_of(place: Workplace, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return place.spec({"backend": "fairseq", **(changes or {})})


@pytest.fixture(scope="module")
def runs(place: Workplace, fairseq: BackendPython) -> dict[str, Outcome]:
    jobs = [Job(name, spec_of(place, changes)) for name, changes in (VARIANTS | OWN).items()]
    sizes = {"model": place.model("sizes"), "initialisation": "random"}
    jobs.append(Job("pieces", spec_of(place, sizes)))
    jobs.append(Job("pieces pairs", spec_of(place, {**sizes, **pairs(place)})))
    chosen = {"selection.metric": "macro-f1"}
    jobs += [Job(f"{count} classes", spec_of(place, {**classes(place, count), **chosen})) for count in (3, 77)]
    jobs.append(Job("numbers", spec_of(place, {**NO_DROPOUT, **numbers(place), **LONG})))
    jobs.append(
        Job("numbers pairs", spec_of(place, {**sizes, **numbers(place, with_pairs=True), "selection.metric": "mse"}))
    )
    expected = [ExitCode.COMPLETED] * len(jobs)
    jobs += [Job(name, spec_of(place), stop) for name, stop in STOPS.items()]
    jobs += [Job(name, spec_of(place)) for name in STOPS]
    expected += [ExitCode.TERMINATED] * len(STOPS) + [ExitCode.COMPLETED] * len(STOPS)
    curve = spec_of(place, VARIANTS["curve"])
    between = {"event": "evaluation", "nth": 3}  # of selection, before its display
    jobs += [Job("curve stopped", curve, between), Job("curve stopped", curve)]
    expected += [ExitCode.TERMINATED, ExitCode.COMPLETED]
    assert many(fairseq, place, jobs, "fairseq") == expected
    return {job.name: Outcome(place.out(job.name)) for job in jobs}


@pytest.fixture(scope="module")
def beside(place: Workplace, hf_python: str) -> dict[str, Outcome]:
    """The same specs, by the hf backend."""
    for name in BESIDE:
        words = place.command(hf_python, "seedwise_hf", "run", f"hf-{name}", place.spec((VARIANTS | OWN)[name]))
        ran = call(words, "hf")
        assert ran.returncode == 0, ran.stderr
    return {name: Outcome(place.out(f"hf-{name}")) for name in BESIDE}


def test_runs_conform(runs: dict[str, Outcome], place: Workplace) -> None:
    for name, outcome in runs.items():
        assert breaches(outcome.folder, place.data) == [], name
    assert runs["base"].result.status is RunStatus.COMPLETED
    assert [(e.split, e.update) for e in runs["base"].evaluations] == [
        *(("selection", PER_EPOCH * n) for n in (1, 2, 3)),
        ("test", runs["base"].result.selected.update),
    ]


@pytest.mark.parametrize("count", [3, 77])
def test_more_than_two_classes(runs: dict[str, Outcome], place: Workplace, count: int) -> None:
    assert_classes(runs[f"{count} classes"], place, count)


def test_labels_that_are_numbers(runs: dict[str, Outcome], place: Workplace) -> None:
    assert_numbers(runs["numbers"], place)
    both = runs["numbers pairs"]
    assert not [line for line in breaches(both.folder, place.data) if "spec.json" not in line]
    assert (both.folder / "checkpoint" / "input0" / "dict.txt").is_file()
    assert not (both.folder / "checkpoint" / "label").exists()


def test_same_seeds_same_bits_and_other_seeds_others(runs: dict[str, Outcome]) -> None:
    base = runs["base"]
    assert_same_run(runs["again"], base, WEIGHTS)
    assert runs["initialisation"].initial != base.initial
    for stream in ("order", "dropout"):
        assert runs[stream].initial == base.initial
        assert runs[stream].losses[0] != base.losses[0]
    assert runs["still"].losses == runs["still dropout"].losses
    assert runs["evaluation"].losses == base.losses, "scoring draws nothing"


@pytest.mark.parametrize("name", ["curve", "curve stopped"])
def test_a_curve_of_the_reported_split_moves_nothing(runs: dict[str, Outcome], name: str) -> None:
    assert_curve(runs[name], runs["base"], WEIGHTS)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_learning_rate_of_every_update(runs: dict[str, Outcome], schedule: str) -> None:
    assert_rates(runs[schedule], schedule)


def test_clipping_decay_and_accumulation_are_the_recipes(runs: dict[str, Outcome]) -> None:
    still, free, tight = runs["still"], runs["still unclipped"], runs["still tightly"]
    assert free.losses != tight.losses
    assert still.steps[0].grad_norm == free.steps[0].grad_norm == tight.steps[0].grad_norm, "measured before clipping"
    accumulated = runs["still accumulated"]
    assert len(accumulated.losses) == EPOCHS * PER_EPOCH
    assert accumulated.losses == pytest.approx(still.losses, rel=1e-3)
    by_run = {
        run: {p["name"]: p["weight_decay"] for p in runs[run].parameters["parameters"] if p["trainable"]}
        for run in ("still", "all decay")
    }
    spared = {name for name, decay in by_run["still"].items() if decay == 0.0}
    assert spared == {
        name for name in by_run["still"] if name.endswith(".bias") or "layer_norm" in name or "layernorm" in name
    }
    assert set(by_run["all decay"].values()) == {0.05}
    assert len({runs[name].losses[-1] for name in ("still", "all decay", "no decay")}) == 3


def test_no_parameter_is_counted_twice(runs: dict[str, Outcome]) -> None:
    rows = runs["base"].parameters["parameters"]
    assert not [row["name"] for row in rows if "in_proj" in row["name"] or "fc1_" in row["name"]]
    assert {row["name"].split(".")[1] for row in rows if not row["trainable"]} == {"lm_head"}
    assert {row["name"] for row in rows if row["head"]} == {
        f"classification_heads.sentence_classification_head.out_proj.{part}" for part in ("weight", "bias")
    }


@pytest.mark.parametrize("name", STOPS)
def test_a_stopped_run_goes_on_to_the_same_bits(runs: dict[str, Outcome], name: str) -> None:
    assert_same_run(runs[name], runs["base"], WEIGHTS)
    assert resumed_at(runs[name]) == [None, STOPPED_AT[name]]


def test_divergence_is_an_outcome(runs: dict[str, Outcome]) -> None:
    outcome = runs["diverging"]
    assert outcome.result.status is RunStatus.DIVERGED
    assert "not finite" in outcome.result.message
    assert outcome.result.updates == len(outcome.steps) < EPOCHS * 2


def test_beside_hf_the_seed_gives_the_same_model_batches_and_rates(
    runs: dict[str, Outcome], beside: dict[str, Outcome]
) -> None:
    for name, other in beside.items():
        run = runs[name]
        assert [step.lr for step in run.steps] == pytest.approx([step.lr for step in other.steps], rel=1e-12)
        assert run.parameters["trainable"] == other.parameters["trainable"]
        assert run.parameters["trainable_head"] == other.parameters["trainable_head"]
    for name in ("still", "still random", "still accumulated", "still grouped"):
        # Two updates, since the first of a warm-up moves nothing: the same weights, and the same batches of two updates.
        assert runs[name].losses[:2] == pytest.approx(beside[name].losses[:2], abs=1e-6)
        assert runs[name].losses == pytest.approx(beside[name].losses, abs=0.03)


@pytest.fixture(scope="module")
def shared_models(place: Workplace, hf_python: str) -> dict[str, Any]:
    """Models that both backends read: MiniLM where the suite's cache has it, else a tiny BERT; a tiny RoBERTa."""
    found = sorted((find_project(Path(__file__)).cache / "models").glob("minilm-l6-*/config.json"))
    if found:
        shutil.copytree(found[0].parent, place.models / "minilm")
    made = call([hf_python, str(INSIDE / "make_roberta.py"), str(place.models / "bpe")])
    assert made.returncode == 0, made.stderr
    return {"BERT": place.model("minilm" if found else "bert"), "RoBERTa": place.model("bpe")}


@pytest.mark.parametrize("initialisation", ["pretrained", "random"])
@pytest.mark.parametrize(("kind", "paired"), [("BERT", False), ("RoBERTa", False), ("RoBERTa", True)])
def test_hidden_states_are_those_of_transformers(
    place: Workplace,
    fairseq: BackendPython,
    hf_python: str,
    shared_models: dict[str, Any],
    kind: str,
    paired: bool,
    initialisation: str,
) -> None:
    """Before training, on the sentences of the test split, some of them cut."""
    told = []
    changes = {"model": shared_models[kind], "initialisation": initialisation, "recipe.max_length": 12}
    if paired:
        changes |= pairs(place)
    for backend in ("hf", "fairseq"):
        spec = place.spec({"backend": backend, **changes})
        path, out = place.write(f"states-{backend}", spec), place.folder / f"{backend}-states.json"
        words = [str(INSIDE / "states.py"), str(path), str(place.models), str(place.data), str(out)]
        ran = call([hf_python, *words], "hf") if backend == "hf" else fairseq(*words)
        assert ran.returncode == 0, ran.stderr
        told.append(json.loads(out.read_text()))
    assert len(told[0]) == len(told[1]) == ROWS["test"]
    largest = {"hidden": 0.0, "logits": 0.0}
    for one, other in zip(*told, strict=True):
        for name, rows in {
            "hidden": zip(one["hidden"], other["hidden"], strict=True),
            "logits": [(one["logits"], other["logits"])],
        }.items():
            for a, b in rows:
                largest[name] = max(largest[name], *(abs(x - y) for x, y in zip(a, b, strict=True)))
    print(kind, "pairs" if paired else "sentences", initialisation, largest)
    assert max(largest.values()) < 1e-4


def test_a_fairseq_checkpoint_is_taken_up(runs: dict[str, Outcome], place: Workplace, fairseq: BackendPython) -> None:
    """What a run leaves is a model folder; and what is wrong with one is said before any training."""
    made = runs["pieces"].folder / "checkpoint"
    for name in ("taken", "shuffled", "shorter", "evil", "resized", "torn"):
        shutil.copytree(made, place.models / name)
    folder = place.models
    symbols = (folder / "shuffled" / "dict.txt").read_text().splitlines()
    (folder / "shuffled" / "dict.txt").write_text("\n".join(symbols[:-1]) + "\n")
    sizes = json.loads((folder / "sizes" / "architecture.json").read_text())
    (folder / "resized" / "architecture.json").write_text(json.dumps({**sizes, "encoder_ffn_embed_dim": 32}))
    (folder / "torn" / "model.pt").write_bytes((made / "model.pt").read_bytes()[:5000])
    evil = "import torch, os, sys; torch.save({'model': {}, 'args': os.getcwd}, sys.argv[1])"
    assert fairseq("-c", evil, str(folder / "evil" / "model.pt")).returncode == 0
    cases = {
        "taken": ({}, 0, None),
        "shuffled": ({}, 3, "dict.txt makes a vocabulary of"),
        "shorter": ({"recipe.max_length": 65}, 3, "has 64 positions"),
        "evil": ({}, 3, "asks for posix.getcwd"),
        "resized": ({}, 3, "architecture.json says"),
        "torn": ({}, 3, "cannot be read"),
    }
    jobs = [Job(n, spec_of(place, {"model": place.model(n), **it})) for n, (it, _, _) in cases.items()]
    assert many(fairseq, place, jobs, "fairseq") == [code for _, code, _ in cases.values()]
    for name, (_, _, said) in cases.items():
        message = Outcome(place.out(name)).result.message
        assert said is None or said in message, message
    taken, first = Outcome(place.out("taken")), runs["pieces"]
    assert taken.losses[0] != first.losses[0]
    assert math.isfinite(taken.losses[-1])


def test_fairseq_reads_the_checkpoint(runs: dict[str, Outcome], place: Workplace, fairseq: BackendPython) -> None:
    told = fairseq(str(INSIDE / "reload_fairseq.py"), str(runs["pieces"].folder), str(place.data))
    assert told.returncode == 0, told.stderr
    assert float(told.stdout.splitlines()[-1]) < 1e-5


def test_bad_data_is_refused_before_training(place: Workplace, fairseq: BackendPython) -> None:
    rows = sentences(ROWS["test"], 2)
    broken = {"empty": {**rows[0], "text": "  "}, "unlabelled": {k: v for k, v in rows[0].items() if k != "label"}}
    jobs = []
    for name, row in broken.items():
        split = write_rows(place.data / f"{name}.jsonl", [row, *rows[1:]])
        jobs.append(Job(name, spec_of(place, {"task.splits": {**spec_of(place)["task"]["splits"], "test": split}})))
    shutil.copytree(place.models / "bert", place.models / "foreign")
    config = json.loads((place.models / "foreign" / "config.json").read_text())
    (place.models / "foreign" / "config.json").write_text(json.dumps({**config, "vocab_size": 40}))
    shutil.copytree(place.models / "bert", place.models / "partial")
    (place.models / "partial" / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    jobs += [Job(name, spec_of(place, {"model": place.model(name)})) for name in ("foreign", "partial")]
    assert set(many(fairseq, place, jobs, "fairseq")) == {ExitCode.BAD_DATA}
    said = {job.name: Outcome(place.out(job.name)).result.message for job in jobs}
    assert "a non-empty string is needed" in said["empty"]
    assert "no column label" in said["unlabelled"]
    assert "lies outside the model's vocabulary of 40" in said["foreign"]
    assert "lacks 16 encoder weights" in said["partial"]


def test_check_lists_every_fault_without_torch(place: Workplace, fairseq: BackendPython) -> None:
    faulty = spec_of(
        place,
        {
            "method": {"name": "full", "parameters": {"rank": 2}},
            "recipe.optimizer.name": "adam",
            "recipe.schedule": {"name": "linear", "warmup_updates": 19, "power": 1.0, "end_lr": 0.5},
            "recipe.max_length": 65,
            "task.columns.text_pair": "pair",
        },
    )
    path = place.write("faulty", faulty)
    code = (
        "import sys; from seedwise_contract.command import main; from seedwise_fairseq.backend import FairseqBackend; "
        f"code = main(FairseqBackend(), ['check', {str(path)!r}, '--models', {str(place.models)!r}]); "
        "main(FairseqBackend(), ['describe']); assert 'torch' not in sys.modules; sys.exit(code)"
    )
    told = fairseq("-c", code)
    assert told.returncode == ExitCode.BAD_SPEC, told.stderr
    for fault in (
        "method.parameters.rank: found 2",
        'recipe.optimizer.name: found "adam"; fairseq\'s Adam decouples',
        "recipe.schedule.warmup_updates: found 19; at most the 18 updates",
        "recipe.schedule.end_lr: found 0.5",
        "recipe.max_length: found 65; at most the model's 64 positions",
        "task.columns.text_pair: found",
    ):
        assert fault in told.stderr
    assert json.loads(told.stdout)["packages"]["fairseq"] == "0.12.2"
