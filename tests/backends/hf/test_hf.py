"""The hf backend by what it leaves: real processes, real training of a tiny BERT, judged by the contract's files."""

from __future__ import annotations

import json
import math
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from seedwise_contract import ExitCode, RunStatus
from seedwise_contract.conformance import breaches
from tests.backends.hf.conftest import Python
from tests.backends.variants import (
    DIVERGING,
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
from tests.backends.workplace import INSIDE, ROWS, Outcome, Workplace, backend_environment, call, sentences

pytestmark = pytest.mark.minutes

WEIGHTS = "model.safetensors"
OWN: dict[str, dict[str, Any]] = {
    "l2": {**NO_DROPOUT, "recipe.optimizer.name": "adam"},
    "bf16": {"recipe.precision": "bf16"},
    "accuracy": {"selection.metric": "accuracy"},
    "diverging last": {**DIVERGING, "selection.rule": "last"},
}


def broken_models(place: Workplace) -> None:
    """Folders that cannot serve: a type whose dropout is not known, no weights, weights of fewer layers than declared, and
    a tokenizer of another model.
    """
    for name in ("gpt", "weightless", "partial", "wordless", "foreign-words"):
        shutil.copytree(place.models / "bert", place.models / name)
    (place.models / "gpt" / "config.json").write_text('{"model_type": "gpt_neo"}')
    (place.models / "weightless" / "model.safetensors").unlink()
    for path in (place.models / "wordless").iterdir():
        if path.name not in ("config.json", "model.safetensors"):
            path.unlink()
    for name in ("tokenizer.json", "vocab.txt"):
        path = place.models / "foreign-words" / name
        if path.is_file():
            path.write_text(re.sub(r"(fine|lovely|bright|dull|awful|grey|w[0-9]+)\b", r"\1x", path.read_text()))
    config = json.loads((place.models / "partial" / "config.json").read_text())
    (place.models / "partial" / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    shutil.copytree(place.models / "bert", place.models / "foreign")
    (place.models / "foreign" / "config.json").write_text(json.dumps({**config, "vocab_size": 40}))


@pytest.fixture(scope="module")
def runs(place: Workplace, python: Python) -> dict[str, Outcome]:
    """Every run that one process can make."""
    jobs = [Job(name, place.spec(changes)) for name, changes in (VARIANTS | OWN).items()]
    jobs += [
        Job(f"{count} classes", place.spec({**classes(place, count), "selection.metric": "macro-f1"}))
        for count in (3, 77)
    ]
    jobs.append(Job("numbers", place.spec({**NO_DROPOUT, **numbers(place), **LONG})))
    expected = [ExitCode.COMPLETED] * len(jobs)

    loud = {"model": place.model("loud")}
    for name, clip in {"loud": None, "loud far": 1e6, "loud near": 1.0}.items():
        jobs.append(Job(name, place.spec({**NO_DROPOUT, **loud, "recipe.clip_norm": clip})))
    whole = {**NO_DROPOUT, "recipe.batch_size": ROWS["train"]}
    jobs += [Job(f"whole {seed}", place.spec({**whole, "seeds.order": seed})) for seed in (1, 2)]
    paired = pairs(place)
    only_first = {**paired, "recipe.truncation": "only_first"}
    jobs += [Job("pairs", place.spec(paired)), Job("only first", place.spec({**only_first, "recipe.max_length": 8}))]
    expected += [ExitCode.COMPLETED] * 7
    jobs.append(Job("cramped", place.spec({**only_first, "recipe.max_length": 4})))
    expected.append(ExitCode.BAD_DATA)

    jobs += [Job(name, place.spec(), stop) for name, stop in STOPS.items()]
    expected += [ExitCode.TERMINATED] * len(STOPS)
    jobs += [Job(name, place.spec()) for name in STOPS]
    expected += [ExitCode.COMPLETED] * len(STOPS)
    jobs += [Job("taken", place.spec(), {"event": "step", "nth": 4}), Job("taken", place.spec({"seeds.order": 7}))]
    expected += [ExitCode.TERMINATED, ExitCode.COMPLETED]

    curve = place.spec(VARIANTS["curve"])
    between = {"event": "evaluation", "nth": 3}  # of selection, before its display
    jobs += [Job("curve stopped", curve, between), Job("curve stopped", curve)]
    expected += [ExitCode.TERMINATED, ExitCode.COMPLETED]

    broken_models(place)
    jobs += [
        Job(n, place.spec({"model": place.model(n)}))
        for n in ("gpt", "weightless", "partial", "wordless", "foreign-words")
    ]
    jobs += [
        Job("absent", place.spec({"model.path": "absent"})),
        Job("changed", place.spec({"model.sha256": "0" * 64})),
    ]
    jobs.append(Job("foreign", place.spec({"model": place.model("foreign"), "initialisation": "random"})))
    expected += [ExitCode.BAD_SPEC] + [ExitCode.BAD_DATA] * 7

    codes = many(python, place, jobs, "hf")
    differ = {job.name: (code, want) for job, code, want in zip(jobs, codes, expected, strict=True) if code != want}
    assert not differ, differ
    return {job.name: Outcome(place.out(job.name)) for job in jobs}


def test_a_run_leaves_what_the_contract_asks(runs: dict[str, Outcome]) -> None:
    base = runs["base"]
    result = base.result
    assert result.status is RunStatus.COMPLETED
    assert [step.update for step in base.steps] == list(range(1, EPOCHS * PER_EPOCH + 1))
    assert base.steps[-1].epoch == EPOCHS
    seconds = [step.seconds for step in base.steps]
    assert seconds == sorted(seconds)
    assert [(e.split, e.update) for e in base.evaluations[:-1]] == [("selection", PER_EPOCH * n) for n in (1, 2, 3)]
    assert base.evaluations[-1].split == "test"
    for split in ("selection", "test"):
        predictions = base.predictions(split)
        assert [p.id for p in predictions] == [row["id"] for row in sentences(ROWS[split], list(ROWS).index(split))]
        assert sum(p.correct for p in predictions) / len(predictions) == result.metrics[split]["accuracy"]
        loss = sum(math.log(sum(map(math.exp, p.scores))) - p.scores[p.label] for p in predictions) / len(predictions)
        assert result.metrics[split]["loss"] == pytest.approx(loss, rel=1e-6)
    assert {"checkpoint/model.safetensors", "environment.json", "parameters.json"} <= set(result.files)
    assert not (base.folder / "state").exists()
    environment = json.loads((base.folder / "environment.json").read_text())
    assert environment["determinism"]["torch.deterministic_algorithms"] == "True"
    assert environment["determinism"]["torch.num_threads"] == "1"
    for cost in ("train_examples_per_second", "peak_host_bytes", "checkpoint_bytes"):
        assert getattr(result.cost, cost) > 0


@pytest.mark.parametrize("count", [3, 77])
def test_more_than_two_classes(runs: dict[str, Outcome], place: Workplace, count: int) -> None:
    assert_classes(runs[f"{count} classes"], place, count)


def test_labels_that_are_numbers(runs: dict[str, Outcome], place: Workplace) -> None:
    assert_numbers(runs["numbers"], place)


def test_same_seeds_same_bits(runs: dict[str, Outcome], place: Workplace, hf_python: str) -> None:
    """Within one process, and in a fresh one."""
    ran = call(place.command(hf_python, "seedwise_hf", "run", "fresh", place.spec()), "hf")
    assert ran.returncode == 0, ran.stderr
    for other in (runs["again"], Outcome(place.out("fresh"))):
        assert_same_run(other, runs["base"], WEIGHTS)


def test_a_seed_changes_its_own_stream_and_no_other(runs: dict[str, Outcome]) -> None:
    base = runs["base"]
    assert runs["initialisation"].initial != base.initial
    for stream in ("order", "dropout"):
        assert runs[stream].initial == base.initial
        assert runs[stream].losses[0] != base.losses[0]
    assert runs["still"].losses == runs["still dropout"].losses
    assert runs["random"].initial != base.initial


def test_evaluation_draws_nothing(runs: dict[str, Outcome]) -> None:
    assert runs["evaluation"].losses == runs["base"].losses


def test_order_is_a_permutation(runs: dict[str, Outcome]) -> None:
    """With one batch an epoch and no dropout the order of rows moves nothing but the last bits of a sum."""
    one, two = (runs[f"whole {seed}"].losses for seed in (1, 2))
    assert len(one) == EPOCHS
    assert one == pytest.approx(two, rel=1e-4)
    assert one != two


@pytest.mark.parametrize("name", ["curve", "curve stopped"])
def test_a_curve_of_the_reported_split_moves_nothing(place: Workplace, runs: dict[str, Outcome], name: str) -> None:
    assert_curve(runs[name], runs["base"], WEIGHTS)
    assert breaches(runs[name].folder, place.data) == []


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_learning_rate_of_every_update(runs: dict[str, Outcome], schedule: str) -> None:
    assert_rates(runs[schedule], schedule)


def test_accumulation_is_the_same_mean_over_the_same_examples(runs: dict[str, Outcome]) -> None:
    """42 rows: the last update of an epoch holds two, in one forward pass in place of two."""
    assert len(runs["still accumulated"].losses) == EPOCHS * PER_EPOCH
    assert runs["still accumulated"].losses == pytest.approx(runs["still"].losses, rel=1e-3)


def test_rows_of_like_length_share_a_batch(runs: dict[str, Outcome]) -> None:
    """Other batches, as many of them, and no other draw."""
    grouped, still = runs["still grouped"], runs["still"]
    assert grouped.initial == still.initial
    assert len(grouped.losses) == len(still.losses)
    assert grouped.losses[0] != still.losses[0]


def test_clipping_is_the_recipes(runs: dict[str, Outcome]) -> None:
    free, far, near = runs["loud"], runs["loud far"], runs["loud near"]
    assert max(step.grad_norm for step in free.steps) > 1.0, "the framework's own default would have cut here"
    assert free.losses == far.losses
    assert free.losses != near.losses
    assert near.steps[0].grad_norm == free.steps[0].grad_norm, "measured before clipping"


def test_weight_decay_covers_what_the_recipe_says(runs: dict[str, Outcome]) -> None:
    by_run = {
        run: {p["name"]: p["weight_decay"] for p in runs[run].parameters["parameters"]} for run in ("base", "all decay")
    }
    spared = {name for name, decay in by_run["base"].items() if decay == 0.0}
    assert spared == {name for name in by_run["base"] if name.endswith(".bias") or "LayerNorm" in name}
    assert {by_run["base"][name] for name in set(by_run["base"]) - spared} == {0.05}
    assert set(by_run["all decay"].values()) == {0.05}
    final = [runs[name].losses[-1] for name in ("still", "all decay", "no decay", "l2")]
    assert len(set(final)) == 4, "each of the four trains differently"


def test_the_head_and_the_counts(runs: dict[str, Outcome]) -> None:
    table = runs["base"].parameters
    assert {p["name"] for p in table["parameters"] if p["head"]} == {"classifier.weight", "classifier.bias"}
    assert table["trainable_head"] == 32 * 2 + 2
    assert table["trainable"] == table["total"] == sum(math.prod(p["shape"]) for p in table["parameters"])


@pytest.mark.parametrize(("run", "best"), [("base", min), ("accuracy", max)])
def test_selection_takes_the_earliest_best(runs: dict[str, Outcome], run: str, best: Any) -> None:
    outcome = runs[run]
    selected = outcome.result.selected
    values = {e.update: e.metrics[selected.metric] for e in outcome.evaluations if e.split == "selection"}
    assert selected.value == best(values.values())
    assert selected.update == next(update for update, value in values.items() if value == selected.value)
    assert runs["evaluation"].result.selected.update == EPOCHS * PER_EPOCH


def test_bf16_rounds_and_still_learns(runs: dict[str, Outcome]) -> None:
    assert runs["bf16"].initial == runs["base"].initial
    assert runs["bf16"].losses != runs["base"].losses
    assert runs["bf16"].losses == pytest.approx(runs["base"].losses, rel=0.2)


def test_divergence_is_an_outcome(runs: dict[str, Outcome]) -> None:
    """By the rule `last` there is nothing to score; by `best` the checkpoint before it is scored, and flagged."""
    last, best = runs["diverging last"], runs["diverging"]
    for outcome in (last, best):
        assert outcome.result.status is RunStatus.DIVERGED
        assert "not finite" in outcome.result.message
        assert 2 < outcome.result.updates == len(outcome.steps) < EPOCHS * 2
    assert last.result.metrics == {}
    assert last.result.selected is None
    assert not (last.folder / "checkpoint").exists()
    assert best.result.selected.update in (2, 4)
    assert set(best.result.metrics) == {"selection", "test"}
    assert len(best.predictions("test")) == ROWS["test"]


def test_the_checkpoint_is_a_transformers_model(runs: dict[str, Outcome], hf_python: str) -> None:
    base = runs["base"]
    rows = [{"text": row["text"], "pair": None} for row in sentences(ROWS["test"], 2)]
    told = call([hf_python, str(INSIDE / "reload.py"), str(base.folder / "checkpoint")], text=json.dumps(rows))
    assert told.returncode == 0, told.stderr
    for scores, prediction in zip(json.loads(told.stdout), base.predictions("test"), strict=True):
        assert scores == pytest.approx(prediction.scores, abs=1e-4)


@pytest.mark.parametrize("name", STOPS)
def test_a_stopped_run_goes_on_to_the_same_bits(runs: dict[str, Outcome], name: str) -> None:
    assert_same_run(runs[name], runs["base"], WEIGHTS)
    assert resumed_at(runs[name]) == [None, STOPPED_AT[name]]


def test_a_state_of_another_spec_is_not_taken_up(runs: dict[str, Outcome]) -> None:
    assert resumed_at(runs["taken"]) == [None]
    assert len(runs["taken"].steps) == EPOCHS * PER_EPOCH


def test_sigterm_saves_a_state_and_a_new_process_goes_on(place: Workplace, hf_python: str, python: Python) -> None:
    long = {"recipe.epochs": 25}
    command = place.command(hf_python, "seedwise_hf", "run", "killed", place.spec(long))
    process = subprocess.Popen(command, env=backend_environment("hf"), stderr=subprocess.PIPE, text=True)
    events = place.out("killed") / "events.jsonl"
    deadline = time.monotonic() + 120
    while not (events.exists() and events.read_text().count('"step"') >= 30):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=60)
    assert process.returncode == ExitCode.TERMINATED, log
    done = int(log.split("stopped after update ")[1].split()[0])
    assert 30 <= done < 25 * PER_EPOCH
    # Whatever was written after the state was saved belongs to nobody.
    with open(events, "a", encoding="utf-8") as handle:
        handle.write('{"time":0.0,"event":"warning","message":"written after the state"}\n')
    codes = many(python, place, [Job(name, place.spec(long)) for name in ("killed", "unhindered")], "hf")
    assert codes == [0, 0]
    unhindered = Outcome(place.out("unhindered"))
    assert_same_run(Outcome(place.out("killed")), unhindered, WEIGHTS)
    assert "after the state" not in events.read_text()
    assert unhindered.losses[-1] < 0.1 * unhindered.losses[0], "so many epochs learn the rows by heart"


def test_pairs_and_their_truncation(runs: dict[str, Outcome]) -> None:
    assert runs["pairs"].losses != runs["only first"].losses
    assert "only_first" in runs["cramped"].result.message


def test_every_family_sets_every_dropout(place: Workplace, runs: dict[str, Outcome], hf_python: str) -> None:
    """And draws its head from the initialisation stream, even where the folder holds one already."""
    specs: list[Path] = []
    shutil.copytree(runs["base"].folder / "checkpoint", place.models / "headed")
    families = ("bert", "roberta", "distilbert", "albert", "electra", "mpnet", "poolerless", "headed")
    for kind in families:
        dropout = {"hidden": 0.11, "attention": 0.22, "classifier": 0.11 if kind == "mpnet" else 0.33}
        for seed in (1, 1, 2):
            changes = {"model": place.model(kind), "recipe.dropout": dropout, "seeds.initialisation": seed}
            specs.append(place.write(f"probe-{len(specs)}", place.spec(changes)))
    told = call([hf_python, str(INSIDE / "probe.py"), str(place.models), json.dumps(list(map(str, specs)))], "hf")
    assert told.returncode == 0, told.stderr
    answers = json.loads(told.stdout)
    for index, kind in enumerate(families):
        one, same, other = answers[3 * index : 3 * index + 3]
        in_modules = {0.11} if kind == "mpnet" else {0.11, 0.33}
        assert in_modules <= set(one["dropouts"].values()) <= in_modules | {0.22}, kind
        assert one["attention"] == [0.22], kind
        assert one["head"] == same["head"], kind
        drawn = {name for name, size in one["head"].items() if size > 0}
        assert drawn
        assert all(one["head"][name] != other["head"][name] for name in drawn), kind
    pooler = answers[3 * families.index("poolerless")]["head"]
    assert "bert.pooler.dense.weight" in pooler, "what the checkpoint lacks is drawn with the head, and counts as such"
    assert "bert.pooler.dense.weight" not in answers[0]["head"]
    assert answers[3 * families.index("headed")]["head"] == answers[0]["head"]


def test_models_that_cannot_serve(runs: dict[str, Outcome]) -> None:
    assert "a type whose every dropout can be set" in runs["gpt"].result.message
    assert "no *.safetensors file" in runs["weightless"].result.message
    assert "no vocabulary: none of" in runs["wordless"].result.message
    assert "unknown to the tokenizer" in runs["foreign-words"].result.message
    assert "lacks 16 encoder weights" in runs["partial"].result.message
    assert "no such" in runs["absent"].result.message.lower()
    assert "lies outside the model's vocabulary of 40" in runs["foreign"].result.message
    assert "model.sha256 declares" in runs["changed"].result.message
