"""The main job, end to end, as a user starts it; the backend is the fake one, everything else is real."""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.conftest import Small


def test_runs_claims_and_verdict_then_nothing_is_done_twice(small: Small) -> None:
    first = small.pytest("benchmarks/small.yaml", "--no-record")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "runtime: venv" in first.stdout
    assert "small.yaml::quick[seed=3] accuracy" in first.stdout
    assert "claim[learning-helps] supported (A better)" in first.stdout
    assert "verdicts of small" in first.stdout
    assert "9 passed" in first.stdout
    before = small.result_times()
    assert len(before) == 8
    second = small.pytest("benchmarks/small.yaml", "--no-record")
    assert second.returncode == 0
    assert second.stdout.count("(done before)") == 8
    assert small.result_times() == before


def test_scores_in_the_store_are_those_of_the_predictions(small: Small) -> None:
    small.pytest("benchmarks/small.yaml", "--no-record", "-k", "quick and seed0")
    (folder,) = small.runs()
    lines = [json.loads(line) for line in (folder / "predictions/test.jsonl").read_text().splitlines()]
    right = sum((line["scores"][1] > line["scores"][0]) == (line["label"] == 1) for line in lines)
    assert json.loads((folder / "result.json").read_text())["metrics"]["test"]["accuracy"] == right / len(lines) > 0.6


def test_selection_of_items_and_collect_only(small: Small) -> None:
    collected = small.pytest("benchmarks", "--collect-only", "-q")
    assert collected.stdout.count("::quick[") == collected.stdout.count("::frozen[") == 4
    assert "::claim[learning-helps]" in collected.stdout
    assert not small.runs()
    some = small.pytest("benchmarks", "--no-record", "-k", "seed1 or claim")
    assert "2 passed, 1 skipped" in some.stdout
    assert (
        "the claim stays open: 6 runs are missing"
        in small.pytest("benchmarks", "--no-record", "-k", "claim", "-rs").stdout
    )
    assert len(small.runs()) == 2


def test_the_shortest_study_of_a_folder_is_first_and_named_ones_keep_their_order(small: Small) -> None:
    text = small.study.read_text()
    (train,) = re.findall(r"train: (\d+)", text)
    longer = text.replace("name: small", "name: longer").replace(f"train: {train}", f"train: {int(train) + 1}")
    small.study.with_name("a-longer.yaml").write_text(longer)
    folder = small.pytest("benchmarks", "--collect-only", "-q").stdout
    assert 0 <= folder.index("small.yaml::") < folder.index("a-longer.yaml::")
    named = small.pytest("benchmarks/a-longer.yaml", "benchmarks/small.yaml", "--collect-only", "-q").stdout
    assert 0 <= named.index("a-longer.yaml::") < named.index("small.yaml::")


def test_a_decided_study_is_recorded_while_another_still_runs(small: Small) -> None:
    text = (
        small.study.read_text().replace("name: small", "name: later").replace("rate: 0.0", "rate: 0.0, trouble: slow")
    )
    small.study.with_name("z-later.yaml").write_text(text)
    answer = small.pytest("benchmarks")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    last = max((folder / "result.json").stat().st_mtime_ns for folder in small.runs())
    pages = {name: small.project.reports / name / "report.html" for name in ("small", "later")}
    assert pages["small"].stat().st_mtime_ns < last < pages["later"].stat().st_mtime_ns
    # Eight seeds of each study, of which they share four; two arms and a comparison each.
    assert "MLflow: 11 added, 11 unchanged, 0 replaced" in answer.stdout
    assert "warnings summary" not in answer.stdout


@pytest.mark.parametrize(
    ("trouble", "reason", "said"),
    [
        ("crash", "internal", "RuntimeError: a fault in the backend"),
        ("kill", "terminated", "was killed (SIGKILL) and left no result"),
        ("oom", "out_of_memory", "the device is full"),
        ("data", "bad_data", "row 3 is not what it should be"),
        ("no_space", "no_space", "No space left on device"),
    ],
)
def test_a_failed_run_is_typed_kept_out_and_run_again(small: Small, trouble: str, reason: str, said: str) -> None:
    small.edit("parameters: {rate: 0.0}", f"parameters: {{rate: 0.0, trouble: {trouble}}}")
    answer = small.pytest("benchmarks/small.yaml", "--no-record", "-k", "seed0 or claim")
    assert answer.returncode == 1
    assert f"frozen[seed=0] failed ({reason})" in answer.stdout
    assert said in answer.stdout
    assert "1 failed, 1 passed, 1 skipped" in answer.stdout
    failure = next(small.project.runs.glob(".attempts/*/failure.json"))
    assert json.loads(failure.read_text())["reason"] == reason
    planned = small.seedwise("plan", "benchmarks/small.yaml")
    assert f"to do again ({reason})" in planned.stdout
    assert "1 of 8 runs are done" in planned.stdout


def test_a_diverged_run_is_kept_flagged_and_counted(small: Small) -> None:
    small.edit("parameters: {rate: 0.0}", "parameters: {rate: 0.0, trouble: nan}")
    answer = small.pytest("benchmarks/small.yaml", "--no-record")
    assert answer.returncode == 0, answer.stdout
    assert answer.stdout.count("DIVERGED") == 4
    assert "4 of 4 of frozen diverged" in answer.stdout


def test_x_stops_at_the_first_failure_and_leaves_the_rest_to_do(small: Small) -> None:
    small.edit(
        "quick: {method: {name: perceptron, parameters: {rate: 1.0}}}",
        "quick: {method: {name: perceptron, parameters: {trouble: crash}}}",
    )
    small.edit("parameters: {rate: 0.0}", "parameters: {rate: 0.0, trouble: slow}")
    started = time.monotonic()
    answer = small.pytest("benchmarks/small.yaml", "--no-record", "-x", "--jobs", "2")
    assert answer.returncode == 1
    assert "1 failed" in answer.stdout
    assert time.monotonic() - started < 60  # the slow runs were stopped, not waited for
    assert not small.runs()


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("epochs: 2", "epochs: 0", 2, "defaults.recipe.epochs: found 0"),
        (
            "name: perceptron, parameters: {rate: 1.0}",
            "name: lora, parameters: {}",
            2,
            'arms.quick.method.name: found "lora"',
        ),
        ("data: toy", "data: nothing", 2, "asset nothing: no manifest"),
        ("backend: fake", "backend: absent", 4, "absent"),
        ("{name: constant, warmup_updates: 0}", "{name: constant, warmup_updates: 0, power: 2.0}", 2, "polynomial"),
        ("initialisation: none", "initialisation: random", 2, "exactly where model is null"),
        ("threads: 1", "threads: 300", 2, "device.threads: found 300"),
        ("threads: 1", "threads: 200", 5, "a run needs 200 CPU cores"),
        ("train: 60", "train: 600", 3, "lower task.rows.train"),
    ],
)
def test_what_cannot_be_started_is_said_before_any_run(small: Small, old: str, new: str, code: int, said: str) -> None:
    small.edit(old, new)
    answer = small.pytest("benchmarks/small.yaml", "--no-record")
    assert answer.returncode == code, answer.stdout + answer.stderr
    assert said in answer.stdout
    assert "Traceback" not in answer.stdout
    assert not small.runs()


def test_gate_fails_on_a_claim_that_does_not_hold(small: Small) -> None:
    assert small.pytest("benchmarks/small.yaml", "--no-record", "--gate").returncode == 0
    small.edit("a: quick, b: frozen", "a: frozen, b: quick")
    answer = small.pytest("benchmarks/small.yaml", "--no-record", "--gate")
    assert answer.returncode == 1
    assert "claim learning-helps (frozen is better than quick) is contradicted: Over seeds" in answer.stdout
    assert "learning-helps: exploratory: contradicted (B better)" in answer.stdout
    assert "exploratory: 8 of the 8 runs were started before the study declared" in answer.stdout


def test_two_seeds_decide_nothing_and_three_nothing_where_an_exact_test_is_required(small: Small) -> None:
    small.edit("seeds: 4", "seeds: 2")
    refused = small.pytest("benchmarks/small.yaml", "--no-record", "--gate")
    assert refused.returncode == 2
    assert "claim learning-helps of small is unattainable: 2 seeds decide nothing; declare 3 seeds" in refused.stdout
    small.edit("seeds: 2", "seeds: 3")
    refused = small.pytest("benchmarks/small.yaml", "--no-record", "--gate", "--require-exact")
    assert refused.returncode == 2
    assert "unattainable by its own rule (exact: required): with 3 seeds the smallest p" in refused.stdout
    assert "declare 4 seeds" in refused.stdout
    assert not small.runs()
    answer = small.pytest("benchmarks/small.yaml", "--no-record", "--require-exact")
    assert answer.returncode == 0
    assert "By a rule of this study (exact: required), not of nature" in answer.stdout
    free = small.pytest("benchmarks/small.yaml", "--no-record")
    assert "unattainable" not in free.stdout
    assert "floor .100" in free.stdout


def test_a_copy_under_another_name_is_no_later_claim(small: Small) -> None:
    small.pytest("benchmarks/small.yaml", "--no-record")
    small.edit("name: small", "name: other")
    answer = small.pytest("benchmarks/small.yaml", "--no-record", "--gate")
    assert answer.returncode == 0, answer.stdout
    assert answer.stdout.count("(done before)") == 8


def test_studies_that_share_runs_are_all_declared_before_them(small: Small) -> None:
    """The second one's runs are the first one's, every one of them, and its claim is the contrary."""
    second = small.study.with_name("second.yaml")
    claim = "  - {name: learning-helps, a: quick, b: frozen}\n"
    contrary = "  - {name: learning-hurts, a: frozen, b: quick}\n"
    second.write_text(small.study.read_text().replace("name: small", "name: second").replace(claim, contrary))
    done = small.pytest("benchmarks", "--no-record")
    assert done.returncode == 0, done.stdout
    assert len(small.runs()) == 8
    assert "learning-hurts: contradicted" in done.stdout, done.stdout
    assert "exploratory" not in done.stdout


def test_a_faulty_study_beside_a_good_one_starts_nothing(small: Small) -> None:
    small.study.with_name("zz.yaml").write_text("version: [")
    answer = small.pytest("benchmarks", "--no-record")
    assert answer.returncode == 2
    assert "zz.yaml:1: not valid YAML" in answer.stdout
    assert "runtime:" not in answer.stdout
    assert not small.project.runs.exists()


def another(small: Small, file: str) -> None:
    """A study `absent` beside the small one, on a data set of `file`."""
    study = small.study.read_text().replace("name: small\n", "name: absent\n").replace("data: toy", "data: other")
    small.study.with_name("absent.yaml").write_text(study)
    manifest = small.project.root / "benchmarks" / "assets" / "toy.yaml"
    text = manifest.read_text().replace("name: toy", "name: other")
    manifest.with_name("other.yaml").write_text(text.replace("{toy.jsonl: toy.jsonl}", f"{{toy.jsonl: {file}}}"))


def test_a_study_that_cannot_be_had_here_is_skipped_and_keeps_no_other_from_running(small: Small) -> None:
    another(small, "none.jsonl")
    done = small.pytest("benchmarks")
    assert done.returncode == 0, done.stdout
    assert "9 passed, 9 skipped" in done.stdout
    assert "= absent skipped" in done.stdout
    assert done.stdout.count("none.jsonl") == 1
    assert "verdicts of small" in done.stdout
    assert len(small.runs()) == 8
    for arguments in (["benchmarks", "--gate"], ["benchmarks/small.yaml", "benchmarks/absent.yaml"]):
        asked = small.pytest(*arguments)  # a gate waits for every study, and who names one wants it
        assert asked.returncode == 1, asked.stdout
        assert "9 failed" in asked.stdout
        assert "= absent not started" in asked.stdout
        assert asked.stdout.count("none.jsonl") == 1


def test_where_nothing_can_be_had_all_is_skipped_and_said(small: Small) -> None:
    another(small, "none.jsonl")
    small.study.unlink()
    done = small.pytest("benchmarks")
    assert done.returncode == 0, done.stdout
    assert "9 skipped" in done.stdout
    assert done.stdout.count("none.jsonl") == 1
    assert "Traceback" not in done.stdout + done.stderr
    asked = small.pytest("benchmarks/absent.yaml")
    assert asked.returncode == 3
    assert "none.jsonl" in asked.stdout


def test_a_study_whose_data_are_not_what_they_should_be_fails(small: Small) -> None:
    another(small, "changed.jsonl")
    assert small.project.data_root is not None
    original = small.project.data_root / "toy.jsonl"
    original.with_name("changed.jsonl").write_bytes(original.read_bytes() + b"\n")
    done = small.pytest("benchmarks", "--no-record")
    assert done.returncode == 1, done.stdout
    assert "= absent not started" in done.stdout
    assert "the file is not the one the results were made with" in done.stdout


@pytest.mark.parametrize(
    ("name", "value", "arguments", "said"),
    [
        ("SEEDWISE_DEVICE", "gpu", [], "SEEDWISE_DEVICE: found 'gpu'; allowed: auto, cpu, cuda"),
        ("SEEDWISE_RUNTIME", "jail", [], "SEEDWISE_RUNTIME: found 'jail'"),
        ("SEEDWISE_DEVICE", "cpu", ["--jobs", "0"], "--jobs: found 0"),
    ],
)
def test_settings_are_checked(small: Small, name: str, value: str, arguments: list[str], said: str) -> None:
    small.environment[name] = value
    answer = small.pytest("benchmarks/small.yaml", "--no-record", *arguments)
    assert answer.returncode == 2
    assert said in answer.stdout
