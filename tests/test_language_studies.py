"""Studies of answers to prompts: what a file may say, what is planned of it, and the whole way with the real backends."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from seedwise.bundle import pack, verify
from seedwise.errors import InputError
from seedwise.execution.engines.leases import LeasePool
from seedwise.forecast.claims import forecast
from seedwise.forecast.cost import CostModel
from seedwise.forecast.pilot import Pilots
from seedwise.forecast.text import as_lines
from seedwise.planning.plan import Plan, make_plan
from seedwise.store.history import History, runs_of
from seedwise.store.store import Store
from seedwise.study.load import load_study
from seedwise.study.model import Variances
from seedwise.verdicts.certificates.make import Certifier
from seedwise.verdicts.certificates.need import Shelf, needs_of
from seedwise.verdicts.regression import Gate, check_arm
from seedwise_contract.spec import CausalLmTask
from tests.assets.test_pretraining import PRETRAINING
from tests.conftest import ROOT, STUDY, Small
from tests.report.dialogues import Dialogues

Notify = Callable[[str], None]
TEMPLATE = '"Q: {prompt}\\nA: {answer}"'
TASK = f"data: faq\n  metric: perplexity\n  template: {TEMPLATE}\n  loss_on: answer"


@pytest.fixture
def faq(small: Small) -> Small:
    """The small project with questions and answers, and its study about them."""
    generator = random.Random(5)
    words = [f"w{number}" for number in range(12)]
    rows = []
    for number in range(60):
        asked = generator.sample(words, 3)
        rows.append({"q": f"what {' '.join(asked)} {number}?", "a": f"it is {' '.join(reversed(asked))}"})
    part = "dialogue: {file: faq.json, columns: {prompt: q, answer: a}, cut: {test: 0.3, selection: 0.2}}"
    add_data(small, "faq", "faq.json", json.dumps(rows), part)
    small.edit("data: toy\n  rows: {train: 60, selection: 20, test: 40}\n  metric: accuracy", TASK)
    small.edit("split: selection, metric: accuracy", "split: selection, metric: loss")
    small.edit("parameters: {rate: 0.0}}}", "parameters: {rate: 0.0}}, loss_on: prompt_and_answer}")
    return small


def planned(small: Small, no_say: Notify) -> Plan:
    return make_plan(load_study(small.study).study, small.project, {"fake": "d"}, "cpu", no_say)


def test_each_arm_has_its_task(faq: Small, no_say: Notify) -> None:
    plan = planned(faq, no_say)
    tasks = {run.arm: run.spec.task for run in plan.runs}
    assert all(isinstance(task, CausalLmTask) for task in tasks.values())
    assert {arm: task.loss_on for arm, task in tasks.items()} == {"quick": "answer", "frozen": "prompt_and_answer"}
    assert tasks["quick"].template == "Q: {prompt}\nA: {answer}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (f"  template: {TEMPLATE}\n", "", "give template"),
        ("metric: perplexity", "metric: accuracy", "template and loss_on belong to metric perplexity"),
        ("metric: loss", "metric: accuracy", "selection.metric: found accuracy; loss"),
        ("loss_on: answer\n", "loss_on: answers\n", 'task.loss_on: found "answers"'),
        ("b: frozen}", "b: frozen, type: equivalence, margin: 0}", "claims.0.margin"),
    ],
)
def test_what_does_not_go_with_perplexity_is_refused(faq: Small, old: str, new: str, said: str) -> None:
    faq.edit(old, new)
    with pytest.raises(InputError) as caught:
        load_study(faq.study)
    assert said in str(caught.value)
    assert "small.yaml:" in str(caught.value)


def test_margins_are_in_the_metrics_own_unit(faq: Small, tmp_path: Path) -> None:
    faq.edit("b: frozen}", "b: frozen, type: equivalence, margin: 2.5}")
    assert load_study(faq.study).study.claims[0].margin == 2.5
    path = tmp_path / "accuracy.yaml"
    path.write_text(
        STUDY.replace("b: frozen}", "b: frozen, margin: 2.5}").replace("rate: 0.0}}", "rate: 0.0}}, loss_on: answer")
    )
    with pytest.raises(InputError) as caught:
        load_study(path)
    assert "claims.0.margin: found 2.5; less than 1" in str(caught.value)
    assert "arms.frozen.loss_on: found answer; nothing" in str(caught.value)


def test_a_template_without_its_places_and_data_of_another_kind(faq: Small, no_say: Notify) -> None:
    faq.edit("{prompt}", "")
    with pytest.raises(InputError, match=r"task\.template: found .*'\{prompt\}' once"):
        planned(faq, no_say)
    faq.edit("data: faq", "data: toy")
    with pytest.raises(InputError, match=r"toy has labels .*, and metric perplexity is of prompts and answers"):
        planned(faq, no_say)


def test_what_arms_learn_is_declared_and_older_declarations_stay(faq: Small, tmp_path: Path) -> None:
    base = load_study(faq.study).study.declaration()
    faq.edit("loss_on: prompt_and_answer", "loss_on: answer")
    assert load_study(faq.study).study.declaration() != base
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    # As it was when studies had no such fields: runs that were started under it are still under it.
    wanted = "6805ea65c308e6a4c6d117cbf93ac7992311f3acc450993839735ec7cd0db464"
    assert load_study(path).study.declaration() == wanted


def test_variances_of_a_perplexity_are_never_assumed(faq: Small, no_say: Notify) -> None:
    plan = planned(faq, no_say)
    store = Store(faq.project.runs)
    (found,) = forecast(plan, store, History(), CostModel([]))
    assert found.basis is None
    assert "not known, and none is assumed for perplexity" in as_lines(found)[-1]
    assert Pilots(plan, store, History()).basis(plan.study.claims[0], Variances(sd_seeds=0.5)) is None
    (stated,) = forecast(plan, store, History(), CostModel([]), Variances(sd_seeds=0.5, sd_examples=4.0))
    assert stated.basis is not None
    assert (
        stated.basis.words
        == "given sd between seeds 0.5 of perplexity; given sd of the difference between examples 4 of perplexity"
    )
    assert [at.size for at in stated.power] == [0.5, 1.0, 2.0, 5.0]
    assert any("of perplexity" in line for line in as_lines(stated)[3:])


def test_finished_runs_are_a_pilot(tmp_path: Path) -> None:
    lab = Dialogues(tmp_path)
    plan = lab.run().plan
    basis = Pilots(plan, lab.store, History(runs_of(lab.store))).basis(plan.study.claims[0])
    assert basis is not None
    assert basis.source == "pilot"
    assert 0.0 < basis.components.seed_a < 4.0


def test_a_gate_tells_a_worse_perplexity(tmp_path: Path) -> None:
    for year, lab in ((2025, Dialogues(tmp_path, curve=False)), (2026, Dialogues(tmp_path))):
        worse = replace(lab, accuracy={"full": 30.0 if year == 2025 else 33.0, "lora": 40.0})
        plan = worse.run().plan
        for run in plan.runs:
            path = worse.store.folder(run.run_id or "") / "provenance.json"
            path.write_text(path.read_text().replace("2026-", f"{year}-"))
    history = History(runs_of(worse.store))
    full, lora = (check_arm(name, plan, worse.store, history, 1.0) for name in ("full", "lora"))
    assert (full.gate, lora.gate) == (Gate.FAILED, Gate.PASSED)
    assert full.result is not None
    assert (
        f"perplexity changed by {-full.result.estimate:+.2f}, and with 95 % confidence not by more than +" in full.words
    )
    assert "(margin +1; p = " in full.words


def test_a_claim_across_backends_is_refused_with_its_reason(faq: Small, no_say: Notify, tmp_path: Path) -> None:
    faq.edit("  frozen: {", "  frozen: {backend: other, ")
    plan = make_plan(load_study(faq.study).study, faq.project, {"fake": "d", "other": "e"}, "cpu", no_say)
    reason = Shelf(tmp_path).refusal(plan, plan.study.claims[0])
    assert reason is not None
    assert reason.startswith("refused: a certificate is of classifiers")
    with pytest.raises(InputError, match="arm quick: a certificate is of classifiers"):
        Certifier(faq.project, None, LeasePool((0,), ()), 1.0, no_say).make(needs_of(plan)[0])  # type: ignore[arg-type]


def test_a_bundle_of_perplexities_is_checked_offline(tmp_path: Path) -> None:
    lab = Dialogues(tmp_path / "lab")
    plan = lab.run().plan
    source = tmp_path / "faq.yaml"
    source.write_text(yaml.safe_dump(plan.study.model_dump(mode="json"), allow_unicode=True))
    path = tmp_path / "faq.zip"
    path.write_bytes(pack([(plan, source)], lab.store))
    held = verify(path)
    assert held.runs == 10
    assert held.outcomes[0].arms["full"].scores == lab.run().arms["full"].scores
    assert b"What is <0>?" not in path.read_bytes()


@pytest.mark.minutes
def test_from_running_text_to_a_verdict_on_answers(faq: Small) -> None:
    """A GPT-2 made from nothing by hf, fine-tuned by peft, compared, reported with its answers."""
    pythons = {name: os.environ.get(f"SEEDWISE_{name.upper()}_PYTHON") for name in ("hf", "peft")}
    if None in pythons.values():
        pytest.skip("SEEDWISE_HF_PYTHON and SEEDWISE_PEFT_PYTHON name no Pythons with these backends' packages")
    images = faq.project.root / "docker" / "images.yaml"
    for name, python in pythons.items():
        sources = dict.fromkeys(("contract", "hf", name))
        paths = os.pathsep.join(str(ROOT / "backends" / source / "src") for source in sources)
        (faq.project.root / "fakes" / f"{name}.py").write_text(
            f"import os, sys\nos.environ['PYTHONPATH'] = {paths!r}\n"
            f"os.execv({python!r}, [{python!r}, '-m', 'seedwise_{name}', *sys.argv[1:]])\n"
        )
        images.write_text(images.read_text() + f"  {name}: {{kind: command, command: [python, fakes/{name}.py]}}\n")
    made = faq.seedwise("pretrain", str(pretraining(faq)), timeout=300)
    assert made.returncode == 0, made.stderr
    assert "model stand-in, a stand-in pretrained here: perplexity" in made.stdout
    faq.edit(
        "backend: fake\n  model: null\n  initialisation: none",
        "backend: peft\n  model: stand-in\n  initialisation: pretrained",
    )
    faq.edit("schedule: {name: constant", "schedule: {name: linear")
    lora = "{name: lora, parameters: {r: 2, alpha: 4, dropout: 0.0, target_modules: [c_attn]}}"
    faq.edit(
        "quick: {method: {name: perceptron, parameters: {rate: 1.0}}}", "quick: {method: {name: full, parameters: {}}}"
    )
    faq.edit("frozen: {method: {name: perceptron, parameters: {rate: 0.0}},", f"frozen: {{method: {lora},")
    faq.edit("max_length: 16", "max_length: 64")
    faq.edit("batch_size: 8}", "batch_size: 8, curve: true}")
    ran = faq.pytest(str(faq.study), "--no-record", timeout=500)
    assert ran.returncode == 0, ran.stdout
    assert "perplexity" in ran.stdout
    told = faq.seedwise("report", str(faq.study))
    assert told.returncode == 0, told.stderr
    report = json.loads((faq.project.reports / "small" / "report.json").read_text())["studies"][0]
    assert {arm["name"]: arm["complete"] for arm in report["arms"]} == {"quick": True, "frozen": True}
    assert report["answers"][0]["said"][0]["arm"] == "quick"
    before = {row["mean"] for row in report["curves"]["by_epoch"] if row["epoch"] == 0}
    assert len(before) == 1, "both arms begin as the model that was made"
    assert all(arm["mean"] < next(iter(before)) for arm in report["arms"])


def pretraining(small: Small) -> Path:
    """A file that makes a tiny GPT-2 of words like those of the questions."""
    generator = random.Random(8)
    words = [f"w{number}" for number in range(12)] + ["it", "is", "what", "Q:", "A:"]
    text = "\n".join(" ".join(generator.choice(words) for _ in range(24)) for _ in range(90)) + "\n"
    add_data(
        small, "novel", "novel.txt", text, "text: {file: novel.txt, words: 12, cut: {test: 0.15, selection: 0.15}}"
    )
    path = small.project.root / "benchmarks" / "pretraining" / "stand-in.yaml"
    path.parent.mkdir()
    made = PRETRAINING
    for old, new in (
        (
            "  rows: {train: 60, selection: 8, test: 8}\n  masking: {probability: 0.2, keep: 0.1, random: 0.1}\n",
            "backend: hf\n",
        ),
        ("size: 30", "size: 268"),
        ("positions: 32", "positions: 64"),
        ("max_length: 32", "max_length: 64"),
        ("only_first", "longest_first"),
    ):
        assert old in made
        made = made.replace(old, new)
    path.write_text(made)
    return path


def add_data(small: Small, name: str, file: str, text: str, part: str) -> None:
    """A data set of the user's own: its file, and a manifest that says with `part` how it is read."""
    assert small.project.data_root is not None
    (small.project.data_root / file).write_text(text)
    (small.project.root / "benchmarks/assets" / f"{name}.yaml").write_text(
        f"version: 1\nname: {name}\nkind: data\ntitle: {name}\ncitation: none\nlicence: none\n"
        f"sources:\n  - {{type: local, members: {{{file}: {file}}}}}\n"
        f'files: {{{file}: "{hashlib.sha256(text.encode()).hexdigest()}"}}\n{part}\n'
    )
